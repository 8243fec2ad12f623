"""Draw the order in which one seed's subsets take the target's training frames."""

from rungs.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.seeds import derive_seed
    from rungs.splits.files import frame_ids, read_split, write_order
    from rungs.splits.subsets import check_sizes, draw_order

    train = frame_ids(read_split(snakemake.input[0]), "target", "train")
    check_sizes(snakemake.params.sizes, len(train))
    seed = derive_seed(snakemake.params.seed, "subsets", int(snakemake.wildcards.seed))
    write_order(snakemake.output[0], draw_order(train, seed))
    say(f"subsets, seed {snakemake.wildcards.seed}: up to {len(train)} target training frames")
