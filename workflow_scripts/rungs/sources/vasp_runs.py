"""Frames from a folder of VASP calculations, one for each ionic step."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rungs.config.bulk import VaspRuns
from rungs.config.data import Level
from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
from rungs.sources.units import VASP_STRESS, symmetric_voigt

if TYPE_CHECKING:
    from pymatgen.io.vasp.outputs import Vasprun

_KBAR = 1 / 1602.1766208
"""eV/Å³."""
_RELAXATIONS = (1, 2, 3)
"""Values of IBRION with which VASP relaxes the structure."""


def read_vasp_runs(
    level: Level, data_folder: str | os.PathLike, section: str = "source"
) -> Iterator[Frame | Rejected]:
    """Yield the ionic steps of all calculations in a folder, in the order of their paths.

    The frame id is the calculation's folder and the step, from 0 (``Si/relax:3``); where the file
    has a name other than ``vasprun.xml``, that is part of it. A step whose electronic loop took
    all of NELM is marked as not converged; the last step of a relaxation that converged gives all
    its frames their relaxed energy. Magnetic moments are known for the last step only, from an
    ``OUTCAR`` beside the file, as absolute values. A file that cannot be parsed, because the
    calculation was cut short or is still running, is yielded as one :class:`Rejected`.

    Args:
        level: a level whose ``data.kind`` is ``vasp_runs``.
        data_folder: folder that ``data.folder`` is relative to.
        section: ``source`` or ``target``, for messages.

    Raises:
        StudyError: when the folder is missing or has no file that the pattern fits.
    """
    data: VaspRuns = level.data
    root = Path(data_folder) / data.folder
    paths = [Path(path) for path in data.files(str(data_folder))]
    if paths == [root]:
        what = "has no file that fits" if root.is_dir() else "is no folder to search for"
        raise StudyError(
            f"{root}: {what} '{data.pattern}'; mend {section}.data.folder or {section}.data.pattern"
        )
    for path in paths:
        folder = path.parent.relative_to(root)
        name = path.name.removesuffix(".gz")
        label = (folder if name == "vasprun.xml" else folder / name).as_posix()
        material = Path(*folder.parts[: data.material_depth]).as_posix()
        # a file in the folder itself goes by the folder's name
        label, material = (root.name if x == "." else x for x in (label, material))
        yield from _steps(path, label, material, level.functional, data)


def _steps(
    path: Path, label: str, material: str, functional: str, data: VaspRuns
) -> Iterator[Frame | Rejected]:
    from pymatgen.io.vasp.outputs import Vasprun

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of loops that did not converge: frames carry that
            run = Vasprun(path, parse_dos=False, parse_eigen=False, parse_potcar_file=False)
    except Exception as error:  # lxml's, gzip's, and whatever an unfinished file leads to
        yield Rejected(
            label,
            f"{path} cannot be parsed, as if the calculation was cut short or still runs "
            f"({type(error).__name__}: {error})",
            "unfinished run",
        )
        return
    frames: list[Frame | Rejected] = []
    magmoms = _last_magmoms(path)
    relaxed = _relaxed_energy(run, data.energy)
    for index, step in enumerate(run.ionic_steps):
        frame_id = f"{label}:{index}"
        try:
            structure = step["structure"]
            frames.append(
                Frame(
                    frame_id=frame_id,
                    material_id=material,
                    functional=functional,
                    cell=structure.lattice.matrix,
                    atomic_numbers=structure.atomic_numbers,
                    cart_coords=structure.cart_coords,
                    energy=_energy(run, step, data.energy),
                    forces=step["forces"],
                    stress=_stress(step),
                    magmoms=magmoms if index == len(run.ionic_steps) - 1 else None,
                    converged=len(step["electronic_steps"]) < run.parameters["NELM"],
                    relaxed_energy=relaxed,
                )
            )
        except (KeyError, IndexError, AttributeError, ValueError, TypeError) as error:
            reason = f"step {index} of {path} lacks {error}: it is no calculation of forces"
            frames.append(Rejected(frame_id, reason, "missing key"))
    yield from frames


def _energy(run: "Vasprun", step: dict, which: str) -> float:
    """Energy of an ionic step in eV, without the pressure's work.

    VASP writes into the step what it adds after the electronic loop (dispersion, and p·V under
    PSTRESS), but there the energy at zero smearing is wrong in some versions: its difference from
    the free energy is taken from the last electronic step, as pymatgen and ASE do.
    """
    pressure = run.parameters.get("PSTRESS", 0.0) or 0.0
    free = step["e_fr_energy"] - pressure * _KBAR * step["structure"].volume
    last = step["electronic_steps"][-1]
    if which == "e_fr_energy":
        return free
    return free + last["e_0_energy"] - last["e_fr_energy"]


def _relaxed_energy(run: "Vasprun", which: str) -> float | None:
    """Energy in eV/atom at the end of a relaxation; None where none converged."""
    parameters = run.parameters
    is_relaxation = parameters.get("IBRION") in _RELAXATIONS and parameters.get("NSW", 0) > 1
    try:
        if is_relaxation and run.converged:
            return _energy(run, run.ionic_steps[-1], which) / len(run.final_structure)
    except (KeyError, IndexError):
        pass  # the steps themselves say what they lack
    return None


def _stress(step: dict) -> np.ndarray | None:
    stress = step.get("stress")
    return None if stress is None else symmetric_voigt(stress) * VASP_STRESS


def _last_magmoms(path: Path) -> np.ndarray | None:
    """(n,) absolute magnetic moments in μB from the OUTCAR beside; None where there is none."""
    from pymatgen.io.vasp.outputs import Outcar

    name = path.name.removesuffix(".gz").replace("vasprun.xml", "OUTCAR")
    for outcar in (path.with_name(name), path.with_name(f"{name}.gz")):
        if outcar == path or not outcar.is_file():
            continue
        try:
            moments = Outcar(outcar).magnetization
            # of spin-orbit runs these are vectors, whose size abs() gives
            return np.array([float(abs(site["tot"])) for site in moments]) if moments else None
        except Exception as error:  # pymatgen's parser of free text raises what it comes across
            warnings.warn(f"{outcar}: no magnetic moments could be read ({error})", stacklevel=2)
            return None
    return None
