"""The ways of getting the target's reference energies from target frames."""

from collections.abc import Sequence
from typing import get_args

import numpy as np

from rungs.config.methods import RULES_OF_RESIDUALS, ReferenceRule
from rungs.references.fit import ReferenceEnergies, fit_reference
from rungs.references.shrunken import choose_shrinkage, fit_shrunken

RULES: tuple[ReferenceRule, ...] = get_args(ReferenceRule)
"""What ``methods.NAME.reference`` may be, besides ``source``."""


def reference_by_rule(
    rule: ReferenceRule,
    compositions: np.ndarray,
    energies: np.ndarray,
    source: np.ndarray,
    *,
    groups: Sequence[str] | None = None,
    interaction: np.ndarray | None = None,
) -> ReferenceEnergies:
    """Return the reference energies that ``rule`` gives for some target frames.

    - ``target``: least squares around the shifted source (:func:`rungs.references.fit_reference`).
    - ``shrunken``: the source plus a shrunken shift, its strength by cross-validation
      (:mod:`rungs.references.shrunken`).
    - ``residual``: as ``target``, on what the energies leave for the references once the pretrained
      network's own part is subtracted. Where the frames determine an element, this is what MACE
      calls estimated reference energies; an absent element gets its source value and the common
      shift, where MACE leaves it the source value.
    - ``shrunken_residual``: as ``shrunken``, on the same.

    Args:
        rule: one of ``RULES``.
        compositions: (n, 94) atomic fractions of the frames.
        energies: (n,) their labels in eV/atom.
        source: (94,) reference energies of the source in eV/atom.
        groups: the material of each frame, for leaving whole materials out.
        interaction: (n,) energies of the pretrained model without its reference energies, in
            eV/atom; for rules of residuals.

    Raises:
        StudyError: without frames, or where a number is not finite.
        ValueError: where a rule of residuals has no ``interaction``.
    """
    if rule in RULES_OF_RESIDUALS:
        if interaction is None:
            raise ValueError(f"{rule} needs the energies of a pretrained model")
        energies = np.asarray(energies) - interaction
    if rule in ("shrunken", "shrunken_residual"):
        chosen = choose_shrinkage(compositions, energies, source, groups)
        return fit_shrunken(compositions, energies, source, chosen)
    return fit_reference(compositions, energies, prior=source)
