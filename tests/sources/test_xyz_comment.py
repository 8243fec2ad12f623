"""Comment lines of extended XYZ: quotes and brackets as ASE has them, values as written."""

import pytest
from ase.io.extxyz import key_val_dict_to_str, key_val_str_to_dict
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.sources.xyz_comment import floats, is_missing, number, numbers, parse_comment

# all that splits words, and what is left of them
ODD = st.text(alphabet="ab1 ='\"{}[]\\,.T\t", max_size=14)
KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True)
IDS = st.one_of(
    st.from_regex(r"0[0-9]{1,5}", fullmatch=True),
    st.from_regex(r"[0-9]e[0-9]{1,4}", fullmatch=True),
    st.from_regex(r"[0-9a-f]{6}", fullmatch=True),
    st.sampled_from(
        ["T", "F", "True", "None", "NaN", "inf", "1_000", "12.0", "+1", "0x1f", "null"]
    ),
    st.text(alphabet="abc-_:/.@+µß", min_size=1, max_size=8),
)


@given(line=ODD)
@settings(max_examples=500, deadline=None)
def test_keys_are_those_that_ase_finds(line):
    try:
        wanted = [key for key in key_val_str_to_dict(line) if key]
    except (ValueError, IndexError):  # of JSON that is none, and of a lone sign of equality
        return
    found = parse_comment(line)
    if all(line.count(sign) < 2 for sign in "{["):  # nested brackets are read as one value here
        assert [key for key in found if key] == wanted


@given(values=st.dictionaries(KEYS, IDS, min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_any_id_comes_back_as_it_was_written(values):
    line = " ".join(f"{key}={value}" for key, value in values.items())
    assert parse_comment(line) == values
    assert parse_comment(key_val_dict_to_str(values)) == values


@given(values=st.dictionaries(KEYS, st.text(alphabet="a b'\"[]{}", min_size=1), max_size=3))
@settings(max_examples=300, deadline=None)
def test_texts_that_ase_puts_in_quotes_come_back(values):
    assert parse_comment(key_val_dict_to_str(values)) == values


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("energy = -12.5 mat=m00", {"energy": "-12.5", "mat": "m00"}),
        ('stress="1 2 3" pbc="T T T"', {"stress": "1 2 3", "pbc": "T T T"}),
        ("note='a \"quoted\" = sign' x=1", {"note": 'a "quoted" = sign', "x": "1"}),
        (r'path="C:\\calc\\run 1" x=1', {"path": r"C:\calc\run 1", "x": "1"}),
        ('o="_JSON {\\"0\\": {\\"Cu\\": 1.0}}"', {"o": '_JSON {"0": {"Cu": 1.0}}'}),
        ("list={1 2 3} y=[4, 5]", {"list": "1 2 3", "y": "4, 5"}),
        ("m=[[1, 2], [3, 4]] z=1", {"m": "[1, 2], [3, 4]", "z": "1"}),
        ('"two words"=5', {"two words": "5"}),
        ("uid=1.2.3 flag other", {"uid": "1.2.3", "flag": None, "other": None}),
        ("a=1 a=2", {"a": "2"}),
        ("a= b", {"a": "b"}),
        ("a=", {"a": ""}),
        ("x={unclosed y=1", {"x": "unclosed y=1"}),
        ("größe=5 Å", {"größe": "5", "Å": None}),
        ("", {}),
    ],
)
def test_lines_that_people_write(line, wanted):
    assert parse_comment(line) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("-12.5", [-12.5]),
        ("1 2,3", [1, 2, 3]),
        ("[1, 2], [3, 4]", [1, 2, 3, 4]),
        ("_JSON [[1, 2], [3, 4]]", [1, 2, 3, 4]),
        ("1.0D-03 -2.5d+2 1E2", [0.001, -250, 100]),
        ("0.123-104 -.5+100", [0.123e-104, -0.5e100]),
    ],
)
def test_numbers_as_people_c_and_fortran_write_them(text, wanted):
    assert numbers(text, "x").tolist() == wanted


@pytest.mark.parametrize("text", ["", "  ", None])
def test_a_value_without_a_number_is_named(text):
    with pytest.raises(ValueError, match="'energy' has no number"):
        number(text, "energy")


@pytest.mark.parametrize("text", ["low", "1-2", "1.2.3", "********", "D5", "T"])
def test_what_is_no_number_is_named(text):
    with pytest.raises(ValueError, match="'energy' is no number"):
        number(text, "energy")


def test_one_number_is_one():
    with pytest.raises(ValueError, match="'energy' has 2 numbers"):
        number("1 2", "energy")


@given(value=st.floats(allow_nan=False, allow_infinity=False, width=64))
def test_fortran_numbers_are_those_of_python(value):
    assert floats([f"{value:.17e}".replace("e", "D")]) == [value]
    assert floats([repr(value)]) == [value]


def test_words_for_nothing():
    assert all(map(is_missing, [None, "", " ", "None", "null", "NA", "n/a"]))
    assert not any(map(is_missing, ["nan", "0", "T", "nothing"]))
