"""Values in YAML are read back as they are."""

import pytest
import yaml

from rungs.preflight.study_text import line, scalar


@pytest.mark.parametrize(
    "value",
    [
        *("a b", "0.3.0", "null", "No", "eV/Å³", "x: y", r"(\d+) K\b", "it's", "1e5", "-x", "#a"),
        *("/tmp/a b/{x}", "café", 'say "so"', "two\nlines", "%x", "[a]", "~"),
        *(None, True, False, 0, 12, 0.1, 3e-3, 1e-4, 20.0),
        {"key": "description", "pattern": r"at (\d+) K"},
        [0, 4, "b c", None],
    ],
)
def test_round_trip(value):
    assert yaml.safe_load(f"key: {scalar(value)}")["key"] == value


def test_comments_stand_in_a_column():
    assert line("a", 1, 2, "why").index("#") == line("abc", "text", 4, "why").index("#")
