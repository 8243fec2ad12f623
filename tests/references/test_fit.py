"""Reference energies: what determined data give, and what undetermined data must not."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rungs.errors import StudyError
from rungs.frames.elements import ATOMIC_NUMBERS
from rungs.references.fit import (
    ReferenceEnergies,
    fit_reference,
    read_reference,
    write_reference,
)


def fractions(*formulas: dict[str, int]) -> np.ndarray:
    rows = np.zeros((len(formulas), 94))
    for row, formula in zip(rows, formulas, strict=True):
        for symbol, count in formula.items():
            row[ATOMIC_NUMBERS[symbol] - 1] = count
    return rows / rows.sum(axis=1, keepdims=True)


def of(reference: ReferenceEnergies, symbol: str) -> float:
    return reference.energies[ATOMIC_NUMBERS[symbol] - 1]


@st.composite
def data(draw, min_frames: int = 1):
    """Compositions of up to five elements out of eight, and energies, often underdetermined."""
    n = draw(st.integers(min_frames, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    counts = np.zeros((n, 94))
    for row in counts:
        chosen = rng.choice(8, size=rng.integers(1, 6), replace=False) * 11
        row[chosen] = rng.integers(1, 5, size=len(chosen))
    return counts / counts.sum(axis=1, keepdims=True), rng.normal(scale=5, size=n), rng


def test_determined_data_give_ordinary_least_squares_and_chgnets_fit():
    """Against chgnet's AtomRef.fit, which is float32."""
    torch = pytest.importorskip("torch")
    from chgnet.model.composition_model import AtomRef
    from pymatgen.core import Lattice, Structure

    rng = np.random.default_rng(0)
    symbols = ["Li", "Mg", "Ti", "O", "F"]
    formulas = [{s: int(rng.integers(1, 4)) for s in symbols} for _ in range(40)]
    x = fractions(*formulas)
    truth = np.array([-2.8, -2.1, -9.1, -8.4, -5.7])
    e = x @ np.bincount([ATOMIC_NUMBERS[s] - 1 for s in symbols], truth, 94)
    e += rng.normal(scale=0.1, size=40)
    structures = []
    for formula in formulas:
        species = [s for s, count in formula.items() for _ in range(count)]
        coords = rng.uniform(size=(len(species), 3))
        structures.append(Structure(Lattice.cubic(9), species, coords))
    chgnet = AtomRef(is_intensive=True)
    chgnet.fit(structures, e)
    theirs = chgnet.fc.weight.detach().to(torch.float64).numpy().ravel()
    ours = fit_reference(x, e)
    prior = fit_reference(x, e, prior=rng.normal(scale=9, size=94))
    assert ours.rank == prior.rank == 5
    for symbol in symbols:
        assert of(ours, symbol) == pytest.approx(theirs[ATOMIC_NUMBERS[symbol] - 1], abs=2e-3)
        assert of(prior, symbol) == pytest.approx(of(ours, symbol), abs=1e-9)
    expected = np.abs(x @ np.linalg.pinv(x) @ e - e).mean()
    assert ours.residual_mae == pytest.approx(expected, abs=1e-9)


def test_absent_element_keeps_its_prior_plus_the_common_shift():
    prior = np.linspace(-10, 0, 94)
    x = fractions({"Mg": 1}, {"O": 1}, {"Mg": 1, "O": 1})
    e = x @ prior - 3.0
    fitted = fit_reference(x, e, prior)
    assert np.allclose(fitted.energies, prior - 3.0, atol=1e-12)
    assert fitted.n_frames[[11, 7, 25]].tolist() == [2, 2, 0]
    assert fitted.n_elements == 2


def test_without_prior_an_absent_element_gets_the_mean_energy_not_zero():
    x = fractions({"Mg": 1}, {"O": 1})
    fitted = fit_reference(x, [-2.0, -6.0])
    assert of(fitted, "Mg") == pytest.approx(-2)
    assert of(fitted, "O") == pytest.approx(-6)
    assert of(fitted, "Pu") == pytest.approx(-4)


def test_one_frame_shifts_everything_by_its_residual():
    """One composition says nothing of single elements, only of the common shift."""
    prior = np.linspace(-10, 0, 94)
    fitted = fit_reference(fractions({"Na": 1, "Cl": 1}), [-50.0], prior)
    shift = -50.0 - prior[[10, 16]].mean()
    assert np.allclose(fitted.energies, prior + shift)
    assert fitted.rank == 1
    assert fitted.residual_mae == pytest.approx(0, abs=1e-12)


def test_one_element_and_one_composition():
    only = fit_reference(fractions({"Si": 1}, {"Si": 1}), [-5.0, -5.5])
    assert of(only, "Si") == pytest.approx(-5.25)
    assert only.residual_mae == pytest.approx(0.25)
    same = fit_reference(np.repeat(fractions({"Ti": 1, "O": 2}), 5, axis=0), np.full(5, -9.0))
    assert of(same, "Ti") == of(same, "O") == pytest.approx(-9.0)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_rounded_fractions_do_not_count_as_information(kind):
    """Mixtures of MgO and TiO2 are all neutral: three elements, two directions, whatever the
    rounding of the fractions."""
    pairs = [(1, 0), (0, 1), (1, 1), (1, 2), (2, 1), (3, 1), (1, 3), (2, 5)]
    x = fractions(*({"Mg": a, "Ti": b, "O": a + 2 * b} for a, b in pairs))
    noise = np.random.default_rng(0).normal(scale=0.01, size=len(pairs))
    fitted = fit_reference(x.astype(kind), -6.0 - 4 * x[:, ATOMIC_NUMBERS["Ti"] - 1] + noise)
    assert (fitted.n_elements, fitted.rank) == (3, 2)
    assert np.abs(fitted.energies).max() < 15


@given(data(), st.floats(-100, 100))
@settings(deadline=None, max_examples=60)
def test_a_constant_per_atom_shifts_every_element(drawn, shift):
    x, e, rng = drawn
    for prior in (None, rng.normal(size=94)):
        moved = fit_reference(x, e + shift, prior).energies
        assert np.allclose(moved, fit_reference(x, e, prior).energies + shift, atol=1e-7)


@given(data())
@settings(deadline=None, max_examples=60)
def test_a_shift_per_element_of_data_and_prior_moves_the_fit_with_it(drawn):
    x, e, rng = drawn
    prior, shifts = rng.normal(size=(2, 94)) * 10
    moved = fit_reference(x, e + x @ shifts, prior + shifts).energies
    assert np.allclose(moved, fit_reference(x, e, prior).energies + shifts, atol=1e-7)


@given(data(), st.integers(2, 4))
@settings(deadline=None, max_examples=60)
def test_order_and_duplication_of_frames_do_not_matter(drawn, copies):
    x, e, rng = drawn
    prior = rng.normal(size=94)
    expected = fit_reference(x, e, prior)
    order = np.tile(rng.permutation(len(e)), copies)
    found = fit_reference(x[order], e[order], prior)
    assert np.allclose(found.energies, expected.energies, atol=1e-7)
    assert found.rank == expected.rank
    assert found.residual_mae == pytest.approx(expected.residual_mae, abs=1e-7)


@given(data(min_frames=2))
@settings(deadline=None, max_examples=60)
def test_the_fit_is_least_squares_and_closest_to_the_shifted_prior(drawn):
    """No other reference energies fit better; none that fit as well are nearer."""
    x, e, rng = drawn
    prior = rng.normal(size=94)
    fitted = fit_reference(x, e, prior).energies
    residual = e - x @ fitted
    assert np.allclose(x.T @ residual, 0, atol=1e-7)
    change = fitted - prior - (e - x @ prior).mean()
    unseen = np.linalg.svd(x)[2][np.linalg.matrix_rank(x, tol=1e-6) :]
    assume(len(unseen))
    assert np.allclose(unseen @ change, 0, atol=1e-7)


def test_bad_input_is_refused():
    x = fractions({"Mg": 1}, {"O": 1})
    with pytest.raises(StudyError, match="at least one frame"):
        fit_reference(np.zeros((0, 94)), [])
    with pytest.raises(StudyError, match=r"in 1 of 2 frames, first in row 1"):
        fit_reference(x, [1.0, np.nan])
    with pytest.raises(StudyError, match="prior"):
        fit_reference(x, [1.0, 2.0], np.full(94, np.nan))
    with pytest.raises(ValueError, match="sum to 1"):
        fit_reference(2 * x, [1.0, 2.0])
    with pytest.raises(ValueError, match="shape"):
        fit_reference(x, [1.0])
    with pytest.raises(ValueError, match="prior has shape"):
        fit_reference(x, [1.0, 2.0], np.zeros(93))


def test_file_keeps_full_precision(tmp_path):
    rng = np.random.default_rng(0)
    reference = ReferenceEnergies(rng.normal(size=94) * 10, rng.integers(0, 99, size=94))
    path = tmp_path / "references" / "source.csv"
    write_reference(path, reference)
    back = read_reference(path)
    assert np.array_equal(back.energies, reference.energies)
    assert np.array_equal(back.n_frames, reference.n_frames)
    lines = path.read_text().splitlines()
    assert lines[0] == "element,atomic_number,energy_ev_per_atom,n_frames"
    assert lines[1].startswith("H,1,")
    assert lines[94].startswith("Pu,94,")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("energy_ev_per_atom", "energy"),
        lambda text: text.replace("O,8,", "O,9,"),
        lambda text: text.replace("O,8,1.0", "O,8,nan"),
        lambda text: text.replace("O,8,1.0", "O,8,one"),
        lambda text: "\n".join(text.splitlines()[:1]),
        lambda text: text.replace("Fe,26,1.0,0\n", ""),
    ],
)
def test_damaged_file_is_refused(tmp_path, spoil):
    path = tmp_path / "r.csv"
    write_reference(path, ReferenceEnergies(np.ones(94), np.zeros(94, dtype=int)))
    path.write_text(spoil(path.read_text()))
    with pytest.raises(StudyError, match=r"r\.csv.*delete the file"):
        read_reference(path)


def test_missing_file(tmp_path):
    with pytest.raises(StudyError, match="cannot be read"):
        read_reference(tmp_path / "none.csv")
