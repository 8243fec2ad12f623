"""The section ``data`` of a level, as far as files tell it: keys by their names and contents."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from rungs.errors import StudyError
from rungs.preflight import names
from rungs.preflight.given import Given

LOOKED_AT = 300
"""Frames at the beginning of each file whose keys are looked at."""
_THEN_EVERY = 20
_T = TypeVar("_T")
LEAST_GROUPS = 6
"""Different values of a group from which on it can stand for materials, to be divided by."""


@dataclass
class Draft:
    """A section ``data`` in the making."""

    data: dict[str, object]
    """Keys and values, in the order in which they are to be written."""
    checks: dict[str, str] = field(default_factory=dict)
    """Keys whose values are guesses, each with the reason."""
    comments: dict[str, str] = field(default_factory=dict)
    """Keys whose values are known, with what there is to say."""
    open_units: dict[str, str] = field(default_factory=dict)
    """Labels (``energy``, ``forces``, ``stress``) whose units the file does not fix, each with
    the option that names its key."""
    hints: dict[str, str] = field(default_factory=dict)
    """Units that names or keys of the file tell, by label."""
    per_atom: bool | None = None
    """Whether the energy is per atom, where names or keys tell."""
    materials: str = "each frame is a material of its own"
    """How materials were recognised, in words."""
    division: str | None = None
    """Key under which each frame says its part."""
    functional: str | None = None
    remarks: list[str] = field(default_factory=list)


@dataclass
class Keys:
    """What is known of the keys of some frames."""

    n_frames: int = 0
    values: dict[str, list[object]] = field(default_factory=dict)
    """Values of each key, of the frames that have it."""
    columns: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Per-atom keys: the type of their values (``S``, ``R``, ``I``, ``L``), and their number."""
    sizes: list[int] = field(default_factory=list)
    """Atoms of each frame."""

    def add(self, n_atoms: int, values: Mapping[str, object]) -> None:
        """Take another frame into account."""
        self.n_frames += 1
        self.sizes.append(n_atoms)
        for key, value in values.items():
            if value is not None and value != "":
                self.values.setdefault(key, []).append(value)

    def constant(self, key: str) -> str | None:
        """The value that all frames have under a key; None where they differ."""
        found = {str(value) for value in self.values.get(key, [])}
        return found.pop() if len(found) == 1 else None


def some_of(frames: Iterable[_T]) -> Iterator[_T]:
    """The first frames of a file, and every twentieth after them: files are often sorted, so that
    what only some frames have may begin late."""
    for number, frame in enumerate(frames):
        if number < LOOKED_AT or number % _THEN_EVERY == 0:
            yield frame


def relative(paths: Sequence[Path], folder: Path) -> list[str]:
    """Names of files as a study in ``folder`` has them."""
    return [
        str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
        for path in paths
    ]


def files_of(given: Given, folder: Path) -> dict[str, object]:
    """The first keys of every section of files."""
    data: dict[str, object] = {"kind": given.kind, "train": relative(given.train, folder)}
    if given.test:
        data["test"] = relative(given.test, folder)
    return data


def missing_energy(given: Given, keys: Iterable[str]) -> StudyError:
    """The error for files in which nothing looks like an energy."""
    listed = ", ".join(list(keys)[:30]) or "none"
    return StudyError(
        f"{given.files[0]}: nothing in it looks like an energy (it has the keys {listed}); a study "
        "needs frames with energies: name a file that has them"
    )


def choose_energy(draft: Draft, keys: Keys, option: str, found: list[str]) -> str:
    """Declare the energy, and tell whether it is per atom where another key shows it."""
    best = found[0]
    draft.data[option] = best
    draft.per_atom = True if names.is_per_atom(best) else None
    others = [name for name in found[1:] if len(keys.values.get(name, [])) == keys.n_frames]
    if draft.per_atom is None:
        draft.per_atom = _per_atom_by(best, others, keys)
    if unit := names.unit_in_name("energy", best):
        draft.hints["energy"] = unit
    if len(found) > 1:
        draft.checks[option] = f"there is also {', '.join(found[1:4])}"
    return best


def _per_atom_by(best: str, others: list[str], keys: Keys) -> bool | None:
    """What an energy per atom beside it says of an energy; None where there is none."""
    for other in others:
        if not names.is_per_atom(other):
            continue
        try:
            one = [float(x) for x in keys.values[best]]
            per_atom = [float(x) for x in keys.values[other]]
        except (TypeError, ValueError):
            continue
        pairs = list(zip(one, per_atom, keys.sizes, strict=False))
        if pairs and all(abs(a - b * n) <= 1e-6 * max(1.0, abs(a)) for a, b, n in pairs):
            return False
    return None


def choose_ids(
    draft: Draft, keys: Keys, options: tuple[str, str], *, whole: bool, texts: Iterable[str]
) -> None:
    """Declare what frames have in common: materials, groups, a published division, a functional.

    Args:
        draft: gets the declarations.
        keys: of the frames looked at.
        options: what the kind calls the keys of the material and the group.
        whole: whether the files are divided into train and test already.
        texts: keys that may hold ids.
    """
    texts = list(texts)
    material_option, group_option = options
    everywhere = [key for key in texts if len(keys.values.get(key, [])) == keys.n_frames]
    draft.division = None if whole else _division(keys, everywhere)
    group = next(iter(names.candidates("group", [k for k in texts if k != draft.division])), None)
    material = _material(keys, everywhere)
    if material is not None:
        values = {str(value) for value in keys.values[material]}
        is_id = all(names.MATERIAL_ID.match(value) for value in values)
        how = "ids of a database" if is_id else "values"
        draft.materials = f"by the {how} under '{material}'"
        if not is_id:
            draft.checks[material_option] = (
                "are these materials, or trajectories, to be kept whole?"
            )
    elif group is not None and not whole and draft.division is None:
        values = [str(value) for value in keys.values.get(group, [])]
        if group in everywhere and _divides(values):
            material, group = group, None
            draft.materials = f"by the groups under '{material}'"
            draft.checks[material_option] = (
                "groups are kept whole in the split; null divides frames"
            )
    draft.data[material_option] = material
    if group is not None and keys.constant(group) is None:
        draft.data[group_option] = group
    if functional := next(iter(names.candidates("functional", everywhere)), None):
        draft.functional = keys.constant(functional)


def _material(keys: Keys, everywhere: list[str]) -> str | None:
    for key in names.candidates("material", everywhere):
        values = keys.values[key]
        if len({str(value) for value in values}) > 1 and not _are_lists(values):
            return key
    for key in everywhere:
        values = [str(value) for value in keys.values[key]]
        if all(names.MATERIAL_ID.fullmatch(value) for value in values):
            return key
    return None


def _are_lists(values: list[object]) -> bool:
    return any(isinstance(value, list | dict | tuple) for value in values)


def _divides(values: list[str]) -> bool:
    n_groups = len(set(values))
    return (
        n_groups >= 2
        and (n_groups >= LEAST_GROUPS or len(values) >= LOOKED_AT)
        and (len(values) >= 2 * n_groups)
    )


def _division(keys: Keys, everywhere: list[str]) -> str | None:
    """Key whose values are names of the parts of a division."""
    for key in names.candidates("part", everywhere):
        words = {str(value).strip().lower() for value in keys.values[key]}
        if words <= names.PARTS.keys():
            return key
    return None
