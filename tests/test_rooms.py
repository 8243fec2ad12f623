"""The library's rooms: what CONTRIBUTING says of them is so, and imports run one way."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[1] / "workflow_scripts/rungs"
AT_THE_TOP = {"__init__", "__main__", "elements", "errors", "files", "seeds"}
SCALING = ["runs", "bootstrap", "laws", "intervals", "answers"]
"""Of the rooms in scaling/, none imports one that stands later."""
ROW = re.compile(r"^\| `(\w+)/` \| (.+) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def rooms(repository) -> list[str]:
    """The rooms in the order in which CONTRIBUTING lists them."""
    text = (repository / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text[text.index("| room |") :].split("\n\n")[0]
    return [name for name, _ in ROW.findall(table)]


def imports_of(file: Path) -> Iterator[str]:
    """Every module of the library that a file names, wherever the statement stands."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            if node.module == "rungs":
                yield from (f"rungs.{alias.name}" for alias in node.names)
            elif node.module.startswith("rungs."):
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("rungs."))


def backward(files: Path, order: list[str], depth: int) -> list[str]:
    """Imports of a room that stands later in ``order``; ``depth`` is where modules name rooms."""
    place = {room: k for k, room in enumerate(order)}
    found = []
    for file in sorted(files.rglob("*.py")):
        room = file.relative_to(files).with_suffix("").parts[0]
        for module in imports_of(file):
            named = [*module.split("."), ""][depth]
            if place.get(named, -1) > place.get(room, len(order)):
                found.append(f"{file.relative_to(files)} imports {module}")
    return found


def test_every_room_is_in_the_table_of_contributing(rooms):
    folders = {path.parent.name for path in LIBRARY.glob("*/__init__.py")}
    assert sorted(rooms) == sorted(folders)


def test_nothing_else_lies_at_the_top():
    assert {path.stem for path in LIBRARY.glob("*.py")} == AT_THE_TOP


def test_imports_run_one_way(rooms):
    order = ["errors", "elements", "seeds", "files", *rooms]
    assert backward(LIBRARY, order, 1) == []


def test_imports_within_scaling_run_one_way():
    folders = {path.parent.name for path in (LIBRARY / "scaling").glob("*/__init__.py")}
    files = {path.stem for path in (LIBRARY / "scaling").glob("*.py")} - {"__init__"}
    assert folders | files == set(SCALING)
    assert backward(LIBRARY / "scaling", SCALING, 2) == []


def test_a_backward_import_would_be_found(tmp_path):
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames/table.py").write_text("def f():\n    from rungs.figures.style import x\n")
    assert backward(tmp_path, ["frames", "figures"], 1) == [
        "frames/table.py imports rungs.figures.style"
    ]


def test_the_library_imports_nothing_of_snakemake():
    for file in LIBRARY.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [x.name for x in node.names] if isinstance(node, ast.Import) else []
            assert not [x for x in names if x.split(".")[0] == "snakemake"], file


def test_every_module_says_what_is_inside():
    for file in LIBRARY.rglob("*.py"):
        docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
        assert docstring, file


def test_the_library_names_the_same_order(rooms):
    """In its own docstring, for whoever asks `help(rungs)`."""
    docstring = ast.get_docstring(ast.parse((LIBRARY / "__init__.py").read_text(encoding="utf-8")))
    listed = re.search(r"``(.+?)``", docstring, re.DOTALL)[1]
    assert [name.strip() for name in listed.split("→")] == rooms


def test_tests_mirror_the_library(repository, rooms):
    """Each room has tests of its own in a folder of its name."""
    for room in rooms:
        assert list((repository / "tests" / room).rglob("test_*.py")), room
