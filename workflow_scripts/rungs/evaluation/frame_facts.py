"""What the target's test frames are: composition, distance from equilibrium, group."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rungs.frames.frame import hill_formula

if TYPE_CHECKING:
    from rungs.graphs.store import GraphStore

_FRAMES_AT_ONCE = 1000
TEST_FRAME_COLUMNS = (
    "frame_id",
    "material_id",
    "formula",
    "n_atoms",
    "n_elements",
    "group",
    "energy_ev_per_atom",
    "reference_ev_per_atom",
    "max_force_ev_per_angstrom",
    "energy_above_lowest_mev_per_atom",
)


def describe_test_frames(
    store: "GraphStore",
    frame_ids: Sequence[str],
    materials: Mapping[str, str],
    groups: Mapping[str, str],
    reference: np.ndarray,
) -> pd.DataFrame:
    """Return one row of ``TEST_FRAME_COLUMNS`` for each frame, in the order of ``frame_ids``.

    Args:
        store: graphs and labels.
        frame_ids: the test frames.
        materials: the material of each frame id.
        groups: the group of the frame ids that have one.
        reference: (94,) elemental reference energies in eV/atom; ``reference_ev_per_atom`` is
            their mean over the frame's atoms.

    ``max_force_ev_per_angstrom`` is the largest length of a labelled force on an atom, and
    ``energy_above_lowest_mev_per_atom`` the labelled energy above the lowest among the test frames
    of the same material; NaN where a frame has no such label.
    """
    places = store.index(frame_ids)
    compositions = store.compositions(places)
    formulas, largest = _formulas_and_forces(store, places)
    table = pd.DataFrame(
        {
            "frame_id": list(frame_ids),
            "material_id": [materials[name] for name in frame_ids],
            "formula": formulas,
            "n_atoms": store.n_atoms[places],
            "n_elements": np.count_nonzero(compositions, axis=1),
            "group": [groups.get(name) for name in frame_ids],
            "energy_ev_per_atom": store.energies_per_atom[places],
            "reference_ev_per_atom": compositions @ np.asarray(reference),
            "max_force_ev_per_angstrom": largest,
        }
    )
    lowest = table.groupby("material_id")["energy_ev_per_atom"].transform("min")
    table["energy_above_lowest_mev_per_atom"] = 1000.0 * (table["energy_ev_per_atom"] - lowest)
    return table[list(TEST_FRAME_COLUMNS)]


def _formulas_and_forces(store: "GraphStore", places: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The formula of each frame and its largest force on an atom in eV/Å."""
    offsets = store.arrays["atom_offsets"]
    formulas: list[str] = []
    largest = np.empty(len(places))
    known: dict[bytes, str] = {}  # of frames of one material alike
    for start in range(0, len(places), _FRAMES_AT_ONCE):
        some = places[start : start + _FRAMES_AT_ONCE]
        atoms = [slice(int(offsets[place]), int(offsets[place + 1])) for place in some]
        for part in atoms:
            numbers = np.asarray(store.arrays["atomic_numbers"][part])
            name = numbers.tobytes()
            if name not in known:
                known[name] = hill_formula(numbers)
            formulas.append(known[name])
        forces = np.concatenate([store.arrays["forces"][part] for part in atoms])
        squares = np.square(forces.astype(np.float64)).sum(axis=1)
        stops = np.cumsum([part.stop - part.start for part in atoms])
        largest[start : start + len(some)] = np.sqrt(np.maximum.reduceat(squares, [0, *stops[:-1]]))
    return formulas, largest


def write_test_frames(path: str | os.PathLike, table: pd.DataFrame) -> None:
    """Write the table as Parquet."""
    from rungs.files import whole_file

    with whole_file(path) as partial:
        table.astype({"group": "string"}).to_parquet(partial, index=False)
