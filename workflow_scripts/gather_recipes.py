"""Gather the recipes that runs take, and the trials that decided on them, into two tables."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config.tuning import Trial
    from rungs.training.recipes import gather_recipes, gather_trials

    given, output = snakemake.input, snakemake.output
    trials = [Trial(*trial) for trial in snakemake.params.trials]
    gather_trials(trials, given.trials, output.trials)
    say(gather_recipes(given.recipes, output.recipes, output.lines))
