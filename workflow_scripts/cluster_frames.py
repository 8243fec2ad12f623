"""Cluster the target's training frames by what they look like, for diverse subsets."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.splits.descriptors import describe_frames
    from rungs.splits.diverse import build_tree
    from rungs.splits.files import frame_ids, read_split, write_tree

    train = frame_ids(read_split(snakemake.input.split), "target", "train")
    ids, descriptors = describe_frames(snakemake.input.frames, train, n_jobs=snakemake.threads)
    tree = build_tree(ids, descriptors, snakemake.params.seed)
    write_tree(snakemake.output.clusters, snakemake.output.merges, tree)
    say(f"clusters: {len(ids)} target training frames in {len(tree.merges) + 1} clusters")
