"""Studies where the packages of extras are not installed."""

import pytest
import yaml

STUDIES = ("diverse", "mace", "materials-project", "properties", "tensorboard")
"""Extras that a configuration can ask for."""


@pytest.fixture
def study_with(repository, tmp_path):
    """Write the default study with other sections; return the file."""

    def write(**sections):
        values = yaml.safe_load((repository / "config.yaml").read_text(encoding="utf-8"))
        path = tmp_path / "study.yaml"
        path.write_text(yaml.safe_dump(values | sections))
        return str(path)

    return write


def test_the_default_study_needs_none_of_them(
    fresh_snakemake, without_packages, study_with, tmp_path
):
    without_packages(*STUDIES)
    done = fresh_snakemake(tmp_path, "--dry-run", "--cores", "1", "--configfile", study_with())
    assert "fine_tune" in done.stdout


PROPERTIES = {"calculate": ["phonons"], "crystal": {"element": "Na"}}
SUBSETS = {"sizes": [10], "seeds": [0], "sampling": "diverse"}


@pytest.mark.parametrize(
    ("extra", "sections", "words"),
    [
        ("properties", {"properties": PROPERTIES}, "calculate: phonons needs matcalc and phonopy"),
        ("diverse", {"subsets": SUBSETS, "methods": None}, "needs dscribe and scikit-learn"),
        (
            "mace",
            {"architecture": {"kind": "mace"}},
            "architecture.kind: mace needs mace-torch",
        ),
        ("tensorboard", {"tracking": {"tensorboard": True}}, "tensorboard: true needs tensorboard"),
    ],
)
@pytest.mark.parametrize("arguments", [[], ["--dry-run"]])
def test_a_study_that_needs_one_says_so_before_any_job(
    fresh_snakemake, without_packages, study_with, tmp_path, extra, sections, words, arguments
):
    without_packages(extra)
    if "methods" in sections:
        sections = sections | {"methods": {"scratch": {"initial": "random", "reference": "target"}}}
    configuration = ["--configfile", study_with(**sections)]
    done = fresh_snakemake(tmp_path, "--cores", "1", *configuration, *arguments, check=False)
    assert done.returncode
    (line,) = (x for x in done.stdout.splitlines() if x.startswith("error: "))
    assert "study.yaml: " in line
    assert words in line
    assert line.endswith(f"pip install -c constraints.txt -e '.[{extra}]'")
    assert "Traceback" not in done.stdout
    assert "Building DAG" not in done.stdout
    assert not (tmp_path / "results").exists()


def test_a_download_says_so_before_it_asks_for_a_key(
    fresh_snakemake, without_packages, repository, tmp_path, monkeypatch
):
    monkeypatch.delenv("MP_API_KEY", raising=False)
    without_packages("materials-project")
    configuration = str(repository / "config/materials_project.yaml")
    done = fresh_snakemake(tmp_path, "--cores", "1", "--configfile", configuration, check=False)
    assert done.returncode
    assert "source.data.kind: mp_api needs mp-api, emmet-core and deltalake" in done.stdout


def test_a_finished_study_needs_them_no_more(
    fresh_snakemake, without_packages, tiny_study, tiny_config
):
    without_packages(*STUDIES)
    arguments = ["--dry-run", "--cores", "1", "--configfile", tiny_config]
    assert "Nothing to be done" in fresh_snakemake(tiny_study.parents[1], *arguments).stdout


def test_jobs_elsewhere_bring_their_own(
    fresh_snakemake, without_packages, repository, tiny_config, tmp_path
):
    """The images of clouds have all; only where the command runs they are absent."""
    without_packages(*STUDIES)
    fresh_snakemake(
        tmp_path,
        *("results/tiny/pretrained/model.pt", "--dry-run", "--configfile", tiny_config),
        *("--workflow-profile", str(repository / "profiles/kubernetes")),
        *("--default-storage-provider", "fs", "--default-storage-prefix", str(tmp_path / "s")),
    )


@pytest.mark.slow
def test_a_study_runs_to_its_end_without_them(
    fresh_snakemake, without_packages, tiny_config, tmp_path
):
    """Simulations and properties of motion too, and the report."""
    with open(tiny_config, encoding="utf-8") as handle:
        values = yaml.safe_load(handle)
    del values["methods"]["subset_reference"]["sampling"]
    del values["properties"]["reference_values"]
    values["properties"]["calculate"] = ["radial_distribution"]
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(values))
    without_packages(*STUDIES)
    fresh_snakemake(tmp_path, "--cores", "2", "--configfile", str(file))
    fresh_snakemake(tmp_path, "--configfile", str(file), "--report", str(tmp_path / "report.html"))
    assert (tmp_path / "results/tiny/tables/properties.csv").exists()
