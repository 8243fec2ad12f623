"""Draw how long simulations stay stable."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    import pandas as pd

    from rungs.figures.stability import draw_stability
    from rungs.figures.style import save

    figure = draw_stability(
        pd.read_csv(snakemake.input.table),
        pd.read_csv(snakemake.input.curves),
        target=snakemake.params.target,
        methods=snakemake.params.methods,
    )
    save(figure, snakemake.output)
