"""Packages that only some studies need: which extra of this project brings them, and are they here?

Looked for by name, never imported: that takes a millisecond, where importing takes seconds.
"""

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from rungs.errors import StudyError

EXTRAS = {
    "diverse": {"dscribe": "dscribe", "scikit-learn": "sklearn"},
    "materials-project": {"mp-api": "mp_api", "emmet-core": "emmet", "deltalake": "deltalake"},
    "properties": {"matcalc": "matcalc", "phonopy": "phonopy"},
    "s3": {"boto3": "boto3"},
    "tensorboard": {"tensorboard": "tensorboard"},
}
"""Extras of pyproject.toml that the library itself asks for: their packages, and the module that
each is imported as."""
_REPOSITORY = Path(__file__).resolve().parents[3]


def absent(extra: str) -> list[str]:
    """Return the packages of an extra that cannot be imported here."""
    modules = EXTRAS[extra]
    return [name for name, module in modules.items() if importlib.util.find_spec(module) is None]


def installation(extras: Iterable[str]) -> str:
    """Return the command that installs extras, from wherever the person is."""
    command = f"pip install -c constraints.txt -e '.[{','.join(sorted(extras))}]'"
    elsewhere = Path.cwd().resolve() != _REPOSITORY
    return f"cd {_REPOSITORY} && {command}" if elsewhere else command


def require(extra: str, asked_by: str) -> None:
    """Stop where packages of an extra are missing, before any work that needs them.

    Args:
        extra: a key of :data:`EXTRAS`.
        asked_by: what needs it, as a person knows it: a key of the configuration.

    Raises:
        StudyError: naming the packages and the command that installs them.
    """
    if names := absent(extra):
        raise StudyError(
            f"{asked_by} needs {' and '.join(names)}, not installed where this runs; install with "
            f"{installation([extra])}"
        )
