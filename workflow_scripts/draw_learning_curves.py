"""Draw the learning curves with their fitted laws."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    import pandas as pd

    from rungs.figures.learning_curves import draw_learning_curves
    from rungs.figures.style import save

    figure = draw_learning_curves(
        pd.read_csv(snakemake.input.curve),
        pd.read_csv(snakemake.input.means),
        pd.read_csv(snakemake.input.laws),
        target=snakemake.params.target,
        methods=snakemake.params.methods,
    )
    save(figure, snakemake.output)
