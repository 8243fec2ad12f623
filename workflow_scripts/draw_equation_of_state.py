"""Draw the energy of the crystal against its volume, by the reference and the models."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    from rungs.figures.equation_of_state import draw_equation_of_state
    from rungs.figures.style import save
    from rungs.properties.curves import read_curve_tables

    points = [tuple(point) for point in snakemake.params.points]
    figure = draw_equation_of_state(
        read_curve_tables(dict(zip(points, snakemake.input.curves, strict=True))),
        read_curve_tables({("reference", 0): snakemake.input.reference}),
        target=snakemake.params.target,
        methods=snakemake.params.methods,
    )
    save(figure, snakemake.output)
