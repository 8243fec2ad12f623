"""A proposed study as commented YAML."""

import json
import re
from collections.abc import Mapping

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_+().\-/³Å]*\Z")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "none", "nan", "inf"}
_COLUMN = 44


def scalar(value: object) -> str:
    """A value in YAML's flow style."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = repr(value)
        return f"{value:.1e}" if "e" in text or abs(value) < 0.01 else text
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(k)}: {scalar(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(scalar, value)) + "]"
    text = str(value)
    if _PLAIN.match(text) and text.lower() not in _WORDS:
        return text
    if "\\" in text or not text.isprintable():
        return "'" + text.replace("'", "''") + "'" if text.isprintable() else json.dumps(text)
    return json.dumps(text, ensure_ascii=False)


def line(key: str, value: object, indent: int = 0, comment: str | None = None) -> str:
    """``key: value  # comment``, with comments in a column of their own."""
    text = f"{' ' * indent}{key}: {scalar(value)}"
    return f"{text.ljust(_COLUMN)}  # {comment}" if comment else text


def section(
    values: Mapping[str, object],
    indent: int,
    checks: Mapping[str, str],
    comments: Mapping[str, str],
) -> list[str]:
    """The lines of a section whose values are written in one line each."""
    lines = []
    for key, value in values.items():
        note = comments.get(key)
        if key in checks:
            note = f"check: {checks[key]}"
        lines.append(line(key, value, indent, note))
    return lines
