# Before a study: what will it cost? `snakemake estimate` measures some updates and adds up.


# A network that is taken as it is sees no source frame.
graphs_to_measure = list(
    dict.fromkeys(
        study.graphs_of_network(network, level)
        for network in study.networks
        for level in ("source", "target")
        if level == "target" or network.pretraining.training
    )
)


rule estimate:
    input:
        graphs=[results / f"graphs/{name}.safetensors" for name in graphs_to_measure],
        split=results / "splits/split.csv",
        elements=results / "splits/elements.csv",
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
        graphs=graphs_to_measure,
    script:
        "../workflow_scripts/estimate.py"
