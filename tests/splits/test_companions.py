"""Frames of the source that methods ask for, against those that there are."""

import pytest

from rungs.config.methods import Method
from rungs.errors import StudyError
from rungs.splits.companions import check_companions


def method(**more):
    return Method.model_validate({"initial": "pretrained", "reference": "target"} | more)


def test_no_more_than_there_are():
    asked = {"a": method(companion={"frames": 8}), "b": method(pretraining_size=9), "c": method()}
    check_companions(asked, 9)
    with pytest.raises(StudyError, match=r"methods.b.pretraining_size is 9, .* has 8 frames"):
        check_companions(asked, 8)
    with pytest.raises(StudyError, match=r"methods.a.companion.frames is 8, .* has 7 frames"):
        check_companions(asked, 7)


def test_a_companion_needs_some():
    with pytest.raises(StudyError, match=r"methods.a.companion: the source has no training frames"):
        check_companions({"a": method(companion={})}, 0)
    # a share of 0 trains on none, and a model that is taken as it is needs none
    check_companions({"a": method(companion={"share": 0.0, "frames": 5}), "b": method()}, 0)
