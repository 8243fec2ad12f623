"""From a calculation's document and its rows of the table to labelled steps, or a reason why not.

Nothing is converted here: a part holds what the service gives, in VASP's units and signs.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from rungs.materials_project.client import u_values
from rungs.materials_project.corrections import NotCorrectableError, mp2020_correction

DEFAULT_NELM = 60
"""VASP's, where a calculation's input does not say."""
ENERGY_AGREES = 1e-3
"""eV/atom; the last step's energies are printed with fewer digits in old documents."""
UNSET = 0.5
"""eV/atom; ``e_0_energy`` and ``e_wo_entrp`` further from the free energy than this are unset."""
FREE_ENERGY_ALONE = 0.02
"""eV/atom; half the electronic entropy may lie between the free energy and the task's."""


class Refused(NamedTuple):
    """A calculation, or one row of it, that gives no frames."""

    identifier: str
    kind: str
    reason: str


class Steps(NamedTuple):
    """The ionic steps of one row, n atoms and s steps, as the service gives them."""

    calc: int
    """Number of the row among those of the calculation, from 0."""
    atomic_numbers: np.ndarray
    """(n,)."""
    cells: np.ndarray
    """(s, 3, 3) in Å."""
    coords: np.ndarray
    """(s, n, 3) in Å."""
    energies: np.ndarray
    """(s,) free energies in eV: those whose derivatives the forces are."""
    forces: np.ndarray
    """(s, n, 3) in eV/Å."""
    stresses: np.ndarray | None
    """(s, 3, 3) in kbar, positive under compression."""
    electronic_steps: list[int] | None
    magmoms: np.ndarray | None
    """(n,) of the last step, in μB; None where the document has none, and for other rows."""


class Task(NamedTuple):
    """What of a calculation's document goes with its frames."""

    run_type: str
    task_type: str
    batch_id: str | None
    nelm: int
    energy_per_atom: float
    """Final energy in eV/atom, without corrections."""
    u_values: dict[str, float]
    correction: float | None
    """MP2020 correction of the cell in eV; None where it does not apply."""
    no_correction: str | None
    """Why not."""


def judge_document(
    identifier: str,
    document: dict | None,
    labels: str,
    restricted: Iterable[str],
    keep_restricted: bool,
) -> Refused | None:
    """Why a calculation cannot be used, from its document alone; None where it can."""
    if document is None:
        return Refused(
            identifier,
            "no document",
            "the service gives no document of this calculation; it may be withdrawn, or "
            "restricted to those who agreed to its licence",
        )
    batch = document.get("batch_id")
    if batch is not None and batch in restricted and not keep_restricted:
        return Refused(
            identifier, f"restricted: {batch}", f"batch {batch} has a licence of its own"
        )
    for name in ("input", "structure"):
        if document.get(name) is None:
            return Refused(identifier, "missing field", f"its document has no '{name}'")
    if _final_energy(document) is None:
        return Refused(identifier, "missing field", "its document has no final energy")
    if functional(document) != labels:
        return Refused(
            identifier,
            "functional",
            f"METAGGA is {_tag(document, 'METAGGA')} in its input (run type "
            f"{document.get('run_type')}), so it is no {labels} calculation",
        )
    return None


def functional(document: dict) -> str:
    """``r2SCAN``, ``GGA_GGA+U`` or another name, from METAGGA in the input; the run type, which
    is sometimes wrong, counts only where the input does not say."""
    tag = _tag(document, "METAGGA")
    if tag is None:
        run_type = str(document.get("run_type"))
        return "GGA_GGA+U" if run_type in ("GGA", "GGA+U") else run_type
    name = str(tag).strip().upper()
    return {"R2SCAN": "r2SCAN", "--": "GGA_GGA+U", "NONE": "GGA_GGA+U", "": "GGA_GGA+U"}.get(
        name, name
    )


def describe(document: dict, labels: str) -> Task:
    """What goes with a calculation's frames, the correction computed.

    Args:
        document: one that :func:`judge_document` found usable.
        labels: ``GGA_GGA+U`` or ``r2SCAN``.
    """
    from pymatgen.core import Structure

    given = document["input"]
    hubbards = u_values(given.get("hubbards"), given.get("is_hubbard", True))
    energy = _final_energy(document)
    structure = Structure.from_dict(document["structure"])
    correction = no_correction = None
    if labels == "GGA_GGA+U":
        try:
            correction = mp2020_correction(
                structure,
                energy,
                "GGA+U" if hubbards else "GGA",
                hubbards,
                given.get("potcar_spec"),
            )
        except NotCorrectableError as error:
            no_correction = str(error)
    return Task(
        run_type=str(document.get("run_type")),
        task_type=str(document.get("task_type")),
        batch_id=document.get("batch_id"),
        nelm=int(_tag(document, "NELM") or DEFAULT_NELM),
        energy_per_atom=energy / len(structure),
        u_values=hubbards,
        correction=correction,
        no_correction=no_correction,
    )


def judge_rows(
    identifier: str, document: dict, rows: Sequence[dict]
) -> tuple[list[Steps], list[Refused]]:
    """The steps of a calculation's rows, and the rows that are refused.

    Of rows that are equal the first counts. At least one must end with the document's energy; the
    others count when they have its run type, as the earlier calculations of the same task.
    """
    refused: list[Refused] = []
    read: list[tuple[Steps, dict]] = []
    seen: list[dict] = []
    for calc, row in enumerate(rows):
        name = f"{identifier}-{calc}"
        if row in seen:
            refused.append(Refused(name, "duplicate row", "another row of it is the same"))
            continue
        seen.append(row)
        steps = _steps(calc, row)
        if isinstance(steps, str):
            refused.append(Refused(name, "trajectory", steps))
        else:
            read.append((steps, row))
    energy = _final_energy(document)
    own = [steps.calc for steps, row in read if _ends_with(steps, row, energy)]
    if not own:
        reason = (
            "its last step has another energy than its document, so one of the two is not its own"
        )
        return [], refused + [
            Refused(f"{identifier}-{steps.calc}", "last energy", reason) for steps, _ in read
        ]
    run_types = {row["run_type"] for steps, row in read if steps.calc in own}
    kept = []
    for steps, row in read:
        if row["run_type"] not in run_types:
            reason = f"run type {row['run_type']} differs from the calculation's own"
            refused.append(Refused(f"{identifier}-{steps.calc}", "functional", reason))
        elif steps.calc == own[-1]:
            kept.append(steps._replace(magmoms=_magmoms(document, steps.atomic_numbers)))
        else:
            kept.append(steps)
    return kept, refused


def _steps(calc: int, row: dict) -> Steps | str:
    """The row as arrays, or what is wrong with it."""
    for name in ("elements", "cart_coords", "lattice", "e_fr_energy", "forces"):
        if row[name] is None:
            return f"has no {name}"
    numbers = np.asarray(row["elements"])
    n_steps, n_atoms = len(row["cart_coords"]), len(numbers)
    if n_steps == 0 or n_atoms == 0:
        return "has no steps or no atoms"
    counts = {
        name: len(row[name])
        for name in ("e_fr_energy", "forces", "stress", "num_electronic_steps")
        if row[name] is not None
    }
    if odd := {name: count for name, count in counts.items() if count != n_steps}:
        name, count = next(iter(odd.items()))
        return f"has {n_steps} steps of cart_coords but {count} of {name}"
    if len(row["lattice"]) not in (1, n_steps):
        return f"has {n_steps} steps but {len(row['lattice'])} lattices"
    shapes = {
        "cart_coords": (n_steps, n_atoms, 3),
        "forces": (n_steps, n_atoms, 3),
        "lattice": (len(row["lattice"]), 3, 3),
        "e_fr_energy": (n_steps,),
    } | ({} if row["stress"] is None else {"stress": (n_steps, 3, 3)})
    arrays = {}
    for name, shape in shapes.items():
        try:
            arrays[name] = np.asarray(row[name], dtype=np.float64)
        except (TypeError, ValueError):
            return f"{name} is not numbers of shape {shape}"
        if arrays[name].shape != shape:
            return f"{name} has shape {arrays[name].shape}, expected {shape}"
        if not np.isfinite(arrays[name]).all():
            return f"{name} has values that are no finite numbers"
    return Steps(
        calc=calc,
        atomic_numbers=numbers,
        # one lattice stands for all steps of a calculation at constant cell
        cells=np.broadcast_to(arrays["lattice"], (n_steps, 3, 3)),
        coords=arrays["cart_coords"],
        energies=arrays["e_fr_energy"],
        forces=arrays["forces"],
        stresses=arrays.get("stress"),
        electronic_steps=row["num_electronic_steps"],
        magmoms=None,
    )


def _ends_with(steps: Steps, row: dict, energy: float) -> bool:
    """Whether the document's energy is the last step's.

    It is the energy extrapolated to zero smearing, which lies between the free energy and that
    without entropy; the table's own column for it is 0 or a small difference in old documents.
    """
    n_atoms, free = len(steps.atomic_numbers), steps.energies[-1]
    others = [
        float(row[name][-1])
        for name in ("energy", "e_wo_entrp")
        if row[name] and row[name][-1] is not None and np.isfinite(row[name][-1])
    ]
    others = [other for other in others if abs(other - free) <= UNSET * n_atoms]
    margin = n_atoms * (ENERGY_AGREES if others else FREE_ENERGY_ALONE)
    return min([free, *others]) - margin <= energy <= max([free, *others]) + margin


def _magmoms(document: dict, atomic_numbers: np.ndarray) -> np.ndarray | None:
    from pymatgen.core import Structure

    structure = Structure.from_dict(document["structure"])
    magmoms = structure.site_properties.get("magmom")
    if magmoms is None or any(magmom is None for magmom in magmoms):
        return None
    # in another order of the sites the moments would go to the wrong atoms
    if not np.array_equal(structure.atomic_numbers, atomic_numbers):
        return None
    return np.array([float(magmom) for magmom in magmoms])


def _final_energy(document: dict) -> float | None:
    energy = (document.get("output") or {}).get("energy")
    return float(energy) if energy is not None and np.isfinite(energy) else None


def _tag(document: dict, name: str) -> object:
    """A tag of VASP's input, as it was set or as VASP understood it."""
    given = document.get("input") or {}
    for section in ("incar", "parameters"):
        tags = given.get(section) or {}
        if tags.get(name) is not None:
            return tags[name]
    return None
