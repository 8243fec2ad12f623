"""Tasks of SLURM's job arrays, and what Snakemake needs so that none of them is lost.

`snakemake-executor-plugin-slurm` (2.8.0, with 0.6.1 of its part for steps) gives all tasks of an
array one command: that of the first task, with the commands of the others behind it, packed. The
right one is unpacked late, by a Snakemake that goes by the first task's job otherwise: it removes
old outputs of that job before it starts, and looks for new ones at the end. A task here becomes its
own command at once, so that it runs as a job outside of an array does.
"""

import base64
import binascii
import json
import sys
import zlib
from collections.abc import Mapping, Sequence

from rungs.errors import StudyError

COMMANDS = "--slurm-jobstep-array-execs"
"""The option with the packed commands of all tasks but the first."""
BECOME = "RUNGS_ARRAY_TASK"
"""Environment variable that names the task which a process is already."""


def own_command(command: Sequence[str], environment: Mapping[str, str]) -> list[str] | None:
    """Return the command that a task of an array has to become.

    Args:
        command: of this process, with its interpreter (`sys.orig_argv`).
        environment: of this process.

    Returns:
        program and arguments; None for a process that is no task of an array submitted by
        Snakemake, or has become its own command already.

    Raises:
        StudyError: when the task's own command is not among what it was given.
    """
    task = task_of(environment)
    if task is None or environment.get(BECOME) == task or not _is_of_a_job(command):
        return None
    bare, packed = _without_commands(command)
    if packed is None:
        raise StudyError(
            f"task {task} of a job array came without the commands of its tasks: all of them were "
            "too long for one command. Let arrays be shorter: --slurm-array-limit 10"
        )
    index = environment["SLURM_ARRAY_TASK_ID"]
    if index == environment.get("SLURM_ARRAY_TASK_MIN"):
        return bare
    try:
        text = zlib.decompress(bytes.fromhex(json.loads(base64.b64decode(packed))[index])).decode()
    except (binascii.Error, ValueError, LookupError, TypeError, zlib.error) as error:
        raise StudyError(
            f"task {task} of a job array does not find its command behind {COMMANDS} "
            f"({type(error).__name__}: {error}): this version of "
            "snakemake-executor-plugin-slurm packs it otherwise. Switch arrays off: "
            "--slurm-array-jobs ''"
        ) from error
    return ["/bin/sh", "-c", text]


def task_of(environment: Mapping[str, str]) -> str | None:
    """Return the name of the array's task that ``environment`` belongs to, such as ``12_3``."""
    if "SLURM_ARRAY_TASK_ID" not in environment:
        return None
    return f"{environment.get('SLURM_ARRAY_JOB_ID', '')}_{environment['SLURM_ARRAY_TASK_ID']}"


def fault_of_settings(
    *,
    n_jobs: int,
    places: int,
    per_timespan: int,
    limits: Sequence[str],
    asks: str,
    remembers: int | None,
    first_look: int,
    as_script: bool,
) -> str | None:
    """Return why a run with job arrays could wait forever or count a task twice; None if it cannot.

    The plugin submits the jobs of a rule when the ready ones are handed to it all at once, or as
    many as an array may have; others it neither submits nor gives back. And it knows the tasks by
    names such as ``12_3``, which `squeue` has: of `sacct` it asks for plain numbers, finds 12 only,
    and takes what became of that one for all.

    Args:
        n_jobs: how many jobs there are to run.
        places: how many Snakemake may have in the queue (``--jobs``).
        per_timespan: how many it may submit within a time (``--max-jobs-per-timespan``).
        limits: names of what else limits how many jobs there are at once (``--resources``).
        asks: the command that is asked what became of jobs, ``squeue`` or ``sacct``.
        remembers: seconds for which SLURM remembers a job that ended (``MinJobAge``).
        first_look: seconds until the plugin looks at jobs; it wants SLURM to remember them for
            three times as long, and asks `sacct` otherwise.
        as_script: whether commands are handed to SLURM as scripts, which loses those of tasks.
    """
    if as_script:
        return "job arrays do not go together with --slurm-pass-command-as-script"
    holding = [
        *([f"--jobs {places}"] if places < n_jobs else []),
        *([f"--max-jobs-per-timespan {per_timespan}/…"] if per_timespan < n_jobs else []),
        *(f"--resources {name}" for name in limits),
    ]
    if holding:
        return (
            f"with job arrays all ready ones of {n_jobs} jobs have to be submitted at once, and "
            f"{' and '.join(holding)} may hold some back, which then wait forever"
        )
    if asks != "squeue":
        return "tasks of job arrays can be told apart by --slurm-status-command squeue only"
    if remembers is None or remembers < 3 * first_look:
        return (
            "tasks of job arrays can be told apart by squeue only, and SLURM forgets jobs "
            f"{remembers or 0} s after their end (MinJobAge): with "
            f"--slurm-init-seconds-before-status-checks {first_look} that is too soon"
        )
    return None


def _is_of_a_job(command: Sequence[str]) -> bool:
    """Whether this is the Snakemake that SLURM starts for a job, before its step."""
    options = [argument.partition("=")[0] for argument in command]
    if "--executor" not in options:
        return False
    place = options.index("--executor")
    name = command[place].partition("=")[2] or "".join(command[place + 1 : place + 2])
    return name == "slurm-jobstep"


def _without_commands(command: Sequence[str]) -> tuple[list[str], str | None]:
    """Return ``command`` without the option of the packed commands, and what stood there."""
    for place, argument in enumerate(command):
        name, equals, value = argument.partition("=")
        if name == COMMANDS:
            value = value if equals else "".join(command[place + 1 : place + 2])
            rest = command[place + (1 if equals else 2) :]
            return [sys.executable, *command[1:place], *rest], value
    return list(command), None
