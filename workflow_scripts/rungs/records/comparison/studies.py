"""Two finished studies, number by number: what differs, and by how much.

In configuration, versions, trainings and tables. Times, dates, memory and machines are no results:
they decide nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rungs.config.loading import read_study
from rungs.config.study import Study
from rungs.errors import StudyError
from rungs.records.comparison.files import FileDifference, compare_files, files_of_results
from rungs.records.comparison.models import compare_models
from rungs.training.costs import read_record

_ABOUT = ("revision", "code", "python", "torch", "chgnet", "numpy", "cuda", "device")


@dataclass
class Comparison:
    """What two studies have in common and what not."""

    configuration: dict[str, tuple]
    """Keys that differ, with both values."""
    made_by: dict[str, tuple]
    """Versions, revisions and machines that differ, with both values."""
    only_in_first: list[str]
    """Files that only the first study has, among those that hold results."""
    only_in_second: list[str]
    equal: list[str] = field(default_factory=list)
    """Files with the same content."""
    different: list[FileDifference] = field(default_factory=list)

    @property
    def same_numbers(self) -> bool:
        return not (self.different or self.only_in_first or self.only_in_second)


def compare_studies(first: Path, second: Path) -> Comparison:
    """Compare the results of two finished studies.

    Args:
        first, second: folders ``results/NAME``.

    Raises:
        StudyError: when one is no study, is not finished, or has a damaged file.
    """
    studies = [_finished(folder) for folder in (first, second)]
    files = [files_of_results(folder) for folder in (first, second)]
    comparison = Comparison(
        configuration=_differing(*(_flat(study.model_dump(mode="json")) for study in studies)),
        made_by=_differing(*map(_makers, (first, second))),
        only_in_first=sorted(files[0] - files[1]),
        only_in_second=sorted(files[1] - files[0]),
    )
    for name in sorted(files[0] & files[1]):
        compare = compare_models if name.endswith(".pt") else compare_files
        difference = compare(first / name, second / name, name)
        if difference is None:
            comparison.equal.append(name)
        else:
            comparison.different.append(difference)
    return comparison


def in_words(found: Comparison, first: Path, second: Path, longest: int = 20) -> Iterator[str]:
    """Yield the lines that a person reads, each list cut after ``longest`` lines."""
    yield f"A: {first}"
    yield f"B: {second}"
    for heading, pairs in (
        ("Configuration", found.configuration),
        ("Made by", found.made_by),
    ):
        yield f"{heading}: {'the same' if not pairs else ''}".rstrip()
        yield from _cut([f"  {key}: {a!s} | {b!s}" for key, (a, b) in pairs.items()], longest)
    for letter, names in (("A", found.only_in_first), ("B", found.only_in_second)):
        if names:
            yield f"Only in {letter}: {len(names)} files"
            yield from _cut([f"  {name}" for name in names], longest)
    runs = [x for x in found.different if x.name.endswith(".pt")]
    others = [x for x in found.different if not x.name.endswith(".pt")]
    n_models = sum(name.endswith(".pt") for name in found.equal)
    yield f"Models: {n_models} equal, {len(runs)} different"
    yield from _cut([f"  {x.name}: {x.how}" for x in runs], longest)
    yield f"Tables and other files: {len(found.equal) - n_models} equal, {len(others)} different"
    # What a person looks at first, first.
    others.sort(key=lambda x: (x.name.count("/"), x.name))
    yield from _cut([f"  {x.name}: {x.how}" for x in others], longest)
    if found.same_numbers:
        yield "The same numbers, bit for bit."
    else:
        yield "The numbers differ."


def _finished(folder: Path) -> Study:
    """Return the configuration of a study whose results are all there."""
    if not (folder / "study.yaml").exists():
        raise StudyError(
            f"{folder}: has no study.yaml, so it is not the results of a study; give results/NAME"
        )
    study = read_study(folder / "study.yaml")
    needed = ["learning_curve.csv", "scaling_laws.csv", "summary.json"]
    needed += [f"runs/{r.method}/{r.size}/seed_{r.seed}/model.pt" for r in study.runs]
    missing = [name for name in needed if not (folder / name).exists()]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise StudyError(
            f"{folder}: is not finished: {', '.join(missing[:3])}{more} missing; run it again "
            "with the command that began it"
        )
    return study


def _makers(folder: Path) -> dict[str, object]:
    """What the trainings were made by: for each aspect, all that occurs."""
    found: dict[str, set] = {name: set() for name in _ABOUT}
    for path in folder.rglob("record.json"):
        record = read_record(path)
        for name in _ABOUT:
            found[name].add(str(record.get(name) or "not recorded"))
    return {name: ", ".join(sorted(values)) for name, values in found.items()}


def _differing(first: Mapping, second: Mapping) -> dict[str, tuple]:
    return {
        key: (first.get(key, "absent"), second.get(key, "absent"))
        for key in dict.fromkeys((*first, *second))
        if first.get(key, "absent") != second.get(key, "absent")
    }


def _flat(values: Mapping, prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        flat |= _flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return flat


def _cut(lines: list[str], longest: int) -> Iterator[str]:
    yield from lines[:longest]
    if len(lines) > longest:
        yield f"  and {len(lines) - longest} more (--all shows them)"
