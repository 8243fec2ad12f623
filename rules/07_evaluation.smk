# Errors of every run on the same test materials, gathered into the study's two main tables.
# A job judges all seeds of a method and size: predicting takes less time than starting a job.


rule evaluate:
    # On the source's own test frames too, where the study asks what fine-tuning made it forget.
    input:
        models=models_of_all_seeds,
        graphs=graphs_of_run,
        split=results / "splits/split.csv",
        source_graphs=source_graphs_of_run if study.judged_on_source else [],
        pretrained=model_before if study.judged_on_source else [],
    output:
        errors=results / "evaluations/{method}/{size}.csv",
        frames=results / "evaluations/{method}/{size}.parquet",
        elements=results / "evaluations/{method}/{size}_elements.csv",
        components=results / "evaluations/{method}/{size}_components.parquet",
        # Without rows but at the method's largest size, which Table 1 is made of.
        phases=(
            results / "evaluations/{method}/{size}_phases.parquet"
            if study.evaluation.competing_phases == "all"
            else []
        ),
        source=(
            results / "evaluations/{method}/{size}_source.csv"
            if study.judged_on_source
            else []
        ),
    log:
        logs / "evaluate/{method}/{size}.log",
    benchmark:
        benchmarks / "evaluate/{method}/{size}.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
        gpu=1,
    params:
        seeds=lambda wildcards: study.points[wildcards.method, int(wildcards.size)],
        seed=study.seed,
        with_phases=lambda wildcards: (
            (wildcards.method, int(wildcards.size)) in study.largest_points
        ),
    script:
        "../workflow_scripts/evaluate.py"


rule gather_evaluations:
    input:
        [results / f"evaluations/{method}/{size}.csv" for method, size in study.points],
    output:
        evaluation=results / "evaluation.csv",
        learning_curve=results / "learning_curve.csv",
    log:
        logs / "gather_evaluations.log",
    benchmark:
        benchmarks / "gather_evaluations.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        # Frames of a pool are other frames: what they are worth is another question.
        on_curve=study.on_learning_curve,
    script:
        "../workflow_scripts/gather_evaluations.py"


rule tabulate_errors:
    # Where each method errs: by material, kind of frame and element, and its worst frames.
    input:
        errors=of_all_points("evaluations/{method}/{size}.parquet"),
        elements=of_all_points("evaluations/{method}/{size}_elements.csv"),
        graphs=results / f"graphs/target{study.main_graphs}.safetensors",
        frames=results / "frames/target.parquet",
        split=results / "splits/split.csv",
        reference=results / "references/target.csv",
    output:
        test_frames=results / "tables/test_frames.parquet",
        materials=results / "tables/material_errors.parquet",
        groups=results / "tables/errors_by_group.csv",
        elements=results / "tables/errors_by_element.csv",
        worst=results / "tables/worst_frames.csv",
    log:
        logs / "tabulate_errors.log",
    benchmark:
        benchmarks / "tabulate_errors.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(20),
    params:
        points=list(study.points),
    script:
        "../workflow_scripts/tabulate_errors.py"


rule make_table1:
    # The paper's Table 1: all methods at their largest size, with phase stability.
    input:
        evaluation=results / "evaluation.csv",
        errors=[
            results / f"evaluations/{method}/{size}.parquet"
            for method, size in study.largest_points
        ],
        phase_errors=(
            [
                results / f"evaluations/{method}/{size}_phases.parquet"
                for method, size in study.largest_points
            ]
            if study.evaluation.competing_phases == "all"
            else []
        ),
        test_frames=results / "tables/test_frames.parquet",
        reference=results / "references/target.csv",
    output:
        table=results / "tables/table1.csv",
        phases=results / "tables/competing_phases.csv",
    log:
        logs / "make_table1.log",
    benchmark:
        benchmarks / "make_table1.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(20),
    params:
        points=study.largest_points,
    script:
        "../workflow_scripts/make_table1.py"


rule evaluate_pretrained:
    # What there is to forget: the pretrained model on the source's own test frames.
    input:
        model=results / "{pretraining}/model.pt",
        graphs=graphs_of_pretraining("source"),
        split=results / "splits/split.csv",
    output:
        results / "{pretraining}/source_test.csv",
    log:
        logs / "evaluate_pretrained/{pretraining}.log",
    benchmark:
        benchmarks / "evaluate_pretrained/{pretraining}.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
        gpu=1,
    script:
        "../workflow_scripts/evaluate_pretrained.py"


rule gather_forgetting:
    input:
        runs=of_all_points("evaluations/{method}/{size}_source.csv"),
        pretrained=[
            results / f"{name}/source_test.csv"
            for name in dict.fromkeys(map(study.pretraining_of, study.methods))
        ],
    output:
        results / "tables/forgetting.csv",
    log:
        logs / "gather_forgetting.log",
    benchmark:
        benchmarks / "gather_forgetting.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        pretraining_of={name: study.pretraining_of(name) for name in study.methods},
    script:
        "../workflow_scripts/gather_forgetting.py"


rule tabulate_temperatures:
    # Trained at some temperatures, tested at others: where test frames have one.
    input:
        errors=of_all_points("evaluations/{method}/{size}.parquet"),
        frames=results / "frames/target.parquet",
        split=results / "splits/split.csv",
    output:
        results / "tables/temperature_transfer.csv",
    log:
        logs / "tabulate_temperatures.log",
    benchmark:
        benchmarks / "tabulate_temperatures.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(20),
    params:
        points=list(study.points),
        pools={name: pool.model_dump(mode="json") for name, pool in study.pools.items()},
        pool_of={name: method.pool for name, method in study.methods.items()},
    script:
        "../workflow_scripts/tabulate_temperatures.py"
