# The report: the page it opens with, and at its end what the study ran on and what it cost.


rule write_opening:
    # Read by report/workflow.rst. It stands alone: the figure is in it.
    input:
        unpack(answer_of_study),
        figure=results / "figures/learning_curves.png",
        means=results / "tables/learning_curve_means.csv",
        summary=results / "tables/split_summary.csv",
    output:
        results / "opening.rst",
    log:
        logs / "write_opening.log",
    benchmark:
        benchmarks / "write_opening.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(5),
    params:
        source=study.source.label,
        target=study.target.label,
        methods=study.on_learning_curve,
        published=study.pretraining.initial != "random",
    script:
        "../workflow_scripts/write_opening.py"


# Of every training: its name, and the folder of its record.
folders_of_trainings = {name: name for name in pretrainings} | {
    f"{run.method}/{run.size}/seed_{run.seed}": (
        f"runs/{run.method}/{run.size}/seed_{run.seed}"
    )
    for run in study.runs
}


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
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(5),
    script:
        "../workflow_scripts/gather_costs.py"


rule record_provenance:
    # After the last numbers. What made a run stands in its record; no parameter tells the present
    # revision or date, so a finished study stays finished.
    input:
        # for their dates: the numbers are there
        results / "summary.json",
        results / "evaluation.csv",
        study=results / "study.yaml",
        source=results / "frames/source.parquet",
        target=results / "frames/target.parquet",
        records=[
            results / folder / "record.json"
            for folder in folders_of_trainings.values()
        ],
    output:
        provenance=report(
            results / "provenance.json",
            category="What was run",
            labels={"file": "What made it, for programs"},
        ),
        table=report(
            results / "tables/provenance.csv",
            caption="../report/provenance.rst",
            category="What was run",
            labels={"file": "Revision, data, versions and dates"},
        ),
    log:
        logs / "record_provenance.log",
    benchmark:
        benchmarks / "record_provenance.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(5),
    params:
        trainings=list(folders_of_trainings),
        # A function of the input is no trigger: the same study by another path is the same study.
        files=lambda wildcards, input: study_file.split(", "),
    script:
        "../workflow_scripts/record_provenance.py"
