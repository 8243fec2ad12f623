"""The filters in line: what each removes, what it says, and what all leave alone."""

import csv
import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rungs.config.data import Screening
from rungs.config.filters import Filters
from rungs.errors import StudyError
from rungs.filters import FilterChain
from rungs.filters.spool import Spool
from rungs.frames.frame import Frame, Rejected
from rungs.frames.screening import screen_to_file
from rungs.frames.table import read_frames


def test_nothing_is_removed_unless_asked_for(frame, run):
    frames = [
        frame(0, converged=False),
        frame(1, energy=50.0, relaxed_energy=-5.0),
        frame(2, energy=50.0),
        Rejected("broken", "line 3"),
    ]
    kept, rejects, counts = run(frames)
    assert kept == ["MgO-0", "MgO-1", "MgO-2"]
    assert rejects == [Rejected("broken", "line 3")]
    assert counts == {}


def test_frames_that_did_not_converge(frame, run):
    frames = [frame(0, converged=True), frame(1, converged=False), frame(2)]
    kept, (refused,), counts = run(frames, converged=True)
    assert kept == ["MgO-0", "MgO-2"]
    assert (refused.frame_id, refused.kind) == ("MgO-1", "converged")
    assert "electronic loop" in refused.reason
    assert counts == {"converged": 1}


def test_labels_are_asked_for(frame, run):
    frames = [frame(0), frame(1, energy=None), frame(2, forces=None), frame(3, magmoms=[0.0, 0.0])]
    kept, refused, counts = run(frames, labelled=["energy", "forces"])
    assert kept == ["MgO-0", "MgO-3"]
    assert counts == {"missing label": 2}
    assert {r.kind for r in refused} == {"missing label"}
    assert refused[0].reason == "has no energy, for which filters.labelled asks"
    _, refused, _ = run(frames[:1], labelled=["energy", "stress", "magmoms"])
    assert refused[0].reason == "has no stress, no magmoms, for which filters.labelled asks"


@pytest.mark.parametrize(
    "options",
    [
        {"near_duplicates": {}},
        {"energy_window": {"relaxed": "lowest"}},
        {"energy_window": {"relaxed": "known"}},
    ],
)
def test_frames_without_an_energy_pass_filters_that_judge_by_it(frame, run, options):
    frames = [frame(0, energy=None), frame(1, relaxed_energy=-5.0)]
    frames.append(frame(2, energy=None, relaxed_energy=-5.0))
    kept, refused, _ = run(frames, **options)
    assert kept == ["MgO-0", "MgO-1", "MgO-2"]
    assert not refused


@pytest.mark.parametrize(
    ("options", "kept", "words"),
    [
        ({"only": ["Mg", "O", "H"]}, ["MgO-0"], "holds Fe, which filters.elements.only does not"),
        ({"without": ["Fe", "He"]}, ["MgO-0"], "holds Fe, which filters.elements.without lists"),
        ({"only": ["Fe", "O"], "without": ["H"]}, ["FeO-0"], "holds Mg"),
    ],
)
def test_elements(frame, run, options, kept, words):
    frames = [frame(), frame(material="FeO", atomic_numbers=[26, 8])]
    left, (refused,), counts = run(frames, elements=options)
    assert left == kept
    assert words in refused.reason
    assert refused.kind == "elements"
    assert counts == {"elements": 1}


def test_window_around_the_relaxed_energy_that_the_source_tells(frame, run):
    energies = [-5.0105, -5.0099, -5.0, -4.0001, -3.999]
    frames = [frame(i, e, relaxed_energy=-5.0) for i, e in enumerate(energies)]
    frames.append(frame(9, energy=40.0))  # of which the source tells nothing
    kept, (low, high), counts = run(frames, energy_window={})
    assert kept == ["MgO-1", "MgO-2", "MgO-3", "MgO-9"]
    assert low.reason == (
        "energy is 0.0105 eV/atom below the material's relaxed energy of -5 eV/atom, beyond "
        "filters.energy_window.below = 0.01 eV/atom"
    )
    assert "1.001 eV/atom above" in high.reason
    assert "filters.energy_window.above = 1 eV/atom" in high.reason
    assert counts == {"energy_window": 2}


def test_window_above_the_lowest_energy_of_each_material(frame, run):
    frames = [
        frame(0, -5.0),
        frame(0, -1.0, material="CaO"),
        frame(1, -4.6),
        frame(1, -0.7, material="CaO"),
        frame(2, -4.4),
        # known, and outside of what is known; its energy still counts as one of the material's
        frame(3, -4.9, relaxed_energy=-6.0),
        frame(4, -4.9, relaxed_energy=-5.0),
    ]
    kept, rejects, _ = run(frames, energy_window={"above": 0.5, "relaxed": "lowest"})
    # material by material, each in its order
    assert kept == ["MgO-0", "MgO-1", "MgO-4", "CaO-0", "CaO-1"]
    assert [r.frame_id for r in rejects] == ["MgO-3", "MgO-2"]
    assert "0.6 eV/atom above the material's lowest energy of -5 eV/atom" in rejects[1].reason


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"converged": True}, r"source\.filters\.converged is on, but no frame .* converged"),
        ({"energy_window": {}}, r"source\.filters\.energy_window is on.*`relaxed: lowest`"),
    ],
)
def test_a_filter_that_no_frame_can_answer_to_stops_the_study(frame, run, options, words):
    with pytest.raises(StudyError, match=words):
        run([frame(0), frame(1)], **options)
    # without any frame the screening has more to say
    assert run([Rejected("a", "unreadable")], **options)[0] == []


def test_a_removed_frame_does_not_judge_others(frame, run):
    """Filters stand in line: an unconverged frame is no material's lowest, nor kept to compare."""
    frames = [
        frame(0, -9.0, converged=False),
        frame(1, -5.0, converged=True),
        frame(2, -5.0011, converged=True),
        frame(3, -4.5, converged=True),
    ]
    kept, _, counts = run(
        frames,
        converged=True,
        energy_window={"above": 0.4, "relaxed": "lowest"},
        near_duplicates={},
    )
    assert kept == ["MgO-1"]
    assert counts == {"converged": 1, "energy_window": 1, "near_duplicates": 1}


@given(st.data())
@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_materials_may_stand_anywhere_in_the_source(frame, run, data):
    """What is kept does not depend on how the materials' frames are mixed."""
    energy = st.integers(0, 40).map(lambda n: -5 + n / 2000)
    materials = {
        name: [frame(i, e, name) for i, e in enumerate(data.draw(st.lists(energy, max_size=8)))]
        for name in ("a", "b", "c")
    }
    together = [one for frames in materials.values() for one in frames]
    names = data.draw(st.permutations([one.material_id for one in together]))
    waiting = {name: iter(frames) for name, frames in materials.items()}
    mixed = [next(waiting[name]) for name in names]
    options = {
        "energy_window": {"above": 0.01, "relaxed": "lowest"},
        "near_duplicates": {"looser": [{"beyond": 2, "energy": 0.004}]},
    }
    kept, rejects, counts = run(mixed, **options)
    expected, expected_rejects, expected_counts = run(together, **options)
    assert sorted(kept) == sorted(expected)
    assert counts == expected_counts
    assert len(kept) + len(rejects) == len(together)
    assert {r.frame_id: r.reason for r in rejects} == {
        r.frame_id: r.reason for r in expected_rejects
    }


def test_frames_come_through_the_file_as_they_were(tmp_path, frame):
    frames = [
        frame(0, stress=np.arange(6), magmoms=[1, 2], converged=True, relaxed_energy=-5.0),
        frame(0, material="b"),
        frame(1, group="g", given_part="test"),
    ]
    with Spool(tmp_path / "new") as spool:
        for one in frames:
            spool.add(one)
        back = [one for group in spool.materials() for one in group]
    for one, expected in zip(back, [frames[0], frames[2], frames[1]], strict=True):
        for field in dataclasses.fields(Frame):
            value, wanted = getattr(one, field.name), getattr(expected, field.name)
            assert np.array_equal(value, wanted) if wanted is not None else value is None


def test_a_full_disk_is_said_in_words(tmp_path, frame):
    with Spool(tmp_path) as spool, open("/dev/full", "wb", buffering=0) as full:
        spool._file.close()
        spool._file = full
        with pytest.raises(StudyError, match=r"No space left on device.*near_duplicates"):
            spool.add(frame())


def test_removed_frames_go_to_the_rejects_file_of_the_screening(tmp_path, frame):
    """Behind the screening: a broken frame is no lowest energy, and a copy of an id is named so."""
    items = [
        frame(0, -5.0),
        frame(1, -1000.0),  # refused by the screening
        frame(2, -4.0),
        frame(0, -5.0),
        frame(3, -5.0001),
    ]
    filters = Filters.model_validate(
        {"energy_window": {"above": 0.5, "relaxed": "lowest"}, "near_duplicates": {}}
    )
    path, rejects = tmp_path / "frames.parquet", tmp_path / "rejects.csv"
    chain = FilterChain(filters, tmp_path, "source")
    screened = screen_to_file(items, Screening(), path, rejects, {}, chain)
    assert [one.frame_id for one in read_frames(path)] == ["MgO-0"]
    with open(rejects, newline="", encoding="utf-8") as handle:
        table = [(row["frame_id"], row["kind"]) for row in csv.DictReader(handle)]
    assert sorted(table) == [
        ("MgO-0", "duplicate id"),
        ("MgO-1", "energy"),
        ("MgO-2", "energy_window"),
        ("MgO-3", "near_duplicates"),
    ]
    assert screened.n_rejected == 4
    assert screened.counts == {
        "energy": 1,
        "duplicate id": 1,
        "energy_window": 1,
        "near_duplicates": 1,
    }


def test_filters_that_leave_nothing_are_named(tmp_path, frame):
    chain = FilterChain(Filters.model_validate({"elements": {"only": ["H"]}}), tmp_path, "source")
    with pytest.raises(StudyError, match=r"2 were refused \(elements: 2\).*filters"):
        screen_to_file(
            [frame(0), frame(1)], Screening(), tmp_path / "f", tmp_path / "r.csv", {}, chain
        )
