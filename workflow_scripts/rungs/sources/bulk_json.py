"""What the kinds of bulk JSON have in common: documents to frames, and what is missing in them."""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from rungs.config.data import Level
from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
from rungs.frames.vacuum import NotPeriodicError
from rungs.sources.json_document import JSONDocument, MissingFieldError
from rungs.sources.json_documents import Document, iter_documents
from rungs.sources.notes import Notes
from rungs.sources.opening import latin_1
from rungs.sources.structures import parse_document
from rungs.sources.train_test_files import DividedFile, divided_files

MARKS = (
    *("structure", "force", "forces", "matpes_id", "energy_per_atom", "e_per_atom_relaxed"),
    *("uncorrected_total_energy", "corrected_total_energy"),
)
"""Keys by which a document is known, whatever stands around it."""

_TRIED = 200
"""Documents after which a file with no usable one is taken for another kind."""
_TRIED_LABELS = 20_000
"""Frames after which a label that none of them has is taken for one that the file lacks."""
_KEYS_LISTED = 30


class Form(Protocol):
    """What a kind of JSON file looks like."""

    kind: str
    containers: tuple[str, ...]
    """Containers around a document, for :func:`iter_documents`, unless it shows others."""
    wanted: dict[str, str]
    """Labels that some document must have, and how to do without, in words."""

    def frame_id(self, document: JSONDocument) -> str:
        """Id of the frame in a document."""

    def see_ids(self, where: str) -> None:
        """See that declared keys of ids are in some document, of all those so far.

        Raises:
            StudyError: naming the one that is not, and ``where``.
        """

    def frame(self, document: JSONDocument, part: str | None) -> Frame | Rejected:
        """The document as a frame, in the project's units; labels that it lacks are None.

        Raises:
            MissingFieldError, ValueError, TypeError, KeyError: saying what is wrong with it.
        """


def read_bulk_json(
    level: Level,
    data_folder: str | os.PathLike,
    section: str,
    form: Form,
    notes: Notes | None = None,
) -> Iterator[Frame | Rejected]:
    """Yield the frames of a level's JSON files, in their order; memory holds one document.

    A document that cannot be read is yielded as :class:`Rejected`.

    Raises:
        StudyError: for a file that is missing, cut short, JSON of another kind, all of whose
            documents lack a field, or none of which has a label that is asked for.
    """
    for file in divided_files(level.data, data_folder):
        yield from _File(file, f"{section}.data.{file.part}", form, notes or Notes()).frames()


class _File:
    """One file, and what its documents lack."""

    def __init__(self, file: DividedFile, key: str, form: Form, notes: Notes) -> None:
        self._name, self._path, _, self._part, self._label = file
        self._key, self._form, self._notes = key, form, notes
        self._n_documents = self._n_usable = 0
        self._missing: Counter[str] = Counter()
        self._unseen = dict(form.wanted)
        """Labels that no document had yet."""
        self._lacks: dict[str, str] = {}
        self._keys: dict[str, None] = {}
        self._first_reason = ""

    def frames(self) -> Iterator[Frame | Rejected]:
        for document in iter_documents(self._path, self._key, self._form.containers, marks=MARKS):
            self._n_documents += 1
            yield self._read(document)
            if self._n_documents == _TRIED:
                self._see_some_use()
            if self._n_usable == _TRIED_LABELS:
                self._see_labels()
        if not self._n_documents:
            raise StudyError(f"{self._path}: holds no frames; mend {self._key} or the file")
        self._see_some_use()
        self._see_labels()

    def _read(self, document: Document) -> Frame | Rejected:
        frame_id = ".".join(map(str, document.path))
        try:
            parsed = self._parsed(document.text)
            if not isinstance(parsed, dict):
                shown = document.text[:20].decode("utf-8", "replace")
                raise ValueError(f"{shown} stands where an object is expected")
            self._keys |= dict.fromkeys(list(parsed)[:_KEYS_LISTED])
            found = JSONDocument(document.path, parsed, document.text, self._label)
            frame_id = self._form.frame_id(found)
            read = self._form.frame(found, self._part)
            self._n_usable += 1
            if self._unseen and isinstance(read, Frame):
                self._look_for_labels(read, found)
            return read
        except MissingFieldError as error:
            self._missing[str(error)] += 1
            refused = Rejected(frame_id, str(error), "missing key")
        except NotPeriodicError as error:
            self._n_usable += 1
            refused = Rejected(frame_id, str(error), error.kind)
        except (ValueError, TypeError, KeyError, IndexError, ArithmeticError) as error:
            refused = Rejected(frame_id, f"cannot be read: {error or type(error).__name__}")
        self._first_reason = self._first_reason or refused.reason
        return refused

    def _parsed(self, text: bytes) -> object:
        try:
            return parse_document(text)
        except UnicodeDecodeError:
            self._notes.add(f"{self._name}: is no UTF-8, so what is not was read as Latin-1")
            return parse_document(latin_1(text).encode())

    def _look_for_labels(self, frame: Frame, document: JSONDocument) -> None:
        for label in list(self._unseen):
            if label in frame.labels:
                del self._unseen[label]
            elif label not in self._lacks:
                self._lacks[label] = document.lacks.get(label, f"has no '{label}'")

    def _see_some_use(self) -> None:
        """Stop early at a file of another kind, instead of millions of rejects."""
        if self._n_usable:
            return
        what = max(self._missing, key=self._missing.__getitem__, default=self._first_reason)
        raise StudyError(
            f"{self._path}: none of the first {self._n_documents} documents can be read as "
            f"kind {self._form.kind}: a document {what}; they have {self._listed()}. Mend "
            f"{self._key}, or what is declared beside it"
        )

    def _see_labels(self) -> None:
        """Stop where a label or an id that is asked for is in no document."""
        self._form.see_ids(
            f"{self._path}: of {self._n_documents} documents, with the keys {self._listed()}"
        )
        for label, remedy in self._unseen.items():
            if label in self._lacks:
                raise StudyError(
                    f"{self._path}: none of the first {self._n_documents} documents has {label} "
                    f"as kind {self._form.kind} has it: a document {self._lacks[label]}; they have "
                    f"{self._listed()}. {remedy}, or mend {self._key}"
                )

    def _listed(self) -> str:
        return ", ".join(list(self._keys)[:_KEYS_LISTED]) or "no keys"


def array_or_none(value: object) -> np.ndarray | None:
    """Numbers of a document as an array; None stays None.

    Raises:
        ValueError, TypeError: where there is something else than numbers.
    """
    return None if value is None else np.array(value, dtype=np.float64)
