"""What the files and folders are that a person names, by what is in them."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rungs.config.published import MODELS
from rungs.config.vasp_folders import find_runs
from rungs.errors import StudyError
from rungs.sources.file_kinds import FileKind
from rungs.sources.opening import FirstLook, first_look, open_text, refused

_RUNS = "**/vasprun.xml*"
_TEST = re.compile(r"(?<![a-z])(?:test(?:ing)?(?:[ _-]?set)?|holdout|hold[ _-]out)(?![a-z])", re.I)
_TRAIN = re.compile(r"(?<![a-z])train(?:ing)?(?:[ _-]?set)?(?![a-z])", re.I)
_SHOWN = 4
_DATA = ("extended XYZ", "an ASE database or trajectory", "JSON, Parquet or a folder of VASP runs")
WANTED = f"frames as {', '.join(_DATA)}"
_SUFFIXES = re.compile(r"\.(?:xyz|extxyz|json|jsonl|db|traj|parquet|gz|bz2|xz|zst|zip)+\Z", re.I)


@dataclass
class Given:
    """One side of a study, as far as the disk tells."""

    kind: str
    """Kind of source, as ``data.kind`` has it; ``published`` for a published model."""
    name: str
    """Stem that the side goes by: of a file, of a folder, of a published model."""
    train: list[Path] = field(default_factory=list)
    """Files, absolute; the folder itself of VASP runs."""
    test: list[Path] = field(default_factory=list)
    pattern: str | None = None
    """Of the runs in a folder, where it is not the usual one."""
    remarks: list[str] = field(default_factory=list)
    """What was decided about files that were not named."""

    @property
    def files(self) -> list[Path]:
        """Every file, those for training first."""
        return self.train + self.test


def look_at(name: str, role: str) -> Given:
    """Find out what ``name`` is.

    Args:
        name: a file or a folder; for the source also a published model.
        role: ``SOURCE`` or ``TARGET``, for messages.

    Raises:
        StudyError: in one sentence, when there is nothing of that name, no frames in it, or files
            of several kinds.
    """
    path = Path(os.path.expandvars(name)).expanduser()
    if name in MODELS and not path.exists():
        if role != "SOURCE":
            raise StudyError(
                f"{role} {name}: is a published model, from which a study can start; the target "
                "is a file or folder with frames"
            )
        return Given("published", f"CHGNet {name}")
    if path.is_dir():
        return _of_folder(path.resolve(), role)
    if not path.exists():
        from rungs.config.first_look import file_fault

        models = f"; published models are {', '.join(MODELS)}" if role == "SOURCE" else ""
        raise StudyError(f"{role} {name}: cannot be read ({file_fault(path)}){models}")
    return _of_file(Path(os.path.abspath(path)))  # noqa: PTH100 - links stay what they are called


def stem_of(path: Path) -> str:
    """Name of a file without the endings of its kind."""
    return _SUFFIXES.sub("", path.name) or path.stem


def _of_folder(folder: Path, role: str) -> Given:
    runs = find_runs(folder, _RUNS).files
    if runs:
        others = sorted({"", *(Path(run.name).name for run in runs)} - {"", "vasprun.xml"})
        remark = [f"files are called {', '.join(others[:_SHOWN])}"] if others else []
        return Given("vasp_runs", folder.name, [folder], remarks=remark)
    kinds: dict[str, list[Path]] = {}
    strange: list[str] = []
    for path in _data_files(folder):
        try:
            kinds.setdefault(kind_of_data(path), []).append(path)
        except StudyError as error:
            strange.append(str(error))
    if not kinds:
        told = f"; {strange[0]}" if strange else ""
        raise StudyError(f"{role} {folder}: no file in this folder holds {WANTED}{told}")
    if len(kinds) > 1:
        listed = "; ".join(
            f"{kind}: {', '.join(p.name for p in files[:_SHOWN])}" for kind, files in kinds.items()
        )
        raise StudyError(
            f"{role} {folder}: holds files of several kinds ({listed}); name the file that is meant"
        )
    ((kind, files),) = kinds.items()
    tests = [path for path in files if _TEST.search(stem_of(path))]
    train = [path for path in files if path not in tests]
    if not train:
        train, tests = tests, []
    remarks = [f"{len(files)} files of the folder, by name"]
    return Given(kind, folder.name, train, tests, remarks=remarks)


def _data_files(folder: Path) -> Iterable[Path]:
    """Files of a folder that may be data, without hidden ones and texts about them."""
    texts = {".md", ".txt", ".rst", ".yaml", ".yml", ".log", ".py", ".csv", ".pdf", ".png", ".sh"}
    for path in sorted(folder.iterdir()):
        hidden = path.name.startswith(".") or path.name.endswith("~")
        if path.is_file() and not hidden and path.suffix.lower() not in texts:
            yield path


def _of_file(path: Path) -> Given:
    kind = kind_of_data(path)
    if kind == "vasp_runs":
        given = Given(kind, path.parent.name, [path.parent])
        given.pattern = path.name if path.name != "vasprun.xml" else "vasprun.xml"
        return given
    sibling = _test_beside(path, kind)
    if sibling is not None:
        remark = f"{sibling.name} lies beside and is taken for its test part"
        return Given(kind, stem_of(path), [path], [sibling], remarks=[remark])
    return Given(kind, stem_of(path), [path])


def _test_beside(path: Path, kind: str) -> Path | None:
    """The file beside a training file that has ``test`` where this one has ``training``."""
    stem = stem_of(path)
    match = _TRAIN.search(stem)
    if match is None:
        return None
    wanted = stem[: match.start()] + "\0" + stem[match.end() :]
    for other in sorted(path.parent.iterdir()):
        name = stem_of(other)
        found = _TEST.search(name) if other.is_file() and other != path else None
        if found and name[: found.start()] + "\0" + name[found.end() :] == wanted:
            try:
                return other if kind_of_data(other) == kind else None
            except StudyError:
                return None
    return None


def kind_of_data(path: Path) -> str:
    """Kind of source that reads a file, by its content.

    Raises:
        StudyError: when it is none, saying what it is instead.
    """
    look = first_look(path)
    match look.kind:
        case FileKind.EMPTY:
            raise StudyError(f"{path}: is empty, it has 0 bytes; get a whole copy")
        case FileKind.SQLITE | FileKind.ULM:
            return "ase_db"
        case FileKind.PARQUET if not look.packing:
            return "parquet"
        case FileKind.XML:
            if b"<modeling" not in look.head:
                raise refused(path, look, WANTED)
            return "vasp_runs"
        case FileKind.JSON:
            return _kind_of_json(path, look)
        case FileKind.TEXT:
            if _is_xyz(path):
                return "extended_xyz"
            raise StudyError(
                f"{path}: is a text, but no extended XYZ, whose first line is a number of atoms; "
                f"name a file with {WANTED}"
            )
    raise refused(path, look, WANTED)


def _is_xyz(path: Path) -> bool:
    with open_text(path, "extended XYZ") as lines:
        for line in lines.take(20):
            if line.strip():
                return line.strip().isdigit()
    return False


_OF_ASE = (b'"ids"', b'"nextid"', b'"unique_id"')
_OF_MP = ("energy_per_atom", "uncorrected_total_energy", "corrected_total_energy", "force", "mp_id")


def _kind_of_json(path: Path, look: FirstLook) -> str:
    if any(word in look.head for word in _OF_ASE) and b'"structure"' not in look.head:
        return "ase_db"
    keys = {key for document in sample_documents(path, 3) for key in document}
    if "structure" not in keys:
        found = ", ".join(sorted(keys)[:_SHOWN]) or "nothing"
        raise StudyError(
            f"{path}: is JSON, but its documents have no 'structure' (they have {found}); name a "
            f"file with {WANTED}"
        )
    if "matpes_id" in keys or ("energy" in keys and not keys & set(_OF_MP[:3])):
        return "matpes_json"
    return "mp_json"


def sample_documents(path: Path, number: int) -> list[dict]:
    """The first few documents of a JSON file.

    Raises:
        StudyError: as of :func:`rungs.sources.json_documents.iter_documents`.
    """
    from itertools import islice

    from rungs.sources.bulk_json import MARKS
    from rungs.sources.json_documents import iter_documents
    from rungs.sources.structures import parse_document

    found = []
    for document in islice(iter_documents(path, "the file", ("{[",), marks=MARKS), number):
        try:
            parsed = parse_document(document.text)
        except ValueError:
            continue
        if isinstance(parsed, dict):
            found.append(parsed)
    return found
