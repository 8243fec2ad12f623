"""The built-in potentials by name and element, with parameters from the literature."""

from typing import TYPE_CHECKING

from rungs.classical.stillinger_weber import StillingerWeber, StillingerWeberCalculator
from rungs.errors import StudyError

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


def parameters(potential: str, element: str) -> StillingerWeber:
    """The parameters of an element in a potential.

    Raises:
        StudyError: for a potential that is not built in, or an element that it has none for.
    """
    if potential not in POTENTIALS:
        raise StudyError(
            f"potential {potential!r} is not built in; there is {', '.join(POTENTIALS)}"
        )
    if element not in POTENTIALS[potential]:
        raise StudyError(
            f"{potential} has no parameters for {element!r}; it has "
            f"{', '.join(POTENTIALS[potential])}"
        )
    return POTENTIALS[potential][element]


def calculator(potential: str, element: str) -> "Calculator":
    """An ASE calculator of the potential, for atoms of ``element`` only.

    Its results are ``energy`` and ``free_energy`` (eV, 0 for separate atoms), ``forces`` (eV/Å) and
    ``stress`` (eV/Å³, tension positive, ASE's Voigt order).

    Args:
        potential: name in :data:`POTENTIALS`.
        element: symbol.

    Raises:
        StudyError: for a potential that is not built in, or an element that it has none for.
    """
    return StillingerWeberCalculator(parameters(potential, element))


def crystal(potential: str, element: str, repeats: int = 1) -> "Atoms":
    """The diamond crystal at the potential's minimum, 8 atoms in each conventional cell.

    Args:
        potential, element: as for :func:`calculator`.
        repeats: conventional cells along each axis.
    """
    from ase.build import bulk

    a = parameters(potential, element).lattice_constant
    return bulk(element, "diamond", a=a, cubic=True) * (repeats, repeats, repeats)
