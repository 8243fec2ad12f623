"""Choose the recipe of a method at a subset size from its trials."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config.tuning import Search, Trial
    from rungs.training.recipes import choose_recipe

    params = snakemake.params
    lines = choose_recipe(
        [Trial(*trial) for trial in params.trials],
        snakemake.input.records,
        snakemake.input.units,
        axes=Search.model_validate(params.search).axes(params.trains_references),
        size=int(snakemake.wildcards.size),
        output=snakemake.output[0],
    )
    for line in lines:
        say(line)
