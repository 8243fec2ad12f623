# Figures of methods, trainings and errors: PNG, PDF and SVG of each.


rule draw_gradients:
    input:
        results / "tables/gradients.csv",
    output:
        report(
            results / "figures/gradients.png",
            caption="../report/gradients.rst",
            category="Figures",
            labels={"figure": "Gradients of the first epoch"},
        ),
        vector_forms("gradients"),
    log:
        logs / "draw_gradients.log",
    benchmark:
        benchmarks / "draw_gradients.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        target=lambda wildcards: study.target.label,
        methods=list(study.methods),
    script:
        "../workflow_scripts/draw_gradients.py"


rule draw_methods:
    input:
        curve=results / "learning_curve.csv",
        means=results / "tables/learning_curve_means.csv",
    output:
        report(
            results / "figures/methods.png",
            caption="../report/methods.rst",
            category="Figures",
            labels={"figure": "Methods side by side"},
        ),
        vector_forms("methods"),
    log:
        logs / "draw_methods.log",
    benchmark:
        benchmarks / "draw_methods.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        target=lambda wildcards: study.target.label,
        methods=study.on_learning_curve,
    script:
        "../workflow_scripts/draw_methods.py"


rule draw_learning_curves:
    input:
        curve=results / "learning_curve.csv",
        means=results / "tables/learning_curve_means.csv",
        laws=results / "scaling_laws.csv",
    output:
        report(
            results / "figures/learning_curves.png",
            caption="../report/learning_curves.rst",
            category="Answer",
            labels={"figure": "Learning curves"},
        ),
        vector_forms("learning_curves"),
    log:
        logs / "draw_learning_curves.log",
    benchmark:
        benchmarks / "draw_learning_curves.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        target=lambda wildcards: study.target.label,
        methods=study.on_learning_curve,
    script:
        "../workflow_scripts/draw_learning_curves.py"


rule draw_histories:
    input:
        pretrainings=[
            results / f"pretrained{network.suffix}" / "history.csv"
            for network in study.networks
        ],
        runs=[
            results / f"runs/{run.method}/{run.size}/seed_{run.seed}/history.csv"
            for run in study.runs
            if run.size == study.subsets.sizes[-1]
        ],
    output:
        report(
            results / "figures/histories.png",
            caption="../report/histories.rst",
            category="Figures",
            labels={"figure": "Training histories"},
        ),
        vector_forms("histories"),
    log:
        logs / "draw_histories.log",
    benchmark:
        benchmarks / "draw_histories.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        runs=[tuple(run) for run in study.runs if run.size == study.subsets.sizes[-1]],
        models=[network.name for network in study.networks],
        source=lambda wildcards: study.source.label,
        target=lambda wildcards: study.target.label,
        methods=list(study.methods),
    script:
        "../workflow_scripts/draw_histories.py"


rule draw_tuning:
    input:
        trials=results / "tables/tuning_trials.csv",
        recipes=results / "tables/recipes.csv",
    output:
        report(
            results / "figures/tuning.png",
            caption="../report/tuning.rst",
            category="Figures",
            labels={"figure": "Search for recipes"},
        ),
        vector_forms("tuning"),
    log:
        logs / "draw_tuning.log",
    benchmark:
        benchmarks / "draw_tuning.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        methods=list(study.methods),
    script:
        "../workflow_scripts/draw_tuning.py"


rule draw_parity:
    input:
        errors=[
            results / f"evaluations/{method}/{size}.parquet"
            for method, size in study.largest_points
        ],
        components=[
            results / f"evaluations/{method}/{size}_components.parquet"
            for method, size in study.largest_points
        ],
        test_frames=results / "tables/test_frames.parquet",
        evaluation=results / "evaluation.csv",
    output:
        report(
            results / "figures/parity.png",
            caption="../report/parity.rst",
            category="Figures",
            labels={"figure": "Predicted against true"},
        ),
        vector_forms("parity"),
    log:
        logs / "draw_parity.log",
    benchmark:
        benchmarks / "draw_parity.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    params:
        target=lambda wildcards: study.target.label,
        methods=list(study.methods),
    script:
        "../workflow_scripts/draw_parity.py"


rule draw_element_errors:
    input:
        results / "tables/errors_by_element.csv",
    output:
        report(
            results / "figures/element_errors.png",
            caption="../report/element_errors.rst",
            category="Figures",
            labels={"figure": "Errors by element"},
        ),
        vector_forms("element_errors"),
    log:
        logs / "draw_element_errors.log",
    benchmark:
        benchmarks / "draw_element_errors.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        methods=list(study.methods),
    script:
        "../workflow_scripts/draw_element_errors.py"


rule draw_forgetting:
    input:
        results / "tables/forgetting.csv",
    output:
        report(
            results / "figures/forgetting.png",
            caption="../report/forgetting.rst",
            category="Figures",
            labels={"figure": "Forgetting"},
        ),
        vector_forms("forgetting"),
    log:
        logs / "draw_forgetting.log",
    benchmark:
        benchmarks / "draw_forgetting.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        source=lambda wildcards: study.source.label,
        target=lambda wildcards: study.target.label,
        methods=list(study.methods),
    script:
        "../workflow_scripts/draw_forgetting.py"


rule draw_temperature_transfer:
    input:
        results / "tables/temperature_transfer.csv",
    output:
        report(
            results / "figures/temperature_transfer.png",
            caption="../report/temperature_transfer.rst",
            category="Figures",
            labels={"figure": "Temperature transfer"},
        ),
        vector_forms("temperature_transfer"),
    log:
        logs / "draw_temperature_transfer.log",
    benchmark:
        benchmarks / "draw_temperature_transfer.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        scratch=[n for n, m in study.methods.items() if m.initial == "random"],
        # Those whose elements start as others that the source knows come first.
        transfer=sorted(
            (n for n, m in study.methods.items() if m.initial == "pretrained"),
            key=lambda name: not study.methods[name].copy_embedding,
        ),
    script:
        "../workflow_scripts/draw_temperature_transfer.py"
