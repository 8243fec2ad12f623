"""Frames from Parquet files whose columns, units and signs the configuration declares."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rungs.config.bulk import ParquetFiles
from rungs.config.data import Level
from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
from rungs.sources.file_kinds import FileKind
from rungs.sources.ids import id_text
from rungs.sources.notes import Notes
from rungs.sources.opening import first_look, refused
from rungs.sources.train_test_files import DividedFile, divided_files
from rungs.sources.units import energy_factor, forces_factor, stress_factor, voigt

_ROWS_AT_ONCE = 500
_NUMBERS = ("cell", "atomic_numbers", "cart_coords")
_UNKNOWN = (FileKind.EMPTY, FileKind.BINARY)
"""Kinds of content that a damaged Parquet file may show too."""


def read_parquet(
    level: Level,
    data_folder: str | os.PathLike,
    section: str = "source",
    notes: Notes | None = None,
) -> Iterator[Frame | Rejected]:
    """Yield the frames of a level's Parquet files, row by row, in the project's units.

    Only the declared columns are read, some hundred rows at a time. Without ``frame_column`` the
    frame id is the file's stem and the row's number, from 0. Magnetic moments become absolute. A
    label that a row lacks is None.

    Args:
        level: a level whose ``data.kind`` is ``parquet``.
        data_folder: folder that the file names are relative to.
        section: ``source`` or ``target``, for messages.
        notes: as of every reader; there is nothing to tell.

    Raises:
        StudyError: for a file that is missing, cut short, damaged, of another kind or empty, and
            for one that lacks a declared column or has a label's column empty throughout.
    """
    del notes
    for file in divided_files(level.data, data_folder):
        yield from _Reader(level, file, f"{section}.data").frames()


class _Reader:
    """One file of one level."""

    def __init__(self, level: Level, file: DividedFile, section: str) -> None:
        self.data: ParquetFiles = level.data
        self.functional, self.section = level.functional, section
        _, self.path, self.part, self.given_part, self.label = file
        declared = {name: name for name in _NUMBERS} | {
            option: column
            for option in type(self.data).model_fields
            if option.endswith("_column") and (column := getattr(self.data, option)) is not None
        }
        self.columns: dict[str, str] = declared
        if self.data.forces_column is not None:
            self.forces_factor = forces_factor(self.data.forces_unit)
        self.functionals = {name.casefold() for name in self.data.functionals}
        self.unseen = {"energy_column", "forces_column"} & declared.keys()
        """Labels that no row had yet."""

    def frames(self) -> Iterator[Frame | Rejected]:
        number = -1
        look = first_look(self.path, f"{self.section}.{self.part}")
        if look.packing or look.kind not in (FileKind.PARQUET, *_UNKNOWN):
            raise refused(self.path, look, "a plain Parquet file", f"{self.section}.{self.part}")
        with self._told():
            parquet = pq.ParquetFile(self.path, page_checksum_verification=True)
        with parquet:
            self._check_columns(parquet.schema_arrow)
            names = parquet.schema_arrow.names
            roots = sorted({_parts(column, names)[0] for column in self.columns.values()})
            batches = parquet.iter_batches(batch_size=_ROWS_AT_ONCE, columns=roots)
            while True:
                with self._told():
                    batch = next(batches, None)
                if batch is None:
                    break
                columns = {option: _column(batch, c) for option, c in self.columns.items()}
                self.unseen -= {o for o in self.unseen if columns[o].null_count < batch.num_rows}
                for row in range(batch.num_rows):
                    number += 1
                    yield self._read(columns, row, number)
        if number < 0:
            raise StudyError(
                f"{self.path}: holds no frames; mend {self.section}.{self.part} or the file"
            )
        for option in sorted(self.unseen):
            raise StudyError(
                f"{self.path}: the column '{self.columns[option]}' is empty in every row; mend "
                f"{self.section}.{option}, which is null where there is none"
            )

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise StudyError(
                f"{self.path}: cannot be read as Parquet, so it is cut short, damaged or of "
                f"another kind ({said}); get a whole copy, or mend {self.section}.{self.part}"
            ) from None

    def _check_columns(self, schema: pa.Schema) -> None:
        for option, column in self.columns.items():
            root, *inner = _parts(column, schema.names)
            kind = schema.field(root).type if root in schema.names else None
            for name in inner:
                nested = kind is not None and pa.types.is_struct(kind)
                index = kind.get_field_index(name) if nested else -1
                kind = kind.field(index).type if index >= 0 else None
            if kind is None:
                declared = "" if option == column else f", declared as {self.section}.{option}"
                raise StudyError(
                    f"{self.path}: has no column '{column}'{declared}; it has the columns "
                    f"{', '.join(schema.names[:40])}"
                )

    def _read(self, columns: dict[str, pa.Array], row: int, number: int) -> Frame | Rejected:
        frame_id = f"{self.label}:{number}"
        try:
            texts = {
                option: text
                for option in self.columns
                if option in ("frame_column", "material_column", "group_column")
                and (text := id_text(columns[option][row].as_py())) is not None
            }
            frame_id = texts.get("frame_column", frame_id)
            return self._frame(frame_id, texts, columns, row)
        except (ValueError, TypeError, pa.ArrowException) as error:
            return Rejected(frame_id, f"row {number}: cannot be read: {error}")

    def _frame(
        self, frame_id: str, texts: dict[str, str], columns: dict[str, pa.Array], row: int
    ) -> Frame | Rejected:
        data = self.data
        for option in ("frame_column", "material_column"):
            if option in self.columns and option not in texts:
                raise ValueError(f"column '{self.columns[option]}' is empty")
        if data.functional_column is not None:
            functional = columns["functional_column"][row].as_py()
            if str(functional).casefold() not in self.functionals:
                wanted = ", ".join(data.functionals)
                return Rejected(
                    frame_id, f"is of functional {functional}, not {wanted}", "other functional"
                )

        def numbers(option: str) -> np.ndarray | None:
            is_label = option not in _NUMBERS
            return _array(columns[option][row], self.columns[option], is_label)

        def needed(option: str) -> np.ndarray:
            if (found := numbers(option)) is None:
                raise ValueError(f"column '{self.columns[option]}' is empty")
            return found

        atomic_numbers = needed("atomic_numbers")
        if not atomic_numbers.size:
            return Rejected(frame_id, "the frame has no atoms", "no atoms")
        energy = numbers("energy_column") if data.energy_column else None
        if energy is not None:
            energy = float(energy) * energy_factor(data.energy_unit, atomic_numbers.size)
        forces = numbers("forces_column") if data.forces_column else None
        if forces is not None:
            forces = forces.reshape(-1, 3) * self.forces_factor
        stress = self._stress(numbers("stress_column")) if data.stress_column else None
        magmoms = numbers("magmoms_column") if data.magmoms_column else None
        return Frame(
            frame_id=frame_id,
            material_id=texts.get("material_column", frame_id),
            functional=self.functional,
            cell=needed("cell").reshape(3, 3),
            atomic_numbers=atomic_numbers,
            cart_coords=needed("cart_coords").reshape(-1, 3),
            energy=energy,
            forces=forces,
            stress=stress,
            magmoms=None if magmoms is None else np.abs(magmoms),
            group=texts.get("group_column"),
            given_part=self.given_part,
        )

    def _stress(self, found: np.ndarray | None) -> np.ndarray | None:
        if found is None:
            return None
        data = self.data
        return voigt(found, data.stress_order) * stress_factor(data.stress_unit, data.stress_sign)


def _parts(column: str, names: list[str]) -> list[str]:
    """A column's name and those of the fields in it, where its dots lead into nested columns."""
    return [column] if column in names else column.split(".")


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    root, *inner = _parts(name, batch.schema.names)
    column = batch[root]
    for part in inner:
        # flattening keeps a null struct's fields null
        names = [column.type.field(i).name for i in range(column.type.num_fields)]
        column = column.flatten()[names.index(part)]
    return column


def _array(value: pa.Scalar, name: str, is_label: bool) -> np.ndarray | None:
    """All numbers of a scalar or nested list, flat; None where it is null.

    A label's single numbers that are null are NaN, so that the label counts as missing.
    """
    if not value.is_valid:
        return None
    if not hasattr(value, "values"):
        return np.array(value.as_py(), dtype=np.float64)
    inner = value.values
    while pa.types.is_list(inner.type) or _is_other_list(inner.type):
        if inner.null_count:
            raise ValueError(f"column '{name}' has empty rows")
        inner = inner.flatten()
    if inner.null_count and not is_label:
        raise ValueError(f"column '{name}' has {inner.null_count} empty values")
    return inner.to_numpy(zero_copy_only=False)


def _is_other_list(kind: pa.DataType) -> bool:
    return pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
