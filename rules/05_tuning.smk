# The search for recipes of fine-tuning, where a study asks for one. A trial is a training like a run
# of the study, judged on validation frames; test frames take no part.


tuned_points = [point for point in study.points if study.trials_of(*point)]


rule try_recipe:
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
    output:
        history=results / "tuning/{method}/{size}/seed_{seed}/{recipe}/history.csv",
        units=results / "tuning/{method}/{size}/seed_{seed}/{recipe}/validation.csv",
        record=results / "tuning/{method}/{size}/seed_{seed}/{recipe}/record.json",
    log:
        logs / "try_recipe/{method}/{size}/seed_{seed}/{recipe}.log",
    benchmark:
        benchmarks / "try_recipe/{method}/{size}/seed_{seed}/{recipe}.tsv"
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
        changes=lambda wildcards: study.recipes(wildcards.method)[
            wildcards.recipe
        ].model_dump(mode="json"),
        initial=lambda wildcards: study.network_of(wildcards.method).pretraining.start,
        architecture=lambda wildcards: options_of(study.network_of(wildcards.method)),
        seed=study.seed,
        checkpoint=lambda wildcards: str(
            results / "checkpoints/tuning" / f"{'-'.join(wildcards)}.pt"
        ),
    script:
        "../workflow_scripts/try_recipe.py"


rule choose_recipe:
    # For each method and size by itself: runs wait for the trials that decide on them alone.
    input:
        records=left_by_trials("record.json"),
        units=left_by_trials("validation.csv"),
    output:
        results / "tuning/{method}/{size}/recipe.json",
    log:
        logs / "choose_recipe/{method}/{size}.log",
    benchmark:
        benchmarks / "choose_recipe/{method}/{size}.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(5),
    params:
        trials=lambda wildcards: [
            tuple(t) for t in study.trials_of(wildcards.method, int(wildcards.size))
        ],
        search=study.tuning and study.tuning.search.model_dump(mode="json"),
        trains_references=lambda wildcards: study.methods[
            wildcards.method
        ].train_reference,
    script:
        "../workflow_scripts/choose_recipe.py"


rule gather_recipes:
    input:
        recipes=[
            results / f"tuning/{method}/{size}/recipe.json"
            for method, size in tuned_points
        ],
        trials=[folder_of_trial(trial) / "record.json" for trial in study.trials],
    output:
        recipes=results / "tables/recipes.csv",
        lines=results / "tables/recipes.yaml",
        trials=results / "tables/tuning_trials.csv",
    log:
        logs / "gather_recipes.log",
    benchmark:
        benchmarks / "gather_recipes.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(5),
    params:
        trials=[tuple(trial) for trial in study.trials],
    script:
        "../workflow_scripts/gather_recipes.py"
