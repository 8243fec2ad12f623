"""How the labels of the two levels are related: the tables behind the figure of the levels."""

import math
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike

import numpy as np

from rungs.errors import StudyError
from rungs.evaluation.level_predictions import COMPARED_COMPONENTS, LABELLED, PREDICTED
from rungs.files import whole_file, write_rows
from rungs.frames.columns import OTHER_LABELS, Energies, iter_energies
from rungs.frames.elements import MAX_ATOMIC_NUMBER
from rungs.frames.frame import Frame
from rungs.frames.table import iter_frames

SAME_PLACE = 1e-3
"""Å; frames whose cells or positions differ by more are not the same configuration."""
CORRELATION_COLUMNS = ("comparison", "pearson_r", "mean_shift", "mae", "unit", "n", "source_values")

Frames = Collection[Frame] | Callable[[], Iterable[Frame]] | PathLike[str]
"""Frames that can be gone through twice: a collection, a function that opens a stream anew, or a
file of frames, of which only what is compared is read."""


@dataclass(frozen=True, slots=True)
class LevelTables:
    """What two levels have to do with each other."""

    energies: Mapping[str, Sequence]
    """Columns of ``level_energies.parquet``, one row per frame id, in eV/atom: ``frame_id``,
    ``n_atoms``, ``source_energy``, ``target_energy``, ``source_minus_source_ref``,
    ``target_minus_source_ref``, ``target_minus_target_ref``. NaN where a level lacks the frame."""
    forces: Mapping[str, Sequence]
    """Columns of ``level_forces.parquet``: ``frame_id`` and the same force component at each level,
    ``source`` and ``target``, in eV/Å; all components of frames drawn at random."""
    others: Mapping[str, Sequence]
    """Columns of ``level_others.parquet``: ``frame_id``, ``property`` (``stress``, six components
    in GPa, or ``magmom``, absolute values in μB), ``source`` and ``target``; of the same frames,
    where both levels have the label."""
    correlations: list[dict]
    """Rows of ``level_correlations.csv``; differences are target minus source. None where fewer
    than two values can be compared. ``source_values`` says what the source's values are: labels,
    or predictions."""
    summary: str
    """One line on how many frames the levels share."""


def compare_levels(
    source_frames: Frames,
    target_frames: Frames,
    source_reference: np.ndarray,
    target_reference: np.ndarray,
    *,
    n_force_components: int = COMPARED_COMPONENTS,
    seed: int = 0,
    source_values: str = LABELLED,
) -> LevelTables:
    """Compare energies per atom and forces of the frames that two levels share.

    Frames are shared when they have the same id and the same atoms in the same order; their forces
    are compared when cell and positions agree as well, to 0.001 Å. Frames are streamed: energies of
    all and forces of the drawn frames are what is held in memory. A label that a frame lacks at
    either level is compared nowhere.

    Args:
        source_frames, target_frames: the frames of each level, gone through twice. In place of the
            source's frames there may be the target's own, with predicted labels; then only these
            are in the tables.
        source_reference, target_reference: (94,) reference energies in eV/atom.
        n_force_components: draw shared frames until they have this many force components.
        seed: of that draw.
        source_values: what the labels of ``source_frames`` are, in words for the tables.

    Raises:
        StudyError: for a frame with an element beyond plutonium.
        ValueError: for references of another shape, or frames that can be read only once.
    """
    references = [np.asarray(r, dtype=np.float64) for r in (source_reference, target_reference)]
    if any(r.shape != (MAX_ATOMIC_NUMBER,) for r in references):
        raise ValueError(f"references must have shape ({MAX_ATOMIC_NUMBER},)")
    source = _read_energies(_energies(source_frames), references)
    target = _read_energies(_energies(target_frames), references)
    shared = {
        frame_id
        for frame_id, i in target.index.items()
        if frame_id in source.index and source.atoms[source.index[frame_id]] == target.atoms[i]
    }
    if source_values == PREDICTED:
        target.keep(shared)
    energies = _join(source, target, shared)
    comparable = sorted(
        i for i in shared if source.labels[source.index[i]] & target.labels[target.index[i]]
    )
    drawn = _draw(comparable, target, n_force_components, seed)
    forces, others, moved = _pair_labels(
        _chosen(source_frames, drawn), _chosen(target_frames, drawn)
    )
    pairs = {
        "raw": ("source_energy", "target_energy"),
        "source_reference": ("source_minus_source_ref", "target_minus_source_ref"),
        "own_reference": ("source_minus_source_ref", "target_minus_target_ref"),
    }
    correlations = [
        _compare(name, energies[x], energies[y], "eV/atom") for name, (x, y) in pairs.items()
    ]
    correlations.append(_compare("forces", forces["source"], forces["target"], "eV/Å"))
    for name, unit in (("stress", "GPa"), ("magmom", "μB")):
        chosen = others["property"] == name
        if chosen.any():
            pair = (others[level][chosen] for level in ("source", "target"))
            correlations.append(_compare(name, *pair, unit))
    correlations = [{**row, "source_values": source_values} for row in correlations]
    same_id = len(source.index.keys() & target.index.keys())
    n_forces = len(set(forces["frame_id"]))
    summary = (
        f"{len(source.index)} source and {len(target.index)} target frames, {len(shared)} shared; "
        f"forces of {n_forces} of them compared"
    )
    if source_values == PREDICTED:
        summary = (
            f"no shared frames; {len(shared)} target frames, source values {source_values}; "
            f"forces of {n_forces} of them compared"
        )
    if same_id > len(shared):
        summary += f"; {same_id - len(shared)} have the same id but other atoms"
    if moved:
        summary += f"; {moved} drawn frames have the same id but other positions"
    return LevelTables(energies, forces, others, correlations, summary)


def write_levels(
    tables: LevelTables,
    energies: str | PathLike,
    forces: str | PathLike,
    others: str | PathLike,
    correlations: str | PathLike,
) -> None:
    """Write the four tables, three as Parquet and the correlations as CSV."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    written = ((energies, tables.energies), (forces, tables.forces), (others, tables.others))
    for path, columns in written:
        with whole_file(path) as partial:
            pq.write_table(
                pa.table(
                    {"frame_id": pa.array(columns["frame_id"], pa.string()), **_rest(columns)}
                ),
                partial,
            )
    write_rows(correlations, CORRELATION_COLUMNS, tables.correlations)


def _rest(columns: Mapping[str, Sequence]) -> dict[str, Sequence]:
    return {name: column for name, column in columns.items() if name != "frame_id"}


@dataclass(slots=True)
class _Energies:
    """Energies of one level, by position, NaN where there is none; ``index`` gives the position of
    a frame id."""

    index: dict[str, int] = field(default_factory=dict)
    labels: array = field(default_factory=lambda: array("q"))
    """As in :class:`rungs.frames.columns.Energies`."""
    n_atoms: array = field(default_factory=lambda: array("q"))
    atoms: array = field(default_factory=lambda: array("q"))
    """Hash of the atomic numbers."""
    raw: array = field(default_factory=lambda: array("d"))
    minus_source: array = field(default_factory=lambda: array("d"))
    minus_target: array = field(default_factory=lambda: array("d"))

    def keep(self, names: Collection[str]) -> None:
        """Forget the other frames."""
        self.index = {name: i for name, i in self.index.items() if name in names}


def _opened(frames: Frames) -> Iterable[Frame]:
    opened = frames() if callable(frames) else frames
    if opened is iter(opened) and not callable(frames):
        raise ValueError("frames are read twice: give a collection, or a function that opens them")
    return opened


def _energies(frames: Frames) -> Iterable[Energies]:
    """The energies of all frames, in batches."""
    if isinstance(frames, PathLike):
        yield from iter_energies(frames)
        return
    for frame in _opened(frames):
        numbers = np.asarray(frame.atomic_numbers)
        energy = math.nan if frame.energy is None else frame.energy
        labels = sum(1 << i for i, name in enumerate(OTHER_LABELS) if name in frame.labels)
        yield Energies(
            [frame.frame_id], np.array([energy]), [len(numbers)], numbers, np.array([labels])
        )


def _chosen(frames: Frames, ids: set[str]) -> Iterable[Frame]:
    """The frames with these ids."""
    if isinstance(frames, PathLike):
        return iter_frames(frames, ids)
    return (frame for frame in _opened(frames) if frame.frame_id in ids)


def _read_energies(batches: Iterable[Energies], references: list[np.ndarray]) -> _Energies:
    level = _Energies()
    for batch in batches:
        stops, numbers = np.asarray(batch.stops), batch.atomic_numbers
        starts = np.append(0, stops[:-1])
        heavy = np.flatnonzero(numbers > MAX_ATOMIC_NUMBER)
        if heavy.size:
            i = int(np.searchsorted(stops, heavy[0], side="right"))
            raise StudyError(
                f"frame {batch.frame_ids[i]}: element {numbers[starts[i] : stops[i]].max()} has no "
                "reference energy; remove the frame"
            )
        n_atoms = stops - starts
        energies = batch.energies / n_atoms
        first = len(level.raw)
        level.index.update(zip(batch.frame_ids, range(first, first + len(stops)), strict=True))
        level.n_atoms.extend(n_atoms.tolist())
        level.labels.extend(batch.labels.tolist())
        level.raw.extend(energies.tolist())
        level.atoms.extend(
            hash(numbers[start:stop].tobytes())
            for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
        )
        for column, reference in zip(
            (level.minus_source, level.minus_target), references, strict=True
        ):
            column.extend((energies - _means(reference[numbers - 1], starts, n_atoms)).tolist())
    return level


def _means(values: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The mean of each stretch of values, those of one length at a time."""
    means = np.empty(len(starts))
    for length in np.unique(lengths):
        of_length = np.flatnonzero(lengths == length)
        means[of_length] = values[starts[of_length, None] + np.arange(length)].mean(axis=1)
    return means


def _join(source: _Energies, target: _Energies, shared: set[str]) -> dict[str, Sequence]:
    """One row per frame: shared frames and the source's in the source's order, then the target's
    own."""
    rows = [
        (frame_id, i, target.index[frame_id] if frame_id in shared else -1)
        for frame_id, i in source.index.items()
    ]
    rows += [(frame_id, -1, i) for frame_id, i in target.index.items() if frame_id not in shared]
    ids = [row[0] for row in rows]
    at_source, at_target = np.array([row[1:] for row in rows], dtype=np.int64).reshape(-1, 2).T

    def take(values: array, places: np.ndarray) -> np.ndarray:
        return np.append(np.asarray(values, dtype=np.float64), np.nan)[places]

    n_atoms = np.where(
        at_source >= 0, take(source.n_atoms, at_source), take(target.n_atoms, at_target)
    )
    return {
        "frame_id": ids,
        "n_atoms": n_atoms.astype(np.int64),
        "source_energy": take(source.raw, at_source),
        "target_energy": take(target.raw, at_target),
        "source_minus_source_ref": take(source.minus_source, at_source),
        "target_minus_source_ref": take(target.minus_source, at_target),
        "target_minus_target_ref": take(target.minus_target, at_target),
    }


def _draw(shared: list[str], target: _Energies, n_components: int, seed: int) -> set[str]:
    """Draw frames at random until they have ``n_components`` force components."""
    order = np.random.default_rng(seed).permutation(len(shared))
    drawn, have = set(), 0
    for i in order:
        if have >= n_components:
            break
        drawn.add(shared[i])
        have += 3 * target.n_atoms[target.index[shared[i]]]
    return drawn


def _pair_labels(
    source: Iterable[Frame], target: Iterable[Frame]
) -> tuple[dict[str, Sequence], dict[str, Sequence], int]:
    """Force components of the drawn frames at both levels; stresses and magnetic moments; and how
    many of those frames are not the same configuration."""
    kept = {frame.frame_id: frame for frame in source}
    ids, pairs, moved = [], [np.empty((0, 2))], 0
    other_ids, names, other_pairs = [], [], [np.empty((0, 2))]
    for frame in target:
        other = kept.get(frame.frame_id)
        if other is None:
            continue
        apart = max(
            np.abs(frame.cell - other.cell).max(),
            np.abs(frame.cart_coords - other.cart_coords).max(),
        )
        if apart > SAME_PLACE:
            moved += 1
            continue
        if other.forces is not None and frame.forces is not None:
            pairs.append(np.stack([other.forces.ravel(), frame.forces.ravel()], axis=1))
            ids += [frame.frame_id] * frame.forces.size
        labels = {"stress": (other.stress, frame.stress), "magmom": (other.magmoms, frame.magmoms)}
        for name, (theirs, ours) in labels.items():
            if theirs is None or ours is None:
                continue
            pair = np.stack([theirs, ours], axis=1)
            # CHGNet learns the size of a moment; its sign is a convention.
            other_pairs.append(np.abs(pair) if name == "magmom" else pair)
            other_ids += [frame.frame_id] * len(pair)
            names += [name] * len(pair)
    both, rest = np.concatenate(pairs), np.concatenate(other_pairs)
    forces = {"frame_id": ids, "source": both[:, 0], "target": both[:, 1]}
    others = {
        "frame_id": other_ids,
        "property": np.array(names, dtype=str),
        "source": rest[:, 0],
        "target": rest[:, 1],
    }
    return forces, others, moved


def _compare(name: str, source: np.ndarray, target: np.ndarray, unit: str) -> dict:
    both = np.isfinite(source) & np.isfinite(target)
    source, target = source[both], target[both]
    row = {"comparison": name, "pearson_r": None, "mean_shift": None, "mae": None}
    if len(source) > 1:
        difference = target - source
        row["mean_shift"] = float(difference.mean())
        row["mae"] = float(np.abs(difference).mean())
        if np.ptp(source) > 0 and np.ptp(target) > 0:
            row["pearson_r"] = float(np.corrcoef(source, target)[0, 1])
    return {**row, "unit": unit, "n": len(source)}
