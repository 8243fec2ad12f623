"""Learning curves that others have published: numbers from their tables, fitted by us."""

import numpy as np
import pytest

from rungs.scaling import fit_curve
from rungs.scaling.laws.fit import fit_broken_law, fit_floor_law, fit_power_law


def exponent_of_the_ends(sizes, errors):
    return np.log(errors[0] / errors[-1]) / np.log(sizes[-1] / sizes[0])


def test_forces_of_a_potential_for_methane_combustion():
    """NewtonNet, force MAE in kcal/(mol·Å) on held-out configurations: Haghighatlari et al.,
    Digital Discovery 1, 333 (2022), table 4, doi 10.1039/D2DD00008C (PMC9189860).

    The sizes are a factor of 10 apart, so that least squares gives log10(2.78/1.12)/2 = 0.1974.
    """
    sizes, errors = [5787, 57873, 578731], [2.78, 1.88, 1.12]
    fit = fit_power_law(sizes, errors)
    assert fit.law.exponent == pytest.approx(np.log10(2.78 / 1.12) / 2, abs=2e-4)
    assert fit.law.exponent == pytest.approx(0.197, abs=0.001)
    assert fit.r2 > 0.98


def test_energies_out_of_distribution_do_not_fall():
    """The same table, energy MAE in kcal/mol per atom on configurations unlike the training's: 100
    times the data changes it from 3.273 to 3.170, by way of 3.135."""
    found = fit_curve([5787, 57873, 578731], [0, 0, 0], [3.273, 3.135, 3.170])
    assert found.law.exponent == pytest.approx(0.007, abs=0.001)
    assert found.exponent is None
    assert "the mean error rises from size 57873 to 578731" in found.notes


@pytest.mark.parametrize(
    ("errors", "exponent"),
    [((0.0256, 0.0147, 0.0134), 0.817), ((0.0229, 0.0142, 0.0129), 0.724)],
    ids=["SchNet", "MGCN"],
)
def test_energies_of_molecules(errors, exponent):
    """MAE of U0 in eV on QM9: Lu et al., AAAI 33, 1052 (2019), table 3 (arXiv 1906.11081).

    The exponent of the two ends is ln(0.0256/0.0134) / ln(110462/50000) = 0.817 for SchNet, 0.724
    for MGCN; the line through all three points lies within 0.02 of it.
    """
    sizes = [50_000, 100_000, 110_462]
    assert exponent_of_the_ends(sizes, errors) == pytest.approx(exponent, abs=5e-4)
    assert fit_power_law(sizes, errors).law.exponent == pytest.approx(exponent, abs=0.02)


TRANSLATION = [
    *(0.931175, 0.743928, 0.636239, 0.556788, 0.482007),
    *(0.409609, 0.373741, 0.353173, 0.349071, 0.340278),
    0.340156,  # held out by those who published it
]
"""Log-perplexity of translation with 6 encoder and 6 decoder layers after training on 0.5 to 512
million sentences, each size twice the one before: the benchmark data of Alabdulmohsin et al.,
NeurIPS 2022 (arXiv 2209.06640; google-research, revisiting_neural_scaling_laws), from the runs of
Bansal et al. (arXiv 2202.01994)."""


def test_before_it_saturates_a_translation_model_has_the_published_exponent():
    """Bansal et al. report an exponent of 0.28 for English to German, in the limit of few
    sentences; at finite sizes the curve has begun to bend and the exponent is less. By hand, from
    0.5 to 4 million: ln(0.9312/0.5568)/ln 8 = 0.247."""
    sizes = 0.5e6 * 2.0 ** np.arange(11)
    assert exponent_of_the_ends(sizes[:4], TRANSLATION[:4]) == pytest.approx(0.247, abs=0.001)
    assert 0.22 < fit_power_law(sizes[:4], TRANSLATION[:4]).law.exponent < 0.28
    broken = fit_broken_law(sizes, TRANSLATION).law
    assert 0.20 < broken.exponent < 0.28
    assert 0 < broken.exponent_after < 0.05


def test_a_curve_that_saturates_is_foretold_by_floor_and_break_and_not_by_the_line():
    sizes = 0.5e6 * 2.0 ** np.arange(11)
    fits = [
        fit(sizes[:-1], TRANSLATION[:-1]) for fit in (fit_power_law, fit_floor_law, fit_broken_law)
    ]
    line, floor, broken = (float(fit.law(sizes[-1])) / TRANSLATION[-1] - 1 for fit in fits)
    assert line == pytest.approx(-0.23, abs=0.02)
    assert abs(floor) < 0.06
    assert abs(broken) < 0.03
    for fit in fits[1:]:
        assert fit.converged
        assert fit.aicc < fits[0].aicc - 15
