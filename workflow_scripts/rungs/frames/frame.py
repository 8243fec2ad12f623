"""One labelled atomic configuration, in the units that the whole project uses."""

from dataclasses import dataclass

import numpy as np

from rungs.frames.elements import MAX_ATOMIC_NUMBER, SYMBOLS

LABELS = ("energy", "forces", "stress", "magmoms")
"""What a frame may be labelled with."""
VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
"""Matrix places of the six stress components, in the order xx, yy, zz, yz, xz, xy."""


def hill_formula(atomic_numbers: np.ndarray) -> str:
    """Return the formula of a cell in Hill order: C and H first where there is carbon, else by
    symbol."""
    counts = np.bincount(atomic_numbers, minlength=MAX_ATOMIC_NUMBER + 1)
    symbols = {SYMBOLS[z - 1]: int(counts[z]) for z in np.flatnonzero(counts)}
    first = [s for s in ("C", "H") if "C" in symbols and s in symbols]
    order = first + sorted(set(symbols) - set(first))
    return "".join(f"{s}{symbols[s] if symbols[s] > 1 else ''}" for s in order)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A configuration of n atoms in a periodic cell, with the labels that it has.

    A label that is missing is None, whichever it is.

    Array-likes are converted on construction; values and shapes are judged by the screening
    (:mod:`rungs.frames.screening`), so that a faulty frame can be named and set aside.

    Raises:
        ValueError, TypeError: when a field cannot be read as numbers at all.
    """

    frame_id: str
    """Unique within its level."""
    material_id: str
    """Material (or trajectory) that the frame belongs to; splits are by material."""
    functional: str
    """Level of theory of the labels."""
    cell: np.ndarray
    """(3, 3) lattice vectors as rows, in Å."""
    atomic_numbers: np.ndarray
    """(n,) int64."""
    cart_coords: np.ndarray
    """(n, 3) Cartesian positions, in Å."""
    energy: float | None = None
    """Total energy of the n atoms, in eV; None where not labelled."""
    forces: np.ndarray | None = None
    """(n, 3) in eV/Å; None where not labelled."""
    stress: np.ndarray | None = None
    """(6,) xx, yy, zz, yz, xz, xy in GPa, positive under tension; None where not labelled."""
    magmoms: np.ndarray | None = None
    """(n,) absolute magnetic moments in μB; None where not labelled."""
    group: str | None = None
    """Free label of where the frame comes from (temperature, kind of sampling, …)."""
    given_part: str | None = None
    """"train" or "test" where the source publishes a division."""
    temperature: float | None = None
    """Temperature in K of the simulation that the frame is from; None where there is none."""
    converged: bool | None = None
    """Whether the electronic loop ended by itself, where the source tells; not kept in files."""
    relaxed_energy: float | None = None
    """Energy in eV/atom of the material's relaxed structure, with the same corrections as
    ``energy``, where the source tells; not kept in files."""

    def __post_init__(self) -> None:
        for name in ("cell", "cart_coords", "forces", "stress", "magmoms"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, np.asarray(value, dtype=np.float64))
        numbers = np.asarray(self.atomic_numbers)
        whole = numbers.astype(np.int64)
        if not np.array_equal(whole, numbers):
            raise ValueError("atomic numbers must be whole numbers")
        object.__setattr__(self, "atomic_numbers", whole)
        for name in ("energy", "temperature"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, float(value))

    @property
    def n_atoms(self) -> int:
        return len(self.atomic_numbers)

    @property
    def volume(self) -> float:
        """Volume of the cell, in Å³."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def energy_per_atom(self) -> float | None:
        """In eV/atom; None where not labelled."""
        return None if self.energy is None else self.energy / self.n_atoms

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels that the frame has, of ``LABELS``."""
        return tuple(name for name in LABELS if getattr(self, name) is not None)

    @property
    def formula(self) -> str:
        """Formula of the cell, as :func:`hill_formula` writes it."""
        return hill_formula(self.atomic_numbers)

    def shape_fault(self) -> str | None:
        """What is wrong with the shapes of the fields, in words; None where they agree."""
        n = self.atomic_numbers.size
        expected = {
            "atomic_numbers": (n,),
            "cell": (3, 3),
            "cart_coords": (n, 3),
            "forces": (n, 3),
            "stress": (6,),
            "magmoms": (n,),
        }
        for name, shape in expected.items():
            value = getattr(self, name)
            if value is not None and value.shape != shape:
                return f"{name} has shape {value.shape}, expected {shape} for {n} atoms"
        return None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A frame that could not be read or was refused, with the reason in words."""

    frame_id: str
    reason: str
    kind: str = "unreadable"
    """Short name of the fault, for counting."""
