"""Draw predicted against labelled values of every method at its largest size."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    import pandas as pd

    from rungs.evaluation.components import read_components
    from rungs.evaluation.parity import parity_energies
    from rungs.figures.parity import draw_parity
    from rungs.figures.style import save

    given = snakemake.input
    evaluation = pd.read_csv(given.evaluation)
    figure = draw_parity(
        parity_energies(given.errors, pd.read_parquet(given.test_frames)),
        pd.concat([read_components(path) for path in given.components], ignore_index=True),
        evaluation,
        sizes=dict(evaluation.groupby("method")["size"].max()),
        target=snakemake.params.target,
        methods=snakemake.params.methods,
    )
    save(figure, snakemake.output)
