"""Properties of a crystal at rest: equation of state, elastic constants, phonons.

matcalc does the calculations, with ASE, pymatgen and phonopy underneath; here stand the settings,
what counts as no result, and what is kept. Every potential starts from the same crystal and relaxes
it to its own volume, keeping the symmetry.
"""

import traceback
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rungs.config.properties import Properties
from rungs.errors import StudyError
from rungs.properties.crystal import is_cubic
from rungs.properties.curves import Curve
from rungs.properties.quantities import names_of
from rungs.workflow.packages import require

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator
    from pymatgen.core import Structure

FMAX = 3e-4
"""Largest force in eV/Å, and cell force in eV/atom, that a relaxation leaves."""
RELAXATION = {"optimizer": "BFGS", "max_steps": 300}
VOLUMES = (0.5, 2.0)
"""Relaxed volumes beyond these shares of the starting one are no result."""
N_VOLUMES = 9
POINTS_ON_PATH = 120
IMAGINARY_BELOW = -0.1
"""THz; phonopy writes imaginary frequencies as negative ones. Above this they are taken for the
noise of acoustic modes about Γ."""


class NoResultError(Exception):
    """A calculation that ended without a physical result; the message says why."""


class Value(NamedTuple):
    """One number of a property, or why there is none."""

    property: str
    value: float | None
    """In the property's unit; None for curves and where there is no result."""
    note: str = ""
    temperature_k: float | None = None
    failed: bool = False


class Found(NamedTuple):
    """What calculations gave."""

    values: list[Value]
    curves: list[Curve]


def static_properties(crystal: "Atoms", calculator: "Calculator", options: Properties) -> Found:
    """Relax ``crystal`` with ``calculator`` and compute the static properties of ``options``.

    What fails is a result: a :class:`Value` without a number, with the reason in words.

    Args:
        crystal: primitive cell, cubic axes along x, y and z.
        calculator: of any potential, with energy, forces and stress.
        options: the section ``properties``.

    Raises:
        StudyError: when the packages of these properties are missing.
        RuntimeError: in a process where subnormal numbers count as 0.
    """
    # Before any work that may fail for a reason of its own: a package that is missing is no result.
    require("properties", f"properties.calculate: {', '.join(options.static)}")
    import matcalc  # noqa: F401

    _check_subnormal_numbers()

    cubic = is_cubic(crystal)
    values: list[Value] = []
    curves: list[Curve] = []
    relaxed, fault = _attempt(lambda: relax(crystal, calculator))
    for name in options.static:
        if fault is None:
            found, why = _attempt(
                lambda name=name: CALCULATIONS[name](relaxed, calculator, options, crystal)
            )
        else:
            found, why = None, fault
        if found is None:
            values += [Value(p, None, why, failed=True) for p in names_of(name, cubic)]
        else:
            values += found.values
            curves += found.curves
    return Found(values, curves)


def _check_subnormal_numbers() -> None:
    """Refuse to compute where the processor takes the smallest numbers for 0.

    The threads of phonopy's solver inherit that, and get degenerate modes wrong without a word.
    """
    if np.float64(5e-324) * np.float64(1.0) == 0:
        raise RuntimeError("subnormal numbers count as 0 here: torch.set_flush_denormal(False)")


def _attempt(calculate: Callable) -> tuple:
    """Return what ``calculate`` gives and None, or None and why it failed."""
    try:
        with warnings.catch_warnings():
            # matcalc's on poor fits; the numbers themselves are judged below.
            warnings.simplefilter("ignore")
            return calculate(), None
    except NoResultError as reason:
        return None, str(reason)
    except StudyError as reason:  # the potential itself refuses the configuration
        return None, str(reason)
    except (ArithmeticError, RuntimeError, ValueError) as error:
        traceback.print_exc()  # for the log
        return None, f"{type(error).__name__}: {error}"


def relax(crystal: "Atoms", calculator: "Calculator") -> "Structure":
    """Return the crystal at zero force and stress, of the same symmetry.

    Raises:
        NoResultError: when the relaxation does not end, or ends far from where it started.
    """
    from matcalc import RelaxCalc

    done = RelaxCalc(calculator, fmax=FMAX, fix_symmetry=True, **RELAXATION).calc(crystal)
    share = done["volume"] / crystal.get_volume()
    pull = np.abs(done["stress"]).max() * done["volume"] / len(crystal)
    if not (np.isfinite(done["energy"]) and VOLUMES[0] < share < VOLUMES[1]):
        raise NoResultError(f"the crystal relaxes to {share:.2f} times its starting volume")
    # ASE counts the cell's force per atom; a margin of two for the symmetry's projection.
    if done["max_force"] > FMAX or pull > 2 * FMAX:
        raise NoResultError(
            f"the relaxation has not ended after {RELAXATION['max_steps']} steps "
            f"(stress {np.abs(done['stress']).max() * 160.2177:.2g} GPa)"
        )
    return done["final_structure"]


def equation_of_state(
    relaxed: "Structure", calculator: "Calculator", options: Properties, crystal: "Atoms"
) -> Found:
    """Birch–Murnaghan fit to energies of strained crystals; their shape relaxes.

    Raises:
        NoResultError: when the energy has no minimum among the volumes.
    """
    from matcalc import EOSCalc

    done = EOSCalc(
        calculator,
        relax_structure=False,
        max_abs_strain=options.volume_strain,
        n_points=N_VOLUMES,
        fmax=FMAX,
        relax_calc_kwargs={"fix_symmetry": True, **RELAXATION},
    ).calc(relaxed)
    volumes = np.array(done["eos"]["volumes"], dtype=float) / len(relaxed)
    energies = np.array(done["eos"]["energies"], dtype=float) / len(relaxed)
    modulus = float(done["bulk_modulus_bm"])
    lowest = int(np.argmin(energies))
    if lowest in (0, len(energies) - 1) or not modulus > 0:
        raise NoResultError("the energy has no minimum among the volumes of the equation of state")
    curve = Curve("equation_of_state", volumes, 1000 * (energies - energies[lowest]))
    values = [Value("bulk_modulus", modulus), Value("equation_of_state", None)]
    if is_cubic(crystal):
        values.insert(0, Value("lattice_constant", _lattice_constant(relaxed)))
    else:
        values.insert(0, Value("volume", relaxed.volume / len(relaxed)))
    return Found(values, [curve])


def _lattice_constant(relaxed: "Structure") -> float:
    """Edge of the conventional cubic cell in Å."""
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    conventional = SpacegroupAnalyzer(relaxed, 1e-3).get_conventional_standard_structure()
    return float(np.cbrt(conventional.volume))


def elastic_constants(
    relaxed: "Structure", calculator: "Calculator", options: Properties, crystal: "Atoms"
) -> Found:
    """Stress against strain, with the atoms relaxed in every strained cell: the three constants of
    a cubic crystal, the Voigt–Reuss–Hill shear modulus of another.

    A crystal that is not stable against strain (Born and Huang's conditions; Mouhat and Coudert,
    Phys. Rev. B 90, 224104 (2014)) has its constants all the same, and a note.
    """
    from matcalc import ElasticityCalc

    strains = options.elastic_strain * np.array([-1.0, -0.5, 0.5, 1.0])
    done = ElasticityCalc(
        calculator,
        relax_structure=False,
        relax_deformed_structures=True,
        norm_strains=strains,
        shear_strains=strains,
        fmax=FMAX,
        units_GPa=True,
        relax_calc_kwargs=RELAXATION,
    ).calc(relaxed)
    tensor = np.array(done["elastic_tensor"].voigt, dtype=float)
    stable = np.linalg.eigvalsh((tensor + tensor.T) / 2)[0] > 0
    note = "" if stable else "not stable against strain"
    if is_cubic(crystal):
        off_diagonal = tensor[:3, :3][~np.eye(3, dtype=bool)]
        found = {
            "c11": np.diag(tensor)[:3].mean(),
            "c12": off_diagonal.mean(),
            "c44": np.diag(tensor)[3:].mean(),
        }
    else:
        found = {"shear_modulus": done["shear_modulus_vrh"]}
    if not np.isfinite(list(found.values())).all():
        raise NoResultError("the elastic constants are not finite")
    return Found([Value(name, float(value), note) for name, value in found.items()], [])


def phonons(
    relaxed: "Structure", calculator: "Calculator", options: Properties, crystal: "Atoms"
) -> Found:
    """Force constants from displaced atoms in a supercell; bands along ASE's path of the lattice.

    All potentials' bands are at the same fractional wave vectors, and their places on the path
    those of the starting crystal. Imaginary modes are counted on phonopy's own mesh.
    """
    from matcalc import PhononCalc

    done = PhononCalc(
        calculator,
        relax_structure=False,
        atom_disp=options.displacement,
        min_length=options.phonon_supercell,
        write_phonon=False,
    ).calc(relaxed)
    path = crystal.cell.bandpath(npoints=POINTS_ON_PATH)
    phonopy = done["phonon"]
    phonopy.run_qpoints(path.kpts)
    bands = np.sort(phonopy.qpoints.frequencies, axis=1).T
    if not np.isfinite(bands).all():
        raise NoResultError("the phonon frequencies are not finite")
    x, at, names = path.get_linear_kpoint_axis()
    labels: list[str | None] = [None] * len(x)
    for place, name in zip(at, names, strict=True):
        i = int(np.argmin(np.abs(x - place)))
        # Where the path jumps, two points share one place.
        labels[i] = name if labels[i] in (None, name) else f"{labels[i]},{name}"
    mesh = np.asarray(done["frequencies"])
    weights = np.broadcast_to(phonopy.mesh.weights[:, None], mesh.shape)
    imaginary = 100 * float(weights[mesh < IMAGINARY_BELOW].sum() / weights.sum())
    note = f"lowest {mesh.min():.2f} THz" if imaginary else ""
    return Found(
        [
            Value("phonon_bands", None, note),
            Value("highest_frequency", float(bands.max())),
            Value("imaginary_modes", imaginary, note),
        ],
        [
            Curve("phonon_bands", x, band, series=i, labels=tuple(labels) if i == 0 else None)
            for i, band in enumerate(bands)
        ],
    )


CALCULATIONS = {
    "equation_of_state": equation_of_state,
    "elastic": elastic_constants,
    "phonons": phonons,
}
