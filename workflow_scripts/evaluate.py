"""Measure the errors of all seeds of a method and size on the target's test frames."""

from rungs.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config import Run
    from rungs.evaluation.runs import evaluate_runs
    from rungs.potential.device import prepare_process

    prepare_process(snakemake.threads)
    wildcards = snakemake.wildcards
    runs = [Run(wildcards.method, int(wildcards.size), seed) for seed in snakemake.params.seeds]
    lines = evaluate_runs(
        dict(zip(runs, snakemake.input.models, strict=True)),
        graphs=snakemake.input.graphs,
        split=snakemake.input.split,
        output=snakemake.output[0],
    )
    for line in lines:
        say(line)
