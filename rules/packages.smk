# Packages that only some studies need: where they are missing, a sentence before any job.

from snakemake.settings.types import DeploymentMethod, SharedFSUsage

from rungs.config.extras import extras_of
from rungs.workflow.packages import absent, installation


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
            return list(results_of_checkpoints().values())


def missing_packages():
    # By extra. What was made needs its packages no more: a finished study makes its report without.
    return {
        extra: names
        for extra in extras_of(study)
        if (names := absent(extra))
        and not jobs_bring_their_own(extra)
        and not all(map(is_there, results_that_need(extra)))
    }


if workflow.is_main_process and (missing := missing_packages()):
    asked_by = extras_of(study)
    reasons = [
        f"{asked_by[extra]} needs {' and '.join(names)}"
        for extra, names in missing.items()
    ]
    sys.exit(
        f"error: {study_file}: {', '.join(reasons)}, not installed here; install with "
        f"{installation(missing)}"
    )
