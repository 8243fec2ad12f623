"""Draw the shift of the elemental reference energies over the periodic table."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    import pandas as pd

    from rungs.figures.reference_shift import draw_reference_shift
    from rungs.figures.style import save

    figure = draw_reference_shift(
        pd.read_csv(snakemake.input.source),
        pd.read_csv(snakemake.input.target),
        source=snakemake.params.source,
        target=snakemake.params.target,
    )
    save(figure, snakemake.output)
