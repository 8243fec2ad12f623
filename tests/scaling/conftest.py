"""Synthetic learning curves whose law is known."""

import numpy as np
import pytest


def synthetic_curves(rng, n_seeds, sizes, law, *, offset=0.08, tilt=0.03, noise=0.08):
    """Points (sizes, seeds, errors) about ``law``.

    Every seed is off by a factor of its own (``offset``) and has an exponent of its own (``tilt``);
    each run scatters besides (``noise``); all are standard deviations on log errors.
    """
    sizes = np.asarray(sizes, dtype=float)
    all_sizes, seeds = np.tile(sizes, n_seeds), np.repeat(np.arange(n_seeds), len(sizes))
    centred = np.log(all_sizes) - np.log(sizes).mean()
    log_errors = (
        np.log(law(all_sizes))
        + offset * rng.normal(size=n_seeds)[seeds]
        + tilt * rng.normal(size=n_seeds)[seeds] * centred
        + noise * rng.normal(size=all_sizes.size)
    )
    return all_sizes, seeds, np.exp(log_errors)


@pytest.fixture
def curves():
    return synthetic_curves


def make_rows(laws, sizes=(10, 32, 100, 320, 1000), seeds=(0, 1, 2), scatter=0.05, zero=None):
    """Rows of a learning curve: ``laws`` maps method to a law of the energy MAE; the force MAE is
    twice as large."""
    rng = np.random.default_rng(7)
    rows = []
    for method, law in laws.items():
        for seed in seeds:
            for size in sizes:
                error = float(law(size)) * np.exp(scatter * rng.normal())
                rows.append(_row(method, size, seed, error))
        if zero and method in zero:
            rows.append(_row(method, 0, seeds[0], zero[method]))
    return rows


def _row(method, size, seed, error):
    return {
        "method": method,
        "size": size,
        "seed": seed,
        "energy_mae_mev_per_atom": float(error),
        "force_mae_mev_per_angstrom": 2 * float(error),
        "stress_mae_gpa": "",
        "magmom_mae_mu_b": None,
    }


@pytest.fixture
def learning_curve():
    return make_rows


def _at_odds(rows, by):
    """Let seeds that are good for one method be bad for the other, in energy."""
    for row in rows:
        side = 1 if row["method"] == "transfer" else -1
        row["energy_mae_mev_per_atom"] *= np.exp(side * by * (row["seed"] - 1))


@pytest.fixture
def at_odds():
    return _at_odds
