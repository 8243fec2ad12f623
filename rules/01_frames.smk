# Frames: both levels of theory in one format and one set of units; bad ones set aside by name.


rule record_study:
    # The configuration as it was understood, defaults filled in.
    output:
        report(
            results / "study.yaml",
            caption="../report/configuration.rst",
            category="What was run",
            labels={"file": "Configuration with all defaults"},
        ),
    log:
        logs / "record_study.log",
    benchmark:
        benchmarks / "record_study.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(5),
    params:
        study=study.model_dump(mode="json"),
    script:
        "../workflow_scripts/record_study.py"


rule make_frames:
    input:
        files=source_files,
        atoms=atom_table,
    output:
        frames=results / "frames/{level}.parquet",
        rejects=results / "frames/{level}_rejects.csv",
        atoms=results / "frames/{level}_isolated_atoms.csv",
    log:
        logs / "make_frames/{level}.log",
    benchmark:
        benchmarks / "make_frames/{level}.tsv"
    # A download is no output, so it lies on this machine even where results are in a bucket.
    localrule: in_storage and bool(downloaded)
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(3000),
        runtime=per_attempt(60),
    params:
        level=level_options,
        unseen=lambda wildcards: unseen_files(files_of(wildcards.level)),
        screening=study.screening.model_dump(mode="json"),
        data_folder=lambda wildcards: study.data_folder,
        seed=study.seed,
    script:
        "../workflow_scripts/make_frames.py"


rule tabulate_sampling:
    # Where frames are made by molecular dynamics: are consecutive ones independent?
    input:
        **{
            level: results / f"frames/{level}.parquet"
            for level in study.simulated_levels
        },
    output:
        results / "tables/sampling.csv",
    log:
        logs / "tabulate_sampling.log",
    benchmark:
        benchmarks / "tabulate_sampling.tsv"
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(20),
    params:
        intervals={
            level: getattr(study, level).data.interval
            for level in study.simulated_levels
        },
    script:
        "../workflow_scripts/tabulate_sampling.py"
