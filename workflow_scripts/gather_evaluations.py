"""Gather the errors of all runs into evaluation.csv and learning_curve.csv."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.evaluation.tables import (
        EVALUATION_COLUMNS,
        LEARNING_CURVE_COLUMNS,
        learning_curve_rows,
        read_rows,
    )
    from rungs.files import write_rows

    rows = [row for path in snakemake.input for row in read_rows(path)]
    write_rows(snakemake.output.evaluation, EVALUATION_COLUMNS, rows)
    on_curve = set(snakemake.params.on_curve)
    curve = learning_curve_rows(row for row in rows if row["method"] in on_curve)
    write_rows(snakemake.output.learning_curve, LEARNING_CURVE_COLUMNS, curve)
    say(f"{len(curve)} runs in {snakemake.output.learning_curve}")
