"""Tabulate how the two levels' energies and forces are related."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from pathlib import Path

    from rungs.evaluation.levels import compare_levels, write_levels
    from rungs.references.fit import read_reference
    from rungs.seeds import derive_seed

    given, output = snakemake.input, snakemake.output
    tables = compare_levels(
        Path(given.source),
        Path(given.target),
        read_reference(given.source_reference).energies,
        read_reference(given.target_reference).energies,
        seed=derive_seed(snakemake.params.seed, "level comparison"),
    )
    write_levels(tables, output.energies, output.forces, output.others, output.correlations)
    say(tables.summary)
