"""Write the page that the report opens with."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    from pathlib import Path

    import pandas as pd

    from rungs.figures.opening import opening_page
    from rungs.files import write_text

    given = snakemake.input
    answer = Path(given.answer).read_text(encoding="utf-8") if given.get("answer") else None
    page = opening_page(
        answer,
        given.figure,
        pd.read_csv(given.means),
        target=snakemake.params.target,
        methods=snakemake.params.methods,
    )
    write_text(snakemake.output[0], page)
