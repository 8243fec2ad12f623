"""The download itself: preflight, plan, parts, manifest; from the start or from where it stood."""

import contextlib
import errno
import fcntl
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from rungs.config.materials_project import MaterialsProject
from rungs.errors import StudyError
from rungs.files import write_text
from rungs.materials_project.client import IDS_AT_ONCE, Service, batches
from rungs.materials_project.judging import Refused, describe, judge_document, judge_rows
from rungs.materials_project.parts import PartWriter, part_name, read_record, record_name
from rungs.materials_project.plan import (
    TASKS_IN_PART,
    make_plan,
    read_plan,
    request_of,
    versions,
    write_plan,
)
from rungs.materials_project.preflight import read_key
from rungs.materials_project.session import PoliteSession
from rungs.materials_project.trajectories import Trajectories
from rungs.workflow.packages import require

PLAN = "plan.json"
MANIFEST = "manifest.json"
LICENCE = "CC BY 4.0, https://next-gen.materialsproject.org/about/terms"


def download(
    options: MaterialsProject,
    folder: str | os.PathLike,
    say: Callable[[str], None],
    environment: Mapping[str, str] = os.environ,
    tasks_in_part: int = TASKS_IN_PART,
    patience: float = 900.0,
) -> dict[str, object]:
    """Make ``folder`` hold what ``options`` ask for, and write its manifest.

    What an earlier run left is checked by its hashes and kept; the service is asked only for what
    is lacking.

    Args:
        options: the section ``data`` of a level.
        folder: of the download; made if need be.
        say: told what happens, in words.
        environment: where the key is.
        tasks_in_part: a part holds this many calculations or more; only before there is a plan.
        patience: seconds after which a request that keeps failing is given up.

    Returns:
        The manifest.

    Raises:
        StudyError: for a key or a service that does not work, a database that has moved on, a
            folder of another request, a full disk, a package that is missing. What was fetched is
            kept.
    """
    require("materials-project", "data.kind: mp_api")
    folder = Path(folder)
    try:
        return _Download(options, folder, say, environment, tasks_in_part, patience).run()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StudyError(
                f"{folder}: the disk is full ({os.strerror(error.errno)}); make room, or name a "
                "folder on another disk in data.folder. The whole parts are kept: give the same "
                "command again"
            ) from None
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise StudyError(f"{folder}: cannot be written ({error.strerror})") from None
        raise


class _Download:
    def __init__(
        self,
        options: MaterialsProject,
        folder: Path,
        say: Callable[[str], None],
        environment: Mapping[str, str],
        tasks_in_part: int,
        patience: float,
    ) -> None:
        self.options, self.folder, self.say = options, folder, say
        self.environment, self.patience = environment, patience
        self.tasks_in_part = tasks_in_part
        self.request = request_of(options)

    def run(self) -> dict[str, object]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with _alone(self.folder):
            return self._run()

    def _run(self) -> dict[str, object]:
        for leftover in self.folder.glob(".partial-*"):
            leftover.unlink()
        plan = read_plan(self.folder / PLAN, self.request)
        records = [] if plan is None else self._kept_records(plan)
        if plan is None or None in records:
            service = self._service()
            trajectories = None
            if plan is None:
                trajectories = Trajectories()
                write_plan(
                    self.folder / PLAN,
                    make_plan(
                        self.request,
                        service,
                        trajectories,
                        self.say,
                        _logged_progress,
                        self.tasks_in_part,
                    ),
                )
                plan = read_plan(self.folder / PLAN, self.request)
                records = [None] * len(plan["parts"])
            self._same_packages(plan)
            self._same_database(plan, service)
            if trajectories is None:
                trajectories = Trajectories(plan["trajectories"]["version"])
            records = self._fetch(plan, records, service, trajectories)
        manifest = _manifest(plan, records)
        write_text(self.folder / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True) + "\n")
        self._tell(manifest)
        return manifest

    def _service(self) -> Service:
        key = read_key(self.environment)
        session = PoliteSession(
            key, self.options.requests_per_second, patience=self.patience, say=_log
        )
        service = Service(key, session)
        service.try_key()
        return service

    def _kept_records(self, plan: Mapping) -> list[dict | None]:
        records = []
        for index in range(len(plan["parts"])):
            record = read_record(self.folder, index)
            harmed = record is None and (self.folder / record_name(index)).exists()
            if harmed:
                self.say(
                    f"{self.folder / part_name(index)} is damaged or gone; it is fetched again"
                )
            records.append(record)
        return records

    def _same_packages(self, plan: Mapping) -> None:
        changed = {
            name: (then, now)
            for name, now in versions().items()
            if (then := plan["versions"].get(name)) != now
        }
        if changed:
            listed = ", ".join(f"{n} {then} → {now}" for n, (then, now) in changed.items())
            raise StudyError(
                f"{self.folder} was begun with other versions ({listed}), so its parts would not "
                "be of one kind; finish it with those, or delete the folder to start anew"
            )

    def _same_database(self, plan: Mapping, service: Service) -> None:
        now = service.listen().database_version
        if now != plan["database_version"]:
            raise StudyError(
                f"the Materials Project's database has moved from version "
                f"{plan['database_version']} to {now} since {self.folder / PLAN} was made, and "
                "one download must not mix the two; delete the folder to start anew. Its parts "
                "are kept until you do"
            )

    def _fetch(
        self,
        plan: Mapping,
        records: list[dict | None],
        service: Service,
        trajectories: Trajectories,
    ) -> list[dict]:
        from tqdm import tqdm

        total = sum(len(part["tasks"]) for part in plan["parts"])
        told = 0
        with tqdm(total=total, unit="calculation", mininterval=5, desc="downloading") as bar:
            for index, part in enumerate(plan["parts"]):
                if records[index] is None:
                    self._fetch_part(index, part, plan, service, trajectories)
                    records[index] = read_record(self.folder, index)
                    if records[index] is None:
                        raise StudyError(
                            f"{self.folder / part_name(index)} does not read back as it was "
                            "written; check the disk, then give the same command again"
                        )
                bar.update(len(part["tasks"]))
                if bar.n * 10 // total > told < 9:
                    told = bar.n * 10 // total
                    self.say(f"{bar.n} of {total} calculations")
        return records

    def _fetch_part(
        self,
        index: int,
        part: Mapping,
        plan: Mapping,
        service: Service,
        trajectories: Trajectories,
    ) -> None:
        materials = {task: material for task, material, _ in part["tasks"]}
        n_rows = {task: count for task, _, count in part["tasks"]}
        places = [_place(place) for place in part["places"]]
        refused: list[Refused] = []
        arrived: set[str] = set()
        with PartWriter(self.folder, index) as writer:
            # a calculation waits until all its rows are there, then for 49 others
            waiting: dict[str, list[dict]] = {}
            ready: list[tuple[str, list[dict]]] = []
            for row in trajectories.rows(places, materials):
                task = row["identifier"]
                waiting.setdefault(task, []).append(row)
                if len(waiting[task]) == n_rows[task]:
                    ready.append((task, waiting.pop(task)))
                    arrived.add(task)
                if len(ready) == IDS_AT_ONCE:
                    refused += self._judge(ready, materials, plan, service, writer)
                    ready = []
            for some in batches(ready, IDS_AT_ONCE):
                refused += self._judge(some, materials, plan, service, writer)
        missing = sorted(set(materials) - arrived)
        # before the record: a part counts only when the database stood still while it was fetched
        self._same_database(plan, service)
        writer.record(len(materials), missing, refused)

    def _judge(
        self,
        ready: list[tuple[str, list[dict]]],
        materials: Mapping[str, str],
        plan: Mapping,
        service: Service,
        writer: PartWriter,
    ) -> list[Refused]:
        """Write what is sound of some calculations; give back what is not."""
        labels = plan["request"]["labels"]
        documents = service.tasks([task for task, _ in ready])
        refused = []
        for task, rows in ready:
            document = documents.get(task)
            fault = judge_document(
                task,
                document,
                labels,
                plan["restricted_batches"],
                plan["request"]["keep_restricted"],
            )
            if fault is not None:
                refused.append(fault)
                continue
            kept, odd = judge_rows(task, document, rows)
            refused += odd
            if kept:
                described = describe(document, labels)
                for steps in kept:
                    writer.write(task, materials[task], described, steps)
        return refused

    def _tell(self, manifest: Mapping) -> None:
        self.say(
            f"{manifest['frames']} frames of {manifest['requested']} calculations in "
            f"{len(manifest['parts'])} parts, {manifest['bytes'] / 1e6:.1f} MB; database "
            f"{manifest['database_version']}"
        )
        for kind, count in manifest["refused_counts"].items():
            self.say(f"  {count} left out for {kind}")


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder; the system lets go of it when the process ends, however it does."""
    with open(folder / ".lock", "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StudyError(
                f"{folder}: another process is downloading into this folder; let it finish"
            ) from None
        yield


def _manifest(plan: Mapping, records: list[dict]) -> dict[str, object]:
    missing = sorted({*plan["without_trajectory"], *(t for r in records for t in r["missing"])})
    kinds = Counter(kind for record in records for _, kind, _ in record["refused"])
    if missing:
        kinds["no trajectory"] = len(missing)
    return {
        "format": plan["format"],
        "request": plan["request"],
        "database_version": plan["database_version"],
        "trajectories": plan["trajectories"],
        "versions": plan["versions"],
        "licence": LICENCE,
        "restricted_batches": plan["restricted_batches"],
        "requested": plan["n_tasks"],
        "deprecated": plan["n_deprecated"],
        "rows": sum(record["rows"] for record in records),
        "frames": sum(record["frames"] for record in records),
        "bytes": sum(record["bytes"] for record in records),
        "missing": missing,
        "refused_counts": dict(sorted(kinds.items())),
        "refused": sorted(item for record in records for item in record["refused"]),
        "parts": [
            {key: record[key] for key in ("file", "sha256", "bytes", "requested", "rows", "frames")}
            for record in records
        ],
    }


def _place(place: list) -> object:
    from rungs.materials_project.trajectories import Place

    return Place(*place)


def _log(line: str) -> None:
    print(line, flush=True)


def _logged_progress(what: str, done: int, total: int) -> None:
    if done == total or done % 50 == 0:
        _log(f"{what}: {done} of {total} files")
