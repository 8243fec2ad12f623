"""Read one level's source, check every frame at the door, write the frames file."""

from rungs.jobs import job

with job(snakemake.log[0]) as say:
    from pathlib import Path

    from rungs.config.data import Door, Level
    from rungs.files import folder_with
    from rungs.filters import FilterChain
    from rungs.frames.door import admit_to_file
    from rungs.potential.device import prepare_process
    from rungs.revision import made_by
    from rungs.sources import provenance, read_source
    from rungs.sources.label_check import check_labels

    prepare_process(snakemake.threads)
    params, name = snakemake.params, snakemake.wildcards.level
    level = Level.model_validate(params.level)
    folder = folder_with(snakemake.input, level.data.files(""), params.data_folder)
    door = Door.model_validate(params.door)
    filters = FilterChain(level.filters, Path(snakemake.output.frames).parent, section=name)
    origin = provenance(level, folder, params.seed, section=name)
    origin["made_by"] = made_by()
    origin["filters"] = level.filters.model_dump(mode="json")
    items = read_source(level, folder, params.seed, section=name)
    if door.check_labels:
        findings, items = check_labels(items, section=name)
        origin["label_check"] = [str(finding) for finding in findings]
        print(*origin["label_check"], sep="\n")
    admission = admit_to_file(
        items, door, snakemake.output.frames, snakemake.output.rejects, origin, filters
    )
    say(f"{name}: {admission.n_admitted} frames, {admission.n_rejected} rejected")
    for kind, count in {**filters.counts, **admission.counts}.items():
        say(f"  {count} for {kind}; see {snakemake.output.rejects}")
