"""A study that searches for its recipes: the trials, the choice, the runs that take it, and that no
test frame has a say in any of it."""

import csv
import json

import numpy as np
import pytest
import torch
import yaml
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from rungs.config import load_study
from rungs.potentials.model_files import load_model
from rungs.training.recipes import RECIPE_COLUMNS, TRIAL_COLUMNS

RATES = [1e-3, 1e-2]


def copper(count, seed, wrong=False):
    """Rattled pairs of atoms; with ``wrong``, labels that belong to no crystal."""
    random, made = np.random.default_rng(seed), []
    for i in range(count):
        atoms = bulk("Cu", a=3.6 * random.uniform(0.97, 1.03)).repeat((2, 1, 1))
        atoms.rattle(0.1, seed=int(random.integers(1 << 30)))
        atoms.calc = EMT()
        labels = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        if wrong:
            labels = {"energy": labels["energy"] + 5.0 * i, "forces": -3.0 * labels["forces"]}
        atoms.calc = SinglePointCalculator(atoms, **labels)
        atoms.info["crystal"] = f"c{seed}-{i // 2}"
        made.append(atoms)
    return made


@pytest.fixture(scope="module")
def run(snakemake, tmp_path_factory, tiny_config):
    """A function that runs the study on right or wrong test labels; it returns its folder."""
    with open(tiny_config) as handle:
        values = yaml.safe_load(handle)
    for section in ("simulations", "properties"):
        del values[section]

    def study(*targets, wrong=False):
        folder = tmp_path_factory.mktemp("tuned")
        write(folder / "source.xyz", copper(16, 0), format="extxyz")
        write(folder / "train.xyz", copper(24, 1), format="extxyz")
        write(folder / "test.xyz", copper(6, 2, wrong), format="extxyz")
        for level, parts in (
            ("source", {"train": ["source.xyz"]}),
            ("target", {"train": ["train.xyz"], "test": ["test.xyz"]}),
        ):
            values[level]["data"] = {
                **{"kind": "extended_xyz", "material_key": "crystal", **parts},
                **{"energy_key": "energy", "energy_unit": "eV"},
                **{"forces_key": "forces", "forces_unit": "eV/Å", "stress_key": None},
            }
            values[level].pop("filters", None)
        mine = values | {
            **{"study": "tuned", "title": "Tuned", "data_folder": str(folder)},
            "split": {"validation": 0.3},
            # labels that are no derivatives of one another would be refused
            "screening": {"check_labels": False},
            "subsets": {"sizes": [0, 4, 12], "seeds": [0]},
            "methods": {
                "scratch": {"initial": "random", "reference": "target"},
                "transfer": {"initial": "pretrained", "reference": "target"},
                "given": {
                    **{"initial": "pretrained", "reference": "target", "sizes": [12]},
                    "training": {"learning_rate": 2e-3},
                },
            },
            "tuning": {
                "search": {"learning_rate": RATES, "learning_rate_factors": [{"readout": 2}]},
                **{"sizes": [12], "methods": ["scratch", "transfer"]},
            },
        }
        path = folder / "tuned.yaml"
        path.write_text(yaml.safe_dump(mine))
        snakemake(folder, *targets, "--cores", "2", "--configfile", str(path))
        return folder / "results/tuned"

    return study


@pytest.fixture(scope="module")
def tuned(run):
    files = "evaluation.csv summary.json tables/recipes.csv tables/costs.csv figures/tuning.png"
    return run(*(f"results/tuned/{file}" for file in files.split()))


def rows(path):
    with open(path, newline="") as handle:
        return list(csv.DictReader(handle))


def test_every_recipe_is_tried_and_one_is_taken(tuned):
    trials, recipes = rows(tuned / "tables/tuning_trials.csv"), rows(tuned / "tables/recipes.csv")
    assert tuple(trials[0]) == TRIAL_COLUMNS
    assert tuple(recipes[0]) == RECIPE_COLUMNS
    assert len(trials) == 2 * 2
    assert {row["seed"] for row in trials} == {"0"}
    # at both sizes the choice of the one that was searched
    assert [(row["method"], row["size"], row["searched_size"]) for row in recipes] == [
        (method, size, "12") for method in ("scratch", "transfer") for size in ("4", "12")
    ]
    for row in recipes:
        own = [t for t in trials if t["method"] == row["method"]]
        losses = {t["recipe"]: float(t["validation_loss"]) for t in own}
        assert losses[row["recipe"]] == float(row["validation_loss"])
        assert min(losses.values()) == float(row["lowest_loss"])
        assert int(row["n_trials"]) == 2


def test_runs_take_the_recipe(tuned):
    """A run at the searched size and seed is the trial once more, whatever its learning rate."""
    (recipe,) = {
        r["recipe"] for r in rows(tuned / "tables/recipes.csv") if r["method"] == "scratch"
    }
    run = tuned / "runs/scratch/12/seed_0"
    trial = tuned / f"tuning/scratch/12/seed_0/{recipe}"
    assert json.loads((run / "record.json").read_text())["recipe"] == recipe
    timed = {"seconds"}
    for of_run, of_trial in zip(
        rows(run / "history.csv"), rows(trial / "history.csv"), strict=True
    ):
        assert {k: v for k, v in of_run.items() if k not in timed} == {
            k: v for k, v in of_trial.items() if k not in timed
        }
    given = rows(tuned / "runs/given/12/seed_0/history.csv")
    assert max(float(row["learning_rate"]) for row in given) <= 2e-3
    assert "recipe" not in json.loads((tuned / "runs/given/12/seed_0/record.json").read_text())


def test_the_recipes_can_be_written_into_a_configuration(tuned):
    with open(tuned / "tables/recipes.yaml") as handle:
        lines = yaml.safe_load(handle)["methods"]
    with open(tuned / "study.yaml") as handle:
        values = yaml.safe_load(handle)
    del values["tuning"]
    for name, changes in lines.items():
        values["methods"][name] |= changes
    study = load_study(values)
    for row in rows(tuned / "tables/recipes.csv"):
        training = study.training_of(row["method"], int(row["size"]))
        assert training.learning_rate == float(row["learning_rate"])
        assert training.learning_rate_factors.readout == 2


def test_the_study_tells_of_its_recipes(tuned):
    answer = json.loads((tuned / "summary.json").read_text())["answer"][1]
    assert answer.endswith(
        "the learning rate and learning rate factors of scratch and transfer were chosen on "
        "validation frames, at 12 frames."
    )
    costs = rows(tuned / "tables/costs.csv")
    assert sum(bool(row["trial"]) for row in costs) == 4
    assert (tuned / "figures/tuning.png").stat().st_size > 1000


def test_no_test_frame_has_a_say(tuned, run):
    """With other test labels the errors are others, and nothing else: no choice, no weight."""
    other = run("results/tuned/evaluation.csv", "results/tuned/tables/recipes.csv", wrong=True)
    untimed = [
        [{k: v for k, v in row.items() if k != "wall_seconds"} for row in rows(folder / table)]
        for table in ("tables/tuning_trials.csv", "tables/recipes.csv")
        for folder in (tuned, other)
    ]
    assert untimed[0] == untimed[1]
    assert untimed[2] == untimed[3]
    models = sorted(path.relative_to(tuned) for path in tuned.glob("**/model.pt"))
    assert len(models) == 1 + 2 + 3 + 1
    for model in models:
        found, expected = (load_model(folder / model).state_dict() for folder in (other, tuned))
        for name, tensor in expected.items():
            assert torch.equal(found[name], tensor), (model, name)
    assert rows(tuned / "evaluation.csv") != rows(other / "evaluation.csv")
