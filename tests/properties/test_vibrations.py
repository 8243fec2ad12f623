"""Spectra of motions that are known."""

import numpy as np
import pytest

from rungs.properties.vibrations import vibrational_density_of_states


def oscillators(frequencies, n_frames=4000, interval=0.01):
    time = np.arange(n_frames) * interval
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, (len(frequencies), 3))
    return np.cos(2 * np.pi * time[:, None, None] * np.asarray(frequencies)[:, None] + phases)


def test_one_oscillator():
    frequency, density = vibrational_density_of_states(oscillators([7.3]), 0.01, resolution=0.1)
    assert frequency[np.argmax(density)] == pytest.approx(7.3, abs=0.1)
    assert np.trapezoid(density, frequency) == pytest.approx(1.0)
    near = np.abs(frequency - 7.3) < 0.3
    assert np.trapezoid(density[near], frequency[near]) > 0.99
    assert frequency[-1] == pytest.approx(50.0)  # 1/(2·0.01 ps)


def test_two_oscillators_by_their_masses():
    """Kinetic energy m v²/2 is what counts: three times the mass, three times the area."""
    frequency, density = vibrational_density_of_states(
        oscillators([4.0, 10.0]), 0.01, masses=[1.0, 3.0], resolution=0.2
    )
    low = frequency < 7
    areas = [np.trapezoid(density[part], frequency[part]) for part in (low, ~low)]
    assert areas[1] / areas[0] == pytest.approx(3.0, rel=0.02)


def test_a_short_trajectory_gives_what_it_can():
    frequency, density = vibrational_density_of_states(oscillators([5.0], n_frames=50), 0.01)
    assert frequency[1] == pytest.approx(2.0)
    assert np.isfinite(density).all()


def test_what_has_no_spectrum():
    with pytest.raises(ValueError, match="too few"):
        vibrational_density_of_states(np.ones((7, 2, 3)), 0.01)
    with pytest.raises(ValueError, match="no atom moves"):
        vibrational_density_of_states(np.zeros((100, 2, 3)), 0.01)
