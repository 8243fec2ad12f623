"""Draw the errors of several models against what their training costs."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    import pandas as pd

    from rungs.figures.models import draw_models
    from rungs.figures.style import save

    figure = draw_models(pd.read_csv(snakemake.input.models), target=snakemake.params.target)
    save(figure, snakemake.output)
