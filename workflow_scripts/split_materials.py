"""Assign every material to training, validation or test, once for both levels."""

from rungs.jobs import job

with job(snakemake.log[0]) as say:
    from collections import Counter

    from rungs.config.data import Split
    from rungs.frames.table import iter_frames
    from rungs.splits.files import write_split
    from rungs.splits.split import members, split_materials

    rows = split_materials(
        members(iter_frames(snakemake.input.source)),
        members(iter_frames(snakemake.input.target)),
        Split.model_validate(snakemake.params.split),
        snakemake.params.seed,
    )
    write_split(snakemake.output[0], rows)
    for level in ("source", "target"):
        parts = Counter(row.part for row in rows if row.level == level)
        materials = {row.material_id for row in rows if row.level == level}
        say(f"{level}: {len(materials)} materials, frames {dict(parts)}")
