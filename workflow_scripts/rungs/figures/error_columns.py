"""Names and units of the errors that figures show."""

from collections.abc import Container, Sequence
from typing import NamedTuple


class ErrorColumn(NamedTuple):
    """One property's mean absolute error."""

    column: str
    """Column of ``learning_curve.csv``, and metric of the tables made from it."""
    label: str
    """Axis label with the unit."""
    history: str
    """Column of ``history.csv``."""


PROPERTIES = {
    "energy": ErrorColumn(
        "energy_mae_mev_per_atom",
        "energy MAE (meV/atom)",
        "validation_energy_mae_mev_per_atom",
    ),
    "force": ErrorColumn(
        "force_mae_mev_per_angstrom",
        "force MAE (meV/Å)",
        "validation_force_mae_mev_per_angstrom",
    ),
    "stress": ErrorColumn("stress_mae_gpa", "stress MAE (GPa)", "validation_stress_mae_gpa"),
    "magmom": ErrorColumn(
        "magmom_mae_mu_b",
        r"magnetic moment MAE ($\mu_\mathrm{B}$)",
        "validation_magmom_mae_mu_b",
    ),
}


def labelled(asked: Sequence[str], columns: Container[str]) -> list[str]:
    """Return those of the properties ``asked`` whose errors there are, to have a panel each; where
    there are none of them, those of any other, and at last all that were asked.

    Args:
        asked: some of ``PROPERTIES``.
        columns: the error columns that hold numbers.
    """
    for names in (asked, PROPERTIES):
        if found := [name for name in names if PROPERTIES[name].column in columns]:
            return found
    return list(asked)
