"""Train as a run of the study would, with one of the recipes that are searched."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config.architectures import architecture_options
    from rungs.config.methods import Method
    from rungs.config.training import Training
    from rungs.config.tuning import TrainingChanges, Trial
    from rungs.potentials.device import prepare_process
    from rungs.splits.elements import check_elements
    from rungs.splits.files import read_elements
    from rungs.training.trials import try_recipe

    prepare_process(snakemake.threads, snakemake.resources.get("gpu", 0), say)
    params, wildcards = snakemake.params, snakemake.wildcards
    method = Method.model_validate(params.method)
    counts = read_elements(snakemake.input.elements)
    check_elements({wildcards.method: method}, counts, from_source_alone=params.initial == "random")
    say(
        try_recipe(
            Trial(wildcards.method, int(wildcards.size), int(wildcards.seed), wildcards.recipe),
            method,
            Training.model_validate(params.training),
            TrainingChanges.model_validate(params.changes),
            initial=params.initial,
            architecture=architecture_options(params.architecture),
            inputs=snakemake.input,
            study_seed=params.seed,
            checkpoint=params.checkpoint,
            outputs=snakemake.output,
        )
    )
