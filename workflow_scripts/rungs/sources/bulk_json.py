"""What the kinds of bulk JSON have in common: documents to frames, and what is missing in them."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from rungs.config.data import Level
from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
from rungs.sources.json_documents import Document, iter_documents
from rungs.sources.structures import parse_document
from rungs.sources.train_test_files import divided_files

_TRIED = 200
"""Documents after which a file with no usable one is taken for another kind."""
_KEYS_LISTED = 30


class MissingFieldError(Exception):
    """A document lacks a field that its kind has."""

    def __init__(self, name: str, why: str = "") -> None:
        super().__init__(f"has no '{name}'{why}")


def field(document: Mapping, name: str) -> object:
    """Value under ``name``; dots lead into nested objects.

    Raises:
        MissingFieldError: when it is absent or null.
    """
    value: object = document
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        raise MissingFieldError(name)
    return value


class Form(Protocol):
    """What a kind of JSON file looks like."""

    kind: str
    containers: tuple[str, ...]
    """Containers around a document, for :func:`iter_documents`."""

    def frame_id(self, path: tuple[str | int, ...], document: Mapping) -> str:
        """Id of the frame in a document."""

    def frame(
        self, frame_id: str, path: tuple[str | int, ...], document: Mapping, part: str | None
    ) -> Frame | Rejected:
        """The document as a frame, in the project's units.

        Raises:
            MissingFieldError, ValueError, TypeError, KeyError: saying what is wrong with it.
        """


def read_bulk_json(
    level: Level, data_folder: str | os.PathLike, section: str, form: Form
) -> Iterator[Frame | Rejected]:
    """Yield the frames of a level's JSON files, in their order; memory holds one document.

    A document that cannot be read is yielded as :class:`Rejected`.

    Raises:
        StudyError: for a file that is missing, cut short, JSON of another kind, or all of whose
            documents lack a field.
    """
    data = level.data
    for path, part, given in divided_files(data, data_folder):
        yield from _File(path, f"{section}.data.{part}", form, given).frames()


class _File:
    """One file, and what its documents lack."""

    def __init__(self, path: Path, key: str, form: Form, given_part: str | None) -> None:
        self._path, self._key, self._form, self._part = path, key, form, given_part
        self._n_documents = self._n_usable = 0
        self._missing: Counter[str] = Counter()
        self._keys: dict[str, None] = {}
        self._first_reason = ""

    def frames(self) -> Iterator[Frame | Rejected]:
        for document in iter_documents(self._path, self._key, self._form.containers):
            self._n_documents += 1
            yield self._read(document)
            if self._n_documents == _TRIED:
                self._see_some_use()
        if not self._n_documents:
            raise StudyError(f"{self._path}: holds no frames; mend {self._key} or the file")
        self._see_some_use()

    def _read(self, document: Document) -> Frame | Rejected:
        frame_id = ".".join(map(str, document.path))
        try:
            parsed = parse_document(document.text)
            if not isinstance(parsed, dict):
                shown = document.text[:20].decode("utf-8", "replace")
                raise ValueError(f"{shown} stands where an object is expected")
            self._keys |= dict.fromkeys(list(parsed)[:_KEYS_LISTED])
            frame_id = self._form.frame_id(document.path, parsed)
            read = self._form.frame(frame_id, document.path, parsed, self._part)
            self._n_usable += 1
            return read
        except MissingFieldError as error:
            self._missing[str(error)] += 1
            refused = Rejected(frame_id, str(error), "missing key")
        except (ValueError, TypeError, KeyError, IndexError, ArithmeticError) as error:
            refused = Rejected(frame_id, f"cannot be read: {error or type(error).__name__}")
        self._first_reason = self._first_reason or refused.reason
        return refused

    def _see_some_use(self) -> None:
        """Stop early at a file of another kind, instead of millions of rejects."""
        if self._n_usable:
            return
        what = max(self._missing, key=self._missing.__getitem__, default=self._first_reason)
        keys = ", ".join(list(self._keys)[:_KEYS_LISTED]) or "no keys"
        raise StudyError(
            f"{self._path}: none of the first {self._n_documents} documents can be read as "
            f"kind {self._form.kind}: a document {what}; they have {keys}. Mend {self._key}, or "
            "what is declared beside it"
        )
