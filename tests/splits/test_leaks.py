"""No leak between training and test, whatever is asked for; harder divisions; given lists."""

import re

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from rungs.config.data import GivenParts, Split
from rungs.errors import StudyError
from rungs.splits.composition import chemical_system
from rungs.splits.given_parts import read_listed
from rungs.splits.members import Member
from rungs.splits.split import split_materials
from rungs.splits.summary import summarise

COMPOSITIONS = [f"{a}{n} {b}" for a in ("Mg", "Fe", "Li", "Cu") for b in "OFNS" for n in ("", 2)]


@st.composite
def levels(draw, division=False):
    """Two levels that share materials, under the same and under other ids, and copies of frames."""
    # a published division with many copies is refused, which is the dull case
    n_materials, n_geometries = (80, 400) if division else (60, 120)
    composition = st.sampled_from(COMPOSITIONS)
    made = {}
    for name, prefix in (("source", ""), ("target", draw(st.sampled_from(["", "t-"])))):
        frames = draw(
            st.lists(
                st.tuples(st.integers(0, n_materials), st.integers(0, n_geometries), composition),
                min_size=12,
                max_size=40,
            )
        )
        parts = [None] * len(frames)
        if division and draw(st.booleans()):
            parts = draw(
                st.lists(
                    st.sampled_from(["train", "test"]), min_size=len(frames), max_size=len(frames)
                )
            )
        made[name] = [
            Member(f"{name}-{i}", f"{prefix}{material}", part, b"%d" % geometry, composition)
            for i, ((material, geometry, composition), part) in enumerate(
                zip(frames, parts, strict=True)
            )
        ]
    return made


splits = st.builds(
    Split,
    by=st.sampled_from(["material", "composition", "chemical_system"]),
    test=st.floats(0.1, 0.4),
    validation=st.sampled_from([0.0, 0.2]),
    source_may_train_on_target_test=st.booleans(),
)


def assert_no_leak(made, rows, split, whole_materials=True):
    """What the test part of a level holds, no training that its models had may hold."""
    part_of = {(row.level, row.frame_id): row.part for row in rows}
    compared = [("source", "source"), ("target", "target")]
    if not split.source_may_train_on_target_test:
        compared.append(("source", "target"))
    for trained_on, tested_on in compared:
        trained = [m for m in made[trained_on] if part_of[trained_on, m.frame_id] != "test"]
        tested = [m for m in made[tested_on] if part_of[tested_on, m.frame_id] == "test"]
        assert tested
        facts = [lambda m: m.geometry]
        if whole_materials:
            facts.append(lambda m: m.material_id)
        if split.by == "composition":
            facts.append(lambda m: m.composition)
        if split.by == "chemical_system":
            facts.append(lambda m: chemical_system(m.composition))
        for fact in facts:
            assert not {fact(m) for m in trained} & {fact(m) for m in tested}


def attempt(*arguments):
    """The split, or None where these frames allow none."""
    try:
        return split_materials(*arguments)
    except StudyError:
        return None


@given(made=levels(), split=splits, seed=st.integers(0, 9), data=st.data())
@settings(deadline=None, max_examples=120)
def test_drawn_parts_do_not_leak(made, split, seed, data):
    rows = attempt(made["source"], made["target"], split, seed)
    event("divided" if rows else "too few")
    if rows is None:
        return
    assert_no_leak(made, rows, split)
    shuffled = [data.draw(st.permutations(made[name])) for name in ("source", "target")]
    assert split_materials(*shuffled, split, seed) == rows


@given(made=levels(division=True), split=splits, seed=st.integers(0, 9))
@settings(deadline=None, max_examples=120)
def test_published_parts_do_not_leak_or_are_refused(made, split, seed):
    rows = attempt(made["source"], made["target"], split, seed)
    event("divided" if rows else "refused")
    if rows is None:
        return
    # a published division may go through a material, but not through copies of a frame
    assert_no_leak(made, rows, split, whole_materials=False)
    for row, m in zip(
        sorted(rows, key=lambda r: (r.level, r.frame_id)),
        sorted((m for x in made.values() for m in x), key=lambda m: m.frame_id),
        strict=True,
    ):
        assert m.given_part != "test" or row.part == "test"


@given(made=levels(), split=splits, data=st.data())
@settings(deadline=None, max_examples=120)
def test_listed_parts_are_kept_and_do_not_leak(made, split, data):
    ids = sorted({m.material_id for level in made.values() for m in level})
    parts = st.sampled_from(["test", "validation"])
    listed = data.draw(st.dictionaries(st.sampled_from(ids), parts, min_size=1, max_size=6))
    rows = attempt(made["source"], made["target"], split, 0, listed)
    event("divided" if rows else "refused")
    if rows is None:
        return
    own = {name for name in made if any(row.level == name and row.part == "test" for row in rows)}
    assert "target" in own
    if "source" in own:
        assert_no_leak(made, rows, split)
    part_of = {row.material_id: row.part for row in rows if row.level == "target"}
    assert all(part_of.get(name, part) == part for name, part in listed.items())


@pytest.mark.parametrize("by", ["composition", "chemical_system"])
def test_harder_divisions_keep_families_together(by):
    """Fractions are those of compositions or systems, and no material is torn."""
    made = [Member(f"{i}", f"m{i // 2}", None, b"%d" % i, f"Li{1 + i % 3} F") for i in range(9)]
    made += [
        Member(f"x{i}", f"x{i}", None, b"x%d" % i, f"{element} O")
        for i, element in enumerate(["Mg", "Ca", "Sr", "Ba", "Fe", "Co", "Ni", "Cu", "Zn"])
    ]
    rows = split_materials(made, made, Split(by=by, test=0.2, validation=0.1), 1)
    held = {row.frame_id for row in rows if row.part == "test"}
    # ten families: the nine oxides, and the fluorides that materials with two of them link
    families = {"Li" if not name.startswith("x") else name for name in held}
    assert len(families) == 2
    assert len({row.part for row in rows if not row.frame_id.startswith("x")}) == 1


def level(names, part=None, tag=""):
    return [Member(f"{tag}{n}-0", str(n), part, f"{tag}{n}".encode(), "Mg O") for n in names]


def test_the_target_is_divided_the_same_when_the_source_is_let_see_its_test():
    made = level(range(100)), level(range(50, 150), tag="t")
    apart, shared = (
        split_materials(*made, Split(test=0.2, source_may_train_on_target_test=allow), 3)
        for allow in (False, True)
    )
    target = [[row for row in rows if row.level == "target"] for rows in (apart, shared)]
    assert target[0] == target[1]
    tested = {row.material_id for row in target[0] if row.part == "test"}
    trained = [
        {row.material_id for row in rows if row.level == "source" and row.part == "train"}
        for rows in (apart, shared)
    ]
    assert not tested & trained[0]
    assert tested & trained[1]


def test_a_published_leak_may_be_allowed():
    source = level(range(20), "train") + level(range(90, 95), "test")
    target = level(range(30, 50), "train") + level([7], "test", tag="t")
    with pytest.raises(StudyError, match=r"or allow it with split\.source_may_train_on_target"):
        split_materials(source, target, Split(), 0)
    allowed = Split(source_may_train_on_target_test=True)
    assert split_materials(source, target, allowed, 0)


def test_a_published_division_within_a_composition_is_refused():
    source = [m._replace(composition=f"Mg{m.material_id} N") for m in level(range(2, 20))]
    target = [
        *(m._replace(composition=f"Ca{m.material_id} O") for m in level(range(30, 50), "train")),
        *(m._replace(composition="Ca30 O") for m in level([60], "test")),
    ]
    with pytest.raises(StudyError, match=r"split.by is composition, but 1 .* \(Ca30 O\)"):
        split_materials(source, target, Split(by="composition"), 0)


def test_too_few_compositions_are_called_so():
    with pytest.raises(StudyError, match=r"has no chemical system for .* split by material"):
        split_materials(level(range(9)), level(range(9)), Split(by="chemical_system"), 0)


LISTS = [
    ({"7": "test", "nine": "test"}, r"lists 1 materials that no sound frame .* has \(nine\)"),
    ({"1": "test", "copy": "validation"}, r"lists 1 for test and copy for validation, but the two"),
    ({"30": "test"}, "leaves the target no material for test"),
    ({str(n): "test" for n in range(30)}, "leaves the target no material for train"),
]


@pytest.mark.parametrize(("listed", "words"), LISTS)
def test_lists_that_do_not_fit_are_refused(listed, words):
    target = [*level(range(10)), Member("copied", "copy", None, b"1")]
    if len(listed) > 9:
        listed = listed | {"copy": "test"}
    with pytest.raises(StudyError, match=words):
        split_materials(level(range(40)), target, Split(), 0, listed)


def test_lists_beside_a_published_division_are_refused():
    target = level(range(9), "train") + level([10], "test")
    with pytest.raises(StudyError, match=r"target carry a division of their own"):
        split_materials(level(range(9)), target, Split(), 0, {"3": "test"})


def test_copies_and_families_follow_the_listed_material():
    source = [Member("s", "other id", None, b"1", "Mg O"), *level(range(20, 30))]
    rows = split_materials(source, level(range(10)), Split(), 0, {"1": "test", "2": "validation"})
    part_of = {row.material_id: row.part for row in rows}
    assert part_of["other id"] == part_of["1"] == "test"
    assert part_of["2"] == "validation"
    assert part_of["3"] == part_of["20"] == "train"


def test_parts_from_a_file(tmp_path):
    path = tmp_path / "parts.csv"
    path.write_text("\ufeffmaterial_id,part\nmp-1,test\nmp-2,train\n\nmp-3,validation\n")
    given_parts = GivenParts(file="parts.csv")
    assert read_listed(given_parts, tmp_path) == {
        "mp-1": "test",
        "mp-2": "train",
        "mp-3": "validation",
    }
    assert read_listed(GivenParts(test=["a"], validation=["b"]), tmp_path) == {
        "a": "test",
        "b": "validation",
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected the columns material_id, part, found nothing"),
        ("id,part\na,test\n", "expected the columns material_id, part, found id, part"),
        ("material_id,part\na,tests\n", "line 2: expected .* train, validation, test, found a,te"),
        ("material_id,part\na\n", "line 2: expected a material id"),
        ("material_id,part\na,test\nb,test\na,train\n", "line 4: material a is listed twice"),
        ("material_id,part\na,train\n", "lists no test material"),
        (b"material_id,part\n\xff,test\n", "no CSV file in UTF-8"),
        (None, r"cannot be read .*split\.parts\.file"),
    ],
)
def test_files_of_parts_that_cannot_be(tmp_path, text, words):
    path = tmp_path / "parts.csv"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(StudyError, match=re.escape(str(path)) + ".*" + words):
        read_listed(GivenParts(file="parts.csv"), tmp_path)


def test_summary_counts_what_is_where():
    source = [
        Member("a0", "a", None, b"0", "Mg O"),
        Member("a1", "a", None, b"1", "Mg2 O"),
        *(Member(f"s{i}", f"s{i}", None, b"s%d" % i, "Fe") for i in range(18)),
        Member("c0", "c", None, b"c", "Si"),
    ]
    target = [
        Member("t0", "t", None, b"1", "Mg2 O"),  # a1 under another id
        Member("c1", "c", None, b"d", "Ge"),
        *(Member(f"x{i}", f"x{i}", None, b"x%d" % i, "Na Cl") for i in range(3)),
    ]
    listed = {"t": "test", "x0": "test", "x1": "validation", "s3": "validation"}
    rows = split_materials(source, target, Split(), 0, listed)
    labelled = {
        "source": {"energy": ["a0", "c0"], "forces": [], "stress": ["s3"], "magmoms": []},
        "target": {"energy": ["t0", "x0", "x1"], "forces": ["x0"], "stress": [], "magmoms": []},
    }
    table = {(s.level, s.part): s[2:] for s in summarise(source, target, rows, labelled)}
    # materials, frames, elements, shared with the other level, in its training; labels
    assert table == {
        ("source", "train"): (18, 18, 2, 1, 1, 1, 0, 0, 0),
        ("source", "validation"): (1, 1, 1, 0, 0, 0, 0, 1, 0),
        ("source", "test"): (1, 2, 2, 1, 0, 1, 0, 0, 0),
        ("target", "train"): (2, 2, 3, 1, 1, 0, 0, 0, 0),
        ("target", "validation"): (1, 1, 2, 0, 0, 1, 0, 0, 0),
        ("target", "test"): (2, 2, 4, 1, 0, 2, 1, 0, 0),
    }
    allowed = Split(source_may_train_on_target_test=True, test=0.1, validation=0)
    for seed in range(20):
        rows = split_materials(source, target, allowed, seed, listed)
        seen = {r.frame_id: r.part for r in rows if r.level == "source"}["a0"] != "test"
        table = {(s.level, s.part): s for s in summarise(source, target, rows, labelled)}
        assert table["target", "test"].in_other_training == seen
