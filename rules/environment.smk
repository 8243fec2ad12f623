# What all jobs are told of where they run: the revision of the code, and the user's own container.

import shlex

from rungs.workflow.revision import VARIABLE, describe

# Snakemake puts Python's path into the commands of its jobs as it is, blanks and all.
sys.executable = shlex.quote(sys.executable)

if set("{}") & set(str(workflow.basedir)):
    sys.exit(
        f"error: {workflow.basedir}: Snakemake takes braces in a folder's name for a wildcard; "
        "move the workflow to a folder without them"
    )

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
