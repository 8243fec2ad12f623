"""Pools of training frames: who is in one, and what is said where nobody is."""

import pytest

from rungs.config import load_study
from rungs.config.pools import Pool
from rungs.errors import StudyError
from rungs.splits.pools import check_pool_sizes, pool_members
from rungs.splits.strategies import draw

TRAIN = [f"f{i}" for i in range(8)]
TEMPERATURES = {"f0": 300.0, "f1": 300.0, "f2": 600.0, "f3": 1200.0, "f9": 900.0}
GROUPS = {"f0": "bulk", "f1": "vacancy", "f2": "bulk", "f4": "elastic", "f9": "surface"}


def members(**options) -> list[str]:
    return pool_members("cold", Pool(**options), TRAIN, TEMPERATURES, GROUPS)


def test_members_have_one_of_the_temperatures_and_one_of_the_groups():
    assert members(temperatures=[300]) == ["f0", "f1"]
    assert members(temperatures=[1200, 300]) == ["f0", "f1", "f3"]
    assert members(groups=["bulk", "elastic"]) == ["f0", "f2", "f4"]
    assert members(temperatures=[300, 600], groups=["bulk"]) == ["f0", "f2"]


def test_a_temperature_that_only_other_parts_have_is_none_of_the_pools():
    with pytest.raises(
        StudyError,
        match=r"pools\.cold\.temperatures asks for 900 K, but none of the target's 8 training "
        r"frames has it; there are 300 K \(2 frames\), 600 K \(1 frame\), 1200 K \(1 frame\)",
    ):
        members(temperatures=[300, 900])


def test_groups_that_are_not_there_are_told():
    with pytest.raises(StudyError, match=r"asks for gas, surface, but none .* has them; there are"):
        members(groups=["gas", "bulk", "surface"])
    with pytest.raises(StudyError, match="there are none at all; see the keys"):
        pool_members("p", Pool(temperatures=[1]), TRAIN, {}, {})


def test_a_temperature_and_a_group_that_never_meet_are_told():
    with pytest.raises(StudyError, match=r"one of the temperatures 1200 K and is in .* elastic"):
        members(temperatures=[1200], groups=["elastic"])


def test_a_size_beyond_the_pool_is_told():
    pool = Pool(temperatures=[300, 600], groups=["bulk"])
    check_pool_sizes("cold", pool, [0, 2], 2)
    with pytest.raises(
        StudyError,
        match=r"pools\.cold \(300, 600 K; bulk\) has 2 training frames, but subsets of 3, 5",
    ):
        check_pool_sizes("cold", pool, [0, 2, 3, 5], 2)


def test_a_pool_keeps_the_order_of_the_whole():
    """So that a pool's subset is what the pool has of a larger subset of all frames."""
    whole = draw("random", TRAIN, 7, None)
    pool = members(temperatures=[300, 600, 1200])
    assert draw("random", pool, 7, None) == [f for f in whole if f in pool]


def test_a_pool_asks_for_something():
    with pytest.raises(ValueError, match="give temperatures, groups, or both"):
        Pool()


@pytest.fixture
def values(repository):
    import yaml

    values = yaml.safe_load((repository / "config/si_to_ge.yaml").read_text(encoding="utf-8"))
    values["pools"] = {"cold": {"temperatures": [300]}}
    for section in ("simulations", "properties"):  # of other methods
        del values[section]
    values["methods"] = {"scratch": {"initial": "random", "reference": "target", "pool": "cold"}}
    return values


def test_pools_of_methods_are_looked_up(values):
    study = load_study(values)
    assert study.pool_sizes("cold") == [size for size in study.subsets.sizes if size]
    values["methods"]["scratch"]["pool"] = "warm"
    with pytest.raises(
        StudyError, match=r"methods\.scratch\.pool is warm, which .* \(there is cold\)"
    ):
        load_study(values)


def test_a_pool_cannot_be_drawn_diversely(values):
    values["subsets"]["sampling"] = "diverse"
    with pytest.raises(StudyError, match="cannot be drawn with `sampling: diverse`"):
        load_study(values)


def test_methods_with_a_pool_are_on_no_learning_curve(values):
    methods = values["methods"]
    methods["transfer"] = {"initial": "pretrained", "reference": "target", "pool": "cold"}
    assert load_study(values).on_learning_curve == ["scratch", "transfer"]
    assert load_study(values).baseline == "scratch"
    methods["every_frame"] = {"initial": "random", "reference": "target"}
    assert load_study(values).on_learning_curve == ["every_frame"]
    assert load_study(values).baseline == "every_frame"
