"""Measure the pretrained model on the source's own test frames: what there is to forget."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config import Run
    from rungs.evaluation.runs import evaluate_on_source
    from rungs.potentials.device import prepare_process

    prepare_process(snakemake.threads, snakemake.resources.get("gpu", 0), say)
    given = snakemake.input
    lines = evaluate_on_source(
        {Run("pretrained", 0, 0): given.model},
        given.model,
        graphs=given.graphs,
        split=given.split,
        output=snakemake.output[0],
    )
    for line in lines:
        say(line)
