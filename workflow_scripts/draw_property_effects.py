"""Draw by how much transfer changes the error of each property, both ways."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    import pandas as pd

    from rungs.figures.property_effects import draw_property_effects
    from rungs.figures.style import save

    figure = draw_property_effects(
        pd.read_csv(snakemake.input[0]),
        target=snakemake.params.target,
        methods=snakemake.params.methods,
        baseline=snakemake.params.baseline,
    )
    save(figure, snakemake.output)
