"""Draw the errors by element."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    import pandas as pd

    from rungs.figures.element_errors import draw_element_errors
    from rungs.figures.style import save

    errors = pd.read_csv(snakemake.input[0], keep_default_na=False, na_values=[""])
    save(draw_element_errors(errors, methods=snakemake.params.methods), snakemake.output)
