"""Make Table 1: all methods at their largest size, with formation and decomposition energies."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    import pandas as pd

    from rungs.evaluation.table1 import PHASE_COLUMNS, TABLE1_COLUMNS, make_table1
    from rungs.files import write_rows
    from rungs.references.fit import read_reference

    given, output = snakemake.input, snakemake.output
    points = [tuple(point) for point in snakemake.params.points]
    table = make_table1(
        pd.read_csv(given.evaluation),
        dict(zip(points, given.errors, strict=True)),
        pd.read_parquet(given.test_frames),
        read_reference(given.reference).energies,
        dict(zip(points, given.phase_errors, strict=True)) if given.phase_errors else None,
    )
    write_rows(output.table, TABLE1_COLUMNS, table.methods)
    write_rows(output.phases, PHASE_COLUMNS, table.phases)
    say(table.note)
