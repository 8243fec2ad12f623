"""Draw the training histories of the pretraining and of the runs at the largest size."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    import pandas as pd

    from rungs.figures.histories import draw_histories, stack_histories
    from rungs.figures.style import save

    params = snakemake.params
    runs = {
        tuple(run): pd.read_csv(path)
        for run, path in zip(params.runs, snakemake.input.runs, strict=True)
    }
    histories = map(pd.read_csv, snakemake.input.pretrainings)
    figure = draw_histories(
        dict(zip(params.models, histories, strict=True)),
        stack_histories(runs),
        source=params.source,
        target=params.target,
        methods=params.methods,
    )
    save(figure, snakemake.output)
