"""Gather the simulations of all models, and say how long they stay stable."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from dataclasses import asdict

    from rungs.evaluation.tables import read_rows
    from rungs.files import write_rows
    from rungs.scaling.answers.stability import (
        STABILITY_COLUMNS,
        SURVIVAL_COLUMNS,
        stability_rows,
        survival_rows,
    )
    from rungs.simulation.columns import SIMULATION_COLUMNS

    given, output = snakemake.input, snakemake.output
    # A named input of one file is its path, one of none a list.
    paths = [*given.simulations, *([given.reference] if given.reference else [])]
    rows = [row for path in paths for row in read_rows(path)]
    table = stability_rows(rows, snakemake.params.baselines)
    write_rows(output.runs, SIMULATION_COLUMNS, rows)
    write_rows(output.table, STABILITY_COLUMNS, map(asdict, table))
    write_rows(output.curves, SURVIVAL_COLUMNS, survival_rows(rows))
    for row in table:
        if row.temperature_k is None:
            say(
                f"{row.method}, {row.size} frames: {row.n_stable} of {row.n_simulations} "
                f"simulations stable for {row.planned_ps:g} ps"
            )
