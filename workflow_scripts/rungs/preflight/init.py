"""A study that runs, proposed from what a person has."""

import csv
import io
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rungs.config.loading import load_study
from rungs.errors import StudyError
from rungs.frames.columns import read_groups
from rungs.preflight import proposal
from rungs.preflight.costs import Content, cost_of, in_words
from rungs.preflight.findings import facts, published_facts, told_of
from rungs.preflight.given import Given, look_at
from rungs.preflight.guess import (
    Side,
    common_folder,
    examine_side,
    name_sides,
    parts_of_frames,
    read_draft,
)
from rungs.preflight.study_text import line, scalar, section
from rungs.preflight.table import aligned, count
from rungs.seeds import derive_seed

_NO_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_FEW_MATERIALS = 4
_COMPOSITIONS = 10
"""Different compositions from which on frames without materials are divided by them."""
_VALIDATION = 0.1


@dataclass
class Proposed:
    """What ``rungs init`` writes and says."""

    name: str
    text: str
    """Of the study's file."""
    parts: str | None
    """Of a file with a published division; None where there is none."""
    lines: list[str]
    """What was found, for the terminal."""


def propose(source: str, target: str, name: str | None, parts_file: str | None = None) -> Proposed:
    """Look at what is there, and propose a study.

    Args:
        source: a file, a folder, or a published model.
        target: a file or a folder.
        name: of the study; None makes one of what is found.
        parts_file: path under which a published division will be written, of which ``{name}`` is
            the study's.

    Raises:
        StudyError: in one sentence, when something is missing, no data, or of several kinds.
    """
    given = look_at(source, "SOURCE"), look_at(target, "TARGET")
    if given[0].files and {p.resolve() for p in given[0].files} & {
        p.resolve() for p in given[1].files
    }:
        raise StudyError(
            f"SOURCE and TARGET both have {given[0].files[0]}: a transfer between a level and "
            "itself shows nothing; name another file for one of them"
        )
    folder = common_folder([path for side in given for path in side.files])
    with tempfile.TemporaryDirectory(prefix="rungs-") as into:
        sides = [
            None if side.kind == "published" else examine_side(side, role, folder, Path(into))
            for side, role in zip(given, ("source", "target"), strict=True)
        ]
        first, second = sides
        for side in filter(None, sides):
            _without_few_materials(side, folder, Path(into))
        if first is not None:
            _agree_on_corrections(first, second, folder, Path(into))
        for side in filter(None, sides):
            side.groups = read_groups(side.read.frames)
    return _Writer(given[0], first, second, folder).proposed(name, parts_file)


def _without_few_materials(side: Side, folder: Path, into: Path) -> None:
    """Take each frame for itself where there are too few materials to divide."""
    materials = {member.material_id for member in side.read.members}
    option = next((k for k in ("material_key", "material_column") if side.draft.data.get(k)), None)
    if option is None or len(materials) >= _FEW_MATERIALS:
        return
    key = side.draft.data[option]
    side.draft.data[option] = None
    side.draft.checks[option] = f"'{key}' has {len(materials)} values, too few to divide by"
    side.draft.materials = "each frame is a material of its own"
    _read_again(side, folder, into)


def _agree_on_corrections(source: Side, target: Side, folder: Path, into: Path) -> None:
    """Where one level has uncorrected energies only, take those of the other too."""
    kinds = [side.draft.data.get("energy") for side in (source, target)]
    for side, own, other in ((source, *kinds), (target, *reversed(kinds))):
        if own == "corrected" and other != "corrected" and "energy" not in side.draft.comments:
            side.draft.data["energy"] = "uncorrected"
            side.draft.checks["energy"] = "or corrected; as comparable with the other level"
            try:
                _read_again(side, folder, into)
            except StudyError:
                side.draft.data["energy"] = "corrected"
                _read_again(side, folder, into)


def _read_again(side: Side, folder: Path, into: Path) -> None:
    side.read = read_draft(side.draft, side.vacuum, side.section, folder, into)


class _Writer:
    """A study's text, and the table of what was found."""

    def __init__(self, given: Given, source: Side | None, target: Side, folder: Path) -> None:
        self.given, self.source, self.target, self.folder = given, source, target, folder
        self.published = None if source is not None else given.name.removeprefix("CHGNet ")
        name_sides(source, target)
        self.sides = [side for side in (source, target) if side is not None]
        self.parts = self._listed_parts()
        self.by = self._by()
        members = [side.read.members for side in self.sides]
        first = members[0] if source is not None else []
        self.division = proposal.divide(first, members[-1], self.parts, self.by)
        self.uses_parts = bool(self.parts) and not self.division.values
        n = self.division.counts
        self.plan = proposal.plan_for(
            published=self.published,
            n_source=n.get(("source", "train"), 0),
            n_target=n.get(("target", "train"), 0),
            mean_atoms=tuple(
                side.read.counts.n_atoms / side.n_frames for side in (source or target, target)
            ),
            source_elements=source.elements if source is not None else [],
            target_elements=target.elements,
            labelled=tuple(side.labels for side in (source or target, target)),
            gpu=proposal.has_gpu(),
        )

    def _listed_parts(self) -> dict[str, str]:
        """Parts of a published division, with some training materials for validation where it has
        none."""
        found: dict[str, str] = {}
        for side in self.sides:
            found |= parts_of_frames(side, self.folder)
        if found and "validation" not in found.values() and len(found) >= 50:
            train = sorted(m for m, part in found.items() if part == "train")
            train.sort(key=lambda material: derive_seed(0, "validation", material))
            found |= dict.fromkeys(train[: round(_VALIDATION * len(train))], "validation")
        return {m: part for m, part in found.items() if part != "train"}

    def _by(self) -> str:
        """What is to stay together, where frames tell of no materials."""
        side = self.target
        keys = ("material_key", "material_column")
        has_option = any(key in side.draft.data for key in keys)
        if not has_option or any(side.draft.data.get(k) for k in keys) or side.given.test:
            return "material"
        compositions = {member.composition for member in side.read.members}
        many = len(compositions) >= _COMPOSITIONS and 2 * len(compositions) <= side.n_frames
        return "composition" if many else "material"

    def proposed(self, name: str | None, parts_file: str | None) -> Proposed:
        name = name or self._name()
        values = self._values(name, parts_file)
        study = load_study(values, "the proposed study")
        found = self.division.counts
        contents = [
            Content(c.n_atoms, side.n_frames, c.largest, c.volume)
            for side in self.sides
            for c in [side.read.counts]
        ]
        first = contents[0] if self.source is not None else None
        cost = in_words(cost_of(study, first, contents[-1], found))
        parts = self._parts_text() if self.uses_parts else None
        return Proposed(name, self._text(name, parts_file), parts, [*self._lines(), "", cost])

    def _name(self) -> str:
        first = self.source.label if self.source is not None else self.given.name
        text = f"{first}_to_{self.target.label}".replace("(", "_").replace(")", "")
        return _NO_NAME.sub("_", text).strip("_-")[:60] or "study"

    def _source_level(self) -> dict[str, object]:
        if self.source is not None:
            return self._level(self.source)
        return {
            "label": self.given.name,
            "functional": "r2SCAN" if self.published == "r2scan" else "GGA/GGA+U",
            "data": {
                "kind": "crystals",
                "labels": self.published,
                "frames_per_crystal": 4,
                "n_crystals": 12,
            },
        }

    def _level(self, side: Side) -> dict[str, object]:
        level = {"label": side.label, "functional": side.functional}
        level["data"] = dict(side.draft.data)
        if side.vacuum is not None:
            level["vacuum"] = side.vacuum
        return level

    def _values(self, name: str, parts_file: str | None) -> dict[str, object]:
        plan = self.plan
        values = {
            "study": name,
            "title": self._title(),
            "seed": 0,
            "data_folder": str(self.folder),
            "source": self._source_level(),
            "target": self._level(self.target),
            "split": self._split(name, parts_file),
            "subsets": {"sizes": plan.sizes, "seeds": plan.seeds},
            "pretraining": plan.pretraining,
            "fine_tuning": plan.fine_tuning,
            "methods": plan.methods,
        }
        if plan.architecture is not None:
            values["architecture"] = plan.architecture
        return values

    def _split(self, name: str, parts_file: str | None) -> dict[str, object]:
        if self.uses_parts:
            return {"parts": {"file": (parts_file or "{name}_parts.csv").replace("{name}", name)}}
        return self.division.values

    def _title(self) -> str:
        first = self.source.label if self.source is not None else self.given.name
        return f"From {first} to {self.target.label}"

    def _parts_text(self) -> str:
        handle = io.StringIO()
        table = csv.writer(handle, lineterminator="\n")
        table.writerow(("material_id", "part"))
        table.writerows(sorted(self.parts.items()))
        return handle.getvalue()

    def _text(self, name: str, parts_file: str | None) -> str:
        plan, target = self.plan, self.target
        lines = [
            f"# {self._title()}: proposed by `rungs init`.",
            "# It runs as it is; lines with `check:` are guesses that a person should look at.",
            "",
            line("study", name),
            line("title", self._title()),
            line("seed", 0),
            line("data_folder", str(self.folder)),
            "",
            "source:",
        ]
        if self.source is not None:
            lines += self._level_lines(self.source)
        else:
            lines += [
                "  # The model is taken as it is; these few frames, which it labels itself, give",
                "  # figures only. Name its training data instead, if you have them.",
                *section({k: v for k, v in self._source_level().items() if k != "data"}, 2, {}, {}),
                f"  data: {scalar(self._source_level()['data'])}",
            ]
        lines += [
            "",
            "target:",
            *self._level_lines(target),
            "",
            *self._split_lines(name, parts_file),
        ]
        n_train = self.division.counts.get(("target", "train"), 0)
        lines += [
            "",
            f"subsets:                       # of {count(n_train, 'target training frame')}",
            line("sizes", plan.sizes, 2),
            line("seeds", plan.seeds, 2),
        ]
        if plan.architecture is not None:
            lines += ["", f"architecture:                  # {plan.why_architecture}"]
            lines += section(plan.architecture, 2, {}, {})
        lines += ["", "pretraining:", *section(plan.pretraining, 2, {}, {})]
        lines += ["", "fine_tuning:", *section(plan.fine_tuning, 2, {}, {}), "", "methods:"]
        for method, values in plan.methods.items():
            notes = dict(_METHOD_NOTES)
            if plan.copied:
                notes["copy_embedding"] = "elements that the source lacks start as these"
            lines += [f"  {method}:", *section(values, 4, {}, notes)]
        if atoms := self._isolated_note():
            lines += [f"  # {atoms}"]
        return "\n".join(lines) + "\n"

    def _level_lines(self, side: Side) -> list[str]:
        head = {"label": side.label, "functional": side.functional}
        checks = {}
        if side.draft.functional is None:
            guess = "from the file's name" if side.functional != "unknown" else "level of theory?"
            checks["functional"] = guess
        lines = section(head, 2, checks, {})
        lines += ["  data:", *section(side.draft.data, 4, side.draft.checks, side.draft.comments)]
        if side.vacuum is not None:
            why = "check: Å of empty space, for frames that are not periodic"
            lines.append(line("vacuum", side.vacuum, 2, why))
        return lines

    def _split_lines(self, name: str, parts_file: str | None) -> list[str]:
        if self.uses_parts:
            key = next(side.draft.division for side in self.sides if side.draft.division)
            return [
                f"split:                         # the division under '{key}' in the frames",
                *(f"  # check: {told}" for told in self._divided_groups()),
                line("parts", self._split(name, parts_file)["parts"], 2),
            ]
        notes = {"by": "as frames tell of no materials"} if self.by == "composition" else {}
        lines = ["split:", *section(self.division.values, 2, notes, {})]
        if self.division.remark:
            lines.insert(
                1, f"  # check: the frames' own division was not taken: {self.division.remark}"
            )
        return lines

    def _divided_groups(self) -> list[str]:
        """What there is to tell where a published division takes groups apart."""
        told = []
        for side in self.sides:
            parts: dict[str, set[str]] = {}
            for member in side.read.members:
                if group := side.groups.get(member.frame_id):
                    parts.setdefault(group, set()).add(self.parts.get(member.material_id, "train"))
            divided = sum(len(found) > 1 for found in parts.values())
            if divided:
                option = next(k for k in ("group_key", "group_column") if side.draft.data.get(k))
                told.append(
                    f"it takes {divided} of {len(parts)} groups of the {side.section} apart; "
                    f"{option.replace('group', 'material')}: {side.draft.data[option]} and "
                    "no parts would keep them whole"
                )
        return told

    def _isolated_note(self) -> str | None:
        atoms = {a.element for a in self.target.read.screened.isolated_atoms}
        if not atoms or set(self.target.elements) - atoms:
            return None
        if self.source is not None:
            own = {a.element for a in self.source.read.screened.isolated_atoms}
            if set(self.source.elements) & set(self.target.elements) - own:
                return (
                    "the target has isolated atoms of all its elements: with the source's too, "
                    "`reference: isolated_atoms` is possible"
                )
        return "both levels have isolated atoms: `reference: isolated_atoms` is possible"

    def _lines(self) -> list[str]:
        first = facts(self.source) if self.source is not None else published_facts(self.given.name)
        second = facts(self.target)
        rows = [
            (fact, first.get(fact, "-"), second.get(fact, "-"))
            for fact in dict.fromkeys([*first, *second])
        ]
        lines = aligned(rows, ("", "source", "target"))
        if self.source is not None:
            lines += ["", *self._both()]
        n = self.division.counts
        parts = ", ".join(f"{n.get(('target', p), 0)} {p}" for p in ("train", "validation", "test"))
        lines += ["", f"target frames: {parts}; sizes {', '.join(map(str, self.plan.sizes))}"]
        if self.uses_parts:
            lines.append("the division that the frames carry is kept")
            lines += self._divided_groups()
        lines += [f"{side.section}: {told}" for side in self.sides for told in told_of(side)]
        return lines

    def _both(self) -> list[str]:
        first, second = (side.read.members for side in self.sides)
        materials = {m.material_id for m in first} & {m.material_id for m in second}
        geometries = {m.geometry for m in first} & {m.geometry for m in second}
        lines = [
            f"in both: {count(len(materials), 'material id')}, "
            f"{count(len(geometries), 'identical configuration')}"
        ]
        if self.plan.copied:
            pairs = ", ".join(f"{new} starts as {old}" for new, old in self.plan.copied.items())
            lines.append(f"elements new in the target: {pairs}")
        return lines


_METHOD_NOTES = {
    "reference_fitted_on": "what a person with so many calculations has",
}
