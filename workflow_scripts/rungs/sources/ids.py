"""Ids are what is written: one text for one id, in whatever kind of file it stands.

An id that was parsed as a value is another id: 0012 becomes 12, and the hashes 5e1234 and 6e9876
both become infinity, one material.
"""

import math
import numbers
from collections.abc import Sized

import numpy as np

_EXACT = 2**53
"""Whole numbers up to here are told apart by double precision."""


def id_text(value: object) -> str | None:
    """An id that a binary format or a JSON document holds, as text; None where there is none.

    Texts stay as they are. Whole numbers have no decimal point, also where they were kept in a
    column of floating-point numbers, as of tables in which some ids are missing; others are
    written with the fewest digits that tell them apart. NaN and the empty text are no ids.

    Raises:
        ValueError: for what can be no id: lists, objects.
    """
    if value is None or (isinstance(value, str) and not value):
        return None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace") or None
    if isinstance(value, numbers.Integral | np.bool_):  # True and False among them
        return str(value)
    if isinstance(value, numbers.Real):
        number = float(value)
        if math.isnan(number):
            return None
        whole = abs(number) < _EXACT and number == int(number)
        return str(int(number)) if whole else repr(number)
    if isinstance(value, Sized):
        raise ValueError(f"a {type(value).__name__} stands where an id is expected")
    return str(value)
