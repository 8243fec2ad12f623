import numpy as np
import pytest

from rungs.errors import StudyError
from rungs.scaling.laws.joint import JointLaw, fit_joint_law

PRETRAINING, TARGET = np.meshgrid([100, 1000, 10000], [10, 32, 100, 320, 1000])
PRETRAINING, TARGET = PRETRAINING.ravel(), TARGET.ravel()


def points(law, n_seeds=3, noise=0.03, rng_seed=0):
    rng = np.random.default_rng(rng_seed)
    s, n = np.tile(PRETRAINING, n_seeds), np.tile(TARGET, n_seeds)
    seeds = np.repeat(np.arange(n_seeds), len(PRETRAINING))
    return s, n, seeds, law(s, n) * np.exp(noise * rng.normal(size=s.size))


def test_exact_parameters_come_back():
    law = JointLaw(5000, 0.15, 0.3)
    found = fit_joint_law(*points(law, noise=0.0), floor=False)
    assert found.converged
    assert found.law.prefactor == pytest.approx(5000, rel=1e-6)
    assert found.law.pretraining_exponent == pytest.approx(0.15, rel=1e-6)
    assert found.law.target_exponent == pytest.approx(0.3, rel=1e-6)


def test_floor_is_taken_where_the_data_show_it_and_else_refused():
    found = fit_joint_law(*points(JointLaw(5000, 0.2, 0.5, 12.0), rng_seed=2))
    assert found.floor[0] < 12 < found.floor[1]
    assert found.law.floor == pytest.approx(12, rel=0.15)
    assert found.target_exponent[0] < 0.5 < found.target_exponent[1]
    without = fit_joint_law(*points(JointLaw(5000, 0.15, 0.3)))
    assert without.law.floor == 0
    assert without.floor is None
    assert any(note.startswith("no floor") for note in without.notes)


def test_intervals_hold_the_truth():
    held = np.zeros(2)
    for i in range(60):
        found = fit_joint_law(*points(JointLaw(5000, 0.15, 0.3), rng_seed=i), floor=False)
        held += [
            found.pretraining_exponent[0] < 0.15 < found.pretraining_exponent[1],
            found.target_exponent[0] < 0.3 < found.target_exponent[1],
        ]
    assert (held > 60 * 0.78).all()


def test_one_run_gone_wrong_does_not_bend_it():
    s, n, seeds, errors = points(JointLaw(5000, 0.15, 0.3), noise=0.01)
    errors[0] *= 30  # a corner, where it has most leverage
    assert fit_joint_law(s, n, seeds, errors).law.target_exponent == pytest.approx(0.3, abs=0.03)


def test_what_cannot_be_fitted_is_said():
    law = JointLaw(5000, 0.15, 0.3)
    s, n, seeds, errors = points(law, n_seeds=1)
    one = fit_joint_law(s, n, seeds, errors)
    assert one.pretraining_exponent is None
    assert "one seed: no interval" in one.notes
    with pytest.raises(StudyError, match="do not lie on one line"):
        fit_joint_law(n * 10, n, seeds, errors)
    with pytest.raises(StudyError, match="point 0 has error nan"):
        fit_joint_law(s, n, seeds, np.full(len(s), np.nan))
    with pytest.raises(StudyError, match="columns of one length"):
        fit_joint_law(s[1:], n, seeds, errors)
    rising = fit_joint_law(*points(JointLaw(50, -0.1, 0.3)))
    assert "the error does not fall with the pretraining size" in rising.notes
