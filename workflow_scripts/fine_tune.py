"""Fine-tune on one subset of the target's training frames with one method and seed."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config import Run
    from rungs.config.architectures import architecture_options
    from rungs.config.methods import Method
    from rungs.config.training import Training
    from rungs.potentials.device import prepare_process
    from rungs.splits.elements import check_elements
    from rungs.splits.files import read_elements
    from rungs.training.recipes import read_recipe
    from rungs.training.runs import fine_tune

    prepare_process(snakemake.threads, snakemake.resources.get("gpu", 0), say)
    params, wildcards = snakemake.params, snakemake.wildcards
    method = Method.model_validate(params.method)
    counts = read_elements(snakemake.input.elements)
    check_elements({wildcards.method: method}, counts, from_source_alone=params.initial == "random")
    options, recipe = Training.model_validate(params.training), None
    if snakemake.input.recipe:
        recipe, changes = read_recipe(snakemake.input.recipe)
        options = changes.of(options)
    say(
        fine_tune(
            Run(wildcards.method, int(wildcards.size), int(wildcards.seed)),
            method,
            options,
            initial=params.initial,
            architecture=architecture_options(params.architecture),
            inputs=snakemake.input,
            study_seed=params.seed,
            checkpoint=params.checkpoint,
            outputs=snakemake.output,
            events=params.events,
            recipe=recipe,
        )
    )
