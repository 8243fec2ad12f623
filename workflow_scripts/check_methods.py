"""See that the methods' elements and pools are among the frames, and that these have labels to
learn from, before anything is trained."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config import load_study
    from rungs.frames.columns import read_groups, read_temperatures
    from rungs.frames.isolated_atoms import read_isolated_energies
    from rungs.references.isolated import check_isolated_atoms
    from rungs.splits.companions import check_companions
    from rungs.splits.elements import check_methods_elements, count_elements
    from rungs.splits.files import frame_ids, read_split, read_summary, write_elements
    from rungs.splits.labels import check_moments, check_weights
    from rungs.splits.pools import check_pool_sizes, pool_members

    given, study = snakemake.input, load_study(snakemake.config)
    split = read_split(given.split)
    counts = []
    for level in ("source", "target"):
        part_of = {row.frame_id: row.part for row in split if row.level == level}
        counts += count_elements(level, given[level], part_of)
    check_methods_elements(study, counts)
    parts = {(s.level, s.part): s for s in read_summary(given.summary)}
    for level, section, training in study.trainings:
        for line in check_weights(parts[level, "train"], training.weights, section):
            say(line)
    check_moments(parts, study)
    check_companions(study.methods, len(frame_ids(split, "source", "train")))
    levels = ("source", "target")
    check_isolated_atoms(
        study.methods,
        {level: {c.element for c in counts if c.level == level} for level in levels},
        {level: read_isolated_energies(given[f"{level}_atoms"]) for level in levels},
    )
    train = frame_ids(split, "target", "train")
    if study.pools:
        temperatures, groups = read_temperatures(given.target), read_groups(given.target)
        for name, pool in study.pools.items():
            members = pool_members(name, pool, train, temperatures, groups)
            check_pool_sizes(name, pool, study.pool_sizes(name), len(members))
            say(f"pool {name}: {len(members)} of {len(train)} target training frames")
    write_elements(snakemake.output[0], counts)
    n_elements = {level: sum(c.level == level for c in counts) for level in ("source", "target")}
    say(f"{n_elements['source']} elements in the source, {n_elements['target']} in the target")
