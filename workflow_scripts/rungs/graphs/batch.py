"""Graphs of several frames as the tensors that a potential works on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class GraphBatch:
    """G frames with N atoms, B bonds and A angles in all.

    Bonds of all frames that take part in angles come first (``n_angle_bonds`` of them, here M).
    Row s·B + u of a tensor over 2B half bonds is bond u seen from its atom in
    ``bond_atoms[s]``; likewise s·M + u over the 2M halves of bonds in angles. The vector of a half
    is the bond's for s = 0 and its negative for s = 1.

    The A angles have an order; ``n_mirrored`` of the stored ones stand for both orders. All
    stored angles (S of them) come first, then the mirror images of the first ``n_mirrored``, so
    anything that does not depend on the order is ``x[:S]`` followed by ``x[:n_mirrored]``.

    Indices are int64, in which PyTorch's ``index_add_`` is several times faster than in int32.
    """

    cutoffs: tuple[float, float]
    """Cutoffs of bonds and of angles that the graphs were built with, in Å."""
    atomic_numbers: Tensor
    """(N,) int64."""
    atom_frames: Tensor
    """(N,) frame of each atom."""
    n_atoms: Tensor
    """(G,) int64 atoms in each frame."""
    volumes: Tensor
    """(G,) in Å³."""
    bond_vectors: Tensor
    """(B, 3) from the second atom to the first, in Å."""
    bond_atoms: Tensor
    """(2, B) atoms of each bond."""
    bond_frames: Tensor
    """(B,) frame of each bond."""
    starts: Tensor
    """(5, G + 1) int64: where each frame's atoms, bonds in angles, other bonds, and stored angles
    of both orders and of one begin, and the last's end."""
    n_angle_bonds: int
    n_mirrored: int
    angle_bonds: Tensor
    """(2, A) first and second bond of each angle, below ``n_angle_bonds``."""
    angle_halves: Tensor
    """(A,) half of the first bond, among 2M: it knows the angle's centre atom."""
    angle_signs: Tensor
    """(S,) ±1: the sign that the halves give to the product of the two bond vectors."""
    has_angles: Tensor
    """(G,) bool, whether a frame has angles at all."""
    energy: Tensor
    """(G,) float64 labels in eV/atom; 0 where ``energy_mask`` is False."""
    energy_mask: Tensor
    """(G,) bool."""
    forces: Tensor
    """(N, 3) labels in eV/Å; 0 where ``force_mask`` is False."""
    force_mask: Tensor
    """(N,) bool."""
    stress: Tensor
    """(G, 3, 3) labels in GPa; 0 where ``stress_mask`` is False."""
    stress_mask: Tensor
    """(G,) bool."""
    magmoms: Tensor
    """(N,) labels in μB; 0 where ``magmom_mask`` is False."""
    magmom_mask: Tensor
    """(N,) bool."""

    @property
    def n_frames(self) -> int:
        return len(self.n_atoms)

    @property
    def n_bonds(self) -> int:
        return len(self.bond_vectors)

    @property
    def n_angles(self) -> int:
        return len(self.angle_halves)

    def energy_errors(self, predicted: Tensor) -> Tensor:
        """Return (G,) predictions less labels in eV/atom, in the network's precision.

        Labels are rounded to the precision of the predictions first: where these are in float64,
        for the sake of large reference energies, the difference is taken in float64.
        """
        return (predicted - self.energy.to(predicted.dtype)).to(self.bond_vectors.dtype)

    def to(self, device: torch.device | str) -> "GraphBatch":
        """Return the batch with all tensors on ``device``."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return GraphBatch(
            **{k: v.to(device) if isinstance(v, Tensor) else v for k, v in values.items()}
        )


def assemble(
    arrays: Mapping[str, np.ndarray],
    frames: np.ndarray,
    cutoffs: tuple[float, float],
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> GraphBatch:
    """Put frames of a graph store into one batch, without a loop over frames.

    Args:
        arrays: concatenated arrays and offsets, as :class:`rungs.graphs.store.GraphStore` has them.
        frames: (G,) indices of the frames, in the order that the batch will have.
        cutoffs: that the graphs were built with, in Å.
        device: where the tensors go.
        dtype: of all tensors with real numbers but the energies, which the float32 that does for
            all else cannot hold where they are large. Bond vectors are computed in float64 first.
    """
    atom_at, n_atoms = _segments(arrays["atom_offsets"], frames)
    bond_at, n_bonds = _segments(arrays["bond_offsets"], frames)
    angle_at, n_angles = _segments(arrays["angle_offsets"], frames)
    n_short = np.asarray(arrays["n_angle_bonds"][frames], dtype=np.int64)
    n_one_sided = np.asarray(arrays["n_one_sided"][frames], dtype=np.int64)

    atoms, atom_frames = _ragged(atom_at, n_atoms)
    atom_start = np.cumsum(n_atoms) - n_atoms
    short, short_frames = _ragged(bond_at, n_short)
    long, long_frames = _ragged(bond_at + n_short, n_bonds - n_short)
    bonds = np.concatenate([short, long])
    bond_frames = np.concatenate([short_frames, long_frames])
    mirrored, mirrored_frames = _ragged(angle_at, n_angles - n_one_sided)
    one_sided, one_sided_frames = _ragged(angle_at + n_angles - n_one_sided, n_one_sided)

    bond_atoms = arrays["bond_atoms"][bonds] + atom_start[bond_frames][:, None]
    coords = arrays["cart_coords"][atoms]
    cells = arrays["cells"][frames]
    vectors = coords[bond_atoms[:, 0]] - coords[bond_atoms[:, 1]]
    images = arrays["bond_images"][bonds].astype(np.float64)
    vectors -= np.einsum("bi,bij->bj", images, cells[bond_frames])

    halves = arrays["angle_halves"][np.concatenate([mirrored, one_sided])]
    short_start = np.cumsum(n_short) - n_short
    angle_frames = np.concatenate([mirrored_frames, one_sided_frames])
    angle_bonds = (halves >> 1) + short_start[angle_frames][:, None]
    sides = halves & 1
    both = len(mirrored)
    first = np.concatenate([angle_bonds, angle_bonds[:both, ::-1]]).T
    first_side = np.concatenate([sides[:, 0], sides[:both, 1]])

    energies, forces = arrays["energies_per_atom"][frames], arrays["forces"][atoms]
    # an infinite label is none that is missing: a training that meets one stops
    has_energy, has_force = ~np.isnan(energies), ~np.isnan(forces).any(axis=1)
    magmoms = arrays["magmoms"][atoms]
    stress = arrays["stress"][frames][:, [0, 5, 4, 5, 1, 3, 4, 3, 2]].reshape(-1, 3, 3)

    def real(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(dtype).to(device)

    def whole(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, dtype=np.int64)).to(device)

    def truth(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    return GraphBatch(
        cutoffs=cutoffs,
        atomic_numbers=whole(arrays["atomic_numbers"][atoms]),
        atom_frames=whole(atom_frames),
        n_atoms=whole(n_atoms),
        volumes=real(np.abs(np.linalg.det(cells))),
        bond_vectors=real(vectors),
        bond_atoms=whole(bond_atoms.T),
        bond_frames=whole(bond_frames),
        starts=whole(
            _starts(
                (n_atoms, 0),
                (n_short, 0),
                (n_bonds - n_short, len(short)),
                (n_angles - n_one_sided, 0),
                (n_one_sided, both),
            )
        ),
        n_angle_bonds=len(short),
        n_mirrored=both,
        angle_bonds=whole(first),
        angle_halves=whole(first[0] + first_side * len(short)),
        angle_signs=real(1.0 - 2.0 * (sides[:, 0] ^ sides[:, 1])),
        has_angles=truth(n_angles > 0),
        energy=torch.from_numpy(np.where(has_energy, energies, 0.0)).to(device),
        energy_mask=truth(has_energy),
        forces=real(np.where(has_force[:, None], forces, np.float32(0.0))),
        force_mask=truth(has_force),
        stress=real(np.nan_to_num(stress)),
        stress_mask=truth(np.isfinite(stress).all(axis=(1, 2))),
        magmoms=real(np.nan_to_num(magmoms)),
        magmom_mask=truth(np.isfinite(magmoms)),
    )


_OF_FRAMES = ("cells", "energies_per_atom", "stress", "n_angle_bonds", "n_one_sided")
_OF_ROWS = {
    "atom_offsets": ("cart_coords", "forces", "magmoms", "atomic_numbers"),
    "bond_offsets": ("bond_atoms", "bond_images"),
    "angle_offsets": ("angle_halves",),
}


def picked(parts: Sequence[tuple[Mapping[str, np.ndarray], np.ndarray]]) -> dict[str, np.ndarray]:
    """Return frames of several graph stores as the arrays of one, without names.

    Args:
        parts: arrays of each store, and (G,) indices of its frames.
    """
    found: dict[str, list[np.ndarray]] = {}
    for arrays, frames in parts:
        for name in _OF_FRAMES:
            found.setdefault(name, []).append(arrays[name][frames])
        for offsets, names in _OF_ROWS.items():
            begin, count = _segments(arrays[offsets], frames)
            rows, _ = _ragged(begin, count)
            found.setdefault(offsets, []).append(count)
            for name in names:
                found.setdefault(name, []).append(arrays[name][rows])
    together = {name: np.concatenate(values) for name, values in found.items()}
    for offsets in _OF_ROWS:
        together[offsets] = np.concatenate([[0], np.cumsum(together[offsets])])
    return together


def _starts(*counts: tuple[np.ndarray, int]) -> np.ndarray:
    """Return (K, G + 1) where rows begin, from (G,) counts and the place of the first row."""
    return np.array([[first, *(first + np.cumsum(n))] for n, first in counts])


def _segments(offsets: np.ndarray, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each frame's rows begin in the concatenated array, and how many they are."""
    begin = np.asarray(offsets[frames])
    return begin, np.asarray(offsets[frames + 1]) - begin


def _ragged(begin: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows begin[g] … begin[g] + count[g] - 1 for all g, and the g of each row."""
    owner = np.repeat(np.arange(len(count)), count)
    shift = begin - (np.cumsum(count) - count)
    return np.arange(len(owner)) + shift[owner], owner
