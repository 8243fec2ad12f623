# Several models side by side, where a study has more than one; and the models as files of their
# architecture's own tools, where these cannot read the study's.


rule compare_models:
    # Errors against what training costs, and the laws of models that differ in their size.
    input:
        curve=results / "learning_curve.csv",
        means=results / "tables/learning_curve_means.csv",
        efficiency=results / "tables/efficiency.csv",
        runs=[
            results / f"runs/{run.method}/{run.size}/seed_{run.seed}/record.json"
            for run in runs_of_models
        ],
        pretrainings=[
            results / f"{name}/record.json" for name in pretrainings_of_models
        ],
    output:
        models=results / "tables/models.csv",
        laws=results / "tables/size_laws.csv",
    log:
        logs / "compare_models.log",
    benchmark:
        benchmarks / "compare_models.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        runs=[tuple(run) for run in runs_of_models],
        pretrainings=pretrainings_of_models,
        members={
            name: (
                study.network_of(name).name,
                study.network_of(name).kind,
                study.strategy(name),
            )
            for name in methods_of_models
        },
        pretraining_of={
            name: study.pretraining_of(name)
            for name in methods_of_models
            if study.methods[name].initial == "pretrained"
        },
        families=[
            (*family, [name for name in names if name in methods_of_models])
            for family, names in study.size_families.items()
        ],
        seed=study.seed,
    script:
        "../workflow_scripts/compare_models.py"


rule draw_models:
    input:
        models=results / "tables/models.csv",
        laws=results / "tables/size_laws.csv",
    output:
        report(
            results / "figures/models.png",
            caption="../report/models.rst",
            category="Figures",
            labels={"figure": "Models: error against the cost of training"},
        ),
        vector_forms("models"),
    log:
        logs / "draw_models.log",
    benchmark:
        benchmarks / "draw_models.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        target=lambda wildcards: study.target.label,
    script:
        "../workflow_scripts/draw_models.py"


rule export_models:
    # What an architecture's own tools read: of a MACE a pickle, as its calculator and its interface
    # to LAMMPS expect it; of delta learning two files, whose predictions add up.
    input:
        lambda wildcards: [
            results / f"runs/{wildcards.method}/{run.size}/seed_{run.seed}/model.pt"
            for run in study.runs
            if run.method == wildcards.method
        ],
    output:
        directory(results / "native/{method}"),
    log:
        logs / "export_models/{method}.log",
    benchmark:
        benchmarks / "export_models/{method}.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(20),
    params:
        names=lambda wildcards: [
            f"{run.size}_seed_{run.seed}"
            for run in study.runs
            if run.method == wildcards.method
        ],
    script:
        "../workflow_scripts/export_models.py"
