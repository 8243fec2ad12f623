# Crystal graphs: atoms, bonds and angles of every frame, built once for all trainings; where models
# differ in their cutoffs, once for each of these.


rule build_graphs:
    input:
        results / "frames/{level}.parquet",
    output:
        results / "graphs/{level}{model}.safetensors",
    log:
        logs / "build_graphs/{level}{model}.log",
    benchmark:
        benchmarks / "build_graphs/{level}{model}.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        initial=lambda wildcards: study.graph_sets[wildcards.model].pretraining.start,
        architecture=lambda wildcards: options_of(study.graph_sets[wildcards.model]),
    script:
        "../workflow_scripts/build_graphs.py"
