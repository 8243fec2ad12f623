"""Jobs in an image of one's own: what Snakemake hands to Apptainer, told by a stand-in for it."""

import os
import sys

import pytest

STAND_IN = """#!/bin/sh
# What it was asked is written down; the job then runs as it is, without a container.
printf '%s\\n' "$*" >> "$CALLS"
if [ "$1" = --version ]; then echo "apptainer version 1.3.6"; exit; fi
for last; do :; done
exec bash -c "$last"
"""


@pytest.fixture
def study_file_in_container(fresh_snakemake, tiny_config, tmp_path, monkeypatch):
    """A function that makes study.yaml of the tiny study with ``--sdm apptainer``; it returns the
    calls of Apptainer."""
    stand_in = tmp_path / "bin/apptainer"
    stand_in.parent.mkdir()
    stand_in.write_text(STAND_IN)
    stand_in.chmod(0o755)
    (tmp_path / "rungs.sif").touch()
    calls = tmp_path / "calls"
    python = os.path.dirname(sys.executable)  # noqa: PTH120 - as it is, links not followed
    path = os.pathsep.join([str(stand_in.parent), python, os.environ["PATH"]])

    def run(**environment):
        for name, value in {"PATH": path, "CALLS": str(calls), **environment}.items():
            monkeypatch.setenv(name, value)
        fresh_snakemake(
            *(tmp_path, "results/tiny/study.yaml", "--configfile", tiny_config),
            *("--cores", "1", "--sdm", "apptainer"),
        )
        assert (tmp_path / "results/tiny/study.yaml").exists()
        asked = calls.read_text().splitlines() if calls.exists() else []
        return [line for line in asked if line.startswith("exec ")]

    return run


def test_jobs_run_in_the_image_that_the_environment_names(study_file_in_container, tmp_path):
    image = str(tmp_path / "rungs.sif")
    (call,) = study_file_in_container(RUNGS_CONTAINER=image)
    assert f" {image} bash -c " in call
    assert "record_study.py" in call


def test_without_an_image_jobs_run_as_they_are(study_file_in_container):
    assert study_file_in_container(RUNGS_CONTAINER="") == []


def test_an_image_brings_the_packages_that_this_environment_lacks(
    study_file_in_container, without_packages, tmp_path
):
    without_packages("diverse", "properties")
    assert study_file_in_container(RUNGS_CONTAINER=str(tmp_path / "rungs.sif"))


def test_without_an_image_jobs_need_the_packages_of_this_environment(
    study_file_in_container, without_packages
):
    without_packages("diverse", "properties")
    with pytest.raises(pytest.fail.Exception, match="needs dscribe and scikit-learn"):
        study_file_in_container(RUNGS_CONTAINER="")
