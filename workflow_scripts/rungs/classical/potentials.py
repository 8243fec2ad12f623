"""Stillinger–Weber potentials of silicon and germanium.

The energy is a sum over pairs and triplets of atoms nearer than aσ,

    E = Σ_{i<j} ε A [B (σ/r_ij)^4 − 1] exp(σ/(r_ij − aσ))
      + Σ_i Σ_{j<k} ε λ (cos θ_jik + 1/3)² exp(γσ/(r_ij − aσ)) exp(γσ/(r_ik − aσ)),

and is smallest for the diamond crystal: each atom has four neighbours at 2^{1/6} σ under
tetrahedral angles, which leaves the pairs' 2ε an atom.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rungs.errors import StudyError

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator


@dataclass(frozen=True, slots=True)
class StillingerWeber:
    """One element's parameters, with the diamond crystal that they make."""

    reference: str
    """Where the parameters were published."""
    epsilon: float
    """Depth of the pair potential, in eV."""
    sigma: float
    """Length, in Å."""
    lam: float
    """Strength of the three-body part, in units of ε."""
    A: float = 7.049556277
    B: float = 0.6022245584
    a: float = 1.80
    """Cutoff, in units of σ."""
    gamma: float = 1.20

    @property
    def lattice_constant(self) -> float:
        """Of the diamond crystal at 0 K, in Å: four bonds of 2^{1/6} σ along the diagonal."""
        return 4 / 3**0.5 * 2 ** (1 / 6) * self.sigma

    @property
    def cohesive_energy(self) -> float:
        """Of the diamond crystal at 0 K, in eV/atom below separate atoms."""
        return 2 * self.epsilon


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
"""Potentials by name and element."""


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
    """An ASE calculator of the potential, for cells that hold ``element`` only.

    Its results are ``energy`` and ``free_energy`` (eV, 0 for separate atoms), ``forces`` (eV/Å) and
    ``stress`` (eV/Å³, tension positive, ASE's Voigt order). The cell must span a volume.

    Args:
        potential: name in :data:`POTENTIALS`.
        element: symbol.

    Raises:
        StudyError: for a potential that is not built in, or an element that it has none for.
    """
    from matscipy.calculators.manybody import Manybody, explicit_forms

    p = parameters(potential, element)
    return Manybody(
        **explicit_forms.StillingerWeber(
            {
                "el": element,
                "epsilon": p.epsilon,
                "sigma": p.sigma,
                "lambda1": p.lam,
                "A": p.A,
                "B": p.B,
                "p": 4,
                "a": p.a,
                "gamma": p.gamma,
                "costheta0": 1 / 3,
            }
        )
    )


def crystal(potential: str, element: str, repeats: int = 1) -> "Atoms":
    """The diamond crystal at the potential's minimum, 8 atoms in each conventional cell.

    Args:
        potential, element: as for :func:`calculator`.
        repeats: conventional cells along each axis.
    """
    from ase.build import bulk

    a = parameters(potential, element).lattice_constant
    return bulk(element, "diamond", a=a, cubic=True) * (repeats, repeats, repeats)
