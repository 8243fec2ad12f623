"""The reference page of a study's configuration, from the same typed model as its schema."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from rungs.config.study import Study

GUIDES = {
    "source, target": "[Where frames come from](data.md), [your own data](own_data.md)",
    "mp_api": "[Data from the Materials Project](materials_project.md)",
    "classical_md": "[Classical dynamics](data.md#classical-dynamics)",
    "filters": "[Filters](splits.md#filters)",
    "screening": "[What is refused](own_data.md#what-is-refused)",
    "split": "[Splits](splits.md#splits)",
    "subsets": "[Subsets](splits.md#subsets)",
    "pretraining.training, fine_tuning, models.NAME.pretraining.training": (
        "[What a training can be told](engine.md#what-a-training-can-be-told)"
    ),
    "models.NAME": "[Models as an axis](models.md)",
    "methods.NAME": "[Methods of transfer](methods.md)",
    "pools.NAME": "[Training on a part](temperature_transfer.md#training-on-a-part)",
    "plan": "[Planning a budget](planning.md)",
    "evaluation": "[Errors in detail](evaluation.md)",
    "simulations": "[Simulations](simulations.md)",
    "properties": "[Properties that no model was trained on](properties.md)",
    "tracking": "[Watching trainings](tracking.md)",
}
"""Pages of docs/ that say more of a section, by its heading."""

_HEAD = """\
# Configuration reference

<!-- Written by `make schema` from the typed configuration (rungs.config); change it there. -->

A study is one YAML file, and this page has every key that it may hold. It is made from the model
that checks the file when a study starts. So is `schemas/study.schema.json`, which lets an editor
with a YAML language server complete keys and show these texts, if the file begins with

```yaml
# yaml-language-server: $schema=schemas/study.schema.json
```

- Keys without a default are **required**. A section whose keys all have defaults may be left out.
- A key that is not here is an error, which names the nearest one that is.
- `results/STUDY/study.yaml` says what was understood, defaults filled in.
- `config.yaml` is a commented example, and [the tutorial](tutorial.md) goes through another one.

"""

_Schema = Mapping[str, object]
_Links = Mapping[str, list[str]]
"""The anchors of each section, by its name in the schema."""
_ENDS = {
    "minimum": "from {:g}",
    "exclusiveMinimum": "above {:g}",
    "maximum": "to {:g}",
    "exclusiveMaximum": "below {:g}",
}


class _Section(NamedTuple):
    """A section of the configuration: its name in the schema and where it stands in a file.

    Places are dotted paths, those below ``source`` and ``target`` without these; a kind of source
    goes by its kind.
    """

    name: str
    places: list[str]
    depth: int


def reference_text() -> str:
    """Return the page as Markdown: an overview, then each section with its keys."""
    schema = Study.model_json_schema()
    sections = _sections(schema)
    links = {x.name: [place.removesuffix(".NAME") for place in x.places] for x in sections}
    links["Level"] = links["TargetLevel"]
    # A section of one of several kinds is described by its kinds.
    plain = {
        key: prop
        for key, prop in schema["properties"].items()
        if all(kind for _, kind in _sections_of(prop))
    }
    parts = [_HEAD, *_overview(schema), "## The study itself\n\n"]
    parts += _keys({**schema, "properties": plain}, [""], links)
    for section in sections:
        model = dict(schema["$defs"][section.name])
        if section.name == "TargetLevel":
            model["description"] = schema["$defs"]["Level"]["description"]
        parts += _described(section, model, links)
    return "".join(parts).rstrip() + "\n"


def _sections(schema: _Schema) -> list[_Section]:
    """Every section once, in the order of a file.

    The two levels are one section with the target's keys, which are the source's and a few more.
    """
    found: dict[str, _Section] = {}

    def visit(properties: _Schema, path: str, depth: int) -> None:
        for key, prop in properties.items():
            for name, kind in _sections_of(prop):
                name = "TargetLevel" if name == "Level" else name  # noqa: PLW2901
                place = kind or path + key + (".NAME" if _is_mapping(prop) else "")
                section = found.setdefault(name, _Section(name, [], depth))
                if place not in section.places:
                    section.places.append(place)
                    inner = "" if name == "TargetLevel" else f"{place}."
                    visit(schema["$defs"][name]["properties"], inner, depth + 1)

    visit(schema["properties"], "", 2)
    return list(found.values())


def _sections_of(prop: _Schema) -> Iterator[tuple[str, str | None]]:
    """Names of the sections that a value may be or hold, each with its ``kind`` if it has one."""
    if "$ref" in prop:
        yield _name(prop), None
    elif "discriminator" in prop:
        kinds = {ref: kind for kind, ref in prop["discriminator"]["mapping"].items()}
        for choice in prop["oneOf"]:
            yield _name(choice), kinds[choice["$ref"]]
    else:
        for inner in (*prop.get("anyOf", ()), *_members(prop)):
            yield from _sections_of(inner)


def _name(prop: _Schema) -> str:
    return prop["$ref"].rpartition("/")[2]


def _members(prop: _Schema) -> Iterator[_Schema]:
    """The schema of a list's items, or of a mapping's values."""
    yield from prop.get("patternProperties", {}).values()
    for key in ("items", "additionalProperties"):
        if isinstance(prop.get(key), Mapping):
            yield prop[key]


def _is_mapping(prop: _Schema) -> bool:
    return "patternProperties" in prop or isinstance(prop.get("additionalProperties"), Mapping)


def _overview(schema: _Schema) -> Iterator[str]:
    """The top of a study's file as a table, each key with a link to where it is explained."""
    yield "| key | what it is | |\n| --- | --- | --- |\n"
    for key, prop in schema["properties"].items():
        named = [name for name, _ in _sections_of(prop)]
        text = prop.get("description") or schema["$defs"][named[0]]["description"]
        first = _markdown(text, " ").partition(". ")[0].removesuffix(".")
        need = "required" if key in schema["required"] else ""
        yield f"| [`{key}`](#{key}) | {first} | {need} |\n"
    yield "\n"


def _described(section: _Section, model: _Schema, links: _Links) -> Iterator[str]:
    """A section's heading, what its docstring says, and its keys."""
    kind = model["properties"].get("kind", {}).get("const")
    heading = f"`kind: {kind}`" if kind else ", ".join(f"`{place}`" for place in section.places)
    paths = [place.removesuffix(".NAME") for place in section.places]
    own = re.sub(r"[^\w -]", "", heading)  # the id that the heading has anyway
    if ids := [path for path in paths if path != own]:
        yield "".join(map(_anchor, ids)) + "\n\n"
    yield f"{'#' * min(section.depth, 4)} {heading}\n\n{_markdown(model['description'])}\n\n"
    if guide := GUIDES.get(", ".join(section.places)):
        yield f"More: {guide}.\n\n"
    rest = {key: prop for key, prop in model["properties"].items() if key != "kind"}
    yield from _keys({**model, "properties": rest}, [f"{path}." for path in paths], links)


def _keys(model: _Schema, paths: list[str], links: _Links) -> Iterator[str]:
    """A list of keys, each with its values, its default and its meaning."""
    of_sections = {anchor for anchors in links.values() for anchor in anchors}
    for key, prop in model["properties"].items():
        facts = [f"**`{key}`**", _values(prop, links)]
        if key in model.get("required", ()):
            facts.append("**required**")
        elif "$ref" in prop:
            facts.append("may be left out")
        else:
            facts.append(f"default `{_yaml(prop['default'])}`")
        if key == "price":
            facts.append("of the target only")
        # a key whose value is a section of its own is found by the section's heading
        ids = [path + key for path in paths if path + key not in of_sections]
        yield f"- {''.join(map(_anchor, ids))}{' · '.join(facts)}"
        text = _markdown(prop.get("description", ""), "\n  ")
        yield f"<br>\n  {text}\n" if text else "\n"
    yield "\n"


def _values(prop: _Schema, links: _Links) -> str:
    """What a key may hold, in words."""
    if "$ref" in prop:
        return f"[section](#{links[_name(prop)][0]})"
    if "discriminator" in prop:
        kinds = [f"[`{kind}`](#{kind})" for _, kind in _sections_of(prop)]
        return "section of one of the kinds " + _either(kinds)
    if "anyOf" in prop:
        return _either([_values(choice, links) for choice in prop["anyOf"]])
    if "const" in prop or "enum" in prop:
        return _either([f"`{_yaml(x)}`" for x in prop.get("enum", [prop.get("const")])])
    kind = prop["type"]
    if kind in ("integer", "number"):
        return _number(prop)
    if kind == "array":
        items = _values(prop["items"], links)
        for word in ("number", "text", "section", "name"):
            items = re.sub(rf"\b{word}\b(?!s)", f"{word}s", items, count=1)
        return f"{'non-empty ' if prop.get('minItems') else ''}list of {items}"
    if kind == "object":
        keys = _either([f"`{x}`" for x in prop.get("propertyNames", {}).get("enum", ())])
        return f"mapping from {keys or 'names'} to {_values(next(_members(prop)), links)}"
    return {"boolean": "`true` or `false`", "null": "`null`", "string": "text"}[kind]


def _number(prop: _Schema) -> str:
    ends = {end: prop[end] for end in _ENDS if end in prop}
    word = "number"
    if prop["type"] == "integer":
        word = "whole number"
        if "exclusiveMinimum" in ends:
            ends = {"minimum": ends.pop("exclusiveMinimum") + 1} | ends
    return " ".join([word, *(_ENDS[end].format(value) for end, value in ends.items())])


def _either(choices: list[str]) -> str:
    joint = ", or " if any(" " in choice for choice in choices) else " or "
    return joint.join(x for x in (", ".join(choices[:-1]), *choices[-1:]) if x)


def _yaml(value: object) -> str:
    """A value as a line of YAML would have it."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_yaml(x)}" for key, x in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _anchor(name: str) -> str:
    return f'<a id="{name}"></a>'


def _markdown(text: str, newline: str = "\n") -> str:
    """A docstring as Markdown: outside of code, angle brackets are no tags."""
    parts = text.split("`")
    parts[::2] = [part.replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts).replace("\n", newline)
