"""The file of a study as nested values, read so that nothing in it is lost in silence."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path

from rungs.errors import StudyError


def read_values(path: str | os.PathLike) -> dict[str, object]:
    """Return what a study's YAML file holds, as it stands there.

    Raises:
        StudyError: when the file is missing, a folder, no text in UTF-8, no YAML, no mapping, or
            has a key twice, of which YAML's own readers keep the last without a word.
    """
    import yaml

    path = Path(path)
    text = _text(path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None:
            _refuse_repeated(node, path)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise StudyError(f"{path}{_fault(error)}") from None
    except (ValueError, RecursionError) as error:
        raise StudyError(f"{path}: is not valid YAML: {error or 'nested too deeply'}") from None
    if not isinstance(values, Mapping):
        what = "is empty" if values is None else "has no keys at its top level"
        raise StudyError(f"{path}: {what}; see config.yaml for an example of a study")
    return dict(values)


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise StudyError(f"{path}: cannot be read (no such file){_neighbour(path)}") from None
    except IsADirectoryError:
        raise StudyError(
            f"{path}: cannot be read (it is a folder); name the study's YAML file in it"
        ) from None
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        # with or without a byte order mark
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if b"\0" in data:
            raise StudyError(f"{path}: is no text; a study is a text file in YAML") from None
        line = data.count(b"\n", 0, error.start) + 1
        raise StudyError(
            f"{path}, line {line}: is not in UTF-8, perhaps in Latin-1; save the file as UTF-8"
        ) from None
    if "\0" in text:
        raise StudyError(f"{path}: is no text; a study is a text file in YAML")
    return text


def _neighbour(path: Path) -> str:
    """A file that may have been meant, in words."""
    folder = path.parent
    there = [str(p) for f in (folder, folder / "config", Path("config")) for p in f.glob("*.y*ml")]
    names = {Path(name).name: name for name in reversed(there)}
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
    return f"; did you mean {names[near[0]]}?" if near else ""


def _refuse_repeated(node: object, path: Path, prefix: str = "") -> None:
    """Raise StudyError for the first key that stands in one section twice."""
    import yaml

    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _refuse_repeated(child, path, prefix)
    if not isinstance(node, yaml.MappingNode):
        return
    first: dict[str, int] = {}
    for key, value in node.value:
        name, line = str(getattr(key, "value", "")), key.start_mark.line + 1
        # `<<` merges sections and may stand there for each
        if name != "<<" and first.setdefault(name, line) != line:
            raise StudyError(
                f"{path}: {prefix}{name} stands there twice, in lines {first[name]} and {line}; "
                "keep one of them"
            )
        _refuse_repeated(value, path, f"{prefix}{name}.")


def _fault(error: Exception) -> str:
    """Where and what, in the words of one line."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    where = f", line {mark.line + 1}" if mark else ""
    if "'\\t'" in problem:
        return f"{where}: has a tab in its indentation, which YAML does not take; use blanks"
    if "could not find expected ':'" in problem and getattr(error, "context_mark", None):
        return f", line {error.context_mark.line + 1}: has no colon after its key, `key: value`"
    return f"{where}: is not valid YAML: {problem}"
