"""Draw energies and forces of one level against those of the other."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    import pandas as pd

    from rungs.figures.levels import draw_levels
    from rungs.figures.style import save

    figure = draw_levels(
        pd.read_parquet(snakemake.input.energies),
        pd.read_parquet(snakemake.input.forces),
        pd.read_csv(snakemake.input.correlations),
        source=snakemake.params.source,
        target=snakemake.params.target,
    )
    save(figure, snakemake.output)
