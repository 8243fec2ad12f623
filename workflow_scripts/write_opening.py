"""Write the page that the report opens with."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    from pathlib import Path

    import pandas as pd

    from rungs.figures.opening import opening_page
    from rungs.files import write_text
    from rungs.splits.files import read_summary
    from rungs.splits.labels import label_sentences

    given, params = snakemake.input, snakemake.params
    labels = label_sentences(
        read_summary(given.summary),
        {"source": params.source, "target": params.target},
        published=params.published,
    )
    if params.remark:
        labels.insert(0, f"{params.remark}.")
    answer = Path(given.answer).read_text(encoding="utf-8") if given.get("answer") else None
    page = opening_page(
        answer,
        given.figure,
        pd.read_csv(given.means),
        target=params.target,
        methods=params.methods,
        labels=labels,
    )
    write_text(snakemake.output[0], page)
