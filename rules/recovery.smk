# One Snakemake at a time on a study's results, nothing left behind by one that was killed, and a
# sentence where nothing can be written.

import atexit

from rungs.files import write_fault
from rungs.workflow.orphans import STARTED_BY
from rungs.workflow.study_lock import hold_study

# Jobs stop by themselves when the process that started them, on their own machine, is gone.
os.environ[STARTED_BY] = str(os.getpid())

# Snakemake's own records first, as it would not say which file it was. Absolute: when Snakemake
# ends it goes back to where it was started.
written = [Path(".snakemake").absolute(), results.absolute()]


def fault_of_disk():
    return next(filter(None, map(write_fault, written)), None)


def tell_of_disk():
    # A disk that fills up later ends Snakemake with a traceback; this is the last line then.
    if fault := fault_of_disk():
        print(f"error: {fault}", file=sys.stderr)


# Dry runs and reports too: Snakemake writes for them as well.
if workflow.is_main_process:
    if fault := fault_of_disk():
        sys.exit(f"error: {fault}")
    atexit.register(tell_of_disk)


onstart:
    if fault := fault_of_arrays():
        sys.exit(f"error: {fault}. Or switch arrays off: --slurm-array-jobs ''")
    # The kernel lets go of this lock when Snakemake ends, even by kill -9. Snakemake's own locks
    # would stay then, so they go as soon as this one is held.
    try:
        hold_study(results)
    except StudyError as error:
        sys.exit(f"error: {error}")
    workflow.persistence.unlock()
    # Whenever Snakemake looks at the jobs that wait, its default limit of 100 jobs a second sets a timer
    # to look again: with each job that has ended it looks once more each second, at hundreds of
    # jobs' files. Jobs on this machine are limited by its cores.
    limit = workflow.scheduling_settings.max_jobs_per_timespan
    if workflow.local_exec and limit and limit.max_jobs >= 100 * limit.timespan:
        workflow.scheduler.job_rate_limiter = None
