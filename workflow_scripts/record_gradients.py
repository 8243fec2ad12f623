"""Record the gradients of the network's layers through the first epoch of the transfers."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config import Run
    from rungs.config.methods import Method
    from rungs.config.training import Training
    from rungs.potentials.device import prepare_process
    from rungs.training.gradients import record_gradients
    from rungs.training.recipes import read_recipe

    prepare_process(snakemake.threads, snakemake.resources.get("gpu", 0), say)
    params = snakemake.params
    trainings = {name: Training.model_validate(x) for name, x in params.trainings.items()}
    for name, recipe in zip(params.tuned, snakemake.input.recipes, strict=True):
        trainings[name] = read_recipe(recipe)[1].of(trainings[name])
    lines = record_gradients(
        [Run(*run) for run in params.runs],
        {name: Method.model_validate(method) for name, method in params.methods.items()},
        trainings,
        inputs=snakemake.input,
        study_seed=params.seed,
        output=snakemake.output[0],
    )
    for line in lines:
        say(line)
