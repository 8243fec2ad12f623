"""Cutting a JSON file of any size into its documents, in bounded memory.

A bulk file is one JSON value: an object or a list, perhaps nested once more, around millions of
small documents. Only the brackets and quotes are looked for here, with numpy, in blocks of the
file; each document is then handed as bytes to a JSON parser. What stands between the documents is
read strictly, so that a file that is cut short or damaged is an error and never a shorter dataset.
"""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from rungs.errors import StudyError
from rungs.sources.file_kinds import FileKind
from rungs.sources.opening import AsUtf8, latin_1, open_content, refused

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
    path: Path,
    key: str,
    containers: Sequence[Container],
    block: int = BLOCK,
    marks: Collection[str] = (),
) -> Iterator[Document]:
    """Yield the documents of a JSON file, plain or packed, in their order.

    Several values with line breaks between them, one a line for instance, are read one after the
    other; documents that stand in no container have their number as path.

    Args:
        path: the file; what it holds tells whether and how it is packed, not its name.
        key: configuration key that names the file, for messages.
        containers: kinds of the containers around a document, the outermost first.
        block: bytes read at once.
        marks: keys by which a document is known; where the first block shows one in other
            containers, these hold.

    Raises:
        StudyError: when the file cannot be read, is no JSON, ends too early, goes on after its end,
            or has something else than the containers asked for.
    """
    with open_content(path, key) as (look, stream):
        if look.kind not in _READ:
            raise refused(path, look, "JSON", key)
        is_utf8 = (look.encoding or "utf-8").startswith("utf-8")
        try:
            text = stream if is_utf8 else AsUtf8(stream, look.encoding)
            yield from _cut(text, containers, block, marks)
        except _MalformedError as error:
            raise StudyError(f"{path}: {error}; mend {key}, or get a whole copy") from None
        except UnicodeDecodeError as error:
            raise StudyError(
                f"{path}: is damaged: it begins as {look.encoding.upper()}, but goes on otherwise "
                f"({error.reason}); get a whole copy, or save it as UTF-8"
            ) from None


_READ = (FileKind.JSON, FileKind.TEXT, FileKind.XML, FileKind.EMPTY)
"""Of these, all but the first are refused as they are read, with what stands there."""


def containers_around(head: bytes, marks: Collection[str]) -> tuple[Container, ...] | None:
    """Containers around the documents of a JSON text that begins with ``head``.

    Args:
        head: the beginning, best with the whole first document in it.
        marks: keys by which a document is known: the outermost object that has one is one.

    Returns:
        The outermost first, none for a document at the outside; None where no mark is seen.
    """
    around: list[str] = []
    found: tuple[str, ...] | None = None
    seen = len(head)
    for match in _SIGNS.finditer(head):
        if match.start() > seen:
            break
        sign, string = match.groups()
        if sign in (b"{", b"["):
            around.append(sign.decode())
        elif sign:
            if around:
                around.pop()
            if not around and found is not None:
                break
        elif string and around and around[-1] == "{":
            shallower = found is None or len(around) - 1 < len(found)
            if shallower and string[1 : string.rindex(b'"')].decode("utf-8", "replace") in marks:
                found = tuple(around[:-1])
                seen = match.start() + _SOME_MORE
    return found


_SOME_MORE = 1 << 16
"""Bytes after a mark within which one farther outside is looked for."""
# brackets, strings that are followed by a colon, and other strings
_SIGNS = re.compile(rb'([{}\[\]])|("(?:[^"\\]|\\.)*"\s*:)|"(?:[^"\\]|\\.)*"', re.DOTALL)


class _MalformedError(Exception):
    """The file is no JSON of the kind that was asked for."""


def _cut(
    stream: "IO[bytes] | AsUtf8",
    containers: Sequence[Container],
    block: int,
    marks: Collection[str],
) -> Iterator[Document]:
    chunk = stream.read(block)
    if marks and (found := containers_around(chunk, marks)) is not None:
        containers = found
    brackets = _Brackets(len(containers))
    around = _Surroundings(containers)
    pending = bytearray()
    inside = False
    while chunk:
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
        chunk = stream.read(block)
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
_LINE_END = re.compile(rb"[\r\n]")
_END = "end of file"
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
        self._n_values = 0
        self._line_ended = False

    @property
    def is_complete(self) -> bool:
        return self._expected == _END

    def place(self) -> tuple[str | int, ...]:
        """Keys and places that lead to the value that comes next."""
        return tuple(self._places) if self._containers else (self._n_values,)

    def read(self, text: bytes) -> Iterator[Document]:
        """Follow ``text``; yield bare values, which stand where containers or documents should."""
        if not self._begun:
            text = text.removeprefix(_BYTE_ORDER_MARK)
            self._begun = True
        position = 0
        while match := _TOKEN.match(text, position):
            if self._expected == _END:
                end = match.start(match.lastindex)
                self._line_ended = _LINE_END.search(text, position, end) is not None
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
                    wanted = self._containers[0] if self._containers else "{"
                    raise _MalformedError(f"is not {_NAMES[wanted]} in JSON")
                yield Document(self.place(), string or bare)
                self.value()
        if not _BLANK.match(text, position):
            raise self._unexpected(text[position : position + 20])
        if self._expected == _END:
            self._line_ended = _LINE_END.search(text, position) is not None

    def value(self) -> None:
        """A value has ended."""
        if self._open:
            self._expected = f", or {'}' if self._open[-1] == '{' else ']'}"
        else:
            self._expected = _END
            self._n_values += 1

    def expect_value(self, found: bytes = b"{ or [") -> None:
        """See that a value may begin here: a further one on a line of its own."""
        if self._expected == _END and self._line_ended:
            return
        if self._expected not in ("value", "value or ]"):
            raise self._unexpected(found)

    def _sign(self, sign: str) -> None:
        if sign in "{[":
            self.expect_value(sign.encode())
            self._enter(sign)
        elif sign in "}]" and sign in self._expected:
            self._open.pop()
            self._places.pop()
            self.value()
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
            return json.loads(latin_1(string))
        except ValueError:
            raise self._unexpected(string) from None

    def _unexpected(self, found: bytes) -> _MalformedError:
        place = ".".join(map(str, self._places)) or "the outside"
        return _MalformedError(
            f"is no valid JSON: at {place} found {found[:40].decode('utf-8', 'replace')!r} where "
            f"{self._expected!r} is expected"
        )
