"""Builds the C++ functions with the machine's own compiler, once, and loads them."""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCES = Path(__file__).parent
FLAGS = ("-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-fPIC", "-shared", "-pthread")
BUILD_SECONDS = 300


class BuildError(Exception):
    """The functions cannot be built here; the message says why."""


@functools.cache
def compiled_library() -> ctypes.CDLL | None:
    """Return the library, or None where it cannot be built; then one line says why.

    It is built for this processor by ``$CXX``, ``c++`` or ``g++``, in about ten seconds, and kept
    in ``$RUNGS_CACHE`` or the user's cache folder, so other processes find it built.
    """
    try:
        return ctypes.CDLL(str(_built()))
    except (BuildError, OSError) as error:
        print(
            f"compiled kernels: not here ({error}); the same formulas run in PyTorch, slower",
            file=sys.stderr,
        )
        return None


def _built() -> Path:
    """Return the path of the library, built if need be.

    Its name says what it was built from and for, and what is in it, so that a file that was cut
    short or changed is not loaded but built again.
    """
    compiler = _compiler()
    digest = hashlib.sha256(f"{compiler} {FLAGS} {_processor()}".encode())
    for source in sorted(SOURCES.glob("*.?pp")):
        digest.update(source.read_bytes())
    folder, name = _cache(), f"network-{digest.hexdigest()[:16]}"
    for built in sorted(folder.glob(f"{name}-*.so")):
        if built.stem.removeprefix(f"{name}-") == _content(built):
            return built
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            fresh = Path(scratch) / f"{name}.so"
            _compile(compiler, fresh)
            # Several jobs may build at once: each has its own file, and the last one stays.
            return fresh.replace(folder / f"{name}-{_content(fresh)}.so")
    except OSError as error:
        raise BuildError(f"{folder} cannot be written: {error.strerror}") from None


def _content(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError:
        return ""


def _compile(compiler: str, to: Path) -> None:
    command = [compiler, *FLAGS, str(SOURCES / "network.cpp"), "-o", str(to)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise BuildError(f"{compiler} took more than {BUILD_SECONDS} s") from None
    if done.returncode:
        problem = next((x for x in done.stderr.splitlines() if "error" in x), "it failed")
        raise BuildError(f"{compiler}: {problem}")


def _compiler() -> str:
    named = os.environ.get("CXX")
    for name in [named] if named else ["c++", "g++", "clang++"]:
        if path := shutil.which(name):
            return path
    raise BuildError(f"no C++ compiler: {named or 'c++'} is not on the PATH")


def _cache() -> Path:
    named = os.environ.get("RUNGS_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rungs"


def _processor() -> str:
    """Return what tells apart processors for which the compiler would build differently."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()} {platform.node()}"
    wanted = ("flags", "Features", "model name", "CPU part")
    return "\n".join(sorted({x for x in lines if x.startswith(wanted)}))
