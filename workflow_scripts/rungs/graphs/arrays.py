"""Named arrays in one safetensors file: written as a stream, read through a memory map.

The safetensors library writes arrays that are all in memory and, for NumPy, reads by copying.
Datasets of frames can be larger than memory, so rows are spilled to a scratch file for each array
and joined at the end, and reading maps the file. The format is the library's own: eight bytes
with the length of a JSON header, the header, and the arrays one after the other.
"""

import json
import math
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import numpy as np

from rungs.files import whole_file

_CODES = {
    np.dtype(np.float64): "F64",
    np.dtype(np.float32): "F32",
    np.dtype(np.int64): "I64",
    np.dtype(np.int32): "I32",
    np.dtype(np.int16): "I16",
    np.dtype(np.uint8): "U8",
}
_DTYPES = {code: dtype for dtype, code in _CODES.items()}
_LARGEST_HEADER = 100_000_000


class ArrayFileError(Exception):
    """A file is not a whole safetensors file; the message says why."""


class ArraySpill:
    """Appends rows to named arrays, then writes all of them to one file; a context manager.

    Args:
        folder: where the scratch files live until the end; needs as much room as the result.
        layout: dtype and shape of a row of each array.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        layout: Mapping[str, tuple[np.dtype | type, tuple[int, ...]]],
    ) -> None:
        # Wide items first, so that each array begins at a multiple of its item size.
        self._layout = dict(
            sorted(
                ((name, (np.dtype(kind), shape)) for name, (kind, shape) in layout.items()),
                key=lambda item: (-item[1][0].itemsize, item[0]),
            )
        )
        self._folder = Path(folder)
        self._rows = dict.fromkeys(self._layout, 0)
        self._stack = ExitStack()
        self._scratch: dict = {}

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        for name in self._layout:
            # Without a name in the file system: nothing is left behind, however the job ends.
            self._scratch[name] = self._stack.enter_context(
                tempfile.TemporaryFile(dir=self._folder)
            )
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def append(self, name: str, rows: np.ndarray) -> None:
        """Add ``rows``, of shape (any, *shape of a row), to array ``name``."""
        kind, shape = self._layout[name]
        rows = np.ascontiguousarray(rows, dtype=kind)
        if rows.shape[1:] != shape:
            raise ValueError(f"{name}: rows of shape {rows.shape[1:]}, expected {shape}")
        self._scratch[name].write(rows.data)
        self._rows[name] += len(rows)

    def write(self, path: str | os.PathLike, metadata: Mapping[str, str]) -> None:
        """Write all arrays and ``metadata`` to ``path``, whole or not at all."""
        header: dict = {"__metadata__": dict(metadata)}
        end = 0
        for name, (kind, shape) in self._layout.items():
            begin, end = end, end + self._rows[name] * math.prod(shape) * kind.itemsize
            header[name] = {
                "dtype": _CODES[kind],
                "shape": [self._rows[name], *shape],
                "data_offsets": [begin, end],
            }
        text = json.dumps(header, ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)
        with whole_file(path) as partial, open(partial, "wb") as handle:
            handle.write(len(text).to_bytes(8, "little"))
            handle.write(text)
            for scratch in self._scratch.values():
                scratch.seek(0)
                shutil.copyfileobj(scratch, handle, 1 << 20)


def map_arrays(path: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the arrays of a safetensors file, read-only and memory-mapped, and its metadata.

    Raises:
        ArrayFileError: when the file is cut short, damaged or of another kind.
        OSError: when the file cannot be opened.
    """
    with open(path, "rb") as handle:
        size = os.fstat(handle.fileno()).st_size
        length = int.from_bytes(handle.read(8), "little")
        if not 2 <= length <= min(size - 8, _LARGEST_HEADER):
            raise ArrayFileError("it does not begin like a safetensors file")
        try:
            header = json.loads(handle.read(length))
            metadata = header.pop("__metadata__", {})
            places = {
                name: (_DTYPES[entry["dtype"]], tuple(entry["shape"]), *entry["data_offsets"])
                for name, entry in header.items()
            }
            end = max((place[3] for place in places.values()), default=0)
            sound = all(
                stop - begin == kind.itemsize * math.prod(shape) and begin >= 0
                for kind, shape, begin, stop in places.values()
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArrayFileError(f"its header makes no sense ({error})") from None
        if not sound or size != 8 + length + end:
            raise ArrayFileError(
                f"it has {size} bytes where its header promises {8 + length + end}"
            )
        data = np.asarray(np.memmap(handle, dtype=np.uint8, mode="r"))[8 + length :]
    arrays = {
        name: data[begin:stop].view(kind).reshape(shape)
        for name, (kind, shape, begin, stop) in places.items()
    }
    return arrays, metadata
