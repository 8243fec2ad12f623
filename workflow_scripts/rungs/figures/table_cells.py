"""How the entries of a CSV file are shown to people: rounded, with digits that mean something."""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

DIGITS = 4
"""Significant digits of a measured number."""
INTERVAL_DIGITS = 3
"""Of the ends of an interval, which are less certain than what lies between them."""
MISSING = "–"
_TINY, _HUGE = 1e-3, 1e7
"""Between these, numbers are written without a power of ten."""
_SEPARATED = 10_000
"""From here on, thousands are set apart."""
_INTEGER = re.compile(r"[+-]?\d+(\.0)?")
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(\+00:00|Z)")


class Cell(NamedTuple):
    """One entry."""

    text: str
    """As it is shown."""
    order: str | None = None
    """What it is sorted by, empty where nothing is known; None for text, sorted by itself."""


def is_number(text: str) -> bool:
    """Whether an entry is a number, one that is not finite included."""
    try:
        float(text)
    except ValueError:
        return False
    # Python reads 1_000 as a number, CSV files do not mean it.
    return "_" not in text


def number(text: str, digits: int = DIGITS) -> str:
    """Return a number in digits that mean something.

    Whole numbers stay whole, and no digit before the point is rounded away. A number that was
    written with fewer digits keeps these.

    Args:
        text: the number as the CSV file has it.
        digits: significant ones.

    Raises:
        ValueError: if it is no number.
    """
    value = float(text)
    if not math.isfinite(value):
        return {"inf": "∞", "-inf": "-∞"}.get(str(value), MISSING)
    if _INTEGER.fullmatch(text) and abs(value) < 1e15:
        return _thousands(f"{value:.0f}", value)
    if value == 0:
        return "0"
    size = abs(value)
    if not _TINY <= size < _HUGE:
        return _power_of_ten(value, digits)
    decimals = max(0, digits - 1 - math.floor(math.log10(size)))
    written = repr(value).partition(".")[2]
    if written.isdigit():
        decimals = min(decimals, len(written.rstrip("0")))
    return _thousands(f"{value:.{decimals}f}", value)


def number_cell(text: str, missing: str = MISSING) -> Cell:
    """Return the cell of a column of numbers; ``missing`` is shown where there is no entry."""
    if not text.strip():
        return Cell(missing, "")
    value = float(text)
    return Cell(number(text), "" if math.isnan(value) else f"{value:.9g}")


def interval_cell(low: str, high: str) -> Cell:
    """Return the cell of an interval, sorted by its lower end; an end may be open."""
    ends = [number(end, INTERVAL_DIGITS) if is_number(end) else "" for end in (low, high)]
    if not any(ends):
        return Cell(MISSING, "")
    if not all(ends):
        text = f"from {ends[0]}" if ends[0] else f"up to {ends[1]}"
        return Cell(text, f"{float(low):.9g}" if ends[0] else "")
    return Cell(" to ".join(ends), f"{float(low):.9g}")


def text_cell(text: str) -> Cell:
    """Return the cell of a column of text: names, versions, dates, yes and no."""
    text = text.strip()
    if text in ("True", "False"):
        return Cell("yes" if text == "True" else "no")
    if time := _TIME.fullmatch(text):
        return Cell(f"{time[1]} {time[2]} UTC")
    return Cell(text or MISSING)


def holds_numbers(entries: Sequence[str]) -> bool:
    """Whether a column is one of numbers: some entry is, and all that are there."""
    there = [entry for entry in entries if entry.strip()]
    return bool(there) and all(map(is_number, there))


def _thousands(text: str, value: float) -> str:
    if abs(value) < _SEPARATED:
        return text
    whole, point, rest = text.partition(".")
    return f"{int(whole):,}{point}{rest}"


def _power_of_ten(value: float, digits: int) -> str:
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}×10{str(int(exponent)).translate(_SUPERSCRIPT)}"
