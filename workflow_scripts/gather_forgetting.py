"""Gather the errors on the source's test frames into forgetting.csv."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.evaluation.forgetting import FORGETTING_COLUMNS, forgetting_rows
    from rungs.evaluation.tables import read_rows
    from rungs.files import write_rows

    given, pretraining_of = snakemake.input, snakemake.params.pretraining_of
    names = dict.fromkeys(pretraining_of.values())
    rows = forgetting_rows(
        [row for path in given.runs for row in read_rows(path, may_be_empty=True)],
        {
            name: read_rows(path, may_be_empty=True)
            for name, path in zip(names, given.pretrained, strict=True)
        },
        pretraining_of,
    )
    write_rows(snakemake.output[0], FORGETTING_COLUMNS, rows)
    say(f"{len(rows)} errors on the source's test frames in {snakemake.output[0]}")
