"""Measure the errors of one run on the target's test frames."""

from rungs.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config import Run
    from rungs.evaluation.runs import evaluate_run
    from rungs.potential.device import prepare_process

    prepare_process(snakemake.threads)
    wildcards = snakemake.wildcards
    say(
        evaluate_run(
            Run(wildcards.method, int(wildcards.size), int(wildcards.seed)),
            model=snakemake.input.model,
            graphs=snakemake.input.graphs,
            split=snakemake.input.split,
            output=snakemake.output[0],
        )
    )
