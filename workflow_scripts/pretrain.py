"""Pretrain on the source's training frames, or take the published model as it is."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config.architectures import architecture_options
    from rungs.config.training import Pretraining
    from rungs.potentials.device import prepare_process
    from rungs.training.runs import pretrain

    prepare_process(snakemake.threads, snakemake.resources.get("gpu", 0), say)
    params = snakemake.params
    say(
        pretrain(
            Pretraining.model_validate(params.pretraining),
            architecture_options(params.architecture),
            graphs=snakemake.input.graphs or None,
            split=snakemake.input.split,
            reference=snakemake.input.reference,
            elements=snakemake.input.checked,
            size=params.size,
            study_seed=params.seed,
            checkpoint=params.checkpoint,
            outputs=snakemake.output,
            events=params.events,
        )
    )
