"""Which recipe is taken: by materials, by neighbours, never by luck."""

import math

import numpy as np
import pytest

from rungs.config.training import RateFactors
from rungs.config.tuning import TrainingChanges, recipe_name
from rungs.errors import StudyError
from rungs.training.recipe_choice import Tried, choose, standard_error

RATES = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2]


def tried(losses, key="learning_rate", values=RATES, scatter=None, n_materials=40):
    """Recipes with a mean loss each; ``scatter`` is by how much materials differ from it."""
    random = np.random.default_rng(0)
    found = []
    for value, loss in zip(values, losses, strict=True):
        changes = TrainingChanges(**{key: value})
        units = {}
        if math.isfinite(loss):
            noise = random.normal(0, scatter or 0.0, n_materials)
            noise -= noise.mean()
            units = {f"m{i}": (4, loss + noise[i]) for i in range(n_materials)}
        found.append(Tried(recipe_name(changes), changes, units))
    return found


def rate_of(losses, **more):
    return choose(tried(losses, **more), {"learning_rate": RATES})


def test_a_clear_best_is_taken():
    choice = rate_of([5, 3, 1, 2, 4])
    assert choice.tried.changes.learning_rate == 1e-3
    assert (choice.n_as_good, choice.at_edge, choice.standard_error) == (1, "", 0.0)


def test_of_those_that_materials_cannot_tell_apart_the_flattest_is_taken():
    """The lowest is a lucky one beside a cliff; its neighbour is as good and stands in a valley."""
    losses = [1.4, 1.05, 1.02, 1.0, 9.0]
    assert rate_of(losses).tried.changes.learning_rate == 3e-3
    choice = rate_of(losses, scatter=0.2)
    assert choice.tried.changes.learning_rate == 1e-3
    assert choice.lowest_loss == pytest.approx(1.0)
    assert choice.n_as_good >= 2


def test_the_standard_error_is_of_the_difference_between_materials():
    """What all recipes find hard makes no difference."""
    hard = {f"m{i}": (1, 10.0 * i) for i in range(10)}
    better = {name: (n, loss - 0.01) for name, (n, loss) in hard.items()}
    recipes = [
        Tried("a", TrainingChanges(learning_rate=1e-3), hard),
        Tried("b", TrainingChanges(learning_rate=3e-3), better),
    ]
    choice = choose(recipes, {"learning_rate": [1e-3, 3e-3]})
    assert (choice.tried.name, choice.n_as_good) == ("b", 1)
    differences = np.random.default_rng(1).normal(0, 1, 10)
    other = {f"m{i}": (1, 10.0 * i + differences[i]) for i in range(10)}
    recipes[0] = Tried("a", TrainingChanges(learning_rate=1e-3), other)
    expected = differences.std(ddof=1) / math.sqrt(10)
    assert standard_error(*recipes) == pytest.approx(expected)


def test_materials_count_by_their_frames_in_the_standard_error():
    """One with no frame to speak of tells nothing."""
    few = {"a": (1000, 1.0), "b": (1000, 2.0), "c": (1, 50.0)}
    none = {"a": (1000, 0.0), "b": (1000, 0.0), "c": (1, 0.0)}
    recipes = [Tried("x", TrainingChanges(), few), Tried("y", TrainingChanges(), none)]
    found = standard_error(*recipes)
    assert found == pytest.approx(math.sqrt(3 / 2) * 0.5 / math.sqrt(2), rel=0.05)


def test_one_that_diverged_is_never_taken_and_frightens_its_neighbours():
    assert rate_of([2, 1.0, math.inf, math.inf, math.inf]).tried.changes.learning_rate == 3e-4
    choice = rate_of([1.02, 1.01, 1.0, math.inf, math.inf], scatter=0.2)
    assert choice.tried.changes.learning_rate in (1e-4, 3e-4)
    with pytest.raises(StudyError, match="every trial diverged"):
        rate_of([math.inf] * 5)


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ([1, 2, 3, 4, 5], "learning_rate 0.0001 is the lowest searched"),
        ([5, 4, 3, 2, 1], "learning_rate 0.01 is the highest searched"),
        ([5, 1, 3, 4, 5], ""),
    ],
)
def test_a_choice_at_the_edge_is_told(losses, words):
    assert rate_of(losses).at_edge == words


def test_an_edge_is_taken_only_where_nothing_within_is_as_good():
    """Its missing neighbour is no good one."""
    losses = [1.3, 1.2, 1.1, 1.02, 1.0]
    assert rate_of(losses).tried.changes.learning_rate == 1e-2
    assert rate_of(losses, scatter=0.2).tried.changes.learning_rate == 3e-3


def test_below_no_decay_there_is_nothing():
    values = [0.0, 1e-3, 1e-2]
    recipes = tried([1, 2, 3], key="weight_decay", values=values)
    assert choose(recipes, {"weight_decay": values}).at_edge == ""


def test_parts_of_the_network_are_no_scale():
    """Factors have no neighbours, and no edge."""
    values = [RateFactors(), RateFactors(embeddings=0.1), RateFactors(embeddings=0.0)]
    recipes = tried([2, 1, math.inf], key="learning_rate_factors", values=values)
    choice = choose(recipes, {"learning_rate_factors": values})
    assert choice.tried.changes.learning_rate_factors.embeddings == 0.1
    assert choice.at_edge == ""
