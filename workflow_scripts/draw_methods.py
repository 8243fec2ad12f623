"""Draw the methods side by side at their common subset sizes."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    import pandas as pd

    from rungs.figures.methods import draw_methods
    from rungs.figures.style import save

    figure = draw_methods(
        pd.read_csv(snakemake.input.curve),
        pd.read_csv(snakemake.input.means),
        target=snakemake.params.target,
        methods=snakemake.params.methods,
    )
    save(figure, snakemake.output)
