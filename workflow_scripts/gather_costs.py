"""Gather what every training cost, and on what it ran, into one table."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.training.costs import gather_costs

    given = snakemake.input
    say(gather_costs(given.pretrainings, given.runs, snakemake.output[0], given.trials))
