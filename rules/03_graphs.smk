# Crystal graphs: atoms, bonds and angles of every frame, built once for all trainings.


rule build_graphs:
    input:
        results / "frames/{level}.parquet",
    output:
        results / "graphs/{level}.safetensors",
    log:
        logs / "build_graphs/{level}.log",
    benchmark:
        benchmarks / "build_graphs/{level}.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        initial=study.pretraining.initial,
        architecture=study.architecture and study.architecture.model_dump(mode="json"),
    script:
        "../workflow_scripts/build_graphs.py"
