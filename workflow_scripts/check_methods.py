"""See that the methods' elements and pools are among the frames, before anything is trained."""

from rungs.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config.methods import Method
    from rungs.config.pools import Pool
    from rungs.frames.table import read_groups, read_temperatures
    from rungs.splits.elements import check_elements, count_elements
    from rungs.splits.files import frame_ids, read_split, write_elements
    from rungs.splits.pools import check_pool_sizes, pool_members

    given, params = snakemake.input, snakemake.params
    split = read_split(given.split)
    counts = []
    for level in ("source", "target"):
        part_of = {row.frame_id: row.part for row in split if row.level == level}
        counts += count_elements(level, given[level], part_of)
    methods = {name: Method.model_validate(method) for name, method in params.methods.items()}
    check_elements(methods, counts, from_source_alone=params.initial == "random")
    train = frame_ids(split, "target", "train")
    if params.pools:
        temperatures, groups = read_temperatures(given.target), read_groups(given.target)
        for name, values in params.pools.items():
            pool = Pool.model_validate(values)
            members = pool_members(name, pool, train, temperatures, groups)
            check_pool_sizes(name, pool, params.pool_sizes[name], len(members))
            say(f"pool {name}: {len(members)} of {len(train)} target training frames")
    write_elements(snakemake.output[0], counts)
    n_elements = {level: sum(c.level == level for c in counts) for level in ("source", "target")}
    say(f"{n_elements['source']} elements in the source, {n_elements['target']} in the target")
