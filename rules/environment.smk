# What all jobs are told of where they run: the revision of the code, and the user's own container.

from rungs.workflow.revision import VARIABLE, describe

# Jobs on other machines have no repository to ask which revision they are of.
if workflow.is_main_process:
    os.environ[VARIABLE] = describe(Path(workflow.basedir)) or os.environ.get(
        VARIABLE, ""
    )


envvars:
    "RUNGS_REVISION",


# The image that jobs run in with --sdm apptainer: a file or an address, the user's own.
container_image = os.environ.get("RUNGS_CONTAINER")

if container_image:

    envvars:
        "RUNGS_CONTAINER",

    container: container_image
