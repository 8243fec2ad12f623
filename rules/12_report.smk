# The report: the page it opens with, and at its end what the study ran on and what it cost.


rule write_opening:
    # Read by report/workflow.rst. It stands alone: the figure is in it.
    input:
        unpack(answer_of_study),
        figure=results / "figures/learning_curves.png",
        means=results / "tables/learning_curve_means.csv",
        summary=results / "tables/split_summary.csv",
    output:
        results / "opening.rst",
    log:
        logs / "write_opening.log",
    benchmark:
        benchmarks / "write_opening.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(5),
    params:
        source=lambda wildcards: study.source.label,
        target=lambda wildcards: study.target.label,
        methods=study.on_learning_curve,
        published=study.networks[0].pretraining.initial != "random",
        remark=study.judged_by_its_own_kind,
    script:
        "../workflow_scripts/write_opening.py"


# Of every training: its name, and the folder of its record.
folders_of_trainings = {name: name for name in pretrainings} | {
    f"{run.method}/{run.size}/seed_{run.seed}": (
        f"runs/{run.method}/{run.size}/seed_{run.seed}"
    )
    for run in study.runs
}


rule gather_costs:
    input:
        pretrainings=[results / f"{name}/record.json" for name in pretrainings],
        runs=[
            results / f"runs/{run.method}/{run.size}/seed_{run.seed}/record.json"
            for run in study.runs
        ],
        trials=[folder_of_trial(trial) / "record.json" for trial in study.trials],
    output:
        results / "tables/costs.csv",
    log:
        logs / "gather_costs.log",
    benchmark:
        benchmarks / "gather_costs.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(5),
    script:
        "../workflow_scripts/gather_costs.py"


rule record_provenance:
    # After the last numbers. What made a run stands in its record; no parameter tells the present
    # revision or date, so a finished study stays finished.
    input:
        # for their dates: the numbers are there
        results / "summary.json",
        results / "evaluation.csv",
        study=results / "study.yaml",
        source=results / "frames/source.parquet",
        target=results / "frames/target.parquet",
        records=[
            results / folder / "record.json"
            for folder in folders_of_trainings.values()
        ],
    output:
        provenance=report(
            results / "provenance.json",
            category="What was run",
            labels={"file": "What made it, for programs"},
        ),
        table=results / "tables/provenance.csv",
    log:
        logs / "record_provenance.log",
    benchmark:
        benchmarks / "record_provenance.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(5),
    params:
        trainings=list(folders_of_trainings),
        # A function of the input is no trigger: the same study by another path is the same study.
        files=lambda wildcards, input: study_file.split(", "),
    script:
        "../workflow_scripts/record_provenance.py"


# The tables of the report: each one's file, the text of report/ about it, and its title.
tables_of_report = {
    "split_summary": (
        "tables/split_summary.csv",
        "split",
        "Who trains and tests on what",
    ),
    "level_correlations": (
        "tables/level_correlations.csv",
        "levels",
        "How the two levels are related",
    ),
    "learning_curve": ("learning_curve.csv", "learning_curve_table", "Learning curves"),
    "evaluation": ("evaluation.csv", "evaluation", "Errors of every run"),
    "table1": ("tables/table1.csv", "table1", "All methods at the largest size"),
    "errors_by_group": (
        "tables/errors_by_group.csv",
        "errors_by_group",
        "Errors by kind of frame",
    ),
    "errors_by_element": (
        "tables/errors_by_element.csv",
        "errors_by_element",
        "Errors by element",
    ),
    "worst_frames": ("tables/worst_frames.csv", "worst_frames", "The worst frames"),
    "scaling_laws": ("scaling_laws.csv", "scaling_laws", "Scaling laws"),
    "efficiency": (
        "tables/efficiency.csv",
        "efficiency",
        "What a target frame is worth",
    ),
    "law_checks": (
        "tables/law_checks.csv",
        "law_checks",
        "How far the laws can be trusted",
    ),
    "plan": ("tables/plan.csv", "plan", "What a budget buys"),
    "costs": ("tables/costs.csv", "costs", "Timings, hardware, versions and seeds"),
    "provenance": (
        "tables/provenance.csv",
        "provenance",
        "Revision, data, versions and dates",
    ),
}
tables_of_some_studies = {
    "reference_errors": (
        study.largest_transfers,
        "references",
        "Rules for the reference energies",
    ),
    "gradients": (study.largest_transfers, "gradients", "Gradients of the first epoch"),
    "recipes": (study.trials, "recipes", "Recipes of the methods"),
    "tuning_trials": (study.trials, "tuning", "Trials of recipes"),
    "forgetting": (
        study.judged_on_source,
        "forgetting",
        "What fine-tuning made the models forget",
    ),
    "strategies": (
        compared_strategies,
        "strategies_table",
        "Strategies: what is kept and what is gained",
    ),
    "models": (methods_of_models, "models_table", "Models: errors and costs"),
    "size_laws": (
        methods_of_models,
        "size_laws",
        "Laws in parameters and target frames",
    ),
    "joint_laws": (study.families, "joint_laws", "Laws in source and target frames"),
    "temperature_transfer": (
        study.has_temperatures,
        "temperature_transfer",
        "Temperature transfer",
    ),
    "sampling": (
        study.simulated_levels,
        "sampling",
        "Correlation of consecutive frames",
    ),
    "stability": (study.simulations, "stability", "Stability of simulations"),
    "properties": (
        study.properties,
        "properties_table",
        "Properties that no model was trained on",
    ),
}
for name, (asked, text, title) in tables_of_some_studies.items():
    if asked:
        tables_of_report[name] = (f"tables/{name}.csv", text, title)

of_the_run = ("costs", "provenance")


rule write_table_pages:
    # Each table as a page, rounded, to be sorted and searched: one job for all, after the last.
    input:
        **{name: results / file for name, (file, _, _) in tables_of_report.items()},
    output:
        **{
            name: report(
                results / f"pages/{name}.html",
                caption=f"../report/{text}.rst",
                category=(
                    fetch_opening("What was run") if name in of_the_run else "Tables"
                ),
                labels={"file" if name in of_the_run else "table": title},
            )
            for name, (_, text, title) in tables_of_report.items()
        },
    log:
        logs / "write_table_pages.log",
    benchmark:
        benchmarks / "write_table_pages.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(5),
    params:
        titles={name: title for name, (_, _, title) in tables_of_report.items()},
    script:
        "../workflow_scripts/write_table_pages.py"
