"""Fit the elemental reference energies of both levels to their training frames."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.frames.table import iter_frames
    from rungs.references.fit import write_reference
    from rungs.references.levels import fit_levels
    from rungs.splits.files import frame_ids, read_split

    published = None
    if snakemake.params.initial != "random":
        # A published network was trained on top of its own references; they are the source's.
        from rungs.potentials.models import load_initial
        from rungs.potentials.references import get_reference

        published = get_reference(load_initial(snakemake.params.initial))
    split = read_split(snakemake.input.split)
    references = fit_levels(
        {level: iter_frames(snakemake.input[level]) for level in ("source", "target")},
        {level: set(frame_ids(split, level, "train")) for level in ("source", "target")},
        published,
    )
    for level, reference in references.items():
        write_reference(snakemake.output[level], reference)
        say(f"{level} references: {reference.summary}")
