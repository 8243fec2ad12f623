# Which materials train, validate and test; which target frames make up each subset.


rule split_materials:
    # One assignment for both levels: what the target tests on, the source never trains on.
    input:
        source=results / "frames/source.parquet",
        target=results / "frames/target.parquet",
    output:
        results / "splits/split.csv",
    log:
        logs / "split_materials.log",
    benchmark:
        benchmarks / "split_materials.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        split=study.split.model_dump(mode="json"),
        seed=study.seed,
    script:
        "../workflow_scripts/split_materials.py"


rule draw_subsets:
    # An order of the target's training frames; the subset of size N is its first N frames,
    # so that each subset holds the smaller ones.
    input:
        results / "splits/split.csv",
    output:
        results / "subsets/seed_{seed}.csv",
    log:
        logs / "draw_subsets/seed_{seed}.log",
    benchmark:
        benchmarks / "draw_subsets/seed_{seed}.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        sizes=study.subsets.sizes,
        seed=study.seed,
    script:
        "../workflow_scripts/draw_subsets.py"
