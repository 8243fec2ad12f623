# Simulations: how long molecular dynamics with each model stays physical.


rule simulate:
    # All seeds of a method and size. A simulation that breaks is a result, with step and reason.
    input:
        models=models_of_all_seeds,
        frames=results / "frames/target.parquet",
        split=results / "splits/split.csv",
    output:
        table=results / "simulations/{method}/{size}.csv",
        trajectories=results / "simulations/{method}/{size}.npz",
    log:
        logs / "simulate/{method}/{size}.log",
    benchmark:
        benchmarks / "simulate/{method}/{size}.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(8 * 60),
        gpu=1,
    params:
        simulations=study.simulations and study.simulations.model_dump(mode="json"),
        seeds=lambda wildcards: study.points[wildcards.method, int(wildcards.size)],
        seed=study.seed,
        # Not an output: Snakemake deletes a job's outputs before it starts the job again.
        kept=str(results / "checkpoints/simulations"),
    script:
        "../workflow_scripts/simulate.py"


rule simulate_reference:
    # The same with the potential that labelled the target: the criteria have to let it pass.
    input:
        frames=results / "frames/target.parquet",
        split=results / "splits/split.csv",
    output:
        table=results / "simulations/reference.csv",
        trajectories=results / "simulations/reference.npz",
    log:
        logs / "simulate_reference.log",
    benchmark:
        benchmarks / "simulate_reference.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(120),
    params:
        simulations=study.simulations and study.simulations.model_dump(mode="json"),
        potential=study.target_potential,
        seed=study.seed,
    script:
        "../workflow_scripts/simulate_reference.py"


rule tabulate_stability:
    input:
        simulations=[
            results / f"simulations/{method}/{size}.csv"
            for method, size in study.simulated_points
        ],
        reference=(
            results / "simulations/reference.csv" if reference_is_simulated else []
        ),
    output:
        table=results / "tables/stability.csv",
        curves=results / "tables/survival.csv",
        runs=results / "simulations.csv",
    log:
        logs / "tabulate_stability.log",
    benchmark:
        benchmarks / "tabulate_stability.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        baselines=study.baselines,
    script:
        "../workflow_scripts/tabulate_stability.py"


rule draw_stability:
    input:
        table=results / "tables/stability.csv",
        curves=results / "tables/survival.csv",
    output:
        report(
            results / "figures/stability.png",
            caption="../report/stability.rst",
            category="Figures",
            labels={"figure": "Stability of simulations"},
        ),
        vector_forms("stability"),
    log:
        logs / "draw_stability.log",
    benchmark:
        benchmarks / "draw_stability.tsv"
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
        "../workflow_scripts/draw_stability.py"
