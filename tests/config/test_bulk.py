"""Sources of bulk files: what their sections say, and where published files are."""

import copy

import pytest
import yaml

from rungs.config import load_study
from rungs.config.bulk import MaterialsJSON, VaspRuns
from rungs.config.published import whereabouts
from rungs.errors import StudyError


@pytest.fixture
def paper(repository):
    return yaml.safe_load((repository / "config/gga_to_r2scan.yaml").read_text())


def test_published_files_are_known_by_name():
    data = MaterialsJSON(kind="mp_json", train=["MPtrj_2022.9_full.json"])
    (path,) = data.files("folder")
    assert path == "folder/MPtrj_2022.9_full.json"
    assert "10.6084/m9.figshare.23713842" in data.whereabouts(path)
    assert whereabouts("a/b/MPtrj_2022.9_full.json.gz") == data.whereabouts(path)
    assert data.whereabouts("folder/mine.json") is None


def test_a_folder_of_runs_is_its_files(tmp_path):
    data = VaspRuns(kind="vasp_runs", folder="runs")
    assert data.files(str(tmp_path)) == [str(tmp_path / "runs")]  # to be named as missing
    for name in ("b", "a"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "vasprun.xml").touch()
    files = [str(tmp_path / "runs" / name / "vasprun.xml") for name in ("a", "b")]
    assert data.files(str(tmp_path)) == files


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"energie": "corrected"}, r"source\.data\.energie: unknown key; did you mean 'energy'"),
        ({"energy": "best"}, r"source\.data\.energy: .*'corrected' or 'uncorrected'"),
        ({"train": []}, r"source\.data\.train: .*at least 1"),
        (
            {"kind": "mp_jsn"},
            r"source\.data\.kind: .mp_jsn. is no kind of source; did you mean .mp_json",
        ),
    ],
)
def test_a_wrong_key_is_named_without_the_union_in_between(paper, change, words):
    values = copy.deepcopy(paper)
    values["source"]["data"] |= change
    with pytest.raises(StudyError, match=words):
        load_study(values)


def test_the_papers_recipe(paper):
    """Of the README beside the published r2SCAN weights."""
    study = load_study(paper)
    training = study.fine_tuning
    assert (training.epochs, training.updates) == (50, None)
    assert (training.optimizer, training.learning_rate, training.loss) == ("Adam", 1e-3, "Huber")
    assert training.weights.model_dump() == {"energy": 3, "force": 1, "stress": 0.1, "magmom": 1}
    assert (study.split.test, study.split.validation) == (0.1, 0.1)
    assert study.pretraining.initial == "0.3.0"
    assert study.pretraining.training is None
    assert not study.methods["target_reference"].train_reference
