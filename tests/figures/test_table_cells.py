"""How numbers, intervals and text of a CSV file are shown."""

import pytest

from rungs.figures.table_cells import (
    MISSING,
    holds_numbers,
    interval_cell,
    is_number,
    number,
    number_cell,
    text_cell,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("928.8294315338135", "928.8"),
        ("0.0012248184261570625", "0.001225"),
        ("-0.0246466587777409", "-0.02465"),
        ("8570.05113363266", "8570"),
        ("999.97", "1000.0"),
        ("12345.678", "12,346"),
        ("1580395", "1,580,395"),
        ("4", "4"),
        ("950.0", "950"),
        ("0.04", "0.04"),
        ("1.5", "1.5"),
        ("0.0", "0"),
        ("-1.6653345369377348e-15", "-1.665×10⁻¹⁵"),
        ("0.0005", "5×10⁻⁴"),
        ("2.5e+20", "2.5×10²⁰"),
        ("inf", "∞"),
        ("nan", MISSING),
    ],
)
def test_digits_that_mean_something(text, shown):
    assert number(text) == shown


def test_fewer_digits_where_asked_and_none_before_the_point_lost():
    assert number("0.12345", 3) == "0.123"
    assert number("123456.7", 3) == "123,457"


def test_a_missing_number_is_sorted_by_nothing():
    assert number_cell("") == (MISSING, "")
    assert number_cell("nan") == (MISSING, "")
    assert number_cell("", "all") == ("all", "")
    assert number_cell("12345.678") == ("12,346", "12345.678")


def test_intervals_are_one_entry_and_may_be_open():
    assert interval_cell("0.29876", "0.38123") == ("0.299 to 0.381", "0.29876")
    assert interval_cell("590.2", "") == ("from 590", "590.2")
    assert interval_cell("", "3.0") == ("up to 3", "")
    assert interval_cell("", "") == (MISSING, "")


def test_text_stays_but_for_yes_no_and_times():
    assert text_cell("2.10").text == "2.10"
    assert text_cell("mp-12345").text == "mp-12345"
    assert text_cell("True").text == "yes"
    assert text_cell("False").text == "no"
    assert text_cell("2026-11-28T20:12:50+00:00").text == "2026-11-28 20:12:50 UTC"
    assert text_cell(" ").text == MISSING


def test_what_a_column_of_numbers_is():
    assert holds_numbers(["1", "", "2.5e-3", "nan"])
    assert not holds_numbers(["1", "2.13.0+cpu"])
    assert not holds_numbers(["", " "])
    assert not is_number("1_000")
