# Job arrays on SLURM: each task runs its own job, and no task is lost.

from rungs.workflow.job_arrays import BECOME, fault_of_settings, own_command, task_of

# Before anything is read or removed: the Snakemake of a task's own job takes this one's place.
try:
    command = own_command(sys.orig_argv, os.environ)
except StudyError as error:
    sys.exit(f"error: {error}")
if command:
    os.environ[BECOME] = task_of(os.environ)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(command[0], command)


def fault_of_arrays():
    # Asked when Snakemake knows its executor and its jobs.
    settings = workflow.executor_settings
    if not getattr(settings, "array_jobs", None):
        return None
    from snakemake_executor_plugin_slurm.job_status_query import get_min_job_age

    timespan = workflow.scheduling_settings.max_jobs_per_timespan
    return fault_of_settings(
        n_jobs=sum(1 for job in workflow.dag.needrun_jobs()),
        places=workflow.resource_settings.nodes,
        per_timespan=timespan.max_jobs if timespan else sys.maxsize,
        limits=[
            n for n in workflow.resource_settings.resources if not n.startswith("_")
        ],
        asks=settings.status_command,
        remembers=get_min_job_age(),
        first_look=settings.init_seconds_before_status_checks,
        as_script=settings.pass_command_as_script,
    )
