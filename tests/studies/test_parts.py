"""Running a part of a study, and adding to one that has run: which jobs that makes."""

import re

import pytest
import yaml

from rungs.config import load_study

TRAININGS = {"make_frames", "build_graphs", "fit_references", "pretrain"}
"""Rules whose jobs nothing that is added may do again."""


@pytest.fixture
def changed(tiny_config, tmp_path):
    """Write the tiny study with a change to its values; return the file and the study."""

    def write(change):
        with open(tiny_config) as handle:
            values = yaml.safe_load(handle)
        change(values)
        path = tmp_path / "changed.yaml"
        path.write_text(yaml.safe_dump(values))
        return str(path), load_study(values)

    return write


@pytest.fixture
def jobs(snakemake, tiny_study):
    """Return the jobs of a command on the finished study, by rule and wildcards."""

    def listed(*arguments):
        # Not quiet, unlike the profile, so that each job is shown with its wildcards.
        done = snakemake(
            tiny_study.parents[1], *arguments, "--cores", "2", "--dry-run", "--quiet", "host"
        )
        found = re.findall(
            r"^(?:local)?rule (\w+):\n((?: +.*\n)*)", done.stdout, flags=re.MULTILINE
        )
        wildcards = (re.search(r"wildcards: (.*)", block) for _, block in found)
        return {
            (rule, *re.findall(r"=([^,\s]+)", match[1])) if match else (rule,)
            for (rule, _), match in zip(found, wildcards, strict=True)
        }

    return listed


def of(rule, found):
    return {job[1:] for job in found if job[0] == rule}


def runs_of(study):
    return {(run.method, str(run.size), str(run.seed)) for run in study.runs}


def points_of(study):
    return {(method, str(size)) for method, size in study.points}


@pytest.fixture
def before(tiny_config):
    with open(tiny_config) as handle:
        return load_study(yaml.safe_load(handle))


def test_a_seed_is_added(jobs, changed, before):
    """Its runs alone are trained; points that gained a run are judged anew, all seeds at once."""
    file, study = changed(lambda values: values["subsets"].update(seeds=[0, 1, 2]))
    found = jobs("--configfile", file)
    assert of("fine_tune", found) == runs_of(study) - runs_of(before) != set()
    gained = {(method, size) for method, size, _ in runs_of(study) - runs_of(before)}
    assert of("evaluate", found) == gained
    assert of("draw_subsets", found) == {("random", "2")}
    assert not TRAININGS & {job[0] for job in found}
    assert {"gather_evaluations", "fit_scaling_laws", "summarize"} <= {job[0] for job in found}


def test_a_size_is_added(jobs, changed, before):
    """Subsets are orders of all frames, so those that are there hold the new size."""
    file, study = changed(lambda values: values["subsets"].update(sizes=[0, 4, 8, 12]))
    found = jobs("--configfile", file)
    assert of("fine_tune", found) == runs_of(study) - runs_of(before) != set()
    assert of("evaluate", found) == points_of(study) - points_of(before)
    assert not TRAININGS & {job[0] for job in found}
    assert {"gather_evaluations", "fit_scaling_laws"} <= {job[0] for job in found}


def test_a_size_above_all_others_is_added(jobs, changed, before):
    """What was each method's largest size predicts no competing phases any more."""
    file, study = changed(lambda values: values["subsets"].update(sizes=[0, 4, 12, 14]))
    found = jobs("--configfile", file)
    assert of("fine_tune", found) == runs_of(study) - runs_of(before) != set()
    largest = {(method, str(size)) for method, size in before.largest_points}
    still = {(method, str(size)) for method, size in study.largest_points}
    assert of("evaluate", found) == points_of(study) - points_of(before) | largest - still


def test_competing_phases_may_be_test_materials_alone(jobs, changed):
    """Table 1 alone is made anew."""
    file, _ = changed(lambda values: values.update(evaluation={"competing_phases": "test"}))
    found = jobs("--configfile", file)
    assert not {"fine_tune", "evaluate", *TRAININGS} & {job[0] for job in found}
    assert "make_table1" in {job[0] for job in found}


def test_a_method_is_added(jobs, changed, before):
    def add(values):
        values["methods"]["frozen_layers"] = {
            "initial": "pretrained",
            "reference": "target",
            "freeze": ["atom_embedding"],
        }

    file, study = changed(add)
    found = jobs("--configfile", file)
    assert of("fine_tune", found) == runs_of(study) - runs_of(before)
    assert {method for method, _, _ in of("fine_tune", found)} == {"frozen_layers"}
    assert of("evaluate", found) == points_of(study) - points_of(before)
    assert not TRAININGS & {job[0] for job in found}


def test_what_is_taken_out_does_nothing_to_other_runs(jobs, changed):
    """Its files stay; tables and figures are made without it."""
    file, _ = changed(lambda values: values["methods"].pop("subset_reference"))
    found = jobs("--configfile", file)
    assert not of("fine_tune", found)
    assert not of("evaluate", found)
    assert {"gather_evaluations", "draw_methods"} <= {job[0] for job in found}


def test_a_part_is_run(tiny_config, tmp_path, snakemake):
    """Up to a rule; one method at one size; one run."""

    def rules(*arguments):
        done = snakemake(tmp_path, *arguments, "--cores", "2", "--dry-run")
        return dict(re.findall(r"^(\w+) +(\d+)$", done.stdout, flags=re.MULTILINE))

    config = ("--configfile", tiny_config)
    until = rules(*config, "--until", "pretrain")
    assert until["pretrain"] == "2"
    assert "fine_tune" not in until
    point = rules("results/tiny/evaluations/scratch/12.csv", *config)
    assert (point["fine_tune"], point["evaluate"]) == ("2", "1")
    assert "pretrain" in point  # the source's test frames are judged by it
    run = rules("results/tiny/runs/scratch/4/seed_0/model.pt", *config)
    assert run["fine_tune"] == "1"
    assert not {"pretrain", "evaluate"} & set(run)
