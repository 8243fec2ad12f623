"""Read one level's source, screen every frame, write the frames file."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from pathlib import Path

    from rungs.config.data import Level, Screening
    from rungs.files import folder_with
    from rungs.filters import FilterChain
    from rungs.frames.isolated_atoms import known_atoms, lines, write_isolated_atoms
    from rungs.frames.screening import ISOLATED_ATOM, screen_to_file
    from rungs.potentials.device import prepare_process
    from rungs.sources import Notes, provenance, read_source
    from rungs.sources.label_check import check_labels
    from rungs.workflow.revision import made_by

    prepare_process(snakemake.threads)
    params, name = snakemake.params, snakemake.wildcards.level
    level = Level.model_validate(params.level)
    folder = folder_with(snakemake.input.files, level.data.files(""), params.data_folder)
    limits = Screening.model_validate(params.screening)
    filters = FilterChain(level.filters, Path(snakemake.output.frames).parent, section=name)
    origin = provenance(level, folder, params.seed, section=name)
    origin["made_by"] = made_by()
    declared = known_atoms(level, next(iter(snakemake.input.atoms), None), section=name)
    origin["isolated_atom_energies"] = {atom.element: atom.energy_ev for atom in declared}
    origin["filters"] = level.filters.model_dump(mode="json")
    notes = Notes()
    items = read_source(level, folder, params.seed, section=name, notes=notes)
    if limits.check_labels:
        # labels that are computed here are what they are
        ask = level.data.kind not in ("crystals", "classical_md")
        checked, items = check_labels(items, section=name, ask=ask)
        origin["label_check"] = [*checked.lines, *checked.warnings]
        print(*checked.lines, sep="\n")
        for warning in checked.warnings:
            say(f"warning: {warning}")
    screened = screen_to_file(
        items,
        limits,
        snakemake.output.frames,
        snakemake.output.rejects,
        origin,
        filters,
        remarks=notes.lines,
        section=name,
    )
    write_isolated_atoms(snakemake.output.atoms, [*declared, *screened.isolated_atoms])
    say(f"{name}: {screened.n_passed} frames, {screened.n_rejected} rejected")
    for line in lines(screened.isolated_atoms, kept=limits.isolated_atoms == "keep"):
        say(f"  {line}; see {snakemake.output.atoms}")
    for line in [*screened.labels.lines(), *notes.lines()]:
        say(f"  {line}")
    for kind, count in {**filters.counts, **screened.counts}.items():
        if kind != ISOLATED_ATOM:  # no fault, and told above
            say(f"  {count} for {kind}; see {snakemake.output.rejects}")
