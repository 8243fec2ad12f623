"""Measure the errors of all seeds of a method and size on the target's test frames, and on the
source's where the study asks for that."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config import Run
    from rungs.evaluation.runs import EvaluationFiles, evaluate_on_source, evaluate_runs
    from rungs.potentials.device import prepare_process

    prepare_process(snakemake.threads, snakemake.resources.get("gpu", 0), say)
    given, output, wildcards = snakemake.input, snakemake.output, snakemake.wildcards
    runs = [Run(wildcards.method, int(wildcards.size), seed) for seed in snakemake.params.seeds]
    models = dict(zip(runs, given.models, strict=True))
    lines = evaluate_runs(
        models,
        graphs=given.graphs,
        split=given.split,
        outputs=EvaluationFiles(output.errors, output.frames, output.elements, output.components),
        study_seed=snakemake.params.seed,
    )
    if output.source:
        lines += evaluate_on_source(
            models,
            given.pretrained,
            graphs=given.source_graphs,
            split=given.split,
            output=output.source,
        )
    for line in lines:
        say(line)
