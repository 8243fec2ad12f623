"""How the compiled network is built: once, for this processor, and what happens where it cannot."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from rungs.potentials.chgnet.compiled import library

needs_compiler = pytest.mark.skipif(
    library.compiled_library() is None, reason="the compiled functions cannot be built here"
)


def python(code: str, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )


USE_TWICE = """
from rungs.potentials.chgnet.compiled.library import compiled_library
print(compiled_library() is not None, compiled_library() is not None)
"""


class Compiler:
    """A compiler that takes no time: it hands out the library that is built already.

    Args:
        folder: where it goes, with the list of what it was called for.
        at_once: how many must call it before any gets a library.
    """

    def __init__(self, folder: Path, at_once: int = 1) -> None:
        self.path, self._log = folder / "fast-c++", folder / "log"
        self.path.write_text(
            f"#!/bin/sh\necho $$ >> '{self._log}'\n"
            f"while [ $(wc -l < '{self._log}') -lt {at_once} ]; do sleep 0.02; done\n"
            f"for to; do :; done\ncp '{library._built()}' \"$to\"\n"
        )
        self.path.chmod(0o755)

    @property
    def n_calls(self) -> int:
        return len(self._log.read_text().splitlines())


def test_without_a_compiler_one_line_says_so(tmp_path):
    done = python(USE_TWICE, CXX="no-such-compiler", RUNGS_CACHE=str(tmp_path))
    assert done.stdout.split() == ["False", "False"]
    (line,) = done.stderr.strip().splitlines()
    assert "no C++ compiler: no-such-compiler is not on the PATH" in line
    assert "run in PyTorch" in line


def test_a_compiler_that_fails_is_quoted(tmp_path):
    broken = tmp_path / "c++"
    broken.write_text("#!/bin/sh\necho 'fatal error: no luck' >&2\nexit 1\n")
    broken.chmod(0o755)
    done = python(USE_TWICE, CXX=str(broken), RUNGS_CACHE=str(tmp_path / "cache"))
    assert done.stdout.split() == ["False", "False"]
    assert "fatal error: no luck" in done.stderr
    assert not list((tmp_path / "cache").iterdir())


def test_a_cache_that_cannot_be_written(tmp_path):
    """A file is in its place, which stops root too."""
    cache = tmp_path / "cache"
    cache.write_text("not a folder")
    done = python(USE_TWICE, RUNGS_CACHE=str(cache))
    assert done.stdout.split() == ["False", "False"]
    (line,) = done.stderr.strip().splitlines()
    assert f"{cache} cannot be written" in line
    assert "run in PyTorch" in line


@needs_compiler
def test_what_is_built_is_found_again(tmp_path):
    compiler, cache = Compiler(tmp_path), tmp_path / "cache"
    found = []
    for _ in range(2):
        done = python(USE_TWICE, CXX=str(compiler.path), RUNGS_CACHE=str(cache))
        assert done.stdout.split() == ["True", "True"]
        assert not done.stderr
        (built,) = cache.iterdir()
        found.append((built, built.stat().st_mtime_ns))
    assert found[0] == found[1]
    assert compiler.n_calls == 1


DAMAGES = {
    "empty": lambda _: b"",
    "cut short": lambda content: content[: len(content) // 2],
    "one bit": lambda content: content[:5000] + bytes([content[5000] ^ 1]) + content[5001:],
    "longer": lambda content: content + b"\0",
}


@needs_compiler
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_library_is_built_again(damage, tmp_path):
    """Loading one whose end is missing would end the process with a bus error."""
    compiler, cache = Compiler(tmp_path), tmp_path / "cache"
    python(USE_TWICE, CXX=str(compiler.path), RUNGS_CACHE=str(cache))
    (built,) = cache.iterdir()
    content = built.read_bytes()
    built.write_bytes(damage(content))
    done = python(USE_TWICE, CXX=str(compiler.path), RUNGS_CACHE=str(cache))
    assert done.stdout.split() == ["True", "True"]
    assert not done.stderr
    assert compiler.n_calls == 2
    assert list(cache.iterdir()) == [built]
    assert built.read_bytes() == content


@needs_compiler
def test_two_processes_build_at_once(tmp_path):
    compiler, cache = Compiler(tmp_path, at_once=2), tmp_path / "cache"
    environment = {**os.environ, "CXX": str(compiler.path), "RUNGS_CACHE": str(cache)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", USE_TWICE],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in running:
        output, errors = process.communicate(timeout=60)
        assert output.split() == ["True", "True"]
        assert not errors
    assert compiler.n_calls == 2
    (built,) = cache.iterdir()
    assert built.suffix == ".so"


OTHER_FLAGS = """
import sys
import pytest
from rungs.potentials.chgnet.compiled import library

library.FLAGS = tuple(x.replace("native", sys.argv[1]) for x in library.FLAGS)
sys.exit(pytest.main(sys.argv[2:]))
"""


def knows(level: str) -> bool:
    """Whether this processor does what x86-64 asks for at a level."""
    if level == "x86-64":
        return platform.machine() in ("x86_64", "AMD64")
    lines = Path("/proc/cpuinfo").read_text().splitlines() if sys.platform == "linux" else []
    return any({"avx2", "fma", "bmi2"} <= set(line.split()) for line in lines)


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("level", ["x86-64-v3", "x86-64"])
def test_processors_without_avx512_and_without_avx(level, tmp_path, repository):
    """Vectors have half and a quarter of the numbers, and exponentials are others."""
    if not knows(level):
        pytest.skip(f"this processor does not know {level}")
    arguments = [
        "-q",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        str(Path(__file__).with_name("test_compiled.py")),
    ]
    arguments += ["-k", "any_architecture or float32 or threads or some_predictions"]
    # of the tests that run around these
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-c", OTHER_FLAGS, level, *arguments],
        env={**inherited, "RUNGS_CACHE": str(tmp_path)},
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(tmp_path.glob("network-*.so"))) == 1
