"""Scaling laws of learning curves: fits, intervals, data efficiency, plans.

Needs NumPy and SciPy only (errors by test material: pandas), and works on any table of (size, seed,
error)::

    from rungs.scaling import fit_curve
    found = fit_curve(sizes, seeds, errors)
    found.law.exponent, found.exponent, found.notes
"""

from rungs.scaling.answers.checks import CheckRow, check_laws, write_checks
from rungs.scaling.answers.efficiency import EfficiencyRow, data_efficiency, write_efficiency
from rungs.scaling.answers.law_table import LawRow, fit_learning_curves, write_laws
from rungs.scaling.answers.means import MeanRow, learning_curve_means, write_means
from rungs.scaling.answers.plan import Answer, Price, make_plan, write_plan
from rungs.scaling.answers.sentences import pretraining_answer
from rungs.scaling.intervals.material_draws import (
    MaterialDraws,
    draw_materials,
    read_material_draws,
)
from rungs.scaling.intervals.materials import MaterialErrors, hierarchical_interval
from rungs.scaling.laws.curve import CurveFit, fit_curve
from rungs.scaling.laws.fit import Fit, fit_broken_law, fit_floor_law, fit_power_law
from rungs.scaling.laws.joint import JointFit, JointLaw, fit_joint_law
from rungs.scaling.laws.law import Law

__all__ = [
    "Answer",
    "CheckRow",
    "CurveFit",
    "EfficiencyRow",
    "Fit",
    "JointFit",
    "JointLaw",
    "Law",
    "LawRow",
    "MaterialDraws",
    "MaterialErrors",
    "MeanRow",
    "Price",
    "check_laws",
    "data_efficiency",
    "draw_materials",
    "fit_broken_law",
    "fit_curve",
    "fit_floor_law",
    "fit_joint_law",
    "fit_learning_curves",
    "fit_power_law",
    "hierarchical_interval",
    "learning_curve_means",
    "make_plan",
    "pretraining_answer",
    "read_material_draws",
    "write_checks",
    "write_efficiency",
    "write_laws",
    "write_means",
    "write_plan",
]
