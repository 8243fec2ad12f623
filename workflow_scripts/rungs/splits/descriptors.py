"""What frames look like, as vectors whose distances tell how similar they are."""

import os
import warnings
from collections.abc import Collection

import numpy as np

from rungs.frames.columns import Geometries, iter_geometries
from rungs.frames.elements import MAX_ATOMIC_NUMBER, SYMBOLS
from rungs.workflow.packages import require

R_CUT = 4.0
"""Å; the first and second neighbours."""
N_MAX, L_MAX = 4, 3


def describe_frames(
    path: str | os.PathLike, wanted: Collection[str], n_jobs: int = 1
) -> tuple[list[str], np.ndarray]:
    """Mean SOAP power spectrum of the atoms of each frame (Bartók et al., Phys. Rev. B 87, 184115
    (2013), by DScribe), with all elements in one density.

    The density is taken three times, with atoms weighted by 1, by electronegativity and by
    covalent radius: the first tells structures apart, the other two what sits where. So a vector
    has the same length whatever the number of elements, which a power spectrum for each pair of
    89 elements would not.

    Args:
        path: file of frames.
        wanted: ids of the frames to describe.
        n_jobs: processes that share the work.

    Returns:
        The ids in the file's order, and (n, d) float32.

    Raises:
        StudyError: when the file cannot be read, or the packages of diverse subsets are missing.
    """
    require("diverse", "sampling: diverse")
    from dscribe.descriptors import SOAP

    spectra = [
        SOAP(
            species=list(SYMBOLS),
            r_cut=R_CUT,
            n_max=N_MAX,
            l_max=L_MAX,
            average="outer",
            periodic=True,
            compression={"mode": "mu2", "species_weighting": weights},
            dtype="float32",
        )
        for weights in _weights()
    ]
    wanted = set(wanted)
    ids: list[str] = []
    vectors = [np.empty((0, sum(s.get_number_of_features() for s in spectra)), np.float32)]
    for frames in iter_geometries(path):
        atoms = {n: a for n, a in zip(frames.frame_ids, _atoms(frames), strict=True) if n in wanted}
        if atoms:
            ids += atoms
            systems = list(atoms.values())
            made = [s.create(systems, n_jobs=n_jobs).reshape(len(atoms), -1) for s in spectra]
            vectors.append(np.hstack(made))
    return ids, np.vstack(vectors)


def _atoms(frames: Geometries) -> list:
    from ase import Atoms

    starts = np.concatenate([[0], frames.stops[:-1]])
    return [
        Atoms(
            numbers=frames.atomic_numbers[start:stop],
            positions=frames.cart_coords[start:stop],
            cell=cell,
            pbc=True,
        )
        for cell, start, stop in zip(frames.cells, starts, frames.stops, strict=True)
    ]


def _weights() -> list[dict[str, float]]:
    from ase.data import covalent_radii
    from pymatgen.core import Element

    numbers = range(1, MAX_ATOMIC_NUMBER + 1)
    with warnings.catch_warnings():
        # He, Ne and Ar have no electronegativity, and pymatgen warns of it: they bind nothing.
        warnings.simplefilter("ignore")
        x = np.nan_to_num([Element.from_Z(z).X for z in numbers]).tolist()
    radii = covalent_radii[1 : MAX_ATOMIC_NUMBER + 1].tolist()
    return [
        dict(zip(SYMBOLS, values, strict=True)) for values in ([1.0] * MAX_ATOMIC_NUMBER, x, radii)
    ]
