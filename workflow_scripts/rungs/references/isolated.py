"""Reference energies from isolated atoms, which no frame's energy enters."""

from collections.abc import Collection, Mapping

import numpy as np

from rungs.config.methods import Method
from rungs.errors import StudyError
from rungs.frames.elements import ATOMIC_NUMBERS, SYMBOLS
from rungs.references.fit import ReferenceEnergies


def missing_atoms(atoms: np.ndarray, elements: Collection[str]) -> list[str]:
    """The elements without an isolated atom, by atomic number.

    Args:
        atoms: (94,) energies in eV, NaN where there is none.
        elements: symbols.
    """
    return [s for s in sorted(elements, key=ATOMIC_NUMBERS.get) if np.isnan(atoms[_place(s)])]


def check_isolated_atoms(
    methods: Mapping[str, Method],
    elements: Mapping[str, Collection[str]],
    atoms: Mapping[str, np.ndarray],
) -> None:
    """See that every method with `reference: isolated_atoms` has the atoms that it needs.

    Args:
        methods: of the study, by name.
        elements: symbols of the elements that the frames of ``source`` and ``target`` have.
        atoms: (94,) energies in eV of the isolated atoms of both, NaN where there is none.

    Raises:
        StudyError: naming the method, the level and the elements that lack an atom.
    """
    missing = {"target": missing_atoms(atoms["target"], elements["target"])}
    missing["source"] = missing_of_source(atoms["source"], elements["source"], elements["target"])
    for name, method in methods.items():
        if method.reference != "isolated_atoms":
            continue
        for level in ("target", "source") if method.initial == "pretrained" else ("target",):
            if missing[level]:
                why = _WHY_THE_SOURCE if level == "source" else ""
                raise StudyError(
                    f"methods.{name}.reference is isolated_atoms, but the {level} has no isolated "
                    f"atom of {', '.join(missing[level])}{why}: add them to its files, or give "
                    f"their energies in {level}.isolated_atom_energies, or take another reference"
                )


_WHY_THE_SOURCE = (
    ", which a method that starts pretrained needs, as its references change by what isolated "
    "atoms change from source to target"
)


def missing_of_source(
    atoms: np.ndarray, source: Collection[str], target: Collection[str]
) -> list[str]:
    """The elements whose isolated atom the source lacks: of those that both levels have, or, where
    they have none in common, all of its own if there is an atom of none.

    Args:
        atoms: (94,) energies of the source's atoms in eV, NaN where there is none.
        source, target: symbols of the elements in the frames of the two levels.
    """
    if common := set(source) & set(target):
        return missing_atoms(atoms, common)
    missing = missing_atoms(atoms, source)
    return missing if len(missing) == len(set(source)) else []


def isolated_reference(
    target: np.ndarray,
    elements: Collection[str],
    source: ReferenceEnergies | None = None,
    source_atoms: np.ndarray | None = None,
) -> np.ndarray:
    """Return (94,) reference energies in eV from isolated atoms.

    Without ``source`` they are the energies of the target's atoms. With it, they are the source's
    references plus what an isolated atom's energy changes from source to target: what the
    pretrained network has learned on top of its references then is energies of atomisation, and
    stays so. An element without a source atom gets its target atom's energy and the mean of what
    the others' references differ from their atoms by.

    Args:
        target: (94,) energies of the target's atoms in eV, NaN where there is none.
        elements: symbols of those that the target's frames have.
        source: references of the pretrained model.
        source_atoms: (94,) energies of the source's atoms, with ``source``.

    Raises:
        StudyError: naming elements without an atom.
    """
    if missing := missing_atoms(target, elements):
        raise StudyError(
            f"reference: isolated_atoms lacks the target's isolated atom of {', '.join(missing)}"
        )
    reference = target.copy()
    if source is not None:
        beyond = source.energies - source_atoms
        known = np.isfinite(beyond)
        trained = known & (source.n_frames > 0)
        told = trained if trained.any() else known
        if not told.any():
            raise StudyError("reference: isolated_atoms lacks isolated atoms of the source")
        reference += np.where(known, beyond, beyond[told].mean())
    # elements that no frame has: any finite number will do
    absent = np.isnan(reference)
    reference[absent] = source.energies[absent] if source is not None else np.nanmean(reference)
    return reference


def symbols_of(compositions: np.ndarray) -> list[str]:
    """Symbols of the elements in (n, 94) atomic fractions."""
    return [SYMBOLS[i] for i in np.flatnonzero(compositions.any(axis=0))]


def _place(symbol: str) -> int:
    return ATOMIC_NUMBERS[symbol] - 1
