"""The table of what the trainings cost."""

import csv
import json

import pytest

from rungs.errors import StudyError
from rungs.training.costs import COST_COLUMNS, gather_costs

RECORD = {
    "wall_seconds": 1800.0,
    "updates": 700,
    "frames_per_second": 592.3,
    "peak_memory_mb": 542.7,
    "device": "A processor, 2 cores",
    "threads": 1,
    "python": "3.11.7",
    "torch": "2.13.0",
    "chgnet": "0.4.2",
    "started": "2026-01-01T00:00:00+00:00",
    "budget_updates": 700,
}


def write(path, **values):
    path.write_text(json.dumps(RECORD | values))
    return path


def test_a_row_for_each_training(tmp_path):
    pretraining = write(tmp_path / "p.json", initial="random", n_frames=3000)
    runs = [
        write(tmp_path / f"{size}.json", method="scratch", size=size, seed=1, device=device)
        for size, device in ((10, "A GPU"), (32, "A processor, 2 cores"))
    ]
    said = gather_costs([pretraining], runs, tmp_path / "costs.csv")
    assert said == "3 trainings, 1.50 hours in all, on A GPU; A processor, 2 cores"
    with open(tmp_path / "costs.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert tuple(rows[0]) == COST_COLUMNS
    assert [(row["method"], row["size"]) for row in rows] == [
        ("pretraining", "3000"),
        ("scratch", "10"),
        ("scratch", "32"),
    ]
    assert rows[2]["peak_device_memory_mb"] == ""
    assert {row["torch"] for row in rows} == {"2.13.0"}
    assert len(gather_costs([], runs, tmp_path / "costs.csv")) > 0


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"wall_seconds": null, "device": "x"}'])
def test_what_is_no_record_is_refused(tmp_path, text):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(StudyError, match=r"r\.json: is no record"):
        gather_costs([], [tmp_path / "r.json"], tmp_path / "costs.csv")
    with pytest.raises(StudyError, match="cannot be read"):
        gather_costs([], [tmp_path / "none.json"], tmp_path / "costs.csv")
