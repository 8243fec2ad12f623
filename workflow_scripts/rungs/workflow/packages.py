"""Packages that only some studies need: which extra of this project brings them, and are they here?

Looked for by name, never imported: that takes a millisecond, where importing takes seconds.
"""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from rungs.errors import StudyError

EXTRAS = {
    "diverse": {"dscribe": "dscribe", "scikit-learn": "sklearn"},
    "mace": {"mace-torch": "mace"},
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


def fault(asked: Mapping[str, str]) -> str | None:
    """Return one sentence on what is missing here and the command that installs it, or None.

    Args:
        asked: extras that are needed, each with what asks for it, as a person knows it: a key of
            the configuration.
    """
    missing = {extra: names for extra in asked if (names := absent(extra))}
    if not missing:
        return None
    needs = ", ".join(f"{asked[extra]} needs {_listed(names)}" for extra, names in missing.items())
    command = f"pip install -c constraints.txt -e '.[{','.join(sorted(missing))}]'"
    if Path.cwd().resolve() != _REPOSITORY:
        command = f"cd {_REPOSITORY} && {command}"
    return f"{needs}, not installed here; this does it: {command}"


def require(extra: str, asked_by: str) -> None:
    """Stop where packages of an extra are missing, before any work that needs them.

    Raises:
        StudyError: with the sentence of :func:`fault`.
    """
    if found := fault({extra: asked_by}):
        raise StudyError(found)


def _listed(names: list[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
