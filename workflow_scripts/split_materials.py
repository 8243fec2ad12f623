"""Assign every material to training, validation or test, once for both levels."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config.data import Split
    from rungs.files import folder_with
    from rungs.frames.labelled import read_labelled
    from rungs.frames.labels import label_words
    from rungs.splits.files import write_split, write_summary
    from rungs.splits.given_parts import read_listed
    from rungs.splits.members import read_members
    from rungs.splits.split import split_materials
    from rungs.splits.spread import spread_words, without_spread
    from rungs.splits.summary import summarise

    params = snakemake.params
    options = Split.model_validate(params.split)
    folder = params.data_folder
    if options.parts and options.parts.file:
        folder = folder_with(snakemake.input.parts, [options.parts.file], folder)
    found = {level: read_members(snakemake.input[level]) for level in ("source", "target")}
    levels = without_spread(found, options)
    for level, members in levels.items():
        if line := spread_words(level, found[level], members):
            say(line)
    rows = split_materials(
        **levels,
        options=options,
        seed=params.seed,
        listed=options.parts and read_listed(options.parts, folder),
    )
    write_split(snakemake.output.split, rows)
    labelled = {level: read_labelled(snakemake.input[level]) for level in levels}
    summary = summarise(**levels, rows=rows, labelled=labelled)
    write_summary(snakemake.output.summary, summary)
    for s in summary:
        say(
            f"{s.level} {s.part}: {s.materials} materials, {s.frames} frames, {s.elements} "
            f"elements; labels: {label_words(s.labelled, s.frames)}"
        )
