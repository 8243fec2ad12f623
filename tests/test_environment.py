"""The places that name versions agree."""

import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@pytest.fixture(scope="module")
def pins(repository):
    lines = (repository / "constraints.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pinned.items()}


@pytest.fixture(scope="module")
def project(repository):
    return tomllib.loads((repository / "pyproject.toml").read_text())["project"]


def test_every_dependency_is_pinned_within_its_range(pins, project):
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    for requirement in map(Requirement, wanted):
        version = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement


def test_pins_are_plain_versions(pins):
    """No local labels such as +cpu: they exist on one machine only."""
    assert all(re.fullmatch(r"[0-9][0-9A-Za-z.]*", version) for version in pins.values())


def test_conda_environment_has_the_same_versions(repository, pins, project):
    environment = yaml.safe_load((repository / "envs/rungs.yaml").read_text())
    listed = next(item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    versions = {canonicalize_name(n): v for n, v in (line.split("==") for line in listed)}
    assert versions == {name: pins[name] for name in versions}
    needed = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    assert set(versions) == needed
