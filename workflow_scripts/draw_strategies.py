"""Draw what ways of using both levels keep of the source and gain at the target."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    import pandas as pd

    from rungs.figures.strategies import draw_strategies
    from rungs.figures.style import save

    figure = draw_strategies(
        pd.read_csv(snakemake.input[0]),
        source=snakemake.params.source,
        target=snakemake.params.target,
        methods=snakemake.params.methods,
    )
    save(figure, snakemake.output)
