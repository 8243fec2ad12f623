"""Draw which rule for the reference energies wins at which subset size."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    import pandas as pd

    from rungs.figures.references import draw_references
    from rungs.figures.style import save

    figure = draw_references(
        pd.read_csv(snakemake.input[0]),
        source=snakemake.params.source,
        target=snakemake.params.target,
    )
    save(figure, snakemake.output)
