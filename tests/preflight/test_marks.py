"""The list of ticks and crosses."""

import pytest

from rungs.preflight.marks import Marks


@pytest.fixture
def told() -> list[str]:
    return []


def test_signs(told):
    marks = Marks(told.append)
    marks.good("well")
    marks.warn("look")
    marks.bad("no")
    assert [line[0] for line in told] == ["✓", "!", "✗"]
    assert marks.has_bad


def test_letters_where_the_terminal_has_no_signs(told):
    marks = Marks(told.append, "ascii")
    marks.good("in eV/Å and eV/Å³")
    marks.bad("no")
    assert told == ["ok in eV/A and eV/A^3", "x  no"]


def test_each_fault_of_several_lines_is_a_cross(told):
    marks = Marks(told.append)
    marks.bad("one fault\n  its example\nanother")
    assert told == ["✗  one fault", "    its example", "✗  another"]
    assert marks.summary() == "2 things stop this study"


def test_warnings_stop_nothing(told):
    marks = Marks(told.append)
    marks.warn("look")
    assert not marks.has_bad
    assert marks.summary() == "nothing stops this study; 1 to look at"
