"""Ids of binary formats and of JSON: one text for one id, whatever it was kept as."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungs.sources.ids import id_text


@given(text=st.text(min_size=1))
def test_texts_stay_as_they_are(text):
    assert id_text(text) == text


@given(number=st.integers(-(2**53) + 1, 2**53 - 1))
def test_whole_numbers_are_one_id_whatever_they_are_kept_as(number):
    kept = [number, np.int64(number), float(number), np.float64(number), str(number)]
    assert {id_text(value) for value in kept} == {str(number)}


@given(number=st.integers())
def test_long_whole_numbers_keep_all_their_digits(number):
    assert id_text(number) == str(number)


@given(one=st.floats(), other=st.floats())
def test_other_numbers_stay_apart(one, other):
    if one != other and not math.isnan(one):
        assert id_text(one) != id_text(other)


@pytest.mark.parametrize("value", [None, "", math.nan, np.float32("nan"), b""])
def test_no_id(value):
    assert id_text(value) is None


def test_bytes_and_truth_values():
    assert id_text(b"mp-149") == "mp-149"
    assert (id_text(True), id_text(np.False_)) == ("True", "False")


@pytest.mark.parametrize("value", [[1], {"a": 1}, (1, 2)])
def test_what_can_be_no_id(value):
    with pytest.raises(ValueError, match="stands where an id is expected"):
        id_text(value)
