"""Tabulate how the two levels' energies and forces are related."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from pathlib import Path

    from rungs.evaluation.level_predictions import PREDICTED
    from rungs.evaluation.levels import compare_levels, write_levels
    from rungs.frames.table import read_provenance
    from rungs.references.fit import read_reference
    from rungs.seeds import derive_seed

    given, output = snakemake.input, snakemake.output
    source_values = read_provenance(given.predictions)["source_values"]
    tables = compare_levels(
        Path(given.predictions if source_values == PREDICTED else given.source),
        Path(given.target),
        read_reference(given.source_reference).energies,
        read_reference(given.target_reference).energies,
        seed=derive_seed(snakemake.params.seed, "level comparison"),
        source_values=source_values,
    )
    write_levels(tables, output.energies, output.forces, output.others, output.correlations)
    say(tables.summary)
