"""Extension of Griffe: references in docstrings become links between pages.

Docstrings name other functions as ``:func:`name```, with or without the path. The name is looked up
where the docstring stands; it is a link where some page describes it, and set as code elsewhere.
"""

import re

import griffe

_ROLE = re.compile(r":(?:func|class|meth|mod|data|attr|exc):`~?([\w.]+)`")
_BLOCK = re.compile(r"::(?=\n\n +\S)")
"""Two colons before an indented block; Markdown has none."""


class Roles(griffe.Extension):
    """Rewrites the docstrings of a package once all of it is loaded."""

    def on_package(self, *, pkg: griffe.Module, **_: object) -> None:
        """Rewrite every docstring below ``pkg``."""
        _rewrite(pkg)


def _rewrite(obj: griffe.Object) -> None:
    if obj.docstring:
        text = _ROLE.sub(lambda match: _link(match[1], obj), obj.docstring.value)
        obj.docstring.value = _BLOCK.sub(":", text)
    for member in obj.members.values():
        if not member.is_alias:
            _rewrite(member)


def _link(name: str, obj: griffe.Object) -> str:
    short = name.rpartition(".")[2]
    path = _path(name, obj)
    if path is None:
        return f"`{name}`"
    return f'<autoref identifier="{path}" optional><code>{short}</code></autoref>'


def _path(name: str, obj: griffe.Object) -> str | None:
    """Full path of what ``name`` means at ``obj``; None where it means nothing there."""
    for scope in (obj, *((obj.parent,) if obj.parent else ())):
        first = name.partition(".")[0]
        if name in scope.members:
            return scope[name].canonical_path
        try:
            return scope.resolve(name) if first in scope.members or first != "rungs" else name
        except griffe.NameResolutionError:
            continue
    return None
