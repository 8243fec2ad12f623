"""The study's tables of errors."""

import pytest

from rungs.config import Run
from rungs.errors import StudyError
from rungs.evaluation.tables import evaluation_rows, learning_curve_rows, read_rows
from rungs.files import write_rows
from rungs.potentials.properties import PropertyError


def test_learning_curve_has_one_row_a_run_with_full_precision(tmp_path):
    third = 1 / 3
    rows = [
        *evaluation_rows(
            Run("scratch", 10, 0),
            {"energy": PropertyError(third, 2.0, 5), "force": PropertyError(3.0, 4.0, 60)},
        ),
        *evaluation_rows(Run("scratch", 10, 1), {"energy": PropertyError(1.0, 2.0, 5)}),
    ]
    path = tmp_path / "evaluation.csv"
    write_rows(path, ("method", "size", "seed", "property", "unit", "mae", "rmse", "n"), rows)
    curve = learning_curve_rows(read_rows(path))
    assert [(row["method"], row["size"], row["seed"]) for row in curve] == [
        ("scratch", "10", "0"),
        ("scratch", "10", "1"),
    ]
    assert float(curve[0]["energy_mae_mev_per_atom"]) == third
    assert "force_mae_mev_per_angstrom" not in curve[1]
    assert rows[0]["unit"] == "meV/atom"
    assert rows[1]["unit"] == "meV/Å"


def test_missing_or_empty_tables_are_named(tmp_path):
    with pytest.raises(StudyError, match=r"absent\.csv"):
        read_rows(tmp_path / "absent.csv")
    (tmp_path / "empty.csv").write_text("method,size\n")
    with pytest.raises(StudyError, match=r"empty\.csv: holds no rows"):
        read_rows(tmp_path / "empty.csv")
