"""What the target's test frames are: composition, distance from equilibrium, group."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rungs.frames.frame import hill_formula

if TYPE_CHECKING:
    from rungs.graphs.store import GraphStore

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
    offsets, energies = store.arrays["atom_offsets"], store.energies_per_atom[places]
    formulas, n_elements, largest = [], [], []
    for place in places:
        atoms = slice(int(offsets[place]), int(offsets[place + 1]))
        numbers = np.asarray(store.arrays["atomic_numbers"][atoms])
        forces = np.asarray(store.arrays["forces"][atoms], dtype=np.float64)
        formulas.append(hill_formula(numbers))
        n_elements.append(len(np.unique(numbers)))
        largest.append(np.sqrt(np.square(forces).sum(axis=1).max()))
    table = pd.DataFrame(
        {
            "frame_id": list(frame_ids),
            "material_id": [materials[name] for name in frame_ids],
            "formula": formulas,
            "n_atoms": store.n_atoms[places],
            "n_elements": n_elements,
            "group": [groups.get(name) for name in frame_ids],
            "energy_ev_per_atom": energies,
            "reference_ev_per_atom": store.compositions(places) @ np.asarray(reference),
            "max_force_ev_per_angstrom": largest,
        }
    )
    lowest = table.groupby("material_id")["energy_ev_per_atom"].transform("min")
    table["energy_above_lowest_mev_per_atom"] = 1000.0 * (table["energy_ev_per_atom"] - lowest)
    return table[list(TEST_FRAME_COLUMNS)]


def write_test_frames(path: str | os.PathLike, table: pd.DataFrame) -> None:
    """Write the table as Parquet."""
    from rungs.files import whole_file

    with whole_file(path) as partial:
        table.astype({"group": "string"}).to_parquet(partial, index=False)
