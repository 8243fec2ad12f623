"""The properties that a potential predicts, and how their errors are given."""

from collections.abc import Mapping
from typing import NamedTuple

PROPERTIES = ("energy", "force", "stress", "magmom")
UNITS = {"energy": "meV/atom", "force": "meV/Å", "stress": "GPa", "magmom": "μB"}


class PropertyError(NamedTuple):
    """Errors of one property, in the unit of ``UNITS``."""

    mae: float
    rmse: float
    n: int
    """Numbers compared: frames, force components, stress components or atoms."""


_DIGITS = {"energy": ".1f", "force": ".0f", "stress": ".2f", "magmom": ".3f"}


def mae_words(maes: Mapping[str, float]) -> str:
    """Mean absolute errors of energy and force in words, of the others where these are missing."""
    shown = [name for name in ("energy", "force") if name in maes] or list(maes)
    return ", ".join(f"{name} MAE {maes[name]:{_DIGITS[name]}} {UNITS[name]}" for name in shown)


def error_words(errors: Mapping[str, PropertyError]) -> str:
    """As :func:`mae_words`, of errors with all that belongs to them."""
    return mae_words({name: error.mae for name, error in errors.items()})
