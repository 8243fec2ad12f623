"""Measure the errors of all seeds of a method and size on the target's test frames and competing
phases, and on the source's test frames where the study asks for that."""

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
        outputs=EvaluationFiles(
            output.errors,
            output.frames,
            output.elements,
            output.components,
            output.phases or None,
        ),
        study_seed=snakemake.params.seed,
        with_phases=snakemake.params.with_phases,
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
