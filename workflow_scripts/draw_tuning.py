"""Draw validation errors against the learning rate, with the recipes that runs take."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    import pandas as pd

    from rungs.figures.style import save
    from rungs.figures.tuning import draw_tuning

    given = snakemake.input
    figure = draw_tuning(
        pd.read_csv(given.trials), pd.read_csv(given.recipes), methods=snakemake.params.methods
    )
    save(figure, snakemake.output)
