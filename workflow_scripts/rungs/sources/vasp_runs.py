"""Frames from a folder of VASP calculations, one for each ionic step."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from rungs.config.bulk import VaspRuns
from rungs.config.data import Level
from rungs.config.packings import PACKED, unpacked_name
from rungs.config.vasp_folders import FoundRuns, find_runs
from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
from rungs.sources.notes import Notes
from rungs.sources.opening import plain_file
from rungs.sources.units import VASP_STRESS, symmetric_voigt
from rungs.sources.vasprun_files import OVERFLOW, readable_copy

if TYPE_CHECKING:
    from pymatgen.io.vasp.outputs import Vasprun

_KBAR = 1 / 1602.1766208
"""eV/Å³."""
_RELAXATIONS = (1, 2, 3)
"""Values of IBRION with which VASP relaxes the structure."""
NOT_CONVERGED = (
    "in {n} ionic steps the electronic loop took all of NELM, so that their labels may not be "
    "converged; `filters: {converged: true}` sets them aside"
)


def read_vasp_runs(
    level: Level,
    data_folder: str | os.PathLike,
    section: str = "source",
    notes: Notes | None = None,
) -> Iterator[Frame | Rejected]:
    """Yield the ionic steps of all calculations in a folder, in the order of their paths.

    The frame id is the calculation's folder and the step, from 0 (``Si/relax:3``); where the file
    has a name other than ``vasprun.xml``, that is part of it. A step whose electronic loop took
    all of NELM is marked as not converged; the last step of a relaxation that converged gives all
    its frames their relaxed energy. Magnetic moments are known for the last step only, from an
    ``OUTCAR`` beside the file, as absolute values. A file that cannot be parsed, because the
    calculation was cut short or is still running, is yielded as one :class:`Rejected`, and so are
    the machine-learned steps of a run, which are no calculations, and each step with numbers that
    VASP wrote as asterisks.

    Args:
        level: a level whose ``data.kind`` is ``vasp_runs``.
        data_folder: folder that ``data.folder`` is relative to.
        section: ``source`` or ``target``, for messages.
        notes: is told of steps that did not converge, of links and of backup copies.

    Raises:
        StudyError: when the folder is missing or has no file that the pattern fits.
    """
    data: VaspRuns = level.data
    notes = Notes() if notes is None else notes
    root = Path(data_folder) / data.folder
    found = find_runs(root, data.pattern)
    _tell(found, notes)
    if not found.files:
        what = "has no file that fits" if root.is_dir() else "is no folder to search for"
        told = "".join(f"; {line}" for line in notes.lines())
        raise StudyError(
            f"{root}: {what} '{data.pattern}'; mend {section}.data.folder or "
            f"{section}.data.pattern{told}"
        )
    yield from _set_aside(found)
    for run in found.files:
        path, relative = Path(run.path), PurePosixPath(run.name)
        folder, name = relative.parent, unpacked_name(relative.name)
        label = (folder if name == "vasprun.xml" else folder / name).as_posix()
        material = PurePosixPath(*folder.parts[: data.material_depth]).as_posix()
        # a file in the folder itself goes by the folder's name
        label, material = (root.name if x == "." else x for x in (label, material))
        yield from _steps(path, label, material, level.functional, data, notes)


_TOLD = {
    "backups": "{n} backup copies were not read",
    "dead_links": "{n} symbolic links lead nowhere",
    "again": "{n} symbolic links lead to what was found already",
    "upwards": "{n} symbolic links lead upwards and were not followed",
    "written_links": (
        "{n} files hold a path, as symbolic links do in copies without links, and were followed"
    ),
    "closed": "{n} folders may not be read",
}
_SET_ASIDE = {
    "backups": ("is a backup copy by its name", "backup copy"),
    "dead_links": ("is a symbolic link that leads nowhere", "dead link"),
    "closed": ("is a folder that may not be read", "closed folder"),
}


def _tell(found: FoundRuns, notes: Notes) -> None:
    for kind, text in _TOLD.items():
        for item in getattr(found, kind):
            notes.add(text, item.name)


def _set_aside(found: FoundRuns) -> Iterator[Rejected]:
    for kind, (reason, fault) in _SET_ASIDE.items():
        for item in getattr(found, kind):
            yield Rejected(item.name, f"{item.path} {reason}", fault)


def _steps(
    path: Path, label: str, material: str, functional: str, data: VaspRuns, notes: Notes
) -> Iterator[Frame | Rejected]:
    from pymatgen.io.vasp.outputs import Vasprun

    try:
        with warnings.catch_warnings(), readable_copy(path) as (readable, has_stars):
            warnings.simplefilter("ignore")  # of loops that did not converge: frames carry that
            run = Vasprun(readable, parse_dos=False, parse_eigen=False, parse_potcar_file=False)
    except Exception as error:  # lxml's, gzip's, and whatever an unfinished file leads to
        said = str(error) if isinstance(error, StudyError) else f"{type(error).__name__}: {error}"
        yield Rejected(
            label,
            f"{path} cannot be parsed, as if the calculation was cut short or still runs ({said})",
            "unfinished run",
        )
        return
    # as pymatgen counts them, those that were calculated are among them
    n_learned = max(len(run.md_data) - len(run.ionic_steps), 0)
    if n_learned:
        yield Rejected(
            label,
            f"{n_learned} of {n_learned + len(run.ionic_steps)} steps of {path} are "
            "machine-learned, so their energies and forces are a force field's",
            "machine-learned steps",
        )
    elif not run.ionic_steps:
        yield Rejected(label, f"{path} has no ionic step", "no step")
    magmoms = _last_magmoms(path)
    relaxed = _relaxed_energy(run, data.energy)
    for index, step in enumerate(run.ionic_steps):
        frame_id = f"{label}:{index}"
        try:
            frame = _frame(run, step, data.energy)
        except (KeyError, IndexError, AttributeError, ValueError, TypeError) as error:
            reason = f"step {index} of {path} lacks {error}: it is no calculation of a structure"
            yield Rejected(frame_id, reason, "missing key")
            continue
        if has_stars and (fields := _overflown(frame)):
            yield Rejected(
                frame_id,
                f"step {index} of {path} has asterisks in place of numbers in its "
                f"{', '.join(fields)}: they were too long for VASP's format",
                "overflow",
            )
            continue
        if frame["converged"] is False:
            notes.add(NOT_CONVERGED, frame_id)
        is_last = index == len(run.ionic_steps) - 1
        yield Frame(
            frame_id=frame_id,
            material_id=material,
            functional=functional,
            magmoms=magmoms if is_last else None,
            relaxed_energy=relaxed,
            **frame,
        )


def _frame(run: "Vasprun", step: dict, energy: str) -> dict[str, object]:
    structure = step["structure"]
    return {
        "cell": structure.lattice.matrix,
        "atomic_numbers": structure.atomic_numbers,
        "cart_coords": structure.cart_coords,
        "energy": _energy(run, step, energy) if "e_fr_energy" in step else None,
        "forces": step.get("forces"),
        "stress": _stress(step),
        "converged": _is_converged(run, step),
    }


def _is_converged(run: "Vasprun", step: dict) -> bool | None:
    """Whether the electronic loop ended by itself; None where the file does not tell."""
    limit, taken = run.parameters.get("NELM"), len(step["electronic_steps"])
    if limit is None or not taken:
        return None
    # an exact diagonalization is one step by its nature
    is_exact = limit == 1 and str(run.incar.get("ALGO", "")).lower().startswith("e")
    return is_exact or taken < limit


def _overflown(frame: dict[str, object]) -> list[str]:
    """Names of what holds numbers that were asterisks, or was computed from such."""
    names = ("cell", "cart_coords", "energy", "forces", "stress")
    found = ((name, frame[name]) for name in names)
    return [name for name, value in found if value is not None and _is_beyond(value)]


def _is_beyond(value: object) -> bool:
    return bool((np.abs(value) > OVERFLOW / 1e9).any())


def _energy(run: "Vasprun", step: dict, which: str) -> float:
    """Energy of an ionic step in eV, without the pressure's work.

    VASP writes into the step what it adds after the electronic loop (dispersion, and p·V under
    PSTRESS), but there the energy at zero smearing is wrong in some versions: its difference from
    the free energy is taken from the last electronic step, as pymatgen and ASE do.
    """
    pressure = run.parameters.get("PSTRESS", 0.0) or 0.0
    free = step["e_fr_energy"] - pressure * _KBAR * step["structure"].volume
    if which == "e_fr_energy":
        return free
    last = step["electronic_steps"][-1]
    return free + last["e_0_energy"] - last["e_fr_energy"]


def _relaxed_energy(run: "Vasprun", which: str) -> float | None:
    """Energy in eV/atom at the end of a relaxation; None where none converged."""
    parameters = run.parameters
    is_relaxation = parameters.get("IBRION") in _RELAXATIONS and parameters.get("NSW", 0) > 1
    try:
        if is_relaxation and run.converged:
            energy = _energy(run, run.ionic_steps[-1], which) / len(run.final_structure)
            return None if _is_beyond(energy) else energy
    except (KeyError, IndexError):
        pass  # the steps themselves say what they lack
    return None


def _stress(step: dict) -> np.ndarray | None:
    stress = step.get("stress")
    return None if stress is None else symmetric_voigt(stress) * VASP_STRESS


def _last_magmoms(path: Path) -> np.ndarray | None:
    """(n,) absolute magnetic moments in μB from the OUTCAR beside; None where there is none."""
    from pymatgen.io.vasp.outputs import Outcar

    name = unpacked_name(path.name).replace("vasprun.xml", "OUTCAR")
    beside = set(path.parent.iterdir())
    for outcar in (path.with_name(name + ending) for ending in ("", *PACKED)):
        if outcar not in beside or outcar == path or not outcar.is_file():
            continue
        try:
            with plain_file(outcar) as (plain, _):
                moments = Outcar(plain).magnetization
            # of spin-orbit runs these are vectors, whose size abs() gives
            return np.array([float(abs(site["tot"])) for site in moments]) if moments else None
        except Exception as error:  # pymatgen's parser of free text raises what it comes across
            warnings.warn(f"{outcar}: no magnetic moments could be read ({error})", stacklevel=2)
            return None
    return None
