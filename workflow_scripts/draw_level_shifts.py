"""Draw by how much the two levels' energies differ, and their stresses and magnetic moments."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    import pandas as pd

    from rungs.figures.level_shifts import draw_level_shifts
    from rungs.figures.style import save

    figure = draw_level_shifts(
        pd.read_parquet(snakemake.input.energies),
        pd.read_parquet(snakemake.input.others),
        pd.read_csv(snakemake.input.correlations),
        source=snakemake.params.source,
        target=snakemake.params.target,
    )
    save(figure, snakemake.output)
