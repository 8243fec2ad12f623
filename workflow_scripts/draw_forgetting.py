"""Draw the errors on the source's test frames against the number of target frames."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    import pandas as pd

    from rungs.figures.forgetting import draw_forgetting
    from rungs.figures.style import save

    figure = draw_forgetting(
        pd.read_csv(snakemake.input[0]),
        source=snakemake.params.source,
        target=snakemake.params.target,
        methods=snakemake.params.methods,
    )
    save(figure, snakemake.output)
