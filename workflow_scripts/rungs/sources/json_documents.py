"""Cutting a JSON file of any size into its documents, in bounded memory.

A bulk file is one JSON value: an object or a list, perhaps nested once more, around millions of
small documents. Only the brackets and quotes are looked for here, with numpy, in blocks of the
file; each document is then handed as bytes to a JSON parser. What stands between the documents is
read strictly, so that a file that is cut short or damaged is an error and never a shorter dataset.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from rungs.errors import StudyError

BLOCK = 1 << 20
"""Bytes read at once."""
LONGEST = 64 << 20
"""Bytes of the longest document; beyond, the file is of another kind."""

Container = str
"""``{`` for an object, ``[`` for a list, ``{[`` for either."""


class Document(NamedTuple):
    """One value at the depth that was asked for, or a bare value at a lesser depth."""

    path: tuple[str | int, ...]
    """Keys of the objects and places in the lists around it."""
    text: bytes


def iter_documents(
    path: Path, key: str, containers: Sequence[Container], block: int = BLOCK
) -> Iterator[Document]:
    """Yield the documents of a JSON file, gzip-compressed or not, in their order.

    Args:
        path: the file; what it holds tells whether it is compressed, not its name.
        key: configuration key that names the file, for messages.
        containers: kinds of the containers around a document, the outermost first.
        block: bytes read at once.

    Raises:
        StudyError: when the file cannot be read, ends too early, goes on after its end, or has
            something else than the containers asked for.
    """
    with _opened(path, key) as handle:
        try:
            yield from _cut(handle, containers, block)
        except _MalformedError as error:
            raise StudyError(f"{path}: {error}; mend {key}, or get a whole copy") from None


@contextmanager
def _opened(path: Path, key: str) -> Iterator[IO[bytes]]:
    try:
        with open(path, "rb") as plain:
            packed = plain.read(2) == b"\x1f\x8b"
            plain.seek(0)
            with gzip.open(plain) if packed else plain as handle:
                yield handle
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise StudyError(
            f"{path}: the compressed file is cut short or damaged ({error}); get a whole copy"
        ) from None
    except OSError as error:
        raise StudyError(
            f"{path}: cannot be read ({error.strerror}); mend {key} or data_folder, which the "
            "name is relative to"
        ) from None


class _MalformedError(Exception):
    """The file is no JSON of the kind that was asked for."""


def _cut(handle: IO[bytes], containers: Sequence[Container], block: int) -> Iterator[Document]:
    brackets = _Brackets(len(containers))
    around = _Surroundings(containers)
    pending = bytearray()
    inside = False
    while chunk := handle.read(block):
        start = 0
        for position in brackets.boundaries(chunk):
            # an opening bracket belongs to its document, and so does a closing one
            stop = position + 1 if inside else position
            pending += chunk[start:stop]
            if inside:
                yield Document(around.place(), bytes(pending))
                around.value()
            else:
                yield from around.read(bytes(pending))
                around.expect_value()
            pending.clear()
            inside, start = not inside, stop
        pending += chunk[start:]
        if len(pending) > LONGEST:
            raise _MalformedError(
                f"has a document of more than {LONGEST >> 20} MiB, so it is JSON of another kind"
            )
    if not inside:
        yield from around.read(bytes(pending))
    if inside or not around.is_complete:
        raise _MalformedError("ends before its JSON does, so the file is cut short")


_MARKS = np.zeros(256, dtype=bool)
_MARKS[list(b'"{}[]')] = True
_OPENING = np.zeros(256, dtype=bool)
_OPENING[list(b"{[")] = True
_ESCAPED = re.compile(rb"\\.", re.DOTALL)


class _Brackets:
    """Finds where documents begin and end; keeps its place from one block to the next."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._level = 0
        self._in_string = False
        self._escaping = False

    def boundaries(self, chunk: bytes) -> list[int]:
        """Places of the brackets that open and close documents, by turns."""
        if self._escaping or b"\\" in chunk:
            chunk = self._without_escapes(chunk)
        codes = np.frombuffer(chunk, dtype=np.uint8)
        places = np.flatnonzero(_MARKS[codes])
        marks = codes[places]
        quotes = marks == ord('"')
        inside = (np.cumsum(quotes) + self._in_string) % 2 == 1
        if inside.size:
            self._in_string = bool(inside[-1])
        brackets = ~quotes & ~inside
        places, opening = places[brackets], _OPENING[marks[brackets]]
        level = self._level + np.cumsum(np.where(opening, 1, -1))
        if level.size:
            self._level = int(level[-1])
        # an opening bracket leads to its document's level, a closing one away from it
        ends = level + ~opening == self._depth + 1
        return places[ends].tolist()

    def _without_escapes(self, chunk: bytes) -> bytes:
        """The chunk with every escaped character made harmless, at the same length."""
        if self._escaping:
            chunk = b"_" + chunk[1:]
        chunk = _ESCAPED.sub(b"__", chunk)
        self._escaping = chunk.endswith(b"\\")
        return chunk


_TOKEN = re.compile(rb'[ \t\r\n]*(?:([{}\[\],:])|("(?:[^"\\]|\\.)*")|([^\s{}\[\],:"]+))', re.DOTALL)
_BLANK = re.compile(rb"[ \t\r\n]*\Z")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NAMES = {"{": "an object", "[": "a list", "{[": "an object or a list"}


class _Surroundings:
    """Reads what stands around documents, by JSON's grammar."""

    def __init__(self, containers: Sequence[Container]) -> None:
        self._containers = containers
        self._open: list[str] = []
        self._places: list[str | int] = []
        self._expected = "value"
        self._begun = False

    @property
    def is_complete(self) -> bool:
        return self._expected == "end of file"

    def place(self) -> tuple[str | int, ...]:
        """Keys and places that lead to the value that comes next."""
        return tuple(self._places)

    def read(self, text: bytes) -> Iterator[Document]:
        """Follow ``text``; yield bare values, which stand where containers or documents should."""
        if not self._begun:
            text = text.removeprefix(_BYTE_ORDER_MARK)
            self._begun = True
        position = 0
        while match := _TOKEN.match(text, position):
            position = match.end()
            sign, string, bare = match.groups()
            if sign:
                self._sign(sign.decode())
            elif string and self._expected in ("key", "key or }"):
                self._places[-1] = self._key(string)
                self._expected = ":"
            else:
                self.expect_value(string or bare)
                if not self._open:
                    raise _MalformedError(f"is not {_NAMES[self._containers[0]]} in JSON")
                yield Document(self.place(), string or bare)
                self.value()
        if not _BLANK.match(text, position):
            raise self._unexpected(text[position : position + 20])

    def value(self) -> None:
        """A value has ended."""
        self._expected = f", or {'}' if self._open[-1] == '{' else ']'}"

    def expect_value(self, found: bytes = b"{ or [") -> None:
        """See that a value may begin here."""
        if self._expected not in ("value", "value or ]"):
            raise self._unexpected(found)

    def _sign(self, sign: str) -> None:
        if sign in "{[":
            self.expect_value(sign.encode())
            self._enter(sign)
        elif sign in "}]" and sign in self._expected:
            self._open.pop()
            self._places.pop()
            if self._open:
                self.value()
            else:
                self._expected = "end of file"
        elif sign == ":" and self._expected == ":":
            self._expected = "value"
        elif sign == "," and self._expected.startswith(","):
            if self._open[-1] == "{":
                self._expected = "key"
            else:
                self._places[-1] += 1
                self._expected = "value"
        else:
            raise self._unexpected(sign.encode())

    def _enter(self, sign: str) -> None:
        wanted = self._containers[len(self._open)]
        if sign not in wanted:
            where = f"at {'.'.join(map(str, self._places))}" if self._open else "at its outside"
            raise _MalformedError(
                f"has {_NAMES[sign]} {where}, where {_NAMES[wanted]} is expected: it is JSON of "
                "another kind"
            )
        self._open.append(sign)
        self._places.append("" if sign == "{" else 0)
        self._expected = "key or }" if sign == "{" else "value or ]"

    def _key(self, string: bytes) -> str:
        try:
            return json.loads(string)
        except ValueError:
            raise self._unexpected(string) from None

    def _unexpected(self, found: bytes) -> _MalformedError:
        place = ".".join(map(str, self._places)) or "the outside"
        return _MalformedError(
            f"is no valid JSON: at {place} found {found[:40].decode('utf-8', 'replace')!r} where "
            f"{self._expected!r} is expected"
        )
