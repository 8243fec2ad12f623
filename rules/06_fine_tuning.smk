# Fine-tuning: one job for each method, subset size and seed.


rule fine_tune:
    input:
        unpack(lambda wildcards: isolated_atoms_of([wildcards.method])),
        graphs=graphs_of_run,
        split=results / "splits/split.csv",
        subset=subset_order,
        elements=results / "splits/elements.csv",
        source_reference=results / "references/source.csv",
        target_reference=results / "references/target.csv",
        pretrained=pretrained_model,
        interactions=interactions_of,
        source_graphs=companion_of,
        pseudolabels=pseudolabels_of,
        recipe=recipe_of,
    output:
        model=results / "runs/{method}/{size}/seed_{seed}/model.pt",
        history=results / "runs/{method}/{size}/seed_{seed}/history.csv",
        reference=results / "runs/{method}/{size}/seed_{seed}/reference.csv",
        record=results / "runs/{method}/{size}/seed_{seed}/record.json",
    log:
        logs / "fine_tune/{method}/{size}/seed_{seed}.log",
    benchmark:
        benchmarks / "fine_tune/{method}/{size}/seed_{seed}.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: lambda wildcards: training_of(wildcards).processes
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(8 * 60),
        gpu=lambda wildcards: training_of(wildcards).processes,
    params:
        method=lambda wildcards: method_of(wildcards.method),
        training=lambda wildcards: training_of(wildcards).model_dump(mode="json"),
        initial=lambda wildcards: study.network_of(wildcards.method).pretraining.start,
        architecture=lambda wildcards: options_of(study.network_of(wildcards.method)),
        seed=study.seed,
        checkpoint=lambda wildcards: str(checkpoint_of(wildcards)),
        events=lambda wildcards, input: events_of(
            f"{wildcards.method}/{wildcards.size}/seed_{wildcards.seed}"
        ),
    script:
        "../workflow_scripts/fine_tune.py"


rule record_gradients:
    # The first epoch of the runs on the most frames, once more: what it asks of each layer.
    input:
        **isolated_atoms_of({run.method for run in study.largest_transfers}),
        graphs=[
            results / f"graphs/{study.graphs_of(run.method)}.safetensors"
            for run in study.largest_transfers
        ],
        split=results / "splits/split.csv",
        subsets=[order_of(run.method, run.seed) for run in study.largest_transfers],
        source_reference=results / "references/source.csv",
        target_reference=results / "references/target.csv",
        pretrained=[
            results / study.pretraining_of(run.method) / "model.pt"
            for run in study.largest_transfers
        ],
        interactions=[
            results / name / "interaction_energies.parquet"
            for name in sorted(
                {
                    study.pretraining_of(run.method)
                    for run in study.largest_transfers
                    if study.fits_residuals(run.method)
                }
            )
        ],
        recipes=[
            results / f"tuning/{run.method}/{run.size}/recipe.json"
            for run in study.largest_transfers
            if study.trials_of(run.method, run.size)
        ],
    output:
        results / "tables/gradients.csv",
    log:
        logs / "record_gradients.log",
    benchmark:
        benchmarks / "record_gradients.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(8 * 60),
        gpu=1,
    params:
        runs=[tuple(run) for run in study.largest_transfers],
        methods={run.method: method_of(run.method) for run in study.largest_transfers},
        trainings={
            run.method: study.training_of(run.method, run.size).model_dump(mode="json")
            for run in study.largest_transfers
        },
        tuned=[
            run.method
            for run in study.largest_transfers
            if study.trials_of(run.method, run.size)
        ],
        seed=study.seed,
    script:
        "../workflow_scripts/record_gradients.py"
