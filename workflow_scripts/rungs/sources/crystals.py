"""The default study's frames: built-in crystals labelled by a published CHGNet."""

from collections.abc import Iterator

import numpy as np

from rungs.config.data import Level
from rungs.config.sources import BuiltInCrystals
from rungs.frames.frame import Frame, Rejected
from rungs.seeds import derive_seed
from rungs.sources.compounds import Crystal, element_crystals, some_crystals
from rungs.sources.equilibrium import known_lengths
from rungs.sources.labelling import Geometry, Labeller

VOLUME_SCAN = "volume scan"
RATTLED = "rattled"
MILD = 0.25
"""Displacements in the volume scan, as a share of those of the other frames."""
STIFF = 0.25
"""Displacements in molecules, as a share of those in other crystals: their bonds are stiff."""
CLOSEST = 0.7
"""Shortest distance allowed, as a share of that of the ideal crystal at its minimum."""

_TRIES = 50
_CRYSTALS_AT_ONCE = 32


def read_crystals(level: Level, seed: int) -> Iterator[Frame | Rejected]:
    """Yield the frames of the built-in crystals, crystal by crystal.

    Geometries depend on ``seed`` and the options, not on the model that labels them: two levels
    with the same options have the same frames under the same ids (``MgO-rocksalt-007``), and one
    that keeps some of them, or takes fewer crystals, has those. A crystal without an energy
    minimum near touching ions is yielded as :class:`Rejected`.

    Args:
        level: a level whose ``data.kind`` is ``crystals``.
        seed: the study's seed.
    """
    data = level.data
    crystals = some_crystals(data.n_crystals)
    if data.elements:
        crystals += element_crystals(crystals)
    kept = kept_places(data)
    found = []
    for crystal, length in zip(crystals, known_lengths(crystals), strict=True):
        if isinstance(length, str):
            yield Rejected(crystal.material_id, length, "no equilibrium")
        else:
            found.append((crystal, length))
    labeller = Labeller(data.labels)
    for start in range(0, len(found), _CRYSTALS_AT_ONCE):
        made = []
        for crystal, length in found[start : start + _CRYSTALS_AT_ONCE]:
            geometries = crystal_geometries(crystal, length, data, seed)
            for index, (group, geometry) in zip(kept, geometries, strict=True):
                frame_id = f"{crystal.material_id}-{index:03d}"
                if geometry is None:
                    yield Rejected(
                        frame_id,
                        f"in {_TRIES} draws atoms came closer than {CLOSEST:g} of their distance "
                        "in the crystal; use a smaller data.rattle or data.strain",
                        "overlap",
                    )
                else:
                    made.append((frame_id, crystal.material_id, group, geometry))
        labels = labeller.label([geometry for *_, geometry in made])
        for (frame_id, material_id, group, geometry), label in zip(made, labels, strict=True):
            yield Frame(
                frame_id=frame_id,
                material_id=material_id,
                functional=level.functional,
                cell=geometry.cell,
                atomic_numbers=geometry.atomic_numbers,
                cart_coords=geometry.cart_coords,
                energy=label.energy,
                forces=label.forces,
                stress=label.stress,
                magmoms=label.magmoms,
                group=group,
            )


def kept_places(data: BuiltInCrystals) -> list[int]:
    """Which of the frames of each crystal are kept, in ascending order.

    Half of them (rounded up) are of the volume scan, from end to end, or its middle where it is
    one; an odd number of an odd number has the middle, too, which is the minimum. The others are
    the first of those that are strained.
    """
    n_frames, n_scan = data.frames_per_crystal, _n_scan(data.frames_per_crystal)
    if data.keep_per_crystal is None:
        return list(range(n_frames))
    n_of_scan = _n_scan(data.keep_per_crystal)
    ends = np.linspace(0, n_scan - 1, n_of_scan) if n_of_scan > 1 else [(n_scan - 1) / 2]
    of_scan = [int(place + 0.5) for place in ends]
    return [*of_scan, *range(n_scan, n_scan + data.keep_per_crystal - n_of_scan)]


def _n_scan(n_frames: int) -> int:
    return (n_frames + 1) // 2


def crystal_geometries(
    crystal: Crystal, length: float, data: BuiltInCrystals, seed: int
) -> list[tuple[str, Geometry | None]]:
    """Group and geometry of each kept frame of one crystal; None where atoms always collided.

    Of all frames the first half (rounded up) scans the volume evenly, with mild displacements. The
    others have a random volume in the same range, a random symmetric strain and full displacements.
    Molecules keep their bonds but for small displacements: the volume is that between them.

    Args:
        crystal: the compound in its prototype.
        length: its equilibrium length a, in Å.
        data: the options.
        seed: the study's seed; each frame has a stream of its own.
    """
    n_scan = _n_scan(data.frames_per_crystal)
    # one frame alone belongs at the minimum, not at the end of the range
    scan = np.linspace(-data.volume_range, data.volume_range, n_scan) if n_scan > 1 else np.zeros(1)
    frames: list[tuple[str, Geometry | None]] = []
    for index in kept_places(data):
        rng = np.random.default_rng(derive_seed(seed, "crystal", crystal.material_id, index))
        if index < n_scan:
            geometry = _draw(crystal, length, scan[index], 0.0, MILD * data.rattle, rng)
            frames.append((VOLUME_SCAN, geometry))
        else:
            volume = rng.uniform(-data.volume_range, data.volume_range)
            geometry = _draw(crystal, length, volume, data.strain, data.rattle, rng)
            frames.append((RATTLED, geometry))
    return frames


def _draw(
    crystal: Crystal,
    length: float,
    volume_change: float,
    strain: float,
    rattle: float,
    rng: np.random.Generator,
) -> Geometry | None:
    """A strained and rattled cell; drawn again where atoms collide, None when that never ends."""
    ideal = crystal.cell(length * (1 + volume_change) ** (1 / 3))
    nearest = _shortest_distance(crystal.prototype.fractional, crystal.cell(length))
    for _ in range(_TRIES):
        random = rng.normal(scale=strain, size=(3, 3))
        symmetric = np.triu(random) + np.triu(random, 1).T
        cell = ideal @ (np.eye(3) + symmetric)
        shifts = rng.normal(scale=rattle, size=(crystal.prototype.n_sites, 3))
        if crystal.prototype.is_molecule:
            coords = crystal.prototype.fractional @ crystal.cell(length) + STIFF * shifts
        else:
            coords = crystal.prototype.fractional @ cell + shifts
        if _shortest_distance(coords @ np.linalg.inv(cell), cell) >= CLOSEST * nearest:
            return Geometry(cell, crystal.atomic_numbers, coords)
    return None


_STEPS = np.indices((5, 5, 5)).reshape(3, -1).T - 2


def _shortest_distance(fractional: np.ndarray, cell: np.ndarray) -> float:
    """Shortest distance between atoms in Å, over two cells in each direction: enough for the
    prototypes, whose cells are not far from compact."""
    between = fractional[None, :, None] - fractional[:, None, None] + _STEPS
    between = between.reshape(-1, 3)
    distances = np.linalg.norm(between @ cell, axis=-1)
    return float(distances[distances > 1e-9].min())
