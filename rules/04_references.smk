# Elemental reference energies: what the source's are, and the target's from its training frames.


rule fit_references:
    input:
        source=results / "frames/source.parquet",
        target=results / "frames/target.parquet",
        split=results / "splits/split.csv",
    output:
        source=results / "references/source.csv",
        target=results / "references/target.csv",
    log:
        logs / "fit_references.log",
    benchmark:
        benchmarks / "fit_references.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(20),
    params:
        initial=study.networks[0].pretraining.start,
    script:
        "../workflow_scripts/fit_references.py"
