"""Read one level's source, screen every frame, write the frames file."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from pathlib import Path

    from rungs.config.data import Level, Screening
    from rungs.files import folder_with
    from rungs.filters import FilterChain
    from rungs.frames.screening import screen_to_file
    from rungs.potentials.device import prepare_process
    from rungs.sources import provenance, read_source
    from rungs.sources.label_check import check_labels
    from rungs.workflow.revision import made_by

    prepare_process(snakemake.threads)
    params, name = snakemake.params, snakemake.wildcards.level
    level = Level.model_validate(params.level)
    folder = folder_with(snakemake.input, level.data.files(""), params.data_folder)
    limits = Screening.model_validate(params.screening)
    filters = FilterChain(level.filters, Path(snakemake.output.frames).parent, section=name)
    origin = provenance(level, folder, params.seed, section=name)
    origin["made_by"] = made_by()
    origin["filters"] = level.filters.model_dump(mode="json")
    items = read_source(level, folder, params.seed, section=name)
    if limits.check_labels:
        findings, items = check_labels(items, section=name)
        origin["label_check"] = [str(finding) for finding in findings]
        print(*origin["label_check"], sep="\n")
    screened = screen_to_file(
        items, limits, snakemake.output.frames, snakemake.output.rejects, origin, filters
    )
    say(f"{name}: {screened.n_passed} frames, {screened.n_rejected} rejected")
    for line in screened.labels.lines():
        say(f"  {line}")
    for kind, count in {**filters.counts, **screened.counts}.items():
        say(f"  {count} for {kind}; see {snakemake.output.rejects}")
