"""Several studies in one table, from their summaries; and the command that makes it."""

import csv
import json

import pytest
import yaml

from rungs.cli.main import main
from rungs.config import load_study
from rungs.errors import StudyError
from rungs.records.gathering import COLUMNS, gather, markdown, read_summary_of
from rungs.records.summary import summarize, write_summary
from rungs.scaling import data_efficiency, fit_learning_curves, learning_curve_means
from rungs.splits.summary import PartSummary

ENERGY, FORCE = "energy_mae_mev_per_atom", "force_mae_mev_per_angstrom"


@pytest.fixture
def finished(tmp_path, repository):
    """Writes the summary of a study in which transfer at N frames is as good as from scratch at
    ``gain``·N; returns its folder."""
    values = yaml.safe_load((repository / "config.yaml").read_text())

    def write(name, gain=4.0, seeds=(0, 1, 2), metrics=(ENERGY, FORCE), methods=None, steeper=0.0):
        rows = [
            {"method": method, "size": n, "seed": seed}
            | dict.fromkeys(
                metrics,
                a * n ** (-0.5 - steeper * (method == "scratch")) * (1 + 0.02 * seed),
            )
            for method, a in (("scratch", 900), ("target_reference", 900 / gain**0.5))
            if methods is None or method in methods
            for n in (10, 100, 1000)
            for seed in seeds
        ]
        laws = fit_learning_curves(rows)
        has_scratch = any(row["method"] == "scratch" for row in rows)
        study = load_study(values | {"study": name})
        folder = tmp_path / name
        folder.mkdir()
        summary = summarize(
            study,
            points=learning_curve_means(rows),
            laws=laws,
            checks=[],
            efficiency=data_efficiency(rows, laws) if has_scratch else [],
            plan=[],
            parts=[
                PartSummary(level, "train", *[1000] * 4, 0, *[1000] * 4)
                for level in ("source", "target")
            ],
        )
        write_summary(folder / "summary.json", summary)
        return folder

    return write


def test_a_row_for_each_study_and_metric(finished):
    rows = gather(map(read_summary_of, [finished("one"), finished("two", gain=9.0)]))
    assert [(row.study, row.metric) for row in rows] == [
        ("one", ENERGY),
        ("one", FORCE),
        ("two", ENERGY),
        ("two", FORCE),
    ]
    first = rows[0]
    assert (first.scratch, first.transfer, first.labels) == (
        "scratch",
        "target_reference",
        "a CHGNet",
    )
    assert first.scratch_exponent == pytest.approx(0.5, abs=0.01)
    assert first.scratch_error / first.transfer_error == pytest.approx(2.0)
    assert (first.largest_size, first.equivalent_size) == (1000, 10)
    assert first.equivalent_frames == pytest.approx(40, rel=0.02)
    assert first.equivalent_low < first.equivalent_frames < first.equivalent_high
    assert rows[2].equivalent_frames == pytest.approx(90, rel=0.02)


def test_up_to_where_transfer_pays(finished):
    """From scratch falls as N^-0.8, transferred as N^-0.5 from half its error at one frame."""
    (row, _) = gather([read_summary_of(finished("one", steeper=0.3))])
    assert (row.few_size, row.many_size) == (10, 100)
    assert row.few_ratio == pytest.approx(0.5 * 10**0.3)
    assert row.many_ratio == pytest.approx(0.5 * 100**0.3)
    assert (row.pays_up_to, row.undecided_from) == (10, 100)
    assert row.source_per_target == pytest.approx(100)
    assert "| 10 (100 source frames each) |" in markdown([row])
    (row, _) = gather([read_summary_of(finished("two"))])
    assert (row.pays_up_to, row.undecided_from) == (1000, None)
    assert "| 1,000, the most (1.0 source frames each) |" in markdown([row])
    (row, _) = gather([read_summary_of(finished("three", gain=0.5))])
    assert (row.pays_up_to, row.undecided_from) == (None, 10)
    assert "| not for certain |" in markdown([row])


def test_what_a_study_lacks_stays_empty(finished):
    (row,) = gather(
        [read_summary_of(finished("one", metrics=(ENERGY,), methods={"target_reference"}))]
    )
    assert row.scratch is None
    assert row.scratch_error is None
    assert row.equivalent_frames is None
    assert row.transfer_error > 0
    assert "| – /" in markdown([row])


def test_one_seed_has_no_intervals(finished):
    (row, _) = gather([read_summary_of(finished("one", seeds=(0,)))])
    assert row.scratch_exponent_low is None
    assert "0.50 / 0.50" in markdown([row])


def test_the_command_prints_and_writes(finished, tmp_path, capsys):
    folders = [str(finished("one")), str(finished("two") / "summary.json")]
    assert main(["gather", *folders, "--csv", str(tmp_path / "all.csv")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 4
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|") == 10
    assert "10 → 40 (" in lines[2]
    with open(tmp_path / "all.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert tuple(rows[0]) == COLUMNS
    assert main(["gather", *folders, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["study"] for row in found] == ["one", "one", "two", "two"]


def test_a_study_that_is_not_there_not_finished_or_of_another_version(finished, tmp_path, capsys):
    assert main(["gather", str(tmp_path)]) == 2
    assert "has no summary.json; is the study finished?" in capsys.readouterr().err
    folder = finished("one")
    with pytest.raises(StudyError, match="two studies are called one"):
        gather(map(read_summary_of, [folder, folder]))
    path = folder / "summary.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"schema_version": 7}))
    with pytest.raises(StudyError, match="written by another version of Rungs"):
        read_summary_of(folder)
    path.write_text("{")
    with pytest.raises(StudyError, match="is no JSON"):
        read_summary_of(folder)


def test_summaries_from_before_models_are_read(finished):
    folder = finished("one")
    values = json.loads((folder / "summary.json").read_text())
    for row in values["efficiency"]:
        del row["baseline"]
    del values["strategies"]
    (folder / "summary.json").write_text(json.dumps(values))
    assert read_summary_of(folder).efficiency[0].baseline == "scratch"
