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


class FoundRuns(NamedTuple):
    """What lies in a folder of calculations, by path, in order."""

    files: list[str]
    """Files to be read."""
    backups: list[str] = []
    """Backup copies, which are not."""
    dead_links: list[str] = []
    """Symbolic links that lead nowhere, or nowhere that may be looked at."""
    again: list[str] = []
    """Links to what was found already on another way."""
    upwards: list[str] = []
    """Links to folders that hold the searched folder itself."""
    closed: list[str] = []
    """Folders that may not be read."""


def find_runs(root: str | os.PathLike, pattern: str) -> FoundRuns:
    """Search a folder, and those that symbolic links in it lead to, for files of a name.

    What can be reached on several ways is found once, by a way without links if there is one.

    Args:
        root: the folder.
        pattern: names relative to it, with ``*``, ``?`` and ``[…]``; ``**`` stands for folders of
            any depth.
    """
    return _Search(Path(root), PurePosixPath(pattern).parts).found()


class _Search:
    def __init__(self, root: Path, parts: tuple[str, ...]) -> None:
        self._root, self._parts = root, parts
        self._deepest = None if "**" in parts else len(parts)
        self._wants_backups = bool(parts) and _is_backup(parts[-1])
        self._files: list[str] = []
        self._backups: list[str] = []
        self._closed: list[str] = []
        self._links: list[tuple[str, tuple[str, ...]]] = []
        self._folders: set[tuple[int, int]] = set()
        self._known: set[str] = set()

    def found(self) -> FoundRuns:
        dead, again, upwards = [], [], []
        if self._root.is_dir():
            above = {_identity(folder) for folder in self._root.resolve().parents}
            self._walk(str(self._root), ())
            while self._links:
                links, self._links = sorted(self._links), []
                for path, names in links:
                    try:
                        identity, is_folder = _identity(path), Path(path).is_dir()
                    except OSError:
                        dead.append(path)
                        continue
                    if not is_folder:
                        again += [] if self._add(path, names) else [path]
                    elif identity in above:
                        upwards.append(path)
                    elif not self._walk(path, names):
                        again.append(path)
        found = (self._files, self._backups, dead, again, upwards, self._closed)
        return FoundRuns(*map(sorted, found))

    def _walk(self, folder: str, names: tuple[str, ...]) -> bool:
        """Search a folder; False where that was done before."""
        if self._deepest is not None and len(names) >= self._deepest:
            return True
        if (identity := _identity(folder)) in self._folders:
            return False
        self._folders.add(identity)
        for entry in self._entries(folder):
            inner = (*names, entry.name)
            if entry.is_symlink():
                self._links.append((entry.path, inner))
            elif entry.is_dir(follow_symlinks=False):
                self._walk(entry.path, inner)
            else:
                self._add(entry.path, inner)
        return True

    def _entries(self, folder: str) -> list[os.DirEntry]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except PermissionError:
            self._closed.append(folder)
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
        (self._backups if is_backup else self._files).append(path)
        return True


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
