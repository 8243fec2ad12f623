"""The table of trajectories: which rows hold a calculation, and the rows themselves.

Energies, forces and stresses of every ionic step exist only in this Delta table, which lies in an
open S3 bucket. It is read at one version, and each row group that is needed is read once.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

from rungs.errors import StudyError
from rungs.materials_project.identifiers import canonical
from rungs.materials_project.session import KEPT

TABLE = "s3a://materialsproject-parsed/core/trajectories/"
COLUMNS = (
    "identifier",
    "run_type",
    "task_type",
    "elements",
    "cart_coords",
    "lattice",
    "energy",
    "e_fr_energy",
    "e_wo_entrp",
    "forces",
    "stress",
    "num_electronic_steps",
)

# Those of the client: the bucket is open, requests are not signed.
_STORAGE = {
    "AWS_SKIP_SIGNATURE": "true",
    "AWS_REGION": "us-east-1",
    "timeout": "120s",
    "connect_timeout": "20s",
    "max_retries": "5",
}
_WAITS = (2.0, 8.0, 30.0, 90.0)
"""Seconds between tries, after those of the storage's own client."""
_ROWS_AT_ONCE = 16

T = TypeVar("T")


class Place(NamedTuple):
    """A row group of the table."""

    file: str
    """Path of the data file within the table."""
    group: int


class Located(NamedTuple):
    """What a scan of the table found."""

    places: dict[str, list[Place]]
    """The places of each wanted identifier, one for each of its rows, in the table's order."""
    unlisted: dict[str, frozenset[int]]
    """Identifiers with rows of the other run type asked for, and their atomic numbers."""


class Trajectories:
    """The table at one version.

    Args:
        table_version: the Delta version; None takes the newest.
        sleep: waits between tries; given by tests.

    Raises:
        StudyError: when the table cannot be read.
    """

    def __init__(
        self, table_version: int | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        from deltalake import DeltaTable

        self._sleep = sleep
        if table_version is None:
            table = self._trying(lambda: DeltaTable(TABLE, storage_options=_STORAGE))
        else:
            table = self._trying(
                lambda: DeltaTable(TABLE, version=table_version, storage_options=_STORAGE)
            )
        self.version = table.version()
        dataset = self._trying(table.to_pyarrow_dataset)
        missing = sorted(set(COLUMNS) - set(dataset.schema.names))
        if missing:
            raise StudyError(
                f"the Materials Project's table of trajectories ({TABLE}, version "
                f"{self.version}) has no column {', '.join(missing)}; its form has changed, and "
                "this version of rungs cannot read it"
            )
        self._schema = dataset.schema
        self._fragments = {fragment.path: fragment for fragment in dataset.get_fragments()}

    def locate(
        self,
        wanted: Iterable[str],
        other_run_type: str | None,
        progress: Callable[[int, int], None],
    ) -> Located:
        """Read the identifiers of the whole table, and nothing else of it.

        Args:
            wanted: canonical identifiers of calculations.
            other_run_type: collect identifiers with this run type that are not wanted, too.
            progress: called with the number of files read and that of all.
        """
        wanted = set(wanted)
        places: dict[str, list[Place]] = {}
        unlisted: dict[str, frozenset[int]] = {}
        for done, path in enumerate(sorted(self._fragments), start=1):
            rows = self._trying(lambda path=path: self._identifiers(path, other_run_type))
            for place, identifier, run_type, elements in rows:
                if identifier in wanted:
                    places.setdefault(identifier, []).append(place)
                elif other_run_type is not None and run_type == other_run_type:
                    places.setdefault(identifier, []).append(place)
                    unlisted[identifier] = frozenset(elements or ())
            progress(done, len(self._fragments))
        return Located(places, unlisted)

    def _identifiers(
        self, path: str, other_run_type: str | None
    ) -> list[tuple[Place, str, str, list[int] | None]]:
        columns = ["identifier", "run_type"] + (["elements"] if other_run_type else [])
        found = []
        for group in self._fragments[path].row_groups:
            table = self._fragments[path].subset(row_group_ids=[group.id])
            rows = table.to_table(schema=self._schema, columns=columns)
            elements = rows["elements"].to_pylist() if other_run_type else [None] * len(rows)
            for identifier, run_type, numbers in zip(
                rows["identifier"].to_pylist(), rows["run_type"].to_pylist(), elements, strict=True
            ):
                if identifier is not None:
                    place = Place(path, group.id)
                    found.append((place, canonical(identifier), run_type, numbers))
        return found

    def rows(self, places: Iterable[Place], wanted: Iterable[str]) -> Iterator[dict]:
        """The rows of ``wanted`` calculations in ``places``, in the table's order.

        A row is a dictionary of :data:`COLUMNS`, with the canonical ``identifier``.
        """
        wanted = set(wanted)
        for place in sorted(set(places)):
            done = 0
            # after a fault the rows that were handed on are passed over, not handed on twice
            for wait in (*_WAITS, None):
                try:
                    for number, row in enumerate(self._group(place, wanted)):
                        if number >= done:
                            yield row
                            done = number + 1
                    break
                except _read_faults() as error:
                    self._wait_or_give_up(error, wait)

    def _group(self, place: Place, wanted: set[str]) -> Iterator[dict]:
        import pyarrow as pa

        if place.file not in self._fragments:
            raise StudyError(
                f"version {self.version} of the table of trajectories has no file {place.file} "
                "any more; delete the download's folder and start it anew"
            )
        fragment = self._fragments[place.file].subset(row_group_ids=[place.group])
        scanner = fragment.scanner(
            schema=self._schema, columns=list(COLUMNS), batch_size=_ROWS_AT_ONCE
        )
        for batch in scanner.to_batches():
            names = [
                canonical(i) if i is not None else None for i in batch["identifier"].to_pylist()
            ]
            kept = [number for number, name in enumerate(names) if name in wanted]
            for row, number in zip(
                batch.take(pa.array(kept, pa.int64())).to_pylist(), kept, strict=True
            ):
                yield row | {"identifier": names[number]}

    def _trying(self, read: Callable[[], T]) -> T:
        for wait in (*_WAITS, None):
            try:
                return read()
            except _read_faults() as error:
                self._wait_or_give_up(error, wait)
        raise AssertionError("unreachable")

    def _wait_or_give_up(self, error: Exception, wait: float | None) -> None:
        if wait is None:
            said = " ".join(str(error).split())[:300]
            raise StudyError(
                f"the Materials Project's table of trajectories ({TABLE}) cannot be read: {said}. "
                f"{KEPT}"
            ) from None
        self._sleep(wait)


def _read_faults() -> tuple[type[Exception], ...]:
    import pyarrow as pa
    from deltalake.exceptions import DeltaError

    return (OSError, DeltaError, pa.ArrowException)
