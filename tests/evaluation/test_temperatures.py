"""Errors at each test temperature against what was trained on."""

import numpy as np
import pytest

from rungs.config import Run
from rungs.errors import StudyError
from rungs.evaluation.frames import write_frame_errors
from rungs.evaluation.temperatures import TEMPERATURE_COLUMNS, temperature_transfer

TEST = ["t0", "t1", "t2", "t3", "t4"]
KELVIN = {"t0": 300.0, "t1": 900.0, "t2": 900.0, "t4": 300.0, "a": 300.0, "b": 900.0, "c": 300.0}
"""Of test frame t3 none is known."""
N_ATOMS = np.array([1, 1, 3, 2, 3])


class MadeUp:
    """Errors of a run: what :class:`rungs.evaluation.frames.FrameErrors` gives."""

    def __init__(self, scale: float) -> None:
        n = len(TEST)
        energies = scale * np.array([1.0, -2.0, 4.0, 1000.0, -5.0])
        self._columns = {
            "n_atoms": N_ATOMS,
            "n_magmoms": np.zeros(n, dtype=int),
            "energy_true_ev_per_atom": np.zeros(n),
            "energy_predicted_ev_per_atom": energies / 1000,
            "energy_error_mev_per_atom": energies,
            "force_mae_mev_per_angstrom": scale * np.array([10.0, 20.0, 60.0, 1000.0, 30.0]),
            "force_rmse_mev_per_angstrom": np.ones(n),
            "force_max_error_mev_per_angstrom": np.ones(n),
            "stress_mae_gpa": np.array([1.0, np.nan, np.nan, 1.0, 3.0]),
            "magmom_mae_mu_b": np.full(n, np.nan),
        }

    def columns(self):
        return self._columns


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "errors.parquet"
    runs = [(Run("cold", 2, seed), MadeUp(scale)) for seed, scale in ((0, 1.0), (1, 3.0))]
    write_frame_errors(path, runs, TEST, TEST)
    return path


def rows(file, members=("a", "c"), pool="cold", temperatures=KELVIN):
    found = temperature_transfer({("cold", 2): file}, TEST, temperatures, {"cold": (pool, members)})
    assert all(tuple(row) == TEMPERATURE_COLUMNS for row in found)
    return {(row["property"], row["test_temperature_k"]): row for row in found}


def test_errors_are_means_over_the_numbers_at_a_temperature_then_over_seeds(file):
    found = rows(file)
    energy = found["energy", 300.0]
    assert (energy["lowest"], energy["mae"], energy["highest"]) == (3.0, 6.0, 9.0)
    # one atom with 10 and three with 30; one with 20 and three with 60
    assert found["force", 300.0]["lowest"] == pytest.approx(25)
    assert found["force", 900.0]["mae"] == pytest.approx(2 * 50)
    assert found["force", 900.0]["unit"] == "meV/Å"
    assert energy["n_seeds"] == 2


def test_frames_without_a_temperature_count_nowhere(file):
    found = rows(file)
    assert {kelvin for _, kelvin in found} == {300.0, 900.0}
    assert [found["energy", t]["n_frames"] for t in (300.0, 900.0)] == [2, 2]
    assert found["energy", 900.0]["highest"] == 9.0


def test_properties_without_labels_have_no_rows(file):
    found = rows(file)
    assert found["stress", 300.0]["mae"] == pytest.approx(2)
    assert ("stress", 900.0) not in found
    assert not any(name == "magmom" for name, _ in found)


def test_what_was_trained_on_is_told(file):
    cold = rows(file)
    assert cold["energy", 300.0]["train_temperatures_k"] == "300"
    assert [cold["energy", t]["trained_there"] for t in (300.0, 900.0)] == [True, False]
    every = rows(file, members=("b", "a", "unknown"), pool=None)
    assert every["energy", 300.0]["train_temperatures_k"] == "300 900"
    assert every["energy", 900.0]["trained_there"]
    assert every["energy", 900.0]["pool"] == ""


def test_no_temperatures_no_rows(file):
    assert rows(file, temperatures={}) == {}


def test_other_frames_are_refused(file):
    with pytest.raises(StudyError, match="not the study's test frames"):
        temperature_transfer({("cold", 2): file}, TEST[:4], KELVIN, {"cold": (None, ())})
