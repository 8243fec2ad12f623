"""The command as a whole: what it says of itself, how quickly, and how it ends."""

import subprocess
import sys
import tomllib

import pytest

from rungs.cli.main import main, rungs

HEAVY = ("torch", "numpy", "pandas", "scipy", "pydantic", "yaml", "ase", "pymatgen", "matplotlib")
PROBE = """
import contextlib, io, sys, time
begin = time.process_time()
from rungs.cli.main import main
with contextlib.redirect_stdout(io.StringIO()) as said:
    status = main(["--help"])
print(time.process_time() - begin, status, *sorted(set(sys.modules) & set(sys.argv[1:])))
"""


def test_help_explains_a_study_in_one_screen(capsys):
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100
    text = " ".join(" ".join(lines).split())
    for words in ("A study is a source level", "make study", "report.html", *rungs.commands):
        assert words in text


@pytest.mark.parametrize("name", sorted(rungs.commands))
def test_every_command_explains_itself(name, capsys):
    """In its own line of the list, which is not cut short, and at length."""
    assert main([]) in (0, 2)
    capsys.readouterr()
    assert main(["--help"]) == 0
    (line,) = (x for x in capsys.readouterr().out.splitlines() if x.startswith(f"  {name} "))
    assert line.endswith(".")
    assert not line.endswith("...")
    assert main([name, "--help"]) == 0
    assert f"Usage: rungs {name}" in capsys.readouterr().out


def test_help_loads_nothing_heavy():
    """Half a second of processor time is much more than it takes, on a busy machine too."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *HEAVY], capture_output=True, text=True, check=True
    )
    seconds, status, *loaded = done.stdout.split()
    assert (float(seconds) < 0.5, status, loaded) == (True, "0", [])


def test_the_script_is_this_command(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"rungs": "rungs.cli.main:main"}


def test_it_runs_as_a_module(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "rungs", "plan", str(tmp_path / "no")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [["plot"], ["plan"], ["plan", "a", "--budget", "many"], ["compare", "a"]]
)
def test_a_command_that_is_off_is_told_how_it_goes(arguments, capsys):
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Error: " in shown.err
    assert "Traceback" not in shown.err


def test_a_reader_that_has_had_enough_ends_it_quietly():
    """As `rungs schema study | head -1` does."""
    done = subprocess.run(
        f"{sys.executable} -m rungs schema study | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("{\n", "")
