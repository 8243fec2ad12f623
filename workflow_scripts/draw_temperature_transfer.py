"""Draw the errors at each test temperature against what was trained on."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    import pandas as pd

    from rungs.figures.style import save
    from rungs.figures.temperature_transfer import draw_temperature_transfer

    params = snakemake.params
    table = pd.read_csv(snakemake.input[0], keep_default_na=False, na_values={"mae": [""]})
    figure = draw_temperature_transfer(table, scratch=params.scratch, transfer=params.transfer)
    save(figure, snakemake.output)
