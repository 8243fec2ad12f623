"""``provenance.json``: what made a study, gathered from the records that its jobs left.

Nothing here is asked of the day the file is written except who wrote it: what made a run stands in
that run's record, so that a study of several goes, by several revisions, tells them apart.
"""

import datetime
import hashlib
import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence

from rungs.config.study import Study
from rungs.files import write_json, write_rows
from rungs.frames.labelled import read_label_counts
from rungs.frames.labels import label_words
from rungs.frames.table import read_provenance
from rungs.records.summary import digest
from rungs.training.costs import read_record
from rungs.workflow.revision import now, revision, versions

PACKAGES = (
    "ase",
    "chgnet",
    "click",
    "dscribe",
    "itables",
    "mp-api",
    "emmet-core",
    "deltalake",
    "mace-torch",
    "matcalc",
    "matplotlib",
    "matscipy",
    "numpy",
    "orjson",
    "pandas",
    "phonopy",
    "pyarrow",
    "pydantic",
    "pymatgen",
    "PyYAML",
    "requests",
    "Pygments",
    "scikit-learn",
    "scipy",
    "snakemake",
    "spglib",
    "torch",
    "tqdm",
)
"""What pyproject.toml asks for and numbers come from, as far as it is installed."""
_MAKER = ("revision", "modified", "code", "python", "torch", "chgnet", "numpy", "cuda", "platform")
_MACHINE = ("device", "memory_gb")
TABLE_COLUMNS = ("what", "value")


def gather_provenance(
    study: Study,
    *,
    files: Sequence[str],
    trainings: Mapping[str, str | os.PathLike],
    frames: Mapping[str, str | os.PathLike],
) -> dict[str, object]:
    """Return what made a study, as plain values for JSON.

    Args:
        study: its configuration.
        files: the files that the configuration was given in.
        trainings: ``record.json`` of each training by its name, e.g. ``scratch/100/seed_0``.
        frames: the frames file of each level.

    Raises:
        StudyError: for a record or a frames file that is missing or damaged.
    """
    records = {name: read_record(path) for name, path in trainings.items()}
    data = {level: _level(path) for level, path in frames.items()}
    moments = [_begin(record) for record in records.values()]
    moments += [(level.get("made_by") or {}).get("at") for level in data.values()]
    ends = [record.get("finished") or _end(record) for record in records.values()]
    return {
        "format_version": 1,
        "study": study.study,
        "title": study.title,
        "first_job": min(filter(None, moments), default=None),
        "last_training_ended": max(filter(None, ends), default=None),
        "written": now(),
        "configuration": {
            "files": list(files),
            "digest": digest(study.model_dump(mode="json")),
            "seed": study.seed,
            "seeds": study.subsets.seeds,
        },
        "data": data,
        "trainings": _makers(records),
        "resumed_by_another_revision": {
            name: record["goes"] for name, record in records.items() if _mixed(record)
        },
        "written_by": {
            **revision()._asdict(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "packages": versions(PACKAGES),
        },
    }


def write_provenance(
    facts: Mapping[str, object], json_file: str | os.PathLike, table: str | os.PathLike
) -> str:
    """Write the facts for programs, and a table of them for people; return a line to say."""
    write_json(json_file, facts)
    write_rows(table, TABLE_COLUMNS, [{"what": k, "value": v} for k, v in table_of(facts)])
    makers = facts["trainings"]
    n = sum(len(maker["names"]) for maker in makers)
    return f"{n} trainings, made by {len(makers)} combination(s) of revision, versions and machine"


def table_of(facts: Mapping) -> Iterable[tuple[str, str]]:
    """Yield what the report shows: a name and a value in words."""
    configuration, writer = facts["configuration"], facts["written_by"]
    yield "study", facts["study"]
    yield "configuration", ", ".join(configuration["files"])
    yield "SHA-256 of the configuration, defaults filled in", configuration["digest"]
    yield (
        "seed of the study; of its learning curves",
        (f"{configuration['seed']}; {', '.join(map(str, configuration['seeds']))}"),
    )
    yield "first job", facts["first_job"] or "not recorded"
    yield "last training ended", facts["last_training_ended"] or "not recorded"
    for level, data in facts["data"].items():
        yield f"{level} frames", f"{data['frames']:,}, {data['kind'] or 'of unknown origin'}"
        words = label_words(data["labelled"], data["frames"])
        for label, count in data["labels_not_finite"].items():
            words += f"; {count:,} {label} taken for missing: not finite"
        yield f"labels of the {level} frames", words
        yield f"SHA-256 of the manifest of the {level} data", data["manifest_sha256"]
    for maker in facts["trainings"]:
        names = maker["names"]
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        yield (
            f"{len(names)} training{'s' if len(names) > 1 else ''}: {shown}",
            (
                f"{revision_in_words(maker)}; Python {maker['python'] or 'unknown'}, "
                f"torch {maker['torch'] or 'unknown'}, chgnet {maker['chgnet'] or 'unknown'}; "
                f"{maker['device']}; {maker['first_started']} to {maker['last_started']} (begun)"
            ),
        )
    for name, goes in facts["resumed_by_another_revision"].items():
        yield (
            f"{name}, in {len(goes)} goes",
            "; ".join(f"after update {go['after_update']}: {revision_in_words(go)}" for go in goes),
        )
    yield f"tables last written, {facts['written']}", revision_in_words(writer)
    packages = {"Python": writer["python"], **writer["packages"]}
    yield "versions then", ", ".join(f"{name} {number}" for name, number in packages.items())


def revision_in_words(maker: Mapping) -> str:
    """Return the revision as a person would say it."""
    if not maker.get("code"):
        return "by a revision that was not recorded"
    if not maker.get("revision"):
        return f"outside a repository, library {maker['code']}"
    changed = " with changed files" if maker["modified"] else ""
    return f"revision {maker['revision'][:12]}{changed}, library {maker['code']}"


def _level(path: str | os.PathLike) -> dict[str, object]:
    """What is known of a level's data: their manifest, its digest, and who made frames of it."""
    manifest = dict(read_provenance(path))
    made = manifest.pop("made_by", None)
    text = json.dumps(manifest, sort_keys=True, ensure_ascii=False, allow_nan=False)
    counts = read_label_counts(path)
    return {
        "frames": counts.n_frames,
        "labelled": counts.labelled,
        "labels_not_finite": counts.not_finite,
        "kind": manifest.get("kind"),
        "manifest_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "manifest": manifest,
        "made_by": made,
    }


def _makers(records: Mapping[str, Mapping]) -> list[dict[str, object]]:
    """Put trainings together that the same code made with the same versions on the same kind of
    machine."""
    makers: dict[tuple, dict] = {}
    for name, record in records.items():
        key = tuple(record.get(column) for column in (*_MAKER, *_MACHINE))
        maker = makers.setdefault(
            key, {**dict(zip((*_MAKER, *_MACHINE), key, strict=True)), "names": []}
        )
        maker["names"].append(name)
        started = _begin(record)
        maker["first_started"] = min(started, maker.get("first_started", started))
        maker["last_started"] = max(started, maker.get("last_started", started))
    return sorted(makers.values(), key=lambda maker: maker["first_started"])


def _begin(record: Mapping) -> str:
    """When a training was first started; the record's own date is that of its last go."""
    return next((go["started"] for go in record.get("goes", [])), record["started"])


def _mixed(record: Mapping) -> bool:
    return len({go.get("code") for go in record.get("goes", [])}) > 1


def _end(record: Mapping) -> str:
    """When a training ended whose record says only how long it took."""
    begin = datetime.datetime.fromisoformat(record["started"])
    end = begin + datetime.timedelta(seconds=record["wall_seconds"])
    return end.isoformat(timespec="seconds")
