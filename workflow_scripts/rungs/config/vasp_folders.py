"""Which files in a folder of VASP calculations are read: behind links too, each one once."""

import os
import re
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from rungs.config.packings import unpacked_name

_BACKUP = re.compile(
    r"(?:~|\.(?:bak|backup|bck|old|orig|original|save|saved|sav|copy|tmp|temp|swp|part)\d*"
    r"|[ ._-]\(?copy\)?(?: ?\d+)?| \(\d+\))\Z|\A\.?#",
    re.IGNORECASE,
)
"""Names that editors, systems and people give to copies."""
_LONGEST_LINK = 255
"""Bytes of a path that a file may hold in place of a link."""


class Found(NamedTuple):
    """A file, link or folder."""

    name: str
    """Path in the searched folder, by the names of links."""
    path: str
    """Where it lies."""


class FoundRuns(NamedTuple):
    """What lies in a folder of calculations, by name, in order."""

    files: list[Found]
    """Files to be read."""
    backups: list[Found] = []
    """Backup copies, which are not."""
    dead_links: list[Found] = []
    """Symbolic links that lead nowhere, where a run or a folder may have been."""
    again: list[Found] = []
    """Links to what was found already on another way."""
    upwards: list[Found] = []
    """Links to folders that hold the searched folder itself."""
    written_links: list[Found] = []
    """Files that hold a path and were followed, as links become in copies without links."""
    closed: list[Found] = []
    """Folders that may not be read."""


def find_runs(root: str | os.PathLike, pattern: str) -> FoundRuns:
    """Search a folder, and those that symbolic links in it lead to, for files of a name.

    What can be reached on several ways is found once, by a way without links if there is one.

    Args:
        root: the folder.
        pattern: names relative to it, with ``*``, ``?`` and ``[…]``; ``**`` stands for folders of
            any depth.
    """
    return _Search(PurePosixPath(pattern).parts).found(str(root))


class _Link(NamedTuple):
    names: tuple[str, ...]
    target: str
    is_written: bool = False


class _Search:
    def __init__(self, parts: tuple[str, ...]) -> None:
        self._parts = parts
        self._deepest = None if "**" in parts else len(parts)
        self._wants_backups = bool(parts) and _is_backup(parts[-1])
        self._lists: dict[str, list[Found]] = {name: [] for name in FoundRuns._fields}
        self._links: list[_Link] = []
        self._folders: set[tuple[int, int]] = set()
        self._known: set[str] = set()

    def found(self, root: str) -> FoundRuns:
        if (target := _written_link(root)) is not None:
            self._keep("written_links", (Path(root).name,), root)
            root = target
        if Path(root).is_dir():
            above = {_identity(folder) for folder in Path(root).resolve().parents}
            self._walk(root, ())
            while self._links:
                links, self._links = sorted(self._links), []
                for link in links:
                    self._follow(link, above)
        return FoundRuns(**{name: sorted(found) for name, found in self._lists.items()})

    def _keep(self, kind: str, names: tuple[str, ...], path: str) -> None:
        self._lists[kind].append(Found("/".join(names), path))

    def _follow(self, link: _Link, above: set[tuple[int, int]]) -> None:
        if Path(link.target).is_dir():
            if _identity(link.target) in above:
                self._keep("upwards", link.names, link.target)
                return
            is_new = self._walk(link.target, link.names)
        else:
            is_new = self._add(link.target, link.names)
        if not is_new:
            self._keep("again", link.names, link.target)
        elif link.is_written:
            self._keep("written_links", link.names, link.target)

    def _walk(self, folder: str, names: tuple[str, ...]) -> bool:
        """Search a folder; False where that was done before."""
        if self._deepest is not None and len(names) >= self._deepest:
            return True
        if (identity := _identity(folder)) in self._folders:
            return False
        self._folders.add(identity)
        entries = self._entries(folder, names)
        # what lies beside a run is its own: its links, often dead, are to other files of VASP
        has_run = any(_fits((*names, entry.name), self._parts) for entry in entries)
        for entry in entries:
            inner = (*names, entry.name)
            matters = not has_run or _fits(inner, self._parts)
            if entry.is_dir(follow_symlinks=False):
                self._walk(entry.path, inner)
            elif entry.is_symlink():
                if Path(entry.path).exists():
                    self._links.append(_Link(inner, entry.path))
                elif matters:
                    self._keep("dead_links", inner, entry.path)
            elif matters and _is_short(entry) and (target := _written_link(entry.path)):
                self._links.append(_Link(inner, target, is_written=True))
            else:
                self._add(entry.path, inner)
        return True

    def _entries(self, folder: str, names: tuple[str, ...]) -> list[os.DirEntry]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except PermissionError:
            self._keep("closed", names or (Path(folder).name,), folder)
            return []

    def _add(self, path: str, names: tuple[str, ...]) -> bool:
        """Take a file whose name fits; False where it is known already."""
        if not _fits(names, self._parts):
            return True
        real = os.path.realpath(path)
        if real in self._known:
            return False
        self._known.add(real)
        is_backup = not self._wants_backups and _is_backup(names[-1])
        self._keep("backups" if is_backup else "files", names, path)
        return True


def _is_short(entry: os.DirEntry) -> bool:
    try:
        return 0 < entry.stat(follow_symlinks=False).st_size <= _LONGEST_LINK
    except OSError:
        return False


def _written_link(path: str) -> str | None:
    """What a file leads to that holds nothing but the relative path of another or of a folder.

    Git and archives make such files of symbolic links where there are none.
    """
    try:
        if not 0 < Path(path).stat().st_size <= _LONGEST_LINK or not Path(path).is_file():
            return None
        text = Path(path).read_text(encoding="utf-8")
        target = Path(path).parent / text
        is_link = text.isprintable() and text == text.strip() and not Path(text).is_absolute()
        if is_link and target.exists() and not target.samefile(path):
            return os.path.realpath(target)
    except (OSError, ValueError):  # no text, or no path
        pass
    return None


def _identity(path: str | os.PathLike) -> tuple[int, int]:
    found = Path(path).stat()
    return found.st_dev, found.st_ino


def _is_backup(name: str) -> bool:
    return any(_BACKUP.search(n) for n in (name, unpacked_name(name)))


def _fits(names: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    if not parts:
        return not names
    if parts[0] == "**":
        return any(_fits(names[skipped:], parts[1:]) for skipped in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0], parts[0]) and _fits(names[1:], parts[1:])
