"""All that can be known of a study before any training."""

import contextlib
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from rungs.config.study import Study
from rungs.errors import StudyError
from rungs.filters.level import COMPUTED
from rungs.frames.columns import read_groups, read_temperatures
from rungs.frames.isolated_atoms import read_isolated_energies
from rungs.frames.labelled import read_labelled
from rungs.frames.labels import label_words
from rungs.frames.screening import ISOLATED_ATOM
from rungs.frames.table import iter_frames
from rungs.preflight.configuration import check_configuration
from rungs.preflight.costs import Content, cost_of, in_words
from rungs.preflight.levels import ReadLevel, read_level
from rungs.preflight.marks import Marks
from rungs.preflight.table import count, listed
from rungs.references.isolated import check_isolated_atoms
from rungs.seeds import derive_seed
from rungs.splits.composition import elements
from rungs.splits.elements import ElementCount, check_methods_elements
from rungs.splits.given_parts import read_listed
from rungs.splits.groups import split_groups
from rungs.splits.labels import check_subset, check_weights
from rungs.splits.members import Member
from rungs.splits.pools import check_pool_sizes, pool_members
from rungs.splits.split import SplitRow, split_materials
from rungs.splits.spread import spread_words, without_spread
from rungs.splits.strategies import draw
from rungs.splits.subsets import check_sizes
from rungs.splits.summary import PartSummary, summarise

LEVELS = ("source", "target")
_UNDETERMINED_RULES = ("target", "residual")
"""Rules that leave an element which frames do not determine to the shifted source."""


def check_study(
    path: Path, marks: Marks, overriding: Mapping[str, object] | None = None
) -> Study | None:
    """Check a study, from its configuration to what it will cost; nothing is written but into a
    temporary folder.

    Args:
        path: the study's file.
        marks: gets what is found, as it is found.
        overriding: keys that are set on the command line.

    Raises:
        StudyError: when the file cannot be read, or is no YAML.
    """
    study = check_configuration(path, marks, overriding)
    if study is None or marks.has_bad:
        return study
    with tempfile.TemporaryDirectory(prefix="rungs-") as folder:
        _Check(study, marks, Path(folder)).run()
    return study


class _Check:
    """One study on its way through the stages."""

    def __init__(self, study: Study, marks: Marks, folder: Path) -> None:
        self.study, self.marks, self.folder = study, marks, folder
        self.read: dict[str, ReadLevel] = {}
        self.rows: list[SplitRow] = []
        self.orders: dict[tuple[str, str | None, int], list[str]] = {}

    def run(self) -> None:
        """Check one thing after the other, as far as the one before goes."""
        for section in LEVELS:
            with self._told():
                self._check_level(section)
        if not self._has_frames():
            return
        self._check_copies()
        with self._told():
            self._check_split()
        if not self.rows:
            return
        for check in (
            self._check_elements,
            self._check_sizes,
            self._check_pools,
            self._check_references,
            self._tell_cost,
        ):
            with self._told():
                check()

    @contextlib.contextmanager
    def _told(self):
        try:
            yield
        except StudyError as error:
            self.marks.bad(str(error))

    def _has_frames(self) -> bool:
        """Whether the target was read, and the source too unless it is made by the workflow."""
        if "target" not in self.read:
            return False
        return "source" in self.read or self.study.source.data.kind in (*COMPUTED, "mp_api")

    def _check_level(self, section: str) -> None:
        study, marks, level = self.study, self.marks, getattr(self.study, section)
        if level.data.kind in COMPUTED:
            marks.good(f"{section}: frames of kind {level.data.kind} are made by the study itself")
            return
        if level.data.kind == "mp_api":
            marks.warn(f"{section}: is a download; its frames are not looked at here")
            return
        found = read_level(
            level, section, study.data_folder, study.screening, study.seed, self.folder
        )
        self.read[section] = found
        screened = found.screened
        rejected = sum(n for kind, n in screened.counts.items() if kind != ISOLATED_ATOM)
        marks.good(f"{section}: {count(screened.n_passed, 'frame')}, {rejected} rejected")
        for kind, number in {**found.filtered, **screened.counts}.items():
            if kind != ISOLATED_ATOM:
                example = next((r for r in screened.rejects if r.kind == kind), None)
                told = f", as {example.frame_id}: {example.reason}" if example else ""
                marks.warn(f"{section}: {number} for {kind}{told}")
        for line in found.isolated_atoms:
            marks.good(f"{section}: {line}")
        first, *others = found.label_counts
        marks.good(f"{section}: {first}")
        for line in [*others, *found.notes]:
            marks.warn(f"{section}: {line}")
        self._tell_labels(found)

    def _tell_labels(self, found: ReadLevel) -> None:
        if found.label_fault:
            self.marks.bad(found.label_fault)
        elif found.labels is not None:
            told = [line for line in found.labels.lines if "not checkable" not in line]
            for line in told:
                self.marks.good(f"{found.section}: {line}")
            for warning in found.labels.warnings:
                self.marks.warn(warning)
        else:
            self.marks.warn(f"{found.section}: labels are not checked (screening.check_labels)")

    @cached_property
    def _members(self) -> dict[str, list[Member]]:
        found = {level: self.read[level].members if level in self.read else [] for level in LEVELS}
        kept = without_spread(found, self.study.split)
        for level in LEVELS:
            if line := spread_words(level, found[level], kept[level]):
                self.marks.good(line)
        return kept

    def _check_copies(self) -> None:
        """Identical frames, which join materials into one unit of the split."""
        members = self._members
        joined: dict[str, set[str]] = defaultdict(set)
        for material, unit in split_groups(members).items():
            joined[unit].add(material)
        alike = [sorted(found) for found in joined.values() if len(found) > 1]
        n_materials = sum(map(len, joined.values()))
        if alike:
            largest = max(alike, key=len)
            text = (
                f"materials: {n_materials:,}, of which {sum(map(len, alike)):,} share identical "
                f"frames and make {count(len(alike), 'unit')} of the split; the largest has "
                f"{len(largest):,} ({listed(largest, 4)})"
            )
            few = len(joined) < max(3, n_materials // 2)
            (self.marks.warn if few else self.marks.good)(text)
        else:
            self.marks.good(f"materials: {n_materials:,}, no identical frames between them")
        if "source" in self.read:
            both = set.intersection(*({m.material_id for m in members[x]} for x in LEVELS))
            frames = set.intersection(*({m.geometry for m in members[x]} for x in LEVELS))
            self.marks.good(
                f"both levels: {count(len(both), 'material')}, "
                f"{count(len(frames), 'identical configuration')}"
            )

    def _check_split(self) -> None:
        study, members = self.study, dict(self._members)
        if "source" not in self.read:
            # Made later; that of the target is the same whatever the source holds of its own.
            members["source"] = members["target"]
        options = study.split
        self.rows = split_materials(
            **members,
            options=options,
            seed=study.seed,
            listed=options.parts and read_listed(options.parts, study.data_folder),
        )
        labelled = {
            level: read_labelled(self.read[level].frames) if level in self.read else _NOTHING
            for level in LEVELS
        }
        self.summary = summarise(**members, rows=self.rows, labelled=labelled)
        for part in self.summary:
            if part.level in self.read and (part.frames or part.part != "validation"):
                self.marks.good(
                    f"{part.level} {part.part}: {count(part.materials, 'material')}, "
                    f"{count(part.frames, 'frame')}; labels: "
                    f"{label_words(part.labelled, part.frames)}"
                )
        if self.study.trials:
            judge = self._part("target", "validation")
            if not judge.frames:
                raise StudyError("tuning: there are no validation frames to judge by")
            n = len(self.study.trials)
            self.marks.good(
                f"tuning: {count(n, 'trial')}, judged on {count(judge.frames, 'frame')} of "
                f"{count(judge.materials, 'validation material')}"
            )
        self.marks.good("no test frame or test material of the target is trained on")
        for level in LEVELS:
            self._check_weights(level)

    def _part(self, level: str, part: str) -> PartSummary:
        return next(s for s in self.summary if (s.level, s.part) == (level, part))

    def _check_weights(self, level: str) -> None:
        if level not in self.read:
            return
        for of_level, section, training in self.study.trainings:
            if of_level == level:
                with self._told():
                    part = self._part(level, "train")
                    lines = list(check_weights(part, training.weights, section))
                    self.marks.all_warnings(line for line in lines if "magmom" not in line)

    def _check_elements(self) -> None:
        study = self.study
        part_of = {(row.level, row.frame_id): row.part for row in self.rows}
        counts = []
        for level, members in self._members.items():
            by_part: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
            for m in members:
                by_part[part_of[level, m.frame_id] == "train"].update(elements(m.composition))
            counts += [
                ElementCount(level, e, by_part[True][e], by_part[False][e])
                for e in sorted(by_part[True] | by_part[False])
            ]
        has = {level: {c.element for c in counts if c.level == level} for level in LEVELS}
        if "source" in self.read:
            check_methods_elements(study, counts)
            new = sorted(has["target"] - has["source"])
            known = f"; new to the source: {', '.join(new)}" if new else ", all in the source"
        else:
            known = ""
        self.marks.good(f"elements of the target: {listed(sorted(has['target']), 12)}{known}")
        if untrained := [
            c.element for c in counts if c.level == "target" and not c.training_frames
        ]:
            self.marks.warn(
                f"no training frame of the target has {', '.join(untrained)}, which its validation "
                "or test frames have"
            )
        if "source" in self.read:
            atoms = {level: read_isolated_energies(self.read[level].atoms) for level in LEVELS}
            check_isolated_atoms(study.methods, has, atoms)

    def _train(self) -> list[str]:
        return [r.frame_id for r in self.rows if (r.level, r.part) == ("target", "train")]

    def _check_sizes(self) -> None:
        study, train = self.study, self._train()
        check_sizes(study.subsets.sizes, len(train))
        self.marks.good(
            f"sizes: {', '.join(map(str, study.subsets.sizes))} of {len(train)} training frames"
        )
        labelled = read_labelled(self.read["target"].frames)
        frames = _Inputs(self.read["target"].frames)
        for sampling in dict.fromkeys(study.sampling(name) for name in study.methods):
            if sampling == "diverse":  # clusters are made by a job of their own
                continue
            for seed in study.subsets.seeds:
                order = draw(sampling, train, derive_seed(study.seed, "subsets", seed), frames)
                self.orders[sampling, None, seed] = order
                sizes = study.drawn_sizes(sampling, None)
                check_subset(
                    order, sizes, labelled["energy"], f"the subsets, {sampling}, seed {seed}"
                )

    def _check_pools(self) -> None:
        if not self.study.pools:
            return
        frames, train = self.read["target"].frames, self._train()
        temperatures, groups = read_temperatures(frames), read_groups(frames)
        for name, pool in self.study.pools.items():
            members = pool_members(name, pool, train, temperatures, groups)
            check_pool_sizes(name, pool, self.study.pool_sizes(name), len(members))
            self.marks.good(f"pool {name}: {len(members)} of {len(train)} target training frames")

    def _check_references(self) -> None:
        """Which elements the frames of each size leave undetermined."""
        study = self.study
        fitted = {
            name: method
            for name, method in study.methods.items()
            if method.reference not in ("source", "isolated_atoms")
            and method.reference_fitted_on == "subset"
            and method.pool is None
        }
        if not fitted or not self.orders:
            return
        names = {n for order in self.orders.values() for n in order}
        rows = _compositions(self.read["target"].frames, names)
        present = {i for row in rows.values() for i in row}
        unsafe = sorted(n for n, m in fitted.items() if m.reference in _UNDETERMINED_RULES)
        told = False
        for size in filter(None, study.subsets.sizes):
            left = max(
                (_undetermined(order[:size], rows, present) for order in self.orders.values()),
                key=len,
            )
            if left and unsafe:
                told = True
                self.marks.warn(
                    f"references of {', '.join(unsafe)}: {size} frames leave "
                    f"{listed(left, 8)} undetermined, which keep their shifted source values; "
                    "`reference: shrunken_residual` (from scratch `shrunken`) is safer"
                )
            elif left:
                told = True
                self.marks.good(
                    f"references: {size} frames leave {listed(left, 8)} undetermined, for which "
                    "the shrunken shift is made"
                )
        if not told:
            self.marks.good("references: every subset determines all elements of the target")

    def _tell_cost(self) -> None:
        contents = {
            level: Content(c.n_atoms, found.screened.n_passed, c.largest, c.volume)
            for level, found in self.read.items()
            for c in [found.counts]
        }
        parts = {(s.level, s.part): s.frames for s in self.summary}
        cost = cost_of(self.study, contents.get("source"), contents["target"], parts)
        self.marks.good(f"cost: {in_words(cost)}")


class _Inputs:
    """What drawing asks for by name."""

    def __init__(self, frames: Path) -> None:
        self.frames = frames


class _Nothing(dict):
    def __missing__(self, key: str) -> frozenset:
        return frozenset()


_NOTHING = _Nothing()


def _compositions(frames: Path, wanted: set[str]) -> dict[str, dict[int, float]]:
    """Atomic fractions of each wanted frame that has an energy, by place of the element."""
    found = {}
    for frame in iter_frames(frames):
        if frame.frame_id in wanted and frame.energy is not None:
            numbers, counts = np.unique(frame.atomic_numbers, return_counts=True)
            fractions = (counts / frame.n_atoms).tolist()
            found[frame.frame_id] = dict(zip((numbers - 1).tolist(), fractions, strict=True))
    return found


def _undetermined(
    names: Sequence[str], rows: Mapping[str, Mapping[int, float]], present: set[int]
) -> list[str]:
    """Symbols of the elements whose reference energies a least-squares fit to frames does not
    determine: those that lie in no direction of the compositions' row space alone."""
    from rungs.frames.elements import SYMBOLS

    places = sorted(present)
    matrix = np.zeros((len(names), len(places)))
    for row, name in enumerate(names):
        for place, fraction in rows.get(name, {}).items():
            matrix[row, places.index(place)] = fraction
    _, singular, directions = np.linalg.svd(matrix, full_matrices=True)
    rank = int((singular > 1e-8 * max(singular.max(initial=0), 1e-12)).sum())
    null = directions[rank:]
    return [SYMBOLS[p] for k, p in enumerate(places) if np.abs(null[:, k]).max(initial=0) > 1e-6]
