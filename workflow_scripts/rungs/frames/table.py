"""Frames in Parquet files: one format for every source, read and written as a stream.

Columns and names are those of the Materials Project's own Parquet releases (``cell``,
``atomic_numbers``, ``cart_coords``, ``energy``, ``forces``, ``stress``, ``magmoms``), with
``material_id``, ``frame_id``, ``functional``, ``group``, ``given_part`` and ``temperature`` beside
them. Units and
provenance stand in the schema metadata under the key ``rungs``, as JSON.
"""

import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rungs.errors import StudyError
from rungs.files import whole_file
from rungs.frames.frame import Frame
from rungs.frames.labels import LabelCounts

FORMAT_VERSION = 3
ROWS_IN_GROUP = 1000
UNITS = {
    "cell": "Å, lattice vectors as rows",
    "cart_coords": "Å",
    "energy": "eV, total energy of the cell",
    "forces": "eV/Å",
    "stress": "GPa, Voigt order xx, yy, zz, yz, xz, xy, positive under tension",
    "magmoms": "μB",
    "temperature": "K",
}

LABELS_KEY = b"rungs_labels"
"""Metadata with how many frames have each label, and how many have lost one."""
_METADATA_KEY = b"rungs"
_REMARKS_KEY = b"rungs_remarks"
_VECTOR = pa.list_(pa.float64())
_MATRIX = pa.list_(_VECTOR)
_COLUMNS = pa.schema(
    [
        pa.field("material_id", pa.string(), nullable=False),
        pa.field("frame_id", pa.string(), nullable=False),
        pa.field("functional", pa.string(), nullable=False),
        pa.field("cell", _MATRIX, nullable=False),
        pa.field("atomic_numbers", pa.list_(pa.int64()), nullable=False),
        pa.field("cart_coords", _MATRIX, nullable=False),
        pa.field("energy", pa.float64()),
        pa.field("forces", _MATRIX),
        pa.field("stress", _VECTOR),
        pa.field("magmoms", _VECTOR),
        pa.field("group", pa.string()),
        pa.field("given_part", pa.string()),
        pa.field("temperature", pa.float64()),
    ]
)
_ALWAYS_FORCES = pa.schema(
    [f.with_nullable(f.nullable and f.name not in ("energy", "forces")) for f in _COLUMNS]
)
_READABLE = {
    1: _ALWAYS_FORCES.remove(_ALWAYS_FORCES.get_field_index("temperature")),
    2: _ALWAYS_FORCES,
    FORMAT_VERSION: _COLUMNS,
}
"""Columns by format version: the first had no temperatures, the second no frame without an energy
and forces."""


class FrameWriter:
    """Write frames to a Parquet file as they come, in row groups; used as a context manager.

    The file appears under its name only when the block ends without an error.

    Args:
        path: the file to write.
        provenance: where the frames come from; anything that JSON can hold.
    """

    def __init__(self, path: str | os.PathLike, provenance: Mapping[str, object]) -> None:
        self.path = Path(path)
        self.n_frames = 0
        self.labels_not_finite: dict[str, int] = {}
        """Labels that frames have lost for a number that was none, to be kept in the file."""
        self.remarks: list[str] = []
        """What the source told besides its frames, to be kept with the provenance."""
        self._labels = LabelCounts()
        metadata = {
            "format_version": FORMAT_VERSION,
            "units": UNITS,
            "provenance": dict(provenance),
        }
        text = json.dumps(metadata, ensure_ascii=False, sort_keys=True, allow_nan=False)
        self._schema = _COLUMNS.with_metadata({_METADATA_KEY: text.encode()})
        self._waiting: list[Frame] = []
        self._seen: set[str] = set()
        self._stack = ExitStack()
        self._parquet: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            partial = stack.enter_context(whole_file(self.path))
            self._parquet = stack.enter_context(
                pq.ParquetWriter(
                    partial, self._schema, compression="zstd", write_page_checksum=True
                )
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        with self._stack:
            if error[0] is None:
                self._flush()
                counts = {"labelled": self._labels.labelled, "not_finite": self.labels_not_finite}
                kept = {LABELS_KEY: json.dumps(counts)}
                if self.remarks:
                    kept[_REMARKS_KEY] = json.dumps(self.remarks, ensure_ascii=False)
                self._parquet.add_key_value_metadata(kept)
            else:
                # the stack must see the error, so that the unfinished file is thrown away
                self._stack.pop_all().__exit__(*error)

    def write(self, frame: Frame) -> None:
        """Add ``frame``.

        Raises:
            StudyError: when a frame of this id was written before.
            ValueError: when the frame's fields do not agree in shape (the screening refuses such).
        """
        if self._parquet is None:
            raise ValueError("FrameWriter is used as a context manager: with FrameWriter(…) as w")
        if frame.frame_id in self._seen:
            raise StudyError(
                f"{self.path}: frame id '{frame.frame_id}' occurs twice; "
                "give every frame of a level an id of its own"
            )
        if fault := frame.shape_fault():
            raise ValueError(f"frame {frame.frame_id}: {fault}")
        self._seen.add(frame.frame_id)
        self._labels.add(frame)
        self._waiting.append(frame)
        self.n_frames += 1
        if len(self._waiting) == ROWS_IN_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._parquet.write_table(_to_table(self._waiting, self._schema))
            self._waiting.clear()


def iter_frames(path: str | os.PathLike, only: Collection[str] | None = None) -> Iterator[Frame]:
    """Yield the frames of a file in its order; memory holds one row group at a time.

    Args:
        path: the file.
        only: ids of the frames to yield; all by default.

    Raises:
        StudyError: when the file is missing, damaged, or was not written by :class:`FrameWriter`.
    """
    wanted = None if only is None else pa.array(sorted(only), pa.string())
    with open_frames(path) as parquet, told(path):
        for batch in parquet.iter_batches(batch_size=ROWS_IN_GROUP):
            if wanted is None:
                yield from _to_frames(batch)
            else:
                yield from _to_frames(batch.filter(pc.is_in(batch["frame_id"], wanted)))


def read_frames(path: str | os.PathLike) -> list[Frame]:
    """All frames of a file, in its order. Raises as :func:`iter_frames`."""
    return list(iter_frames(path))


def read_provenance(path: str | os.PathLike) -> dict[str, object]:
    """The provenance that the file was written with, and under ``remarks`` what the source told
    besides its frames, if it did. Raises as :func:`iter_frames`."""
    with open_frames(path) as parquet:
        found = _metadata(parquet, path)["provenance"]
        remarks = parquet.metadata.metadata.get(_REMARKS_KEY)
        return found if remarks is None else found | {"remarks": json.loads(remarks)}


def count_frames(path: str | os.PathLike) -> int:
    """Number of frames in a file, from its footer. Raises as :func:`iter_frames`."""
    with open_frames(path) as parquet:
        return parquet.metadata.num_rows


@contextmanager
def told(path: str | os.PathLike) -> Iterator[None]:
    """Turn what pyarrow says of a bad file into words for the person at the keyboard."""
    try:
        yield
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file of frames; run the stage that makes it") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        # damage shows in many ways, undecodable names and impossible shapes among them
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StudyError(
            f"{path}: cannot be read as Parquet, so it is damaged, cut short or of another kind "
            f"({said}); delete it and let the workflow make it again"
        ) from None


@contextmanager
def open_frames(path: str | os.PathLike) -> Iterator[pq.ParquetFile]:
    """A file of frames, open for reading. Raises as :func:`iter_frames`."""
    with told(path):
        parquet = pq.ParquetFile(path, page_checksum_verification=True)
    with parquet:
        with told(path):
            _metadata(parquet, path)
        yield parquet


def _metadata(parquet: pq.ParquetFile, path: str | os.PathLike) -> dict:
    schema = parquet.schema_arrow
    raw = (schema.metadata or {}).get(_METADATA_KEY)
    if raw is None or not any(schema.equals(known) for known in _READABLE.values()):
        raise StudyError(
            f"{path}: is a Parquet file but not one of this project's frames (columns "
            f"{', '.join(schema.names[:12])}); declare it as a source and convert it"
        )
    metadata = json.loads(raw)
    if metadata["format_version"] not in _READABLE:
        raise StudyError(
            f"{path}: has frame format version {metadata['format_version']}, this version of "
            f"rungs reads up to {FORMAT_VERSION}; delete it and let the workflow make it again"
        )
    return metadata


def _lists(values: list[np.ndarray | None], kind: pa.DataType) -> pa.ListArray:
    """One list for each array of ``values``, null where it is None; arrays of (n, 3) become
    lists of lists."""
    lengths = np.array([0 if value is None else len(value) for value in values])
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    kept = [value for value in values if value is not None and len(value)]
    flat = np.concatenate(kept) if kept else np.empty(0)
    if kind.value_type == _VECTOR:
        rows = np.arange(len(flat) + 1, dtype=np.int32) * 3
        inner = pa.ListArray.from_arrays(pa.array(rows), pa.array(flat.ravel(), pa.float64()))
    else:
        inner = pa.array(flat, kind.value_type)
    missing = np.array([value is None for value in values])
    mask = pa.array(missing) if missing.any() else None
    return pa.ListArray.from_arrays(pa.array(offsets), inner, mask=mask).cast(kind)


def _to_table(frames: list[Frame], schema: pa.Schema) -> pa.Table:
    arrays = []
    for field in schema:
        values = [getattr(frame, field.name) for frame in frames]
        if pa.types.is_list(field.type):
            arrays.append(_lists(values, field.type))
        else:
            arrays.append(pa.array(values, field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def _to_frames(batch: pa.RecordBatch) -> Iterator[Frame]:
    # Copies, so that arrays are writable (PyTorch asks for that) and outlive the batch.
    cells = flat(batch["cell"]).reshape(-1, 3, 3)
    n_atoms = batch["atomic_numbers"].value_lengths().to_numpy()
    stop = np.cumsum(n_atoms)
    start = stop - n_atoms
    numbers = flat(batch["atomic_numbers"])
    coords = flat(batch["cart_coords"]).reshape(-1, 3)
    forces = _optional(batch["forces"], (3,))
    stresses = _optional(batch["stress"])
    magmoms = _optional(batch["magmoms"])
    others = ("frame_id", "material_id", "functional", "energy", "group", "given_part")
    names = [name for name in (*others, "temperature") if name in batch.schema.names]
    plain = {name: batch[name].to_pylist() for name in names}
    for i in range(batch.num_rows):
        atoms = slice(start[i], stop[i])
        yield Frame(
            **{name: column[i] for name, column in plain.items()},
            cell=cells[i],
            atomic_numbers=numbers[atoms],
            cart_coords=coords[atoms],
            forces=forces[i],
            stress=stresses[i],
            magmoms=magmoms[i],
        )


def flat(column: pa.Array) -> np.ndarray:
    """The numbers of a column of lists, or of lists of lists, one after the other."""
    while pa.types.is_list(column.type):
        column = column.flatten()
    return np.array(column.to_numpy(zero_copy_only=False))


def _optional(column: pa.ListArray, row: tuple[int, ...] = ()) -> list[np.ndarray | None]:
    present = column.is_valid().to_numpy(zero_copy_only=False)
    lengths = np.where(present, column.value_lengths().fill_null(0).to_numpy(), 0)
    stop = np.cumsum(lengths)
    numbers = flat(column).reshape(-1, *row)
    return [
        numbers[end - length : end] if there else None
        for there, length, end in zip(present, lengths, stop, strict=True)
    ]
