"""Metrics and numbers in words."""

import math

_NAMES = {"energy": "energy", "force": "force", "stress": "stress", "magmom": "magnetic moment"}
_UNITS = {
    "mev_per_atom": "meV/atom",
    "mev_per_angstrom": "meV/Å",
    "gpa": "GPa",
    "mu_b": "μB",
}


def metric_words(metric: str) -> tuple[str, str]:
    """Return name and unit of a column such as ``energy_mae_mev_per_atom``.

    A column of another form is its own name, without unit.
    """
    name, mae, unit = metric.partition("_mae_")
    if not mae:
        return metric, ""
    return _NAMES.get(name, name.replace("_", " ")), _UNITS.get(unit, unit.replace("_", " "))


def rounded(value: float, digits: int) -> str:
    """Return ``value`` to that many significant digits, thousands apart by commas, no exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    value = round(value, places)
    return f"{value:,.{max(places, 0)}f}"
