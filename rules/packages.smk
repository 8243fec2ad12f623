# Packages that only some studies need: where they are missing, a sentence before any job.

from snakemake.settings.types import DeploymentMethod, SharedFSUsage

from rungs.config.architectures import EXTRAS
from rungs.config.extras import extras_of
from rungs.workflow.packages import absent
from rungs.workflow.packages import fault as fault_of_packages


def jobs_bring_their_own(extra):
    # Environments of conda and images of containers have all packages.
    methods = workflow.deployment_settings.deployment_method
    if DeploymentMethod.CONDA in methods:
        return True
    if DeploymentMethod.APPTAINER in methods and container_image:
        return True
    # Jobs elsewhere that do not see this environment run in an image, too. A download stays here.
    shared = workflow.storage_settings.shared_fs_usage
    return (
        SharedFSUsage.SOFTWARE_DEPLOYMENT not in shared and extra != "materials-project"
    )


def results_that_need(extra):
    match extra:
        case "materials-project":
            levels = filter(is_downloaded, ("source", "target"))
            return [results / f"frames/{level}.parquet" for level in levels]
        case "diverse":
            return [results / "subsets/diverse/clusters.csv"]
        case "properties":
            return [results / "properties/reference.csv"] + [
                results / f"properties/{method}/{size}.csv"
                for method, size in study.property_points
            ]
        case "tensorboard":
            made = set(results_of_checkpoints().values())
            return [file for file in made if Path(file).name == "model.pt"]
        case _:
            # That of a kind of network.
            return [
                results / f"runs/{run.method}/{run.size}/seed_{run.seed}/model.pt"
                for run in study.runs
                if EXTRAS.get(study.network_of(run.method).kind) == extra
            ]


def extras_to_install():
    # What was made needs its packages no more: a finished study makes its report without them.
    return {
        extra: asked_by
        for extra, asked_by in extras_of(study).items()
        if absent(extra)
        and not jobs_bring_their_own(extra)
        and not all(map(is_there, results_that_need(extra)))
    }


if workflow.is_main_process and (found := fault_of_packages(extras_to_install())):
    sys.exit(f"error: {study_file}: {found}")
