# Which materials train, validate and test; which target frames make up each subset.


rule split_materials:
    # One assignment for both levels: what the target tests on, the source never trains on.
    input:
        source=results / "frames/source.parquet",
        target=results / "frames/target.parquet",
        parts=given_parts,
    output:
        split=results / "splits/split.csv",
        summary=results / "tables/split_summary.csv",
    log:
        logs / "split_materials.log",
    benchmark:
        benchmarks / "split_materials.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(20),
    params:
        split=study.split.model_dump(mode="json"),
        data_folder=lambda wildcards: study.data_folder,
        seed=study.seed,
    script:
        "../workflow_scripts/split_materials.py"


rule cluster_frames:
    # Only where subsets are to be diverse: which of the target's training frames resemble each other.
    input:
        frames=results / "frames/target.parquet",
        split=results / "splits/split.csv",
    output:
        clusters=results / "subsets/diverse/clusters.csv",
        merges=results / "subsets/diverse/merges.csv",
    log:
        logs / "cluster_frames.log",
    benchmark:
        benchmarks / "cluster_frames.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 4
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(120),
    params:
        seed=study.seed,
    script:
        "../workflow_scripts/cluster_frames.py"


rule draw_subsets:
    # An order of the target's training frames; the subset of size N is its first N frames,
    # so that each subset holds the smaller ones.
    input:
        unpack(frames_to_draw_from),
        split=results / "splits/split.csv",
    output:
        results / "subsets/{sampling}/seed_{seed}.csv",
    log:
        logs / "draw_subsets/{sampling}/seed_{seed}.log",
    benchmark:
        benchmarks / "draw_subsets/{sampling}/seed_{seed}.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    # Sizes are no parameter, so that one more makes no other run anew.
    params:
        seed=study.seed,
    script:
        "../workflow_scripts/draw_subsets.py"


rule draw_subsets_of_pool:
    # The same, among the frames that some methods are kept to.
    input:
        frames=results / "frames/target.parquet",
        split=results / "splits/split.csv",
    output:
        results / "subsets/{sampling}/{pool}/seed_{seed}.csv",
    log:
        logs / "draw_subsets/{sampling}/{pool}/seed_{seed}.log",
    benchmark:
        benchmarks / "draw_subsets/{sampling}/{pool}/seed_{seed}.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    params:
        pool=lambda wildcards: study.pools[wildcards.pool].model_dump(mode="json"),
        seed=study.seed,
    script:
        "../workflow_scripts/draw_subsets.py"


rule check_methods:
    # Before anything is trained: are the methods' elements, isolated atoms and pools among the
    # frames, and what the losses count among their labels? Methods are no parameter, so that one
    # more makes nothing anew; its own runs look at it too.
    input:
        source=results / "frames/source.parquet",
        target=results / "frames/target.parquet",
        source_atoms=results / "frames/source_isolated_atoms.csv",
        target_atoms=results / "frames/target_isolated_atoms.csv",
        split=results / "splits/split.csv",
        summary=results / "tables/split_summary.csv",
    output:
        results / "splits/elements.csv",
    log:
        logs / "check_methods.log",
    benchmark:
        benchmarks / "check_methods.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(20),
    script:
        "../workflow_scripts/check_methods.py"
