"""Draw the errors of each property against the number of target frames."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    import pandas as pd

    from rungs.figures.property_errors import draw_properties
    from rungs.figures.style import save

    figure = draw_properties(
        pd.read_csv(snakemake.input.runs),
        pd.read_csv(snakemake.input.reference),
        target=snakemake.params.target,
        methods=snakemake.params.methods,
    )
    save(figure, snakemake.output)
