"""Draw the distributions of distances, angles and frequencies in simulations."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    from rungs.figures.distributions import draw_distributions
    from rungs.figures.style import save
    from rungs.properties.curves import read_curve_tables

    points = [tuple(point) for point in snakemake.params.points]
    figure = draw_distributions(
        read_curve_tables(dict(zip(points, snakemake.input.curves, strict=True))),
        read_curve_tables({("reference", 0): snakemake.input.reference}),
        target=snakemake.params.target,
        methods=snakemake.params.methods,
    )
    save(figure, snakemake.output)
