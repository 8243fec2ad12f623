# Ways of using both levels side by side, where a study has some: replay and co-training, adapters,
# anchors, delta learning, each against plain fine-tuning on the same frames.


rule compare_strategies:
    input:
        materials=results / "tables/material_errors.parquet",
        efficiency=results / "tables/efficiency.csv",
        forgetting=results / "tables/forgetting.csv" if study.judged_on_source else [],
        graphs=results / f"graphs/target{study.main_graphs}.safetensors",
        split=results / "splits/split.csv",
        orders=[
            order_of(plain_transfer(study), seed)
            for seed in study.subsets.seeds
            if compared_strategies
        ],
    output:
        results / "tables/strategies.csv",
    log:
        logs / "compare_strategies.log",
    benchmark:
        benchmarks / "compare_strategies.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(20),
    params:
        methods=compared_strategies,
        plain=plain_transfer(study),
        seeds=study.subsets.seeds,
        seed=study.seed,
        source=study.source.label,
        target=study.target.label,
    script:
        "../workflow_scripts/compare_strategies.py"


rule draw_strategies:
    input:
        results / "tables/strategies.csv",
    output:
        report(
            results / "figures/strategies.png",
            caption="../report/strategies.rst",
            category="Figures",
            labels={"figure": "Strategies: what is kept and what is gained"},
        ),
        vector_forms("strategies"),
    log:
        logs / "draw_strategies.log",
    benchmark:
        benchmarks / "draw_strategies.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        source=lambda wildcards: study.source.label,
        target=lambda wildcards: study.target.label,
        methods=compared_strategies,
    script:
        "../workflow_scripts/draw_strategies.py"
