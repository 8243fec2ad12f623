"""Record the gradients of the network's layers through the first epoch of the transfers."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config import Run
    from rungs.config.methods import Method
    from rungs.config.training import Training
    from rungs.potentials.device import prepare_process
    from rungs.training.gradients import record_gradients

    prepare_process(snakemake.threads, snakemake.resources.get("gpu", 0), say)
    params = snakemake.params
    lines = record_gradients(
        [Run(*run) for run in params.runs],
        {name: Method.model_validate(method) for name, method in params.methods.items()},
        Training.model_validate(params.training),
        inputs=snakemake.input,
        study_seed=params.seed,
        output=snakemake.output[0],
    )
    for line in lines:
        say(line)
