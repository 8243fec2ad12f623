"""Draw the gradients of the network's layers through the first epoch of the transfers."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    import pandas as pd

    from rungs.figures.gradients import draw_gradients
    from rungs.figures.style import save

    figure = draw_gradients(
        pd.read_csv(snakemake.input[0]),
        target=snakemake.params.target,
        methods=snakemake.params.methods,
    )
    save(figure, snakemake.output)
