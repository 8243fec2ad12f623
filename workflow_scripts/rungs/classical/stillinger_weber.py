"""The Stillinger–Weber potential as an ASE calculator, without a loop over triplets.

    E = Σ_{i<j} ε A [B (σ/r_ij)^4 − 1] exp(σ/(r_ij − aσ))
      + Σ_i Σ_{j<k} ε λ (cos θ_jik + 1/3)² h_ij h_ik,   h = exp(γσ/(r − aσ)),

over atoms nearer than aσ (F. H. Stillinger and T. A. Weber, Phys. Rev. B 31, 5262 (1985)). The
square of the cosine is a polynomial in the unit vectors n from an atom to its neighbours, so that
the sum over its triplets is made of three sums over its neighbours:

    Σ_{j<k} (cos θ + 1/3)² h_j h_k = ½ (|S₂|² + ⅔ |S₁|² + S₀²/9 − (16/9) Σ_j h_j²),
    S₀ = Σ_j h_j,   S₁ = Σ_j h_j n_j,   S₂ = Σ_j h_j n_j ⊗ n_j.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from matscipy.neighbours import neighbour_list

from rungs.frames.frame import VOIGT


@dataclass(frozen=True, slots=True)
class StillingerWeber:
    """One element's parameters, and the diamond crystal that they make."""

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
        """Of the diamond crystal at 0 K, in Å: an atom's four bonds are 2^{1/6} σ long."""
        return 4 / 3**0.5 * 2 ** (1 / 6) * self.sigma

    @property
    def cohesive_energy(self) -> float:
        """Of the diamond crystal at 0 K, in eV/atom below separate atoms: two bonds an atom."""
        return 2 * self.epsilon


class StillingerWeberCalculator(Calculator):
    """Energy (eV), forces (eV/Å) and stress (eV/Å³, tension positive) of atoms of one element.

    Args:
        parameters: the element's.
    """

    implemented_properties: ClassVar = ["energy", "free_energy", "forces", "stress"]

    def __init__(self, parameters: StillingerWeber) -> None:
        super().__init__()
        self.sw = parameters

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | tuple[str, ...] = ("energy",),
        system_changes: list[str] = all_changes,
    ) -> None:
        """Put all results into ``results``; the stress only where the cell spans a volume."""
        super().calculate(atoms, properties, system_changes)
        p, n_atoms = self.sw, len(self.atoms)
        i, j, r, bond = neighbour_list("ijdD", self.atoms, p.a * p.sigma)
        # at the cutoff itself both parts and all their derivatives are 0
        inside = r < p.a * p.sigma
        i, j, r, bond = i[inside], j[inside], r[inside], bond[inside]
        unit = bond / r[:, None]

        ratio = p.B * (p.sigma / r) ** 4
        gap = r - p.a * p.sigma
        screen = p.epsilon * p.A * np.exp(p.sigma / gap)
        pair = screen * (ratio - 1)
        d_pair = -screen * 4 * ratio / r - pair * p.sigma / gap**2

        h = np.exp(p.gamma * p.sigma / gap)
        dh = -h * p.gamma * p.sigma / gap**2
        s0 = np.bincount(i, h, n_atoms)
        s1 = _sums(i, h[:, None] * unit, n_atoms)
        s2 = _sums(i, (h[:, None] * unit)[:, :, None] * unit[:, None], n_atoms)
        triplets = (
            np.einsum("iab,iab->i", s2, s2) + 2 / 3 * np.einsum("ia,ia->i", s1, s1) + s0**2 / 9
        ).sum() - 16 / 9 * (h @ h)
        strength = p.epsilon * p.lam
        energy = 0.5 * pair.sum() + 0.5 * strength * triplets

        # the derivative with respect to each bond, along it and across
        along1, along2 = s1[i], np.einsum("pab,pb->pa", s2[i], unit)
        dot1, dot2 = np.einsum("pa,pa->p", along1, unit), np.einsum("pa,pa->p", along2, unit)
        radial = dh * (dot2 + 2 / 3 * dot1 + s0[i] / 9 - 16 / 9 * h) - h / r * 2 * (dot2 + dot1 / 3)
        across = (h / r)[:, None] * 2 * (along2 + along1 / 3)
        slope = (0.5 * d_pair + strength * radial)[:, None] * unit + strength * across

        self.results = {
            "energy": float(energy),
            "free_energy": float(energy),
            "forces": _sums(i, slope, n_atoms) - _sums(j, slope, n_atoms),
        }
        if self.atoms.cell.rank == 3:
            virial = np.einsum("pa,pb->ab", slope, bond) / self.atoms.get_volume()
            self.results["stress"] = np.array([(virial[a, b] + virial[b, a]) / 2 for a, b in VOIGT])


def _sums(index: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """(n, …) sums of those of ``values`` (p, …) that have the same index."""
    columns = values.reshape(len(values), int(np.prod(values.shape[1:]))).T
    sums = [np.bincount(index, column, n) for column in columns]
    return np.stack(sums, axis=1).reshape(n, *values.shape[1:])
