# One Snakemake at a time on a study's results, and nothing left behind by one that was killed.

from rungs.orphans import STARTED_BY
from rungs.study_lock import hold_study

# Jobs stop by themselves when the process that started them, on their own machine, is gone.
os.environ[STARTED_BY] = str(os.getpid())


onstart:
    # The kernel lets go of this lock when Snakemake ends, even by kill -9. Snakemake's own locks
    # would stay then, so they go as soon as this one is held.
    try:
        hold_study(results)
    except StudyError as error:
        sys.exit(f"error: {error}")
    workflow.persistence.unlock()
