# Before a study: what will it cost? `snakemake estimate` measures some updates and adds up.


rule estimate:
    input:
        source=results / "graphs/source.safetensors" if pretraining else [],
        target=results / "graphs/target.safetensors",
        split=results / "splits/split.csv",
    output:
        results / "estimate.csv",
    log:
        logs / "estimate.log",
    benchmark:
        benchmarks / "estimate.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(30),
        gpu=1,
    params:
        study=study.model_dump(mode="json"),
    script:
        "../workflow_scripts/estimate.py"
