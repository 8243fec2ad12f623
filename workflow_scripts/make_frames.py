"""Read one level's source, screen every frame, write the frames file."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config.data import Level, Screening
    from rungs.files import folder_with
    from rungs.filters.level import COMPUTED, LevelFiles, write_level
    from rungs.frames.screening import ISOLATED_ATOM
    from rungs.potentials.device import prepare_process
    from rungs.sources import provenance
    from rungs.sources.label_check import check_labels
    from rungs.workflow.revision import made_by

    prepare_process(snakemake.threads)
    params, name = snakemake.params, snakemake.wildcards.level
    level = Level.model_validate(params.level)
    folder = folder_with(snakemake.input.files, level.data.files(""), params.data_folder)

    def examine(items):
        checked, items = check_labels(items, section=name, ask=level.data.kind not in COMPUTED)
        print(*checked.lines, sep="\n")
        for warning in checked.warnings:
            say(f"warning: {warning}")
        return checked, items

    out = snakemake.output
    written = write_level(
        level,
        name,
        folder,
        Screening.model_validate(params.screening),
        params.seed,
        LevelFiles(out.frames, out.rejects, out.atoms),
        examine=examine,
        atom_table=next(iter(snakemake.input.atoms), None),
        origin={
            **provenance(level, folder, params.seed, section=name),
            "made_by": made_by(),
        },
    )
    screened = written.screened
    say(f"{name}: {screened.n_passed} frames, {screened.n_rejected} rejected")
    for line in written.isolated_atoms:
        say(f"  {line}; see {out.atoms}")
    for line in [*written.label_counts, *written.notes]:
        say(f"  {line}")
    for kind, count in {**written.filtered, **screened.counts}.items():
        if kind != ISOLATED_ATOM:  # no fault, and told above
            say(f"  {count} for {kind}; see {out.rejects}")
