"""Tasks of job arrays become their own commands; settings that could lose a task are refused."""

import base64
import json
import sys
import zlib

import pytest

from rungs.errors import StudyError
from rungs.workflow.job_arrays import BECOME, COMMANDS, fault_of_settings, own_command

TEXT = {str(i): f"cd /x && python -m snakemake --target-jobs 'fine_tune:seed={i}'" for i in (2, 3)}


def packed(commands: dict[str, str]) -> str:
    """As the plugin packs the commands of all tasks but the first."""
    hexed = {index: zlib.compress(text.encode()).hex() for index, text in commands.items()}
    return base64.b64encode(json.dumps(hexed).encode()).decode()


def task(index: str, **more: str) -> dict[str, str]:
    return {
        "SLURM_ARRAY_JOB_ID": "12",
        "SLURM_ARRAY_TASK_ID": index,
        "SLURM_ARRAY_TASK_MIN": "1",
        **more,
    }


BARE = [sys.executable, "-m", "snakemake", "--executor", "slurm-jobstep", "--mode", "remote"]
COMMAND = [*BARE, f"{COMMANDS}={packed(TEXT)}"]


@pytest.mark.parametrize("index", ["2", "3"])
@pytest.mark.parametrize("command", [COMMAND, [*BARE, COMMANDS, packed(TEXT)]])
def test_a_task_becomes_the_command_that_was_packed_for_it(index, command):
    assert own_command(command, task(index)) == ["/bin/sh", "-c", TEXT[index]]


@pytest.mark.parametrize("command", [COMMAND, [*BARE, COMMANDS, packed(TEXT)]])
def test_the_first_task_becomes_its_command_without_the_others(command):
    assert own_command(command, task("1")) == BARE


def test_a_task_that_has_become_its_own_stays_so():
    assert own_command(COMMAND, task("2", **{BECOME: "12_2"})) is None
    # The environment of another array's task, in which this one was submitted.
    assert own_command(COMMAND, task("2", **{BECOME: "11_2"})) is not None


def test_nothing_happens_elsewhere():
    assert own_command(COMMAND, {}) is None
    # Snakemake in somebody's own array, and the step within a task
    assert own_command([sys.executable, "-m", "snakemake", "--cores", "2"], task("2")) is None
    local = [sys.executable, "-m", "snakemake", "--executor", "local"]
    assert own_command(local, task("2")) is None


@pytest.mark.parametrize(
    "text",
    [
        "no base64",
        base64.b64encode(b"no json").decode(),
        base64.b64encode(b'["a list"]').decode(),
        base64.b64encode(b'{"2": "no hexadecimal"}').decode(),
        base64.b64encode(b'{"2": "00ff"}').decode(),
        packed({"3": "of another task"}),
    ],
)
def test_commands_that_cannot_be_understood_end_in_a_sentence(text):
    with pytest.raises(StudyError, match="task 12_2 of a job array does not find its command"):
        own_command([*BARE, f"{COMMANDS}={text}"], task("2"))


@pytest.mark.parametrize("index", ["1", "2"])
def test_a_task_without_the_commands_does_not_run_the_first_one_s(index):
    with pytest.raises(StudyError, match="shorter: --slurm-array-limit"):
        own_command(BARE, task(index))


SAFE = {
    "n_jobs": 300,
    "places": 300,
    "per_timespan": 300,
    "limits": [],
    "asks": "squeue",
    "remembers": 120,
    "first_look": 40,
    "as_script": False,
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"places": 299}, "--jobs 299 may hold"),
        ({"per_timespan": 100}, "--max-jobs-per-timespan 100"),
        ({"limits": ["gpu"]}, "--resources gpu may hold"),
        ({"asks": "sacct"}, "--slurm-status-command squeue"),
        ({"remembers": 119}, "forgets jobs 119 s after"),
        ({"remembers": None}, "forgets jobs 0 s after"),
        ({"as_script": True}, "--slurm-pass-command-as-script"),
    ],
)
def test_settings_that_could_lose_a_task_are_named(change, words):
    fault = fault_of_settings(**{**SAFE, **change})
    assert fault is None if words is None else words in fault
