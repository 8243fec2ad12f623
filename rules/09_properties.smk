# Properties that no model was trained on: of the crystal at rest and of stable simulations.


rule calculate_reference_properties:
    # Of the potential that labelled the target, or the numbers of the configuration and what the
    # target's frames themselves show.
    input:
        frames=results / "frames/target.parquet",
        crystal=crystal_file,
        simulations=(
            results / "simulations/reference.csv"
            if reference_is_simulated and properties_of_motion
            else []
        ),
        trajectories=(
            results / "simulations/reference.npz"
            if reference_is_simulated and properties_of_motion
            else []
        ),
        split=results / "splits/split.csv" if frames_are_the_reference else [],
    output:
        table=results / "properties/reference.csv",
        curves=results / "properties/reference.parquet",
    log:
        logs / "calculate_reference_properties.log",
    benchmark:
        benchmarks / "calculate_reference_properties.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(3000),
        runtime=per_attempt(60),
    params:
        properties=study.properties and study.properties.model_dump(mode="json"),
        potential=study.target_potential,
        # Asked for only where they count: other studies need not compute anything again for them.
        simulations=(
            study.simulations.model_dump(mode="json")
            if frames_are_the_reference
            else None
        ),
        seed=study.seed if frames_are_the_reference else None,
        data_folder=lambda wildcards: study.data_folder,
    script:
        "../workflow_scripts/calculate_reference_properties.py"


rule calculate_properties:
    # All seeds of a method and size. A calculation without a result is a row that says why.
    input:
        models=models_of_all_seeds,
        frames=results / "frames/target.parquet",
        crystal=crystal_file,
        reference=results / "properties/reference.csv",
        reference_curves=results / "properties/reference.parquet",
        simulations=(
            results / "simulations/{method}/{size}.csv" if properties_of_motion else []
        ),
        trajectories=(
            results / "simulations/{method}/{size}.npz" if properties_of_motion else []
        ),
    output:
        table=results / "properties/{method}/{size}.csv",
        curves=results / "properties/{method}/{size}.parquet",
    log:
        logs / "calculate_properties/{method}/{size}.log",
    benchmark:
        benchmarks / "calculate_properties/{method}/{size}.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(240),
    params:
        properties=study.properties and study.properties.model_dump(mode="json"),
        seeds=lambda wildcards: study.points[wildcards.method, int(wildcards.size)],
        data_folder=lambda wildcards: study.data_folder,
    script:
        "../workflow_scripts/calculate_properties.py"


rule gather_properties:
    input:
        [
            results / f"properties/{method}/{size}.csv"
            for method, size in study.property_points
        ],
    output:
        runs=results / "tables/property_runs.csv",
        table=results / "tables/properties.csv",
    log:
        logs / "gather_properties.log",
    benchmark:
        benchmarks / "gather_properties.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        baselines=study.baselines,
    script:
        "../workflow_scripts/gather_properties.py"


rule draw_properties:
    input:
        runs=results / "tables/property_runs.csv",
        reference=results / "properties/reference.csv",
    output:
        report(
            results / "figures/properties.png",
            caption="../report/properties.rst",
            category="Figures",
            labels={"figure": "Properties that no model was trained on"},
        ),
        vector_forms("properties"),
    log:
        logs / "draw_properties.log",
    benchmark:
        benchmarks / "draw_properties.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        target=lambda wildcards: study.target.label,
        methods=list(study.methods),
    script:
        "../workflow_scripts/draw_properties.py"


rule draw_property_effects:
    input:
        results / "tables/properties.csv",
    output:
        report(
            results / "figures/property_effects.png",
            caption="../report/property_effects.rst",
            category="Figures",
            labels={"figure": "Where transfer helps and where it hurts"},
        ),
        vector_forms("property_effects"),
    log:
        logs / "draw_property_effects.log",
    benchmark:
        benchmarks / "draw_property_effects.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        target=lambda wildcards: study.target.label,
        methods=list(study.methods),
        baseline=study.baseline,
    script:
        "../workflow_scripts/draw_property_effects.py"


rule draw_equation_of_state:
    input:
        reference=results / "properties/reference.parquet",
        curves=[
            results / f"properties/{method}/{size}.parquet"
            for method, size in study.property_points
        ],
    output:
        report(
            results / "figures/equation_of_state.png",
            caption="../report/equation_of_state.rst",
            category="Figures",
            labels={"figure": "Equation of state"},
        ),
        vector_forms("equation_of_state"),
    log:
        logs / "draw_equation_of_state.log",
    benchmark:
        benchmarks / "draw_equation_of_state.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    params:
        points=list(study.property_points),
        target=lambda wildcards: study.target.label,
        methods=list(study.methods),
    script:
        "../workflow_scripts/draw_equation_of_state.py"


rule draw_phonons:
    input:
        reference=results / "properties/reference.parquet",
        curves=[
            results / f"properties/{method}/{size}.parquet"
            for method, size in study.property_points
        ],
    output:
        report(
            results / "figures/phonons.png",
            caption="../report/phonons.rst",
            category="Figures",
            labels={"figure": "Phonons"},
        ),
        vector_forms("phonons"),
    log:
        logs / "draw_phonons.log",
    benchmark:
        benchmarks / "draw_phonons.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    params:
        points=list(study.property_points),
        target=lambda wildcards: study.target.label,
        methods=list(study.methods),
    script:
        "../workflow_scripts/draw_phonons.py"


rule draw_distributions:
    input:
        reference=results / "properties/reference.parquet",
        curves=[
            results / f"properties/{method}/{size}.parquet"
            for method, size in study.property_points
        ],
    output:
        report(
            results / "figures/distributions.png",
            caption="../report/distributions.rst",
            category="Figures",
            labels={"figure": "Distances, angles and vibrations"},
        ),
        vector_forms("distributions"),
    log:
        logs / "draw_distributions.log",
    benchmark:
        benchmarks / "draw_distributions.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    params:
        points=list(study.property_points),
        target=lambda wildcards: study.target.label,
        methods=list(study.methods),
    script:
        "../workflow_scripts/draw_distributions.py"
