"""Correlation of consecutive frames, against series whose correlation is known."""

import numpy as np
import pytest

from rungs.classical.sampling import SAMPLING_COLUMNS, sampling_rows
from rungs.frames.frame import Frame


def frames_of(correlation, n_runs=4, n_frames=300, temperature=300.0):
    """Runs whose forces and energies each follow x(t+1) = c x(t) + noise."""
    rng = np.random.default_rng(0)
    for run in range(n_runs):
        state = rng.normal(size=13)
        for i in range(n_frames):
            yield Frame(
                frame_id=f"{run}-{i}",
                material_id=str(run),
                functional="SW",
                cell=5 * np.eye(3),
                atomic_numbers=[14] * 4,
                cart_coords=np.zeros((4, 3)),
                energy=100 * run + state[12],
                forces=state[:12].reshape(4, 3),
                group="solid",
                temperature=temperature,
            )
            state = correlation * state + np.sqrt(1 - correlation**2) * rng.normal(size=13)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_known_correlations_come_out(correlation):
    (row,) = sampling_rows("source", frames_of(correlation), 0.2)
    assert tuple(row) == SAMPLING_COLUMNS
    assert row["force_correlation"] == pytest.approx(correlation, abs=0.04)
    assert row["energy_correlation"] == pytest.approx(correlation, abs=0.08)
    assert (row["n_runs"], row["n_frames"], row["interval_ps"]) == (4, 1200, 0.2)


def test_short_runs_of_independent_frames_have_the_energy_correlation_that_is_told():
    (row,) = sampling_rows("source", frames_of(0.0, n_runs=2000, n_frames=5), 0.2)
    assert row["energy_correlation_if_independent"] == pytest.approx(-0.2)
    assert row["energy_correlation"] == pytest.approx(-0.2, abs=0.02)


def test_conditions_are_apart_and_single_frames_tell_nothing():
    both = [*frames_of(0.5), *frames_of(0.5, n_runs=3, n_frames=1, temperature=900.0)]
    first, second = sampling_rows("target", both, 0.2)
    assert (first["temperature_k"], second["temperature_k"]) == (300.0, 900.0)
    assert second["force_correlation"] is second["energy_correlation"] is None
