"""The built-in potentials by name and element, with parameters from the literature."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rungs.classical.stillinger_weber import StillingerWeber, StillingerWeberCalculator
from rungs.errors import StudyError
from rungs.frames.elements import ATOMIC_NUMBERS

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator

POTENTIALS: dict[str, dict[str, StillingerWeber]] = {
    "stillinger_weber": {
        "Si": StillingerWeber(
            "F. H. Stillinger and T. A. Weber, Phys. Rev. B 31, 5262 (1985)",
            epsilon=2.1683,  # 50 kcal/mol
            sigma=2.0951,
            lam=21.0,
        ),
        "Ge": StillingerWeber(
            "K. Ding and H. C. Andersen, Phys. Rev. B 34, 6987 (1986)",
            epsilon=1.93,
            sigma=2.181,
            lam=31.0,
        ),
    }
}
"""A, B, a and γ of germanium are silicon's."""


Given = Mapping[str, str | float]
"""Parameters from a configuration: ``reference``, ``epsilon``, ``sigma`` and ``lam``."""


def parameters(potential: str, element: str, given: Given | None = None) -> StillingerWeber:
    """The parameters of an element in a potential: those that are given, or the built-in ones.

    Raises:
        StudyError: for a potential that is not built in, or an element that it has none for.
    """
    if potential not in POTENTIALS:
        raise StudyError(
            f"potential {potential!r} is not built in; there is {', '.join(POTENTIALS)}"
        )
    if element not in ATOMIC_NUMBERS:
        raise StudyError(f"{element!r} is no element that CHGNet knows; give a symbol such as Ge")
    if given is not None:
        return StillingerWeber(**given)
    if element not in POTENTIALS[potential]:
        raise StudyError(
            f"{potential} has no parameters for {element!r}; it has "
            f"{', '.join(POTENTIALS[potential])}"
        )
    return POTENTIALS[potential][element]


def calculator(potential: str, element: str, given: Given | None = None) -> "Calculator":
    """An ASE calculator of the potential, for atoms of ``element`` only.

    Its results are ``energy`` and ``free_energy`` (eV, 0 for separate atoms), ``forces`` (eV/Å) and
    ``stress`` (eV/Å³, tension positive, ASE's Voigt order).

    Args:
        potential: name in :data:`POTENTIALS`.
        element: symbol.
        given: its parameters in place of the built-in ones.

    Raises:
        StudyError: for a potential that is not built in, or an element that it has none for.
    """
    return StillingerWeberCalculator(parameters(potential, element, given))


def crystal(potential: str, element: str, repeats: int = 1, given: Given | None = None) -> "Atoms":
    """The diamond crystal at the potential's minimum, 8 atoms in each conventional cell.

    Args:
        potential, element, given: as for :func:`calculator`.
        repeats: conventional cells along each axis.
    """
    from ase.build import bulk

    a = parameters(potential, element, given).lattice_constant
    return bulk(element, "diamond", a=a, cubic=True) * (repeats, repeats, repeats)
