"""The places that name versions agree: pyproject.toml, constraints.txt, envs/."""

import itertools
import re
import tomllib
from importlib.metadata import distribution

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PLATFORM_ONLY = ("nvidia-", "cuda-", "triton")
"""What PyTorch brings for GPUs: other versions on other machines, chosen by PyTorch's own pin."""
UNPINNED = {"rungs", "setuptools", "pip"}


@pytest.fixture(scope="module")
def pins(repository):
    lines = (repository / "constraints.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pinned.items()}


@pytest.fixture(scope="module")
def project(repository):
    return tomllib.loads((repository / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def asked(project):
    """Every requirement of the project, those of its extras included."""
    extras = itertools.chain.from_iterable(project["optional-dependencies"].values())
    return [Requirement(text) for text in (*project["dependencies"], *extras)]


def names_of(requirements):
    return {canonicalize_name(Requirement(text).name) for text in requirements}


def test_every_dependency_is_pinned_within_its_range(pins, asked):
    for requirement in asked:
        if requirement.name != "rungs":  # a group of extras
            version = pins[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), requirement


def test_the_tests_have_every_extra(project):
    extras = project["optional-dependencies"]
    own = [Requirement(text) for text in extras["dev"] if text.startswith("rungs[")]
    assert set(own[0].extras) == set(extras) - {"dev"}


def test_pins_are_plain_versions(pins):
    """No local labels such as +cpu: they exist on one machine only."""
    assert all(re.fullmatch(r"[0-9][0-9A-Za-z.]*", version) for version in pins.values())


def test_what_the_dependencies_bring_along_is_pinned_too(pins, asked):
    """Else two installations of one revision differ."""
    todo, seen = list(asked), set()
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if key in seen or name in UNPINNED or name.startswith(PLATFORM_ONLY):
            continue
        seen.add(key)
        assert name in pins, requirement
        for text in distribution(name).requires or []:
            further = Requirement(text)
            extras = requirement.extras or {""}
            if further.marker is None or any(further.marker.evaluate({"extra": e}) for e in extras):
                todo.append(further)


def test_conda_environment_has_the_same_versions(repository, pins, project):
    environment = yaml.safe_load((repository / "envs/rungs.yaml").read_text())
    listed = next(item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    versions = {canonicalize_name(n): v for n, v in (line.split("==") for line in listed)}
    assert versions == {name: pins[name] for name in versions}
    assert set(versions) == names_of(project["dependencies"])
