"""Draw the order in which one seed's subsets take the target's training frames."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config import load_study
    from rungs.frames.labelled import read_labelled
    from rungs.frames.labels import label_words
    from rungs.seeds import derive_seed
    from rungs.splits.files import frame_ids, read_split, write_order
    from rungs.splits.labels import check_subset
    from rungs.splits.strategies import draw
    from rungs.splits.subsets import check_sizes

    params, wildcards = snakemake.params, snakemake.wildcards
    frames = snakemake.input.frames
    study = load_study(snakemake.config)
    train = frame_ids(read_split(snakemake.input.split), "target", "train")
    pool_name, words = wildcards.get("pool"), ""
    if pool_name is None:
        check_sizes(study.subsets.sizes, len(train))
    else:
        from rungs.config.pools import Pool
        from rungs.frames.columns import read_groups, read_temperatures
        from rungs.splits.pools import check_pool_sizes, pool_members

        pool = Pool.model_validate(params.pool)
        train = pool_members(pool_name, pool, train, read_temperatures(frames), read_groups(frames))
        check_pool_sizes(pool_name, pool, study.pool_sizes(pool_name), len(train))
        words = f" of pool {pool_name}"
    seed = derive_seed(params.seed, "subsets", int(wildcards.seed))
    order = draw(wildcards.sampling, train, seed, snakemake.input)
    which = f"subsets, {wildcards.sampling}, seed {wildcards.seed}"
    labelled = read_labelled(frames)
    sizes = study.drawn_sizes(wildcards.sampling, pool_name)
    check_subset(order, sizes, labelled["energy"], f"the {which}{words}")
    write_order(snakemake.output[0], order)
    counts = {name: sum(i in there for i in order) for name, there in labelled.items()}
    say(
        f"{which}: up to {len(train)} target training frames{words}; labels: "
        f"{label_words(counts, len(order))}"
    )
