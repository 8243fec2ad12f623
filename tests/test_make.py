"""What `make` installs, and when; stand-ins for Python, pip and `rungs` write down their calls."""

import os
import shutil
import subprocess

import pytest

PYTHON = """#!/bin/sh
case "$1$2" in
  -c*) exit {too_old} ;;
  --version) echo "Python 3.9.2" ;;
  -mvenv)
    mkdir -p "$3/bin"
    cp "$0" "$3/bin/python"
    printf '#!/bin/sh\\necho "rungs $*" >> "$CALLS"\\n{needs}\\n' > "$3/bin/rungs"
    for name in snakemake pytest; do
      printf '#!/bin/sh\\necho "%s" >> "$CALLS"\\n' $name > "$3/bin/$name"
    done
    chmod +x "$3"/bin/* ;;
  -mpip)
    for last; do :; done
    echo "pip $last" >> "$CALLS"
    test ! -e "$FAULT" || {{ echo "No matching distribution" >&2; exit 1; }} ;;
esac
"""


@pytest.fixture
def make(repository, tmp_path):
    """Call make in a folder with the project's Makefile; return the calls that it made."""
    if shutil.which("make") is None:
        pytest.skip("needs make")
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "config.yaml"):
        shutil.copy(repository / name, tmp_path)
    calls = tmp_path / "calls"

    def call(*arguments, needs=":", too_old=0, status=0):
        python = tmp_path / "python"
        python.write_text(PYTHON.format(needs=needs, too_old=too_old))
        python.chmod(0o755)
        calls.unlink(missing_ok=True)
        # a make that runs these tests hands its own arguments on
        inherited = {
            k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "ARGS")
        }
        done = subprocess.run(
            ["make", *arguments, f"PYTHON={python}"],
            cwd=tmp_path,
            env=inherited | {"CALLS": str(calls), "FAULT": str(tmp_path / "fault")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) == (status == 0), done.stdout + done.stderr
        call.said = done.stdout + done.stderr
        return calls.read_text().splitlines() if calls.exists() else []

    return call


ASKED = "rungs extras config.yaml"
"""How the configuration is asked what it needs."""
STUDY = ["rungs check --configuration config.yaml", "snakemake", "snakemake"]
"""A study and its report."""


def test_a_study_installs_what_studies_need_and_no_more(make):
    assert make("study") == ["pip .", ASKED, *STUDY]
    assert make("study") == [ASKED, *STUDY]


def test_tests_add_what_they_need(make):
    assert make("test") == ["pip .", "pip .[test]", "pytest"]
    assert make("test") == ["pytest"]
    assert make("study") == [ASKED, *STUDY]


def test_tests_after_a_study(make):
    make("study")
    assert make("test") == ["pip .[test]", "pytest"]


def test_what_the_configuration_needs_is_installed_before_the_study(make):
    installed = ["pip .[diverse]", "pip .[properties]"]
    needs = "echo diverse; echo properties"
    assert make("dry-run", needs=needs) == ["pip .", ASKED, *installed, "snakemake"]
    assert make("dry-run") == [ASKED, "snakemake"]


def test_extras_by_name(make):
    assert make("setup", "EXTRAS=slurm s3") == ["pip .", "pip .[slurm]", "pip .[s3]", ASKED]
    assert make("setup", "EXTRAS=slurm s3") == [ASKED]


def test_an_unknown_extra_is_named(make):
    assert make("setup", "EXTRAS=slrum s3", status=2) == []
    assert "EXTRAS has slrum, which pyproject.toml lacks" in make.said
    assert " slurm " in make.said


def test_a_configuration_with_a_fault_runs_nothing(make):
    """`rungs extras` said in a sentence what is wrong."""
    assert make("study", needs="exit 2", status=2) == ["pip .", ASKED]


@pytest.mark.parametrize(("target", "first"), [("study", "pip ."), ("test", "pip .")])
def test_an_installation_that_failed_is_done_again(make, tmp_path, target, first):
    (tmp_path / "fault").touch()
    assert make(target, status=2) == [first]
    assert "No matching distribution" in make.said
    (tmp_path / "fault").unlink()
    assert make(target)[0] == first


def test_an_extra_that_failed_is_done_again(make, tmp_path):
    make("study")
    (tmp_path / "fault").touch()
    assert make("test", status=2) == ["pip .[test]"]
    (tmp_path / "fault").unlink()
    assert make("test") == ["pip .[test]", "pytest"]


@pytest.mark.parametrize("file", ["pyproject.toml", "constraints.txt"])
def test_other_pins_are_installed(make, tmp_path, file):
    make("test")
    later = (tmp_path / ".venv/.ready-test").stat().st_mtime + 5
    os.utime(tmp_path / file, (later, later))
    assert make("test")[:2] == ["pip .", "pip .[test]"]


def test_pytorch_from_another_index_comes_first(make):
    assert make("setup", "TORCH_INDEX=https://example.org/cpu") == ["pip torch", "pip .", ASKED]


def test_an_old_python_is_refused(make, tmp_path):
    assert make("study", too_old=1, status=2) == []
    assert "Python 3.11 or later is needed" in make.said
    assert "3.9.2. Try: make study PYTHON=python3.12" in make.said
    assert not (tmp_path / ".venv").exists()


def test_shown_but_not_done(make, tmp_path):
    assert make("study", "--dry-run") == []
    assert "snakemake --cores all --configfile config.yaml" in make.said
    assert not (tmp_path / ".venv").exists()


def test_clean_forgets_what_is_installed(make):
    make("test")
    make("clean")
    assert make("test") == ["pip .", "pip .[test]", "pytest"]
