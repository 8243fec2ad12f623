"""Elements of both levels, and methods that ask for embeddings that nothing has trained."""

import dataclasses

import numpy as np
import pytest

from rungs.config.methods import Method
from rungs.errors import StudyError
from rungs.frames.frame import Frame
from rungs.frames.table import FrameWriter
from rungs.splits.elements import ElementCount, check_elements, count_elements

COUNTS = [
    ElementCount("source", "Ga", 0, 2),
    ElementCount("source", "Si", 9, 1),
    ElementCount("target", "Ge", 5, 5),
]


def check(counts=COUNTS, from_source_alone=True, **method) -> None:
    made = Method.model_validate({"initial": "pretrained", "reference": "target"} | method)
    check_elements({"m": made}, counts, from_source_alone=from_source_alone)


def test_elements_are_counted_by_part(tmp_path):
    frame = Frame(
        "a", "m", "PBE", 4 * np.eye(3), [14, 14], [[0, 0, 0], [2, 2, 2]], -9, np.zeros((2, 3))
    )
    frames = [frame]
    frames += [dataclasses.replace(frame, frame_id=name, atomic_numbers=[14, 32]) for name in "bc"]
    with FrameWriter(tmp_path / "f.parquet", {}) as writer:
        for one in frames:
            writer.write(one)
    found = count_elements(
        "target", tmp_path / "f.parquet", {"a": "train", "b": "train", "c": "test"}
    )
    assert found == [ElementCount("target", "Ge", 1, 1), ElementCount("target", "Si", 2, 1)]


def test_an_element_that_the_source_lacks_needs_a_word():
    with pytest.raises(
        StudyError,
        match=r"methods\.m starts pretrained, but the source's frames have no Ge \(they "
        r"have Ga, Si\): say .*`copy_embedding: \{Ge: Si\}`, or `copy_embedding: \{\}`",
    ):
        check()
    check(copy_embedding={"Ge": "Si"})
    check(copy_embedding={})
    check(initial="random")
    check(from_source_alone=False)


def test_the_same_elements_need_no_word():
    check([ElementCount("source", "Si", 9, 1), ElementCount("target", "Si", 3, 3)])


def test_an_element_of_the_sources_test_frames_alone_is_what_the_split_made_of_it():
    check([ElementCount("source", "Si", 9, 1), COUNTS[0], ElementCount("target", "Ga", 3, 3)])


def test_an_embedding_for_an_element_that_the_target_lacks_is_refused():
    with pytest.raises(StudyError, match=r"copy_embedding: no target frame has Sn; .* are Ge"):
        check(copy_embedding={"Sn": "Si"})


@pytest.mark.parametrize("element", ["C", "Ga"])
def test_an_embedding_that_no_source_frame_trained_is_refused(element):
    """Gallium is among the source's test frames only."""
    with pytest.raises(
        StudyError, match=rf"no training frame of the source has {element}, .* are Si$"
    ):
        check(copy_embedding={"Ge": element})
    check(copy_embedding={"Ge": element}, from_source_alone=False)
