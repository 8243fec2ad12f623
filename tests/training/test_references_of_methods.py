"""Which frames, and which rule, a method's reference energies come from."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rungs.config.methods import RULES_OF_RESIDUALS, Method
from rungs.frames.elements import SYMBOLS
from rungs.frames.isolated_atoms import IsolatedAtom, write_isolated_atoms
from rungs.potentials.chgnet.forward import BatchedCHGNet
from rungs.potentials.models import new_model
from rungs.potentials.predict import interaction_energies
from rungs.potentials.references import get_reference, set_reference
from rungs.references.fit import ReferenceEnergies, write_reference
from rungs.references.rules import RULES, reference_by_rule
from rungs.splits.split import SplitRow
from rungs.training.start import prepare

SUBSET = np.array([3, 4, 11])
CPU = torch.device("cpu")


@pytest.fixture
def inputs(tmp_path):
    rng = np.random.default_rng(0)
    counts = np.zeros(94, dtype=int)
    for level in ("source", "target"):
        reference = ReferenceEnergies(rng.normal(-5, 2, size=94), counts)
        write_reference(tmp_path / f"{level}.csv", reference)
    return SimpleNamespace(
        source_reference=tmp_path / "source.csv", target_reference=tmp_path / "target.csv"
    )


@pytest.fixture
def split(frames):
    """The last eight frames validate and test."""
    parts = ["train"] * 12 + ["validation", "test"] * 4
    return [
        SplitRow("target", frame.material_id, frame.frame_id, part)
        for frame, part in zip(frames, parts, strict=True)
    ]


def start(architecture, store, split, inputs, subset=SUBSET, **method):
    model = new_model(architecture, 0)
    method = Method.model_validate({"initial": "pretrained", **method})
    prepare(model, method, store, split, subset, inputs, CPU)
    return get_reference(model)


def energies_in(path):
    return np.loadtxt(path, delimiter=",", skiprows=1, usecols=2)


@pytest.mark.parametrize("fitted_on", ["subset", "training"])
@pytest.mark.parametrize("rule", RULES)
def test_the_rule_gets_its_frames(architecture, store, split, inputs, rule, fitted_on):
    found = start(architecture, store, split, inputs, reference=rule, reference_fitted_on=fitted_on)
    if (rule, fitted_on) == ("target", "training"):
        assert np.allclose(found, energies_in(inputs.target_reference), atol=1e-5)
        return
    chosen = SUBSET if fitted_on == "subset" else np.arange(12)
    model = new_model(architecture, 0)
    interaction = interaction_energies(model, store, chosen)
    expected = reference_by_rule(
        rule,
        store.compositions(chosen),
        store.energies_per_atom[chosen],
        energies_in(inputs.source_reference),
        groups=[split[i].material_id for i in chosen],
        interaction=interaction,
    ).energies
    assert np.allclose(found, expected, atol=1e-4)
    # One composition: the mean energy of the frames is right after it.
    mean = store.energies_per_atom[chosen].mean()
    if rule in RULES_OF_RESIDUALS:
        mean -= interaction.mean()
    assert (store.compositions(chosen) @ found).mean() == pytest.approx(mean, abs=1e-4)


def test_without_a_frame_the_source_s_stay(architecture, store, split, inputs):
    source = energies_in(inputs.source_reference)
    none = np.arange(0)
    for rule in RULES:
        options = {"reference": rule, "reference_fitted_on": "subset"}
        found = start(architecture, store, split, inputs, none, **options)
        assert np.allclose(found, source, atol=1e-5)
    found = start(architecture, store, split, inputs, none, reference="shrunken")
    assert not np.allclose(found, source, atol=1e-2)


def test_residuals_are_those_of_the_copied_embedding(architecture, store, split, inputs):
    options = {"reference": "residual", "reference_fitted_on": "subset"}
    plain = start(architecture, store, split, inputs, **options)
    copied = start(architecture, store, split, inputs, copy_embedding={"Mg": "Cs"}, **options)
    assert not np.allclose(plain, copied, atol=1e-3)


def test_interaction_energies_leave_the_references_out(architecture, store):
    model = new_model(architecture, 0)
    reference = np.linspace(-9, 3, 94)
    set_reference(model, reference)
    batch = store.batch(SUBSET)
    whole = BatchedCHGNet(model)(batch, create_graph=False).energy.double().numpy()
    found = interaction_energies(model, store, SUBSET)
    assert np.allclose(found + store.compositions(SUBSET) @ reference, whole, atol=1e-5)
    assert interaction_energies(model, store, np.arange(0)).shape == (0,)


def test_references_of_a_pool_are_fitted_to_the_pool(architecture, store, split, inputs):
    """Not to the training part, whose other frames the method must not know."""
    pool = np.array([1, 3, 4, 5, 11])
    method = Method.model_validate({"initial": "random", "reference": "target", "pool": "cold"})
    model = new_model(architecture, 0)
    prepare(model, method, store, split, SUBSET, inputs, CPU, available=pool)
    source = energies_in(inputs.source_reference)
    expected = reference_by_rule(
        "target", store.compositions(pool), store.energies_per_atom[pool], source
    )
    assert get_reference(model) == pytest.approx(expected.energies, rel=1e-5)
    assert get_reference(model) != pytest.approx(energies_in(inputs.target_reference), rel=1e-3)
    without = method.model_copy(update={"pool": None})
    prepare(model, without, store, split, SUBSET, inputs, CPU, available=pool)
    assert get_reference(model) == pytest.approx(energies_in(inputs.target_reference), rel=1e-5)


def test_references_of_isolated_atoms(architecture, store, split, inputs, tmp_path):
    """From random weights the target's atoms; from pretrained ones the source's, changed as atoms
    change. The subset does not matter."""
    for level, shift in (("source", 0.25), ("target", -40.0)):
        path = tmp_path / f"{level}_isolated_atoms.csv"
        known = [IsolatedAtom(s, shift - z / 8, "", "") for z, s in enumerate(SYMBOLS)]
        write_isolated_atoms(path, known)
        setattr(inputs, f"{level}_atoms", path)
    found = start(architecture, store, split, inputs, reference="isolated_atoms")
    source = energies_in(inputs.source_reference)
    assert np.allclose(found, source - 40.25, atol=1e-5)
    found = start(architecture, store, split, inputs, initial="random", reference="isolated_atoms")
    assert np.allclose(found, -40.0 - np.arange(94) / 8, atol=1e-5)
    none = np.arange(0)
    assert np.array_equal(
        start(
            architecture, store, split, inputs, none, initial="random", reference="isolated_atoms"
        ),
        found,
    )
