"""Label the source's training frames by a pretrained network."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.potentials.device import prepare_process
    from rungs.training.pseudolabels import write_pseudolabels

    prepare_process(snakemake.threads, snakemake.resources.get("gpu", 0), say)
    given, params = snakemake.input, snakemake.params
    say(
        write_pseudolabels(
            model=given.pretrained,
            graphs=given.graphs,
            split=given.split,
            n_frames=params.n_frames,
            study_seed=params.seed,
            checkpoint=params.checkpoint,
            output=snakemake.output[0],
        )
    )
