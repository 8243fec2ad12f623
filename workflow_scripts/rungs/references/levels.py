"""Reference energies of the two levels of a study."""

from collections.abc import Iterable, Mapping, Set

import numpy as np

from rungs.errors import StudyError
from rungs.frames.elements import MAX_ATOMIC_NUMBER
from rungs.frames.frame import Frame
from rungs.references.fit import ReferenceEnergies, fit_reference


def compositions_and_energies(
    frames: Iterable[Frame], chosen: Set[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return (n, 94) atomic fractions and (n,) energies in eV/atom of the ``chosen`` frame ids
    that have an energy."""
    rows, energies = [], []
    for frame in frames:
        if frame.frame_id in chosen and frame.energy is not None:
            counts = np.bincount(frame.atomic_numbers - 1, minlength=MAX_ATOMIC_NUMBER)
            rows.append(counts / frame.n_atoms)
            energies.append(frame.energy_per_atom)
    return np.array(rows).reshape(-1, MAX_ATOMIC_NUMBER), np.array(energies)


def fit_levels(
    frames: Mapping[str, Iterable[Frame]],
    training: Mapping[str, Set[str]],
    published: np.ndarray | None = None,
) -> dict[str, ReferenceEnergies]:
    """Fit the source's reference energies, and from them the target's.

    The target's fit keeps to the shifted source values where the target's frames do not determine
    an element (see :func:`fit_reference`).

    Args:
        frames: the frames of ``source`` and ``target``.
        training: the ids of their training frames; no other frame is used.
        published: (94,) references of a published pretrained model, in eV/atom, which then are the
            source's; None fits them to the source's training frames.

    Raises:
        StudyError: when a level has no training frames, or none with an energy.
    """
    for level in ("source", "target"):
        if not training[level]:
            raise StudyError(f"the {level} has no training frames to fit reference energies to")
    data = {
        level: compositions_and_energies(frames[level], training[level])
        for level in ("source", "target")
    }
    for level, (_, energies) in data.items():
        if not len(energies):
            raise StudyError(
                f"none of the {level}'s {len(training[level])} training frames has an energy to "
                f"fit reference energies to; see what {level}.data declares"
            )
    if published is None:
        source = fit_reference(*data["source"])
    else:
        fractions, energies = data["source"]
        source = ReferenceEnergies(
            energies=published,
            n_frames=np.count_nonzero(fractions, axis=0),
            residual_mae=float(np.abs(energies - fractions @ published).mean()),
        )
    return {"source": source, "target": fit_reference(*data["target"], prior=source.energies)}
