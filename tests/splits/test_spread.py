"""Whole materials of published divisions that spread some over training and test."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.config.data import Split
from rungs.splits.members import Member
from rungs.splits.split import split_materials
from rungs.splits.spread import spread_words, without_spread

SET_ASIDE = Split(test=0.2, validation=0, spread="set_aside")


def level(name, parts, composition=""):
    """Frames of materials: ``{"a": "train train test"}``."""
    return [
        Member(f"{name}-{m}-{i}", m, None if part == "none" else part, b"", composition)._replace(
            geometry=f"{name}-{m}-{i}".encode()
        )
        for m, words in parts.items()
        for i, part in enumerate(words.split())
    ]


def kept(members):
    found = defaultdict(list)
    for m in members:
        found[m.material_id].append(m.given_part)
    return dict(found)


def test_test_frames_of_a_material_that_trains_are_set_aside_in_both_levels():
    levels = {
        "source": level("s", {"a": "train test", "b": "train", "c": "test", "d": "test test"}),
        "target": level("t", {"a": "train test test", "b": "test", "c": "train", "e": "test"}),
    }
    whole = without_spread(levels, SET_ASIDE)
    assert kept(whole["target"]) == {"a": ["train"], "b": ["test"], "c": ["train"], "e": ["test"]}
    # the target decides: it tests on b, which the source may not train on, and trains on c
    assert kept(whole["source"]) == {"a": ["train"], "d": ["test", "test"]}
    assert spread_words("source", levels["source"], whole["source"]) == (
        "source: 3 of 6 frames are set aside (split.spread): the published division has others of "
        "their material in another part"
    )
    assert spread_words("source", levels["source"], levels["source"]) is None
    assert without_spread(levels, Split(test=0.2)) is levels


def test_a_level_without_a_division_is_left_whole():
    levels = {
        "source": level("s", {"a": "none none", "b": "none"}),
        "target": level("t", {"a": "train test", "b": "test"}),
    }
    whole = without_spread(levels, SET_ASIDE)
    assert whole["source"] == levels["source"]
    assert len(whole["target"]) == 2


def test_with_a_split_by_composition_a_formula_is_what_is_spread():
    target = level("t", {"a": "train"}, "Al2 O3") + level("t", {"b": "test", "c": "test"}, "Al2 O3")
    levels = {"source": [], "target": target + level("t", {"d": "test"}, "Mg1 O1")}
    by_formula = SET_ASIDE.model_copy(update={"by": "composition"})
    assert set(kept(without_spread(levels, by_formula)["target"])) == {"a", "d"}
    assert set(kept(without_spread(levels, SET_ASIDE)["target"])) == {"a", "b", "c", "d"}


published = st.dictionaries(
    st.integers(0, 20).map(str),
    st.lists(st.sampled_from(["train", "test"]), min_size=1, max_size=4).map(" ".join),
    min_size=4,
    max_size=20,
)


@given(source=published, target=published)
@settings(deadline=None, max_examples=200)
def test_no_frame_changes_its_part_and_no_material_is_in_two(source, target):
    levels = {"source": level("s", source), "target": level("t", target)}
    whole = without_spread(levels, SET_ASIDE)
    for members in whole.values():
        if not {m.given_part for m in members} >= {"train", "test"}:
            return  # nothing left to divide, which is said elsewhere
    part_of = defaultdict(set)
    for row in split_materials(**whole, options=SET_ASIDE, seed=0):
        part_of[row.material_id].add(row.part)
    assert all(len(parts) == 1 for parts in part_of.values())
    given_part = {m.frame_id: m.given_part for members in levels.values() for m in members}
    for row in split_materials(**whole, options=SET_ASIDE, seed=0):
        assert given_part[row.frame_id] == row.part


def test_the_published_division_of_gold_has_whole_crystals_after_it(shared_data):
    """28 of its 85 crystals are in both parts, with 58 of its 113 test frames."""
    from ase.io import iread

    folder = shared_data / "ag_au_pbe"
    levels = {
        name: [
            Member(f"{name}-{i}", a.info["group"], a.info["split"], f"{name}-{i}".encode())
            for i, a in enumerate(iread(folder / file))
        ]
        for name, file in (("source", "source_Ag.xyz"), ("target", "target_Au.xyz"))
    }
    rows = split_materials(**without_spread(levels, SET_ASIDE), options=SET_ASIDE, seed=0)
    target = defaultdict(set)
    for row in rows:
        target[row.part].add((row.level, row.frame_id))
    tests = [row for row in rows if (row.level, row.part) == ("target", "test")]
    assert (len(tests), len({row.material_id for row in tests})) == (55, 33)
    trained = {row.material_id for row in rows if row.part != "test"}
    assert not trained & {row.material_id for row in tests}


@pytest.mark.parametrize("word", ["drop", True])
def test_another_word_is_refused(word):
    with pytest.raises(ValueError, match="spread"):
        Split(spread=word)
