# The report: the page it opens with, and at its end what the study ran on and what it cost.


rule write_opening:
    # Read by report/workflow.rst. It stands alone: the figure is in it.
    input:
        unpack(answer_of_study),
        figure=results / "figures/learning_curves.png",
        means=results / "tables/learning_curve_means.csv",
    output:
        results / "opening.rst",
    log:
        logs / "write_opening.log",
    benchmark:
        benchmarks / "write_opening.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        target=study.target.label,
        methods=study.on_learning_curve,
    script:
        "../workflow_scripts/write_opening.py"


rule gather_costs:
    input:
        pretrainings=[results / f"{name}/record.json" for name in pretrainings],
        runs=[
            results / f"runs/{run.method}/{run.size}/seed_{run.seed}/record.json"
            for run in study.runs
        ],
    output:
        report(
            results / "tables/costs.csv",
            caption="../report/costs.rst",
            category=fetch_opening("What was run"),
            labels={"file": "Timings, hardware, versions and seeds"},
        ),
    log:
        logs / "gather_costs.log",
    benchmark:
        benchmarks / "gather_costs.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    script:
        "../workflow_scripts/gather_costs.py"
