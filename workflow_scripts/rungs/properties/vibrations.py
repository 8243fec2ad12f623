"""How fast atoms vibrate in a trajectory."""

import numpy as np


def vibrational_density_of_states(
    velocities: np.ndarray,
    interval_ps: float,
    masses: np.ndarray | None = None,
    *,
    resolution: float = 0.5,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the vibrational density of states, from the power spectrum of the velocities.

    By the Wiener–Khinchin theorem the mass-weighted power spectrum is the Fourier transform of the
    velocity autocorrelation function, which for harmonic vibrations in equilibrium is the density
    of states (Dickey and Paskin, Phys. Rev. 188, 1407 (1969)). The spectrum is Welch's: the mean
    over half overlapping pieces under a Hann window (``scipy.signal.welch``).

    Args:
        velocities: (T, n, 3) in any unit, without the drift of the centre of mass.
        interval_ps: time between two frames, in ps; frequencies end at 1/(2·interval).
        masses: (n,) in any unit; by default all the same.
        resolution: wanted distance of two frequencies in THz; a trajectory shorter than its
            inverse gives what it can.

    Returns:
        (m,) frequencies in THz from 0, and (m,) density per THz, whose integral is 1.

    Raises:
        ValueError: with fewer than eight frames, or where no atom moves.
    """
    from scipy.signal import welch

    velocities = np.asarray(velocities, dtype=float)
    if len(velocities) < 8:
        raise ValueError(f"{len(velocities)} frames are too few for a spectrum; 8 are needed")
    weights = np.ones(velocities.shape[1]) if masses is None else np.asarray(masses, dtype=float)
    piece = min(len(velocities), max(8, round(1 / (resolution * interval_ps))))
    frequencies, power = welch(velocities, fs=1 / interval_ps, nperseg=piece, detrend=False, axis=0)
    density = np.einsum("fnx,n->f", power, weights)
    area = np.trapezoid(density, frequencies)
    if not area > 0:
        raise ValueError("no atom moves")
    return frequencies, density / area
