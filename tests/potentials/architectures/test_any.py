"""What every architecture has to be: its package's own numbers, physics, files, layers."""

import copy

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from rungs.config.architectures import GROUPS, MOMENTS
from rungs.config.training import LossWeights, Training
from rungs.errors import StudyError
from rungs.potentials.model_files import load_extra, load_model, load_weights, save_model
from rungs.potentials.models import new_model, potential_of
from rungs.potentials.predict import interaction_energies, predict
from rungs.potentials.references import LARGE, get_reference, references_of, set_reference
from rungs.potentials.registry import NAMES, architecture, architecture_of
from rungs.simulation.calculator import ModelCalculator
from rungs.training import loop
from rungs.training.initialization import copy_embedding
from rungs.training.layers import freeze
from rungs.training.loop import Trainer, TrainingData

from .conftest import ELEMENTS, KINDS, REFERENCES

GPA = 160.21766208
OPTIONS = Training(
    updates=12,
    batch_size=4,
    learning_rate=5e-3,
    validations=3,
    weights=LossWeights(magmom=0.0),
)


def test_every_architecture_is_tested():
    assert set(KINDS) == set(NAMES) == set(GROUPS) == set(MOMENTS)


def trainer(model, store, options=OPTIONS, **more) -> Trainer:
    data = TrainingData(store, np.arange(12), store, np.arange(12, 16))
    return Trainer(model, data, options, seed=1, device=torch.device("cpu"), **more)


def same(one, other) -> bool:
    return all(
        torch.equal(a, b)
        for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


def test_it_is_told_from_others(kind, model):
    assert architecture_of(model) is architecture(kind.options.kind)
    assert architecture_of(model).cutoffs(model) == kind.options.cutoffs
    assert potential_of(model).cutoffs == kind.options.cutoffs
    assert set(ELEMENTS) <= set(architecture_of(model).elements(model))


def test_its_package_has_the_same_numbers(kind, model, crystals, store_of, tmp_path):
    own = kind.calculator(copy.deepcopy(model), tmp_path)
    found = predict(model.double(), store_of(crystals))
    for atoms, ours in zip(crystals, found, strict=True):
        atoms = atoms.copy()  # noqa: PLW2901
        atoms.calc = own
        energy = atoms.get_potential_energy() / len(atoms)
        assert ours.energy_per_atom == pytest.approx(energy, abs=kind.tolerance)
        assert np.allclose(ours.forces, atoms.get_forces(), rtol=0, atol=kind.tolerance)
        assert np.allclose(ours.stress / GPA, atoms.get_stress(), rtol=0, atol=kind.tolerance)


def test_energies_do_not_turn_move_or_depend_on_names(double, crystals, store_of):
    turn = Rotation.random(random_state=4).as_matrix()
    found = list(predict(double, store_of(crystals)))
    changed = []
    for atoms in crystals:
        other = atoms.copy()
        other.set_cell(atoms.cell.array @ turn, scale_atoms=False)
        other.positions = (atoms.positions + np.array([0.3, -1.2, 0.7])) @ turn
        other.positions += other.cell.array[0]
        changed.append(other[::-1])
    for before, after in zip(found, predict(double, store_of(changed)), strict=True):
        assert after.energy_per_atom == pytest.approx(before.energy_per_atom, abs=1e-9)
        assert np.allclose(after.forces[::-1], before.forces @ turn, atol=1e-8)


def test_a_larger_cell_has_the_same_energy_per_atom(double, crystals, store_of):
    small, large = predict(double, store_of([crystals[0], crystals[0].repeat((1, 2, 1))]))
    assert large.energy_per_atom == pytest.approx(small.energy_per_atom, abs=1e-9)
    assert np.allclose(large.forces[:8], small.forces, atol=1e-8)
    assert np.allclose(large.stress, small.stress, atol=1e-7)


def test_forces_and_stresses_are_derivatives_of_the_energy(double, crystals):
    h = 1e-4
    for atoms in crystals[:2]:
        atoms = atoms.copy()  # noqa: PLW2901
        atoms.calc = ModelCalculator(double)
        forces, stress = atoms.get_forces(), atoms.get_stress(voigt=False)

        def energy_of(positions, cell, atoms=atoms) -> float:
            other = atoms.copy()
            other.set_cell(cell, scale_atoms=False)
            other.positions = positions
            other.calc = atoms.calc
            return other.get_potential_energy()

        cell = atoms.cell.array
        for atom, axis in ((0, 0), (1, 2)):
            step = np.zeros_like(forces)
            step[atom, axis] = h
            ahead = energy_of(atoms.positions + step, cell)
            behind = energy_of(atoms.positions - step, cell)
            assert -(ahead - behind) / (2 * h) == pytest.approx(forces[atom, axis], abs=1e-6)
        for i, j in ((0, 0), (1, 2)):
            strain = np.zeros((3, 3))
            strain[i, j] = strain[j, i] = h if i == j else h / 2
            ahead = energy_of(atoms.positions @ (np.eye(3) + strain), cell @ (np.eye(3) + strain))
            behind = energy_of(atoms.positions @ (np.eye(3) - strain), cell @ (np.eye(3) - strain))
            slope = (ahead - behind) / (2 * h) / atoms.get_volume()
            assert slope == pytest.approx(stress[i, j], abs=1e-6)


def test_an_atom_alone_feels_nothing(double, crystals, store_of):
    alone = crystals[3][:1]
    (found,) = predict(double, store_of([alone]))
    assert not found.forces.any()
    assert not found.stress.any()
    interaction = interaction_energies(double, store_of([alone]), [0])
    assert found.energy_per_atom == pytest.approx(interaction[0] + REFERENCES[11], abs=1e-6)


def test_a_frame_does_not_depend_on_its_batch(model, crystals, store_of):
    store, potential = store_of(crystals), potential_of(model)
    together = potential(store.batch(range(4)), create_graph=False)
    for i in range(4):
        alone = potential(store.batch([i]), create_graph=False)
        assert together.energy[i].item() == pytest.approx(alone.energy[0].item(), abs=2e-6)


def test_moments_are_there_or_not(kind, model, crystals, store_of):
    found = potential_of(model)(store_of(crystals).batch([0]), create_graph=False)
    assert (found.magmoms is not None) == MOMENTS[kind.options.kind]


def test_the_seed_decides_and_nothing_else_is_drawn(kind, model):
    from rungs.potentials.architecture import Surroundings

    around = Surroundings(ELEMENTS, 14.3, 0.7)
    before = torch.random.get_rng_state()
    again, other = (new_model(kind.options, seed, around) for seed in (5, 6))
    assert torch.equal(torch.random.get_rng_state(), before)
    set_reference(again, REFERENCES)
    set_reference(other, REFERENCES)
    assert same(model, again)
    assert not same(model, other)
    redrawn = architecture_of(model).redraw(other, 5)
    set_reference(redrawn, REFERENCES)
    assert same(model, redrawn)


@pytest.mark.parametrize("shift", [0.0, -2.0 * LARGE], ids=["ordinary", "large"])
def test_files_hold_everything(model, crystals, store_of, tmp_path, shift):
    path = tmp_path / "model.pt"
    set_reference(model, REFERENCES + shift)
    save_model(model, path, {"note": 1})
    found = load_model(path)
    assert architecture_of(found) is architecture_of(model)
    assert same(found, model)
    assert np.allclose(get_reference(found), REFERENCES + shift, atol=1e-6)
    assert load_extra(path) == {"note": 1}
    assert sum(w.numel() for w in load_weights(path).values()) > 94
    ours, theirs = (list(predict(m, store_of(crystals))) for m in (model, found))
    assert [x.energy_per_atom for x in ours] == [x.energy_per_atom for x in theirs]


def test_references_are_outside_of_the_network(model, crystals, store_of):
    store = store_of(crystals)
    before = interaction_energies(model, store, range(4))
    with_references = [x.energy_per_atom for x in predict(model, store)]
    expected = before + store.compositions() @ REFERENCES
    assert np.allclose(with_references, expected, atol=1e-5)
    set_reference(model, 3.0 * REFERENCES)
    assert np.array_equal(interaction_energies(model, store, range(4)), before)


def test_an_element_s_weights_are_all_copied(model, crystals, store_of):
    """An element with another's weights is the other, wherever it stands."""
    sodium = [a for a in crystals if 11 in a.numbers]
    magnesium = [a.copy() for a in sodium]
    for atoms in magnesium:
        atoms.numbers[atoms.numbers == 11] = 12
    stores = store_of(sodium), store_of(magnesium)
    n = range(len(sodium))
    before = [interaction_energies(model, store, n) for store in stores]
    assert not np.allclose(*before, atol=1e-4)
    copy_embedding(model, {"Mg": "Na"})
    after = [interaction_energies(model, store, n) for store in stores]
    assert np.allclose(*after, atol=1e-5)
    assert np.array_equal(after[0], before[0])


def test_only_elements_that_it_knows_can_be_copied(model):
    with pytest.raises(StudyError, match="'Xx' is no element"):
        copy_embedding(model, {"Xx": "Na"})
    if len(architecture_of(model).elements(model)) < 94:
        with pytest.raises(StudyError, match="does not know Cu; it knows O, Na, Mg, Cl"):
            copy_embedding(model, {"Cu": "Na"})


def test_parts_and_groups_cover_the_network(kind, model):
    names = [name for name, _ in model.named_parameters()]
    parts = {architecture_of(model).part_of(name) for name in names}
    assert parts == {"embeddings", "convolutions", "readout", "references"}
    groups = architecture_of(model).groups(model)
    assert set(groups) == set(GROUPS[kind.options.kind])
    assert all(any(n.startswith(prefixes) for n in names) for prefixes in groups.values())
    layers = architecture_of(model).layers(model)
    assert all(any(n.startswith(layer.prefix) for n in names) for layer in layers)
    assert len({layer.name for layer in layers}) == len(layers) > 4


def test_frozen_groups_stay_bit_for_bit(model, labelled, tmp_path):
    for group, prefixes in architecture_of(model).groups(model).items():
        trained = copy.deepcopy(model)
        freeze(trained, [group])
        before = {n: p.detach().clone() for n, p in trained.named_parameters()}
        trainer(trained, labelled).train(tmp_path / f"{group}.pt", {}, "test")
        changed = {n for n, p in trained.named_parameters() if not torch.equal(p, before[n])}
        assert changed
        assert not any(n.startswith(prefixes) for n in changed)


def test_training_lowers_the_loss(model, labelled, tmp_path):
    options = OPTIONS.model_copy(update={"updates": 100, "learning_rate": 2e-2})
    result = trainer(model, labelled, options).train(tmp_path / "run.pt", {}, "test")
    assert result.history[-1]["validation_loss"] < 0.7 * result.history[0]["validation_loss"]


def test_references_are_trained_only_where_asked(model, labelled, tmp_path):
    for asked in (False, True):
        one = copy.deepcopy(model)
        trainer(one, labelled, train_reference=asked).train(tmp_path / f"{asked}.pt", {}, "test")
        assert np.array_equal(get_reference(one), get_reference(model)) != asked


def test_a_killed_training_ends_as_an_undisturbed_one(model, labelled, tmp_path, monkeypatch):
    whole = copy.deepcopy(model)
    trainer(whole, labelled).train(tmp_path / "whole.pt", {}, "test")
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    run = trainer(copy.deepcopy(model), labelled)
    gradient = run.step.gradient

    class Killed(Exception):  # noqa: N818
        pass

    def until_killed(*args, **options):
        if run.optimizer_steps == 7:
            raise Killed
        run.optimizer_steps += 1
        return gradient(*args, **options)

    run.optimizer_steps = 0
    monkeypatch.setattr(run.step, "gradient", until_killed)
    with pytest.raises(Killed):
        run.train(tmp_path / "run.pt", {}, "test")
    again = copy.deepcopy(model)
    result = trainer(again, labelled).train(tmp_path / "run.pt", {}, "test")
    assert 0 < result.updates_done_here < 12
    assert same(again, whole)


def test_gradients_of_a_loss_are_those_of_finite_differences(double, labelled):
    """Through energies, forces and stresses: the second derivatives are right."""
    from rungs.training.loss import loss_terms, total_loss
    from rungs.training.parameter_vector import FlatParameters

    references_of(double).requires_grad_(False)
    flat = FlatParameters(double)
    potential = potential_of(double, flat=flat)
    batch = labelled.batch(range(4), dtype=torch.float64)

    def loss() -> torch.Tensor:
        prediction = potential(batch, magmoms=False)
        return total_loss(loss_terms(prediction, batch, OPTIONS), OPTIONS.weights)

    gradient = flat.gradient(loss())
    random = np.random.default_rng(1)
    for _ in range(3):
        direction = torch.as_tensor(random.normal(size=len(gradient)))
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                flat.vector.add_(direction, alpha=sign * 1e-6)
            values.append(loss().item())
            with torch.no_grad():
                flat.vector.sub_(direction, alpha=sign * 1e-6)
        slope = (values[0] - values[1]) / 2e-6
        assert slope == pytest.approx(float(gradient @ direction), rel=1e-4, abs=1e-7)


def test_graphs_of_other_cutoffs_are_refused(model, crystals):
    from rungs.graphs.build import build_graph
    from rungs.graphs.store import GraphStore

    atoms = crystals[0]
    graph = build_graph(atoms.cell.array, atoms.numbers, atoms.positions, 3.3, 2.0)
    with pytest.raises(StudyError, match="built with the cutoffs"):
        potential_of(model)(GraphStore.from_graphs([graph], 3.3, 2.0).batch([0]))


def test_two_processes_train_like_one(model, labelled_file, tmp_path):
    from rungs.training.task import TrainingTask, run_training

    def task(processes) -> TrainingTask:
        return TrainingTask(
            copy.deepcopy(model),
            labelled_file,
            np.arange(12),
            np.arange(12, 16),
            OPTIONS.model_copy(update={"processes": processes}),
            seed=0,
            checkpoint=tmp_path / f"{processes}.pt",
            fingerprint={"a": 1},
            label="test",
        )

    before = torch.get_num_threads()
    alone, together = task(1), task(2)
    results = [run_training(one) for one in (alone, together)]
    torch.set_num_threads(before)
    for ours, theirs in zip(*(result.history for result in results), strict=True):
        assert ours["train_loss"] == pytest.approx(theirs["train_loss"], rel=1e-3)
        assert ours["validation_loss"] == pytest.approx(theirs["validation_loss"], rel=1e-3)
    first = alone.model.state_dict()
    for name, tensor in together.model.state_dict().items():
        assert torch.allclose(tensor, first[name], rtol=1e-2, atol=1e-4), name
