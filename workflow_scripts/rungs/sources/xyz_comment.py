"""The comment line of extended XYZ: keys, and values as they are written.

Quotes and brackets are read as ASE reads them, whose files these mostly are. Values stay text, as
only whoever asks for one knows whether it is a number or an id.
"""

import json
import re

import numpy as np

_BARE = r"[^\s='\"{}\[\]\\]+"
_PAIR = re.compile(
    rf"\s*({_BARE})\s*"
    rf"(=\s*(?:\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|({_BARE}))?)?"
    r"(?=\s|\Z)",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CLOSING = {"'": "'", '"': '"', "{": "}", "[": "]"}
_SEPARATORS = re.compile(r"[\s,\[\]{}()]+")
# Fortran writes exponents with a D, and without any letter where they have three digits.
_FORTRAN = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[dD]([+-]?\d+)|([+-]\d{3}))\Z")
_NONE = ("", "none", "null", "na", "n/a")
"""Words for a value that is missing."""


def parse_comment(line: str) -> dict[str, str | None]:
    """Keys of a comment line, and their values as they stand there, without quotes.

    A key without a value has None. Where a key stands twice, the last one counts.
    """
    line = line.strip()
    values: dict[str, str | None] = {}
    position = 0
    while position < len(line):
        pair = _PAIR.match(line, position)
        if pair is None:  # brackets, quotes within words, and what else people come upon
            return _parse_by_character(line, nested=True)
        key, equals, double, single, bare = pair.groups()
        value = None
        if equals is not None:
            quoted = double if double is not None else single
            if quoted is not None:
                value = _ESCAPED.sub(r"\1", quoted) if "\\" in quoted else quoted
            else:
                value = bare or ""
        values[key] = value
        position = pair.end()
    return values


def _parse_by_character(line: str, nested: bool) -> dict[str, str | None]:
    # a list of parts for each pair: the key, and what the signs of equality divide
    pairs: list[list[list[str]]] = [[[]]]
    closing, opening, depth, escaped = "", "", 0, False
    for char in line:
        if escaped:
            pairs[-1][-1].append(char)
            escaped = False
        elif char == "\\":
            escaped = True
        elif closing:
            if char == closing and depth == 0:
                closing = ""
            else:
                depth += nested and (char == opening != closing) - (char == closing)
                pairs[-1][-1].append(char)
        elif char in _CLOSING:
            opening, closing = char, _CLOSING[char]
        elif char.isspace():
            if pairs[-1][-1]:
                pairs.append([[]])
        elif char == "=":
            if pairs[-1] == [[]] and len(pairs) > 1:
                del pairs[-1]
            pairs[-1].append([])
        else:
            pairs[-1][-1].append(char)
    if closing and nested:  # brackets that do not close: ASE ends them at the first that does
        return _parse_by_character(line, nested=False)
    values: dict[str, str | None] = {}
    for key, *parts in pairs:
        if key or parts:
            values["".join(key)] = "=".join(map("".join, parts)) if parts else None
    return values


def is_missing(value: str | None) -> bool:
    """Whether a value says that there is none: nothing at all, ``None``, ``null``, ``NA``."""
    return value is None or value.strip().lower() in _NONE


def numbers(value: str | None, key: str) -> np.ndarray:
    """The numbers in a value: one, several between blanks or commas, a list in JSON.

    Raises:
        ValueError: when there are none, or something else than numbers.
    """
    if value is None:
        raise ValueError(f"'{key}' has no number")
    if value.startswith("_JSON "):
        return np.array(json.loads(value.removeprefix("_JSON ")), dtype=float).ravel()
    if not (words := [word for word in _SEPARATORS.split(value) if word]):
        raise ValueError(f"'{key}' has no number")
    try:
        return np.array(floats(words))
    except ValueError:
        raise ValueError(f"'{key}' is no number: {value[:60]}") from None


def number(value: str | None, key: str) -> float:
    """The one number in a value.

    Raises:
        ValueError: when there is none, or more than one.
    """
    found = numbers(value, key)
    if found.size != 1:
        raise ValueError(f"'{key}' has {found.size} numbers, one is expected")
    return float(found[0])


def floats(words: "list[str] | tuple[str, ...]") -> list[float]:
    """Numbers that are written as people, C and Fortran write them.

    Raises:
        ValueError: naming the first that is none.
    """
    try:
        return list(map(float, words))
    except ValueError:
        return [_fortran(word) for word in words]


def _fortran(word: str) -> float:
    if found := _FORTRAN.match(word):
        return float(f"{found[1]}e{found[2] or found[3]}")
    return float(word)
