"""Splits by material: laws that hold for any data, and published divisions."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.config.data import Split
from rungs.errors import StudyError
from rungs.splits.members import Member
from rungs.splits.split import split_materials

N_TENTHS = Split(test=0.1, validation=0.1)


def level(materials, n_frames=2, given_part=None, tag=""):
    return [
        Member(f"{m}-{i}", str(m), given_part, f"{tag}{m}-{i}".encode())
        for m in materials
        for i in range(n_frames)
    ]


def parts_of(rows, name):
    parts = defaultdict(set)
    for row in rows:
        if row.level == name:
            parts[row.part].add(row.material_id)
    return parts


materials = st.sets(st.integers(0, 60), min_size=3, max_size=40)
fractions = st.tuples(st.floats(0.01, 0.6), st.floats(0, 0.35)).map(
    lambda pair: Split(test=pair[0], validation=pair[1])
)


@given(source=materials, target=materials, split=fractions, seed=st.integers(0, 99), data=st.data())
@settings(deadline=None, max_examples=200)
def test_laws(source, target, split, seed, data):
    """Disjoint parts, none empty, one assignment for both levels, no matter the order."""
    a, b = level(source), level(target)
    rows = split_materials(a, b, split, seed)
    assert Counter((r.level, r.frame_id) for r in rows) == Counter(
        [("source", m.frame_id) for m in a] + [("target", m.frame_id) for m in b]
    )
    union = defaultdict(set)
    for name in ("source", "target"):
        parts = parts_of(rows, name)
        assert parts["train"]
        assert parts["test"]
        assert bool(parts["validation"]) == (split.validation > 0)
        for part, found in parts.items():
            union[part] |= found
    assert len(union["train"] | union["validation"] | union["test"]) == sum(
        map(len, union.values())
    )
    shuffled = split_materials(
        data.draw(st.permutations(a)), data.draw(st.permutations(b)), split, seed
    )
    assert shuffled == rows


@given(n=st.integers(20, 200), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=40)
def test_each_level_gets_its_fractions(n, seed):
    """Also where one level is far larger than the other."""
    rows = split_materials(level(range(n)), level(range(-20, 10)), N_TENTHS, seed)
    for name, size in (("source", n), ("target", 30)):
        parts = parts_of(rows, name)
        # three strata, each rounded by less than one
        for part in ("test", "validation"):
            assert abs(len(parts[part]) - size / 10) < 2
            assert parts[part]


def test_seeds_differ_and_one_seed_repeats():
    a, b = level(range(50)), level(range(50))
    splits = [split_materials(a, b, N_TENTHS, seed) for seed in (0, 1, 0)]
    assert splits[0] != splits[1]
    assert splits[0] == splits[2]


def test_another_material_moves_few_others():
    before = split_materials(level(range(50)), level(range(50)), N_TENTHS, 0)
    after = split_materials(level(range(51)), level(range(51)), N_TENTHS, 0)
    parts = {row.frame_id: row.part for row in before}
    moved = {r.material_id for r in after if parts.get(r.frame_id, r.part) != r.part}
    assert len(moved) <= 4


def test_no_validation_asked_none_made():
    rows = split_materials(level(range(9)), level(range(9)), Split(test=0.2, validation=0), 0)
    assert {row.part for row in rows} == {"train", "test"}


@pytest.mark.parametrize(
    ("n", "split", "words"),
    [
        (1, N_TENTHS, "source has no material for test: there are 1"),
        (2, N_TENTHS, "no material for validation: there are 2 to divide"),
        (1, Split(test=0.1, validation=0), "no material for test: there are 1"),
        (9, Split(test=0, validation=0.1), "split.test is 0"),
    ],
)
def test_too_few_materials_is_said_with_numbers(n, split, words):
    with pytest.raises(StudyError, match=words.replace(".", r"\.")):
        split_materials(level(range(n)), level(range(n)), split, 0)


def test_materials_that_share_a_frame_count_as_one():
    """Paired files without a material key: the ids differ, the geometries do not."""
    a = [Member(f"gga:{i}", f"gga:{i}", None, b"%d" % i) for i in range(40)]
    b = [Member(f"r2scan:{i}", f"r2scan:{i}", None, b"%d" % i) for i in range(40)]
    rows = split_materials(a, b, N_TENTHS, 0)
    parts = {row.frame_id: row.part for row in rows}
    assert all(parts[f"gga:{i}"] == parts[f"r2scan:{i}"] for i in range(40))


def test_published_division_is_kept_and_validation_comes_off_its_training_part():
    a = level(range(40), given_part="train", tag="s") + level(
        range(100, 110), given_part="test", tag="s"
    )
    b = level(range(200, 230), given_part="train") + level(range(300, 305), given_part="test")
    rows = split_materials(a, b, Split(test=0.5, validation=0.1), 0)
    source, target = parts_of(rows, "source"), parts_of(rows, "target")
    assert source["test"] == {str(i) for i in range(100, 110)}
    assert target["test"] == {str(i) for i in range(300, 305)}
    assert (len(source["validation"]), len(target["validation"])) == (4, 3)
    rows = split_materials(a, b, Split(test=0.5, validation=0), 0)
    assert not parts_of(rows, "source")["validation"]


def test_level_without_division_follows_the_published_one():
    """Target materials that the source publishes as test are test, those it trains on are not."""
    a = level(range(30), given_part="train") + level(range(30, 40), given_part="test")
    b = level(range(20, 60))
    rows = split_materials(a, b, N_TENTHS, 0)
    source, target = parts_of(rows, "source"), parts_of(rows, "target")
    assert {str(i) for i in range(30, 40)} <= target["test"]
    assert not target["test"] & (source["train"] | source["validation"])
    assert source["validation"] & target["train"] == set()
    # the other way round
    rows = split_materials(b, a, N_TENTHS, 0)
    assert not parts_of(rows, "target")["test"] & parts_of(rows, "source")["train"]


def test_level_whose_materials_the_other_trains_on_has_nothing_to_test():
    a = level(range(40), given_part="train") + level(range(50, 55), given_part="test")
    with pytest.raises(StudyError, match=r"target has no material for test: all it has \(10\)"):
        split_materials(a, level(range(10)), N_TENTHS, 0)


def test_copies_across_a_published_division_are_refused():
    a = level(range(20))
    b = level(range(100, 120), given_part="train") + level(range(200, 205), given_part="test")
    b.append(Member("copied", "777", "test", b"103-1"))
    with pytest.raises(StudyError, match=r"1 of the target's test frames .*copied = 103-1"):
        split_materials(a, b, N_TENTHS, 0)


def test_source_training_frame_in_the_target_test_is_refused():
    a = level(range(20), given_part="train") + level(range(30, 35), given_part="test")
    b = level(range(100, 120), given_part="train")
    b.append(Member("copied", "888", "test", b"7-0"))
    with pytest.raises(StudyError, match=r"copies of training frames of the source \(copied = 7-0"):
        split_materials(a, b, N_TENTHS, 0)


def test_target_test_material_in_the_source_training_is_refused():
    a = level(range(20), given_part="train", tag="s") + level([99], given_part="test", tag="s")
    b = level(range(100, 120), given_part="train") + level([7], given_part="test", tag="t")
    with pytest.raises(StudyError, match=r"1 of the materials .* source's training files \(7\)"):
        split_materials(a, b, N_TENTHS, 0)


def test_material_that_its_own_division_spreads_is_let_be():
    """Elastic, AIMD …: groups of one crystal, not materials to be kept apart."""
    b = [
        Member(f"{m}-{p}-{i}", m, p, f"{m}{p}{i}".encode())
        for m in ("elastic", "aimd", "surface", "vacancy")
        for p in ("train", "test")
        for i in range(5)
    ]
    a = [m._replace(geometry=b"s" + m.geometry) for m in b]
    rows = split_materials(a, b, Split(test=0.1, validation=0.2), 0)
    target = [row for row in rows if row.level == "target"]
    assert sum(row.part == "test" for row in target) == 20
    assert sum(row.part == "validation" for row in target) == 5


def test_division_that_lost_a_part_is_refused():
    a, b = level(range(20)), level(range(30), given_part="train")
    b = [m._replace(given_part="test") for m in b]
    with pytest.raises(StudyError, match="of the target's training files passed the screening"):
        split_materials(a, b, N_TENTHS, 0)


def with_elements(n_compounds, n_elements, given_part=None):
    names = [f"c{i}" for i in range(n_compounds)] + [f"e{i}" for i in range(n_elements)]
    return [
        m._replace(composition="Na Cl" if m.material_id.startswith("c") else "Na")
        for m in level(names, given_part=given_part)
    ]


def test_elements_train_where_that_is_asked_for():
    split = Split(test=0.2, validation=0.1, elements="train")
    rows = split_materials(with_elements(20, 6), with_elements(10, 3), split, 0)
    for name, n_elements, expected in (
        ("source", 6, {"test": 4, "validation": 2, "train": 20}),
        ("target", 3, {"test": 2, "validation": 1, "train": 10}),
    ):
        parts = parts_of(rows, name)
        assert {part: len(found) for part, found in parts.items()} == expected
        assert {f"e{i}" for i in range(n_elements)} <= parts["train"]


def test_elements_do_not_move_compounds_between_parts():
    split = Split(test=0.2, validation=0.1, elements="train")
    alone = split_materials(with_elements(20, 0), with_elements(10, 0), split, 0)
    beside = split_materials(with_elements(20, 6), with_elements(10, 3), split, 0)
    assert [row for row in beside if row.material_id.startswith("c")] == alone


def test_elements_are_divided_as_others_by_default():
    rows = split_materials(with_elements(0, 20), with_elements(0, 20), N_TENTHS, 0)
    assert len(parts_of(rows, "target")["test"]) == 2


def test_elements_alone_leave_nothing_to_test_on():
    split = Split(test=0.2, validation=0.1, elements="train")
    with pytest.raises(StudyError, match="split"):
        split_materials(with_elements(0, 20), with_elements(0, 20), split, 0)


def test_elements_that_a_published_division_tests_stay_test():
    split = Split(test=0, validation=0.2, elements="train")
    given_test = [m for m in with_elements(4, 1, "test") if m.material_id in ("c3", "e0")]
    level = with_elements(3, 0, "train") + given_test
    parts = parts_of(split_materials(level, level, split, 0), "target")
    assert parts["test"] == {"c3", "e0"}
