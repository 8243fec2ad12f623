"""Delta learning: the second network learns what the first leaves, and the sum is the target's."""

import copy
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ase.calculators.mixing import SumCalculator
from ase.units import GPa
from pydantic import ValidationError

from rungs.config import Run
from rungs.config.methods import Method
from rungs.errors import StudyError
from rungs.potentials.architecture import Surroundings
from rungs.potentials.delta.network import DeltaNetwork
from rungs.potentials.model_files import load_at_source, load_model, save_model
from rungs.potentials.models import load_initial, new_model, potential_of
from rungs.potentials.predict import predict
from rungs.potentials.prediction_errors import evaluate
from rungs.potentials.references import LARGE, get_reference, set_reference
from rungs.potentials.registry import architecture_of, trained_architecture_of
from rungs.references.fit import ReferenceEnergies, write_reference
from rungs.simulation.calculator import ModelCalculator
from rungs.splits.elements import ElementCount
from rungs.splits.files import write_elements, write_order, write_split
from rungs.splits.split import SplitRow
from rungs.training.runs import fine_tune
from rungs.training.start import starting_point
from rungs.training.task import run_training

from .conftest import ELEMENTS, REFERENCES
from .test_any import OPTIONS

CPU = torch.device("cpu")
TARGET = np.linspace(-9.0, 2.0, 94)
DELTA = Method(initial="pretrained", reference="target", delta=True)
PLAIN = Method(initial="pretrained", reference="target")


@pytest.fixture
def correction(kind):
    return new_model(kind.options, 8, Surroundings(ELEMENTS, 9.0, 0.4))


@pytest.fixture
def added(model, correction):
    set_reference(correction, TARGET)
    return DeltaNetwork(copy.deepcopy(model), correction)


@pytest.fixture
def inputs(labelled_file, labelled, model, tmp_path):
    names = labelled.frame_ids
    parts = ["train"] * 12 + ["validation"] * 4
    rows = [
        SplitRow(level, name.replace("f", "m"), name, part)
        for level in ("source", "target")
        for name, part in zip(names, parts, strict=True)
    ]
    write_split(tmp_path / "split.csv", rows)
    write_order(tmp_path / "order.csv", names[:12])
    counts = [
        ElementCount(level, symbol, 12, 4)
        for level in ("source", "target")
        for symbol in ("O", "Na", "Mg", "Cl")
    ]
    write_elements(tmp_path / "elements.csv", counts)
    for level, energies in (("source", REFERENCES), ("target", TARGET)):
        write_reference(
            tmp_path / f"{level}.csv", ReferenceEnergies(energies, np.ones(94, dtype=int))
        )
    save_model(model, tmp_path / "pretrained.pt")
    return SimpleNamespace(
        graphs=labelled_file,
        split=tmp_path / "split.csv",
        subset=tmp_path / "order.csv",
        elements=tmp_path / "elements.csv",
        source_reference=tmp_path / "source.csv",
        target_reference=tmp_path / "target.csv",
        pretrained=tmp_path / "pretrained.pt",
    )


def tuned(inputs, kind, folder, size=10, options=OPTIONS, method=DELTA):
    folder.mkdir(exist_ok=True)
    names = ("model", "history", "reference", "record")
    outputs = SimpleNamespace(**{name: folder / name for name in names})
    fine_tune(
        Run("delta", size, 0),
        method,
        options,
        initial="random",
        architecture=kind.options,
        inputs=inputs,
        study_seed=0,
        checkpoint=folder / "checkpoint.pt",
        outputs=outputs,
    )
    return outputs


def near(one, other, tolerance=1e-5):
    for a, b in zip(one, other, strict=True):
        assert a.energy_per_atom == pytest.approx(b.energy_per_atom, abs=tolerance)
        assert np.allclose(a.forces, b.forces, atol=10 * tolerance)
        assert np.allclose(a.stress, b.stress, atol=100 * tolerance)


def test_the_sum_is_the_sum(model, added, correction, crystals, store_of):
    store = store_of(crystals)
    base, more, both = (predict(m.double(), store) for m in (model, correction, added))
    for one, two, found in zip(base, more, both, strict=True):
        # the reference energies are the correction's
        references = store.compositions(np.array([found.index]))[0] @ REFERENCES
        expected = one.energy_per_atom - references + two.energy_per_atom
        assert found.energy_per_atom == pytest.approx(expected, abs=1e-7)
        assert np.allclose(found.forces, one.forces + two.forces, atol=1e-9)
        assert np.allclose(found.stress, one.stress + two.stress, atol=1e-9)
        if one.magmoms is not None:
            assert np.array_equal(found.magmoms, one.magmoms)


def test_it_starts_as_the_pretrained_network(model, correction, crystals, store_of):
    trained_architecture_of(correction).start_at_zero(correction)
    set_reference(correction, REFERENCES)
    both = DeltaNetwork(copy.deepcopy(model), correction)
    near(predict(both, store_of(crystals)), predict(model, store_of(crystals)))
    assert any(p.abs().sum() > 0 for p in correction.parameters())


@pytest.mark.parametrize("shift", [0.0, -2.0 * LARGE], ids=["ordinary", "large"])
def test_a_file_holds_both(added, crystals, store_of, tmp_path, shift):
    set_reference(added, TARGET + shift)
    save_model(added, tmp_path / "sum.pt")
    again = load_model(tmp_path / "sum.pt")
    assert isinstance(again, DeltaNetwork)
    assert np.allclose(get_reference(again), TARGET + shift, atol=1e-6)
    assert np.array_equal(again.base_reference.numpy(), added.base_reference.numpy())
    store = store_of(crystals)
    for a, b in zip(predict(again, store), predict(added, store), strict=True):
        assert a.energy_per_atom == b.energy_per_atom
        assert np.array_equal(a.forces, b.forces)


def test_two_files_add_up_in_the_package_s_own_calculator(kind, added, crystals, tmp_path):
    save_model(added, tmp_path / "sum.pt")
    files = architecture_of(added).save_native(load_model(tmp_path / "sum.pt"), tmp_path, "10")
    assert [file.split(".")[0] for file in files] == ["10_source", "10_delta"]
    if files[0].endswith(".model"):
        from mace.calculators import MACECalculator

        own = [
            MACECalculator(model_paths=str(tmp_path / f), device="cpu", default_dtype="float64")
            for f in files
        ]
    else:
        from chgnet.model import CHGNet

        own = [kind.calculator(CHGNet.from_file(str(tmp_path / f)), tmp_path) for f in files]
    ours = ModelCalculator(added.double())
    for atoms in crystals[:3]:
        one, two = atoms.copy(), atoms.copy()
        one.calc, two.calc = SumCalculator(own), ours
        energy = one.get_potential_energy() / len(one)
        # differences of reference energies are rounded to float32
        near = pytest.approx(energy, abs=max(1e-6, kind.tolerance))
        assert two.get_potential_energy() / len(two) == near
        assert np.allclose(two.get_forces(), one.get_forces(), rtol=0, atol=kind.tolerance)
        assert np.allclose(two.get_stress(), one.get_stress(), rtol=0, atol=kind.tolerance / GPa)


def test_the_first_file_is_the_source_s_model(model, added, crystals, store_of):
    base, _ = added.parts()
    near(predict(base, store_of(crystals)), predict(model, store_of(crystals)))


def test_at_the_source_it_is_the_first_network_alone(model, added, crystals, store_of, tmp_path):
    save_model(added, tmp_path / "sum.pt")
    store = store_of(crystals)
    near(predict(load_at_source(tmp_path / "sum.pt"), store), predict(model, store))


def test_labels_are_what_the_first_network_leaves(inputs, kind, model, labelled):
    start = starting_point(Run("m", 10, 0), DELTA, "random", kind.options, inputs, 0, CPU)
    places = start.training
    found = list(predict(model, labelled, places))
    compositions = labelled.compositions(places)
    interaction = np.array([x.energy_per_atom for x in found]) - compositions @ REFERENCES
    left = labelled.energies_per_atom[places] - interaction
    assert np.allclose(start.store.energies_per_atom[places], left, atol=1e-5)
    batch, own = start.store.batch(places), labelled.batch(places)
    said = torch.from_numpy(np.concatenate([x.forces for x in found])).float()
    assert torch.allclose(batch.forces, own.forces - said, atol=1e-5)
    assert not batch.magmom_mask.any()
    # of the validation frames, too: the error of the difference is that of the sum
    judged = evaluate(potential_of(start.model), start.store, start.validation, CPU)
    whole = evaluate(potential_of(start.result), labelled, start.validation, CPU)
    for name in ("energy", "force"):
        assert judged[name].mae == pytest.approx(whole[name].mae, rel=1e-4)


def test_training_the_difference_lowers_the_error_of_the_sum(inputs, kind, labelled, tmp_path):
    options = OPTIONS.model_copy(update={"updates": 150, "learning_rate": 2e-2})
    errors = {}
    for size in (0, 10):
        outputs = tuned(inputs, kind, tmp_path / str(size), size, options)
        model = load_model(outputs.model)
        errors[size] = evaluate(potential_of(model), labelled, np.arange(12, 16), CPU)["force"].mae
    assert errors[10] < 0.8 * errors[0]
    last = outputs.history.read_text().splitlines()[-1]
    assert last
    record = json.loads(outputs.record.read_text())
    assert record["architecture"] == "delta"
    assert record["labelled"]["magmom"] == 0


def test_without_frames_it_is_the_pretrained_network(inputs, kind, crystals, store_of):
    delta, plain = (
        tuned(inputs, kind, inputs.pretrained.parent / str(m.delta), 0, method=m)
        for m in (DELTA, PLAIN)
    )
    store = store_of(crystals)
    near(predict(load_model(delta.model), store), predict(load_model(plain.model), store))


def test_the_first_network_stays_bit_for_bit(inputs, kind, model, tmp_path):
    trained = load_model(tuned(inputs, kind, tmp_path / "run").model)
    before = dict(model.named_parameters())
    for name, parameter in trained.parts()[0].named_parameters():
        assert torch.equal(parameter, before[name]), name


def test_a_killed_training_ends_as_an_undisturbed_one(inputs, kind, tmp_path, monkeypatch):
    from rungs.training import loop

    def task(folder):
        start = starting_point(Run("m", 10, 0), DELTA, "random", kind.options, inputs, 0, CPU)
        task = start.task(Run("m", 10, 0), DELTA, OPTIONS, inputs, 0, folder / "run.pt")
        return start, task

    (tmp_path / "whole").mkdir()
    whole, undisturbed = task(tmp_path / "whole")
    run_training(undisturbed)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    update = loop.Trainer._update

    def die(self, number, positions):
        if number == 5:
            raise KeyboardInterrupt
        return update(self, number, positions)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "_update", die)
        with pytest.raises(KeyboardInterrupt):
            run_training(task(tmp_path)[1])
    again, going_on = task(tmp_path)
    assert run_training(going_on).updates_done_here < OPTIONS.updates
    for a, b in zip(
        again.result.state_dict().values(), whole.result.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b)


def test_a_checkpoint_of_other_labels_is_not_gone_on_from(inputs, kind, model, tmp_path):
    def digest():
        start = starting_point(Run("m", 10, 0), DELTA, "random", kind.options, inputs, 0, CPU)
        task = start.task(Run("m", 10, 0), DELTA, OPTIONS, inputs, 0, tmp_path / "run.pt")
        return task.fingerprint["labels"]

    first = digest()
    assert digest() == first
    with torch.no_grad():
        trained_architecture_of(model).linear_layers(model)[0].parameter.mul_(1.1)
    save_model(model, inputs.pretrained)
    assert digest() != first


def test_networks_of_different_cutoffs_do_not_add_up(kind, model):
    name = "r_max" if kind.options.kind == "mace" else "atom_graph_cutoff"
    other = kind.options.model_copy(update={name: 3.9})
    with pytest.raises(StudyError, match="has the cutoffs"):
        DeltaNetwork(model, new_model(other, 0, Surroundings(ELEMENTS, 9.0, 0.4)))


def test_a_sum_is_nothing_to_start_from(added, tmp_path):
    save_model(added, tmp_path / "sum.pt")
    words = r"pretraining\.initial: .*sum\.pt: the model is a sum of two networks"
    with pytest.raises(StudyError, match=words):
        load_initial(str(tmp_path / "sum.pt"))


def test_a_sum_of_unknown_networks_is_refused(added, tmp_path):
    save_model(added, tmp_path / "sum.pt")
    content = torch.load(tmp_path / "sum.pt", weights_only=True)
    content["model"]["parts"]["base"]["architecture"] = "other"
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(StudyError, match="one of them of kind 'other'"):
        load_model(tmp_path / "other.pt")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"initial": "random"}, "delta needs `initial: pretrained`"),
        ({"companion": {"fidelity": "heads"}}, "companion and delta do not go together"),
        ({"freeze": ["readout"]}, "freeze and delta do not go together"),
        ({"adapters": {}}, "adapters and delta do not go together"),
        ({"anchor": 0.1}, "anchor and delta do not go together"),
    ],
)
def test_what_cannot_be_is_named(values, words):
    with pytest.raises(ValidationError, match=words):
        Method.model_validate(
            {"initial": "pretrained", "reference": "target", "delta": True, **values}
        )
