"""Scaling laws of learning curves: fits, intervals, data efficiency.

Needs NumPy and SciPy only, and works on any table of (size, seed, error)::

    from rungs.scaling import fit_curve
    found = fit_curve(sizes, seeds, errors)
    found.law.exponent, found.exponent, found.notes
"""

from rungs.scaling.curve import CurveFit, fit_curve
from rungs.scaling.efficiency import EfficiencyRow, data_efficiency, write_efficiency
from rungs.scaling.fit import Fit, fit_floor_law, fit_power_law
from rungs.scaling.laws import Law
from rungs.scaling.means import MeanRow, learning_curve_means, write_means
from rungs.scaling.study import LawRow, fit_learning_curves, write_laws

__all__ = [
    "CurveFit",
    "EfficiencyRow",
    "Fit",
    "Law",
    "LawRow",
    "MeanRow",
    "data_efficiency",
    "fit_curve",
    "fit_floor_law",
    "fit_learning_curves",
    "fit_power_law",
    "learning_curve_means",
    "write_efficiency",
    "write_laws",
    "write_means",
]
