# Errors of every run on the same test materials, gathered into the study's two main tables.


rule evaluate:
    input:
        model=results / "runs/{method}/{size}/seed_{seed}/model.pt",
        graphs=results / "graphs/target.safetensors",
        split=results / "splits/split.csv",
    output:
        results / "evaluations/{method}/{size}/seed_{seed}.csv",
    log:
        logs / "evaluate/{method}/{size}/seed_{seed}.log",
    benchmark:
        benchmarks / "evaluate/{method}/{size}/seed_{seed}.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    script:
        "../workflow_scripts/evaluate.py"


rule gather_evaluations:
    input:
        [
            results / f"evaluations/{run.method}/{run.size}/seed_{run.seed}.csv"
            for run in study.runs
        ],
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
