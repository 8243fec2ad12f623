"""Draw the order in which one seed's subsets take the target's training frames."""

from rungs.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.seeds import derive_seed
    from rungs.splits.files import frame_ids, read_split, write_order
    from rungs.splits.strategies import draw
    from rungs.splits.subsets import check_sizes

    params, wildcards = snakemake.params, snakemake.wildcards
    train = frame_ids(read_split(snakemake.input.split), "target", "train")
    check_sizes(params.sizes, len(train))
    seed = derive_seed(params.seed, "subsets", int(wildcards.seed))
    write_order(snakemake.output[0], draw(wildcards.sampling, train, seed, snakemake.input))
    say(
        f"subsets, {wildcards.sampling}, seed {wildcards.seed}: up to {len(train)} target "
        "training frames"
    )
