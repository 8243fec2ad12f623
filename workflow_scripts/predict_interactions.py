"""Predict the target's frames by a pretrained network, without elemental reference energies."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.potentials.device import prepare_process
    from rungs.splits.files import frame_ids, read_order, read_split
    from rungs.training.interactions import write_interactions

    prepare_process(snakemake.threads, snakemake.resources.get("gpu", 0), say)
    given, params = snakemake.input, snakemake.params
    split = read_split(given.split)
    names = [name for part in params.parts for name in frame_ids(split, "target", part)]
    names += [name for path in given.orders for name in read_order(path)[: params.size]]
    say(
        write_interactions(
            model=given.pretrained,
            graphs=given.graphs,
            names=list(dict.fromkeys(names)),
            checkpoint=params.checkpoint,
            output=snakemake.output[0],
        )
    )
