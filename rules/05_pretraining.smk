# Pretraining on the source frames, or a published model taken as it is. A study that varies the
# number of source frames has further pretrainings, pretrained_N, each on a subset.


rule pretrain:
    input:
        # A model that is taken as it is sees no source frame.
        graphs=source_graphs_to_learn,
        split=results / "splits/split.csv",
        reference=results / "references/source.csv",
        checked=results / "splits/elements.csv",
    output:
        model=results / "{pretraining}/model.pt",
        history=results / "{pretraining}/history.csv",
        record=results / "{pretraining}/record.json",
    log:
        logs / "pretrain/{pretraining}.log",
    benchmark:
        benchmarks / "pretrain/{pretraining}.tsv"
    # First in line among the ready jobs: most fine-tunings wait for it.
    priority: 10
    conda:
        "../envs/rungs.yaml"
    threads: processes_of_pretraining
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(8 * 60),
        gpu=processes_of_pretraining,
    params:
        pretraining=lambda wildcards: network_of(wildcards).pretraining.model_dump(
            mode="json"
        ),
        architecture=lambda wildcards: options_of(network_of(wildcards)),
        size=lambda wildcards: study.pretrainings[wildcards.pretraining][1],
        seed=study.seed,
        # Not an output: Snakemake deletes a job's outputs before it starts the job again.
        checkpoint=lambda wildcards: str(
            results / f"checkpoints/{wildcards.pretraining}.pt"
        ),
        events=lambda wildcards, input: events_of(wildcards.pretraining),
    script:
        "../workflow_scripts/pretrain.py"


rule predict_interactions:
    # What the pretrained network says of the target's frames, without reference energies: predicted
    # once for all that fit such energies to what it leaves over.
    input:
        graphs=graphs_of_pretraining("target"),
        split=results / "splits/split.csv",
        orders=orders_to_predict,
        pretrained=results / "{pretraining}/model.pt",
    output:
        results / "{pretraining}/interaction_energies.parquet",
    log:
        logs / "predict_interactions/{pretraining}.log",
    benchmark:
        benchmarks / "predict_interactions/{pretraining}.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(4 * 60),
        gpu=1,
    params:
        parts=lambda wildcards: study.parts_to_predict(wildcards.pretraining),
        size=largest_to_predict,
        checkpoint=lambda wildcards: str(
            results / f"checkpoints/{wildcards.pretraining}_interactions.pt"
        ),
    script:
        "../workflow_scripts/predict_interactions.py"


rule predict_pseudolabels:
    # What the pretrained network says of the source's frames, for methods that hold on to it.
    input:
        graphs=graphs_of_pretraining("source"),
        split=results / "splits/split.csv",
        pretrained=results / "{pretraining}/model.pt",
    output:
        results / "{pretraining}/pseudolabels.parquet",
    log:
        logs / "predict_pseudolabels/{pretraining}.log",
    benchmark:
        benchmarks / "predict_pseudolabels/{pretraining}.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(8 * 60),
        gpu=1,
    params:
        n_frames=lambda wildcards: study.pseudolabelled(wildcards.pretraining),
        seed=study.seed,
        checkpoint=lambda wildcards: str(
            results / f"checkpoints/{wildcards.pretraining}_pseudolabels.pt"
        ),
    script:
        "../workflow_scripts/predict_pseudolabels.py"


rule predict_levels:
    # What the source level would say of the target's frames, where no frame was calculated at both:
    # the pretrained model's predictions. Where the levels share frames there is nothing to predict.
    input:
        source=results / "frames/source.parquet",
        target=results / "frames/target.parquet",
        graphs=results / f"graphs/target{study.main_graphs}.safetensors",
        split=results / "splits/split.csv",
        source_reference=results / "references/source.csv",
        interactions=results / study.main_pretraining / "interaction_energies.parquet",
        pretrained=results / study.main_pretraining / "model.pt",
    output:
        results / "tables/level_predictions.parquet",
    log:
        logs / "predict_levels.log",
    benchmark:
        benchmarks / "predict_levels.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
        gpu=1,
    params:
        pretraining=study.networks[0].pretraining.model_dump(mode="json"),
    script:
        "../workflow_scripts/predict_levels.py"


rule compare_references:
    # What every way of fitting the target's reference energies is worth, before any transfer.
    input:
        graphs=results / f"graphs/target{study.main_graphs}.safetensors",
        split=results / "splits/split.csv",
        subsets=[
            results / f"subsets/{study.subsets.sampling}/seed_{seed}.csv"
            for seed in study.subsets.seeds
        ],
        source_reference=results / "references/source.csv",
        source_atoms=results / "frames/source_isolated_atoms.csv",
        target_atoms=results / "frames/target_isolated_atoms.csv",
        interactions=results / study.main_pretraining / "interaction_energies.parquet",
    output:
        results / "tables/reference_errors.csv",
    log:
        logs / "compare_references.log",
    benchmark:
        benchmarks / "compare_references.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        seeds=study.subsets.seeds,
        sizes=study.subsets.sizes,
    script:
        "../workflow_scripts/compare_references.py"
