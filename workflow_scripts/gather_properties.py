"""Gather the properties of all runs, and what transfer did to each."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.evaluation.tables import read_rows
    from rungs.files import write_rows
    from rungs.properties.effect import PROPERTY_COLUMNS, effects_in_words, property_rows
    from rungs.properties.quantities import RUN_COLUMNS

    rows = [row for path in snakemake.input for row in read_rows(path)]
    write_rows(snakemake.output.runs, RUN_COLUMNS, rows)
    table = property_rows(rows, snakemake.params.baselines)
    write_rows(snakemake.output.table, PROPERTY_COLUMNS, table)
    for line in effects_in_words(table):
        say(line)
