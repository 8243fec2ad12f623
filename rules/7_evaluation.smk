# Errors of every run on the same test materials, gathered into the study's two main tables.
# A job judges all seeds of a method and size: predicting takes less time than starting a job.


rule evaluate:
    input:
        models=models_of_all_seeds,
        graphs=results / "graphs/target.safetensors",
        split=results / "splits/split.csv",
    output:
        results / "evaluations/{method}/{size}.csv",
    log:
        logs / "evaluate/{method}/{size}.log",
    benchmark:
        benchmarks / "evaluate/{method}/{size}.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        seeds=lambda wildcards: study.points[wildcards.method, int(wildcards.size)],
    script:
        "../workflow_scripts/evaluate.py"


rule gather_evaluations:
    input:
        [results / f"evaluations/{method}/{size}.csv" for method, size in study.points],
    output:
        evaluation=report(
            results / "evaluation.csv",
            caption="../report/evaluation.rst",
            category="Tables",
            labels={"table": "Errors of every run"},
        ),
        learning_curve=report(
            results / "learning_curve.csv",
            caption="../report/learning_curve_table.rst",
            category="Tables",
            labels={"table": "Learning curves"},
        ),
    log:
        logs / "gather_evaluations.log",
    benchmark:
        benchmarks / "gather_evaluations.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    script:
        "../workflow_scripts/gather_evaluations.py"
