"""Tabulate how much consecutive frames of the simulations still have in common."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.classical.sampling import SAMPLING_COLUMNS, sampling_rows
    from rungs.files import write_rows
    from rungs.frames.table import iter_frames

    rows = []
    for level, interval in snakemake.params.intervals.items():
        rows += sampling_rows(level, iter_frames(snakemake.input[level]), interval)
    write_rows(snakemake.output[0], SAMPLING_COLUMNS, rows)
    found = [row["force_correlation"] for row in rows if row["force_correlation"] is not None]
    if found:
        say(f"forces of consecutive frames correlate by {min(found):.2f} to {max(found):.2f}")
