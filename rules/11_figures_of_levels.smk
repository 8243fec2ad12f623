# How the two levels are related, and what each rule for the reference energies is worth: tables behind
# the figures, and the figures.


rule compare_levels:
    input:
        source=results / "frames/source.parquet",
        target=results / "frames/target.parquet",
        predictions=results / "tables/level_predictions.parquet",
        source_reference=results / "references/source.csv",
        target_reference=results / "references/target.csv",
    output:
        energies=results / "tables/level_energies.parquet",
        forces=results / "tables/level_forces.parquet",
        others=results / "tables/level_others.parquet",
        correlations=results / "tables/level_correlations.csv",
    log:
        logs / "compare_levels.log",
    benchmark:
        benchmarks / "compare_levels.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(20),
    params:
        seed=study.seed,
    script:
        "../workflow_scripts/compare_levels.py"


rule draw_levels:
    input:
        energies=results / "tables/level_energies.parquet",
        forces=results / "tables/level_forces.parquet",
        correlations=results / "tables/level_correlations.csv",
    output:
        report(
            results / "figures/levels.png",
            caption="../report/levels.rst",
            category="Figures",
            labels={"figure": "Two levels of theory"},
        ),
        vector_forms("levels"),
    log:
        logs / "draw_levels.log",
    benchmark:
        benchmarks / "draw_levels.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        source=lambda wildcards: study.source.label,
        target=lambda wildcards: study.target.label,
    script:
        "../workflow_scripts/draw_levels.py"


rule draw_level_shifts:
    input:
        energies=results / "tables/level_energies.parquet",
        others=results / "tables/level_others.parquet",
        correlations=results / "tables/level_correlations.csv",
    output:
        report(
            results / "figures/level_shifts.png",
            caption="../report/level_shifts.rst",
            category="Figures",
            labels={"figure": "Shift between the levels, stresses, magnetic moments"},
        ),
        vector_forms("level_shifts"),
    log:
        logs / "draw_level_shifts.log",
    benchmark:
        benchmarks / "draw_level_shifts.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        source=lambda wildcards: study.source.label,
        target=lambda wildcards: study.target.label,
    script:
        "../workflow_scripts/draw_level_shifts.py"


rule draw_reference_shift:
    input:
        source=results / "references/source.csv",
        target=results / "references/target.csv",
    output:
        report(
            results / "figures/reference_shift.png",
            caption="../report/reference_shift.rst",
            category="Figures",
            labels={"figure": "Shift of the reference energies"},
        ),
        vector_forms("reference_shift"),
    log:
        logs / "draw_reference_shift.log",
    benchmark:
        benchmarks / "draw_reference_shift.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        source=lambda wildcards: study.source.label,
        target=lambda wildcards: study.target.label,
    script:
        "../workflow_scripts/draw_reference_shift.py"


rule draw_references:
    input:
        results / "tables/reference_errors.csv",
    output:
        report(
            results / "figures/references.png",
            caption="../report/references.rst",
            category="Figures",
            labels={"figure": "Rules for the reference energies"},
        ),
        vector_forms("references"),
    log:
        logs / "draw_references.log",
    benchmark:
        benchmarks / "draw_references.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        source=lambda wildcards: study.source.label,
        target=lambda wildcards: study.target.label,
    script:
        "../workflow_scripts/draw_references.py"
