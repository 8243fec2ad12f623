# Download: trajectories of the Materials Project, for levels whose data are of the kind mp_api.

from rungs.materials_project.preflight import key_fault

downloaded = [level for level in ("source", "target") if is_downloaded(level)]

if len(set(map(download_folder, downloaded))) < len(downloaded):
    stop(
        f"{study_file}: source.data.folder and target.data.folder are the same; each download "
        "needs a folder of its own"
    )

# Other processes of this workflow, which run its jobs, need no key.
key_is_needed = workflow.is_main_process and any(
    not is_there(results / f"frames/{level}.parquet")
    and not (download_folder(level) / "manifest.json").exists()
    for level in downloaded
)

if key_is_needed and key_fault():
    stop(
        f"{study_file}: data of the kind mp_api ({' and '.join(downloaded)}) come from the "
        f"Materials Project, and {key_fault()}"
    )

# Only where jobs run on this machine: Snakemake writes declared variables, values and all, into
# the commands that it hands to a cluster. The download stays here and needs none there.
if key_is_needed and not workflow.non_local_exec:

    envvars:
        "MP_API_KEY",


rule download:
    # One after the other: the service counts an address's requests together.
    input:
        earlier_download,
    # A copy of the download's manifest. The download itself is no output: Snakemake deletes
    # outputs before it starts a job again, and a download goes on from what it has.
    output:
        results / "downloads/{level}.json",
    log:
        logs / "download/{level}.log",
    benchmark:
        benchmarks / "download/{level}.tsv"
    # On the machine that has the key and the network.
    localrule: True
    conda:
        "../envs/rungs.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=7 * 24 * 60,
    params:
        data=lambda wildcards: level_options(wildcards)["data"],
        data_folder=lambda wildcards: study.data_folder,
    script:
        "../workflow_scripts/download.py"
