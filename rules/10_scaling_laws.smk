# Scaling laws: how each method's error falls with the number of target frames.


rule fit_scaling_laws:
    # The errors by material widen the intervals by the scatter of the test materials.
    input:
        curve=results / "learning_curve.csv",
        materials=results / "tables/material_errors.parquet",
    output:
        laws=results / "scaling_laws.csv",
        means=results / "tables/learning_curve_means.csv",
        efficiency=results / "tables/efficiency.csv",
        checks=results / "tables/law_checks.csv",
    log:
        logs / "fit_scaling_laws.log",
    benchmark:
        benchmarks / "fit_scaling_laws.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        seed=study.seed,
        baselines=study.baselines,
    script:
        "../workflow_scripts/fit_scaling_laws.py"


rule fit_joint_laws:
    # Only where methods differ in nothing but the size of their pretraining.
    input:
        curve=results / "learning_curve.csv",
        records=[results / f"{name}/record.json" for name in pretrainings],
    output:
        results / "tables/joint_laws.csv",
    log:
        logs / "fit_joint_laws.log",
    benchmark:
        benchmarks / "fit_joint_laws.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        seed=study.seed,
        pretrainings=pretrainings,
        families={
            family: {name: study.pretraining_of(name) for name in names}
            for family, names in study.families.items()
        },
    script:
        "../workflow_scripts/fit_joint_laws.py"


rule plan:
    # Read anew from laws and runs, as `rungs plan` does on a finished study.
    input:
        study=results / "study.yaml",
        curve=results / "learning_curve.csv",
        materials=results / "tables/material_errors.parquet",
    output:
        results / "tables/plan.csv",
    log:
        logs / "plan.log",
    benchmark:
        benchmarks / "plan.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    script:
        "../workflow_scripts/plan.py"


rule summarize:
    input:
        means=results / "tables/learning_curve_means.csv",
        laws=results / "scaling_laws.csv",
        efficiency=results / "tables/efficiency.csv",
        checks=results / "tables/law_checks.csv",
        plan=results / "tables/plan.csv",
        joint=results / "tables/joint_laws.csv" if study.families else [],
        strategies=results / "tables/strategies.csv" if compared_strategies else [],
        parts=results / "tables/split_summary.csv",
    output:
        summary=results / "summary.json",
        answer=results / "answer.rst",
    log:
        logs / "summarize.log",
    benchmark:
        benchmarks / "summarize.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        study=study.model_dump(mode="json"),
    script:
        "../workflow_scripts/summarize.py"
