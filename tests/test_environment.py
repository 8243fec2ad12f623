"""The places that name versions agree: pyproject.toml, constraints.txt, envs/."""

import ast
import itertools
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, packages_distributions

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PLATFORM_ONLY = ("nvidia-", "cuda-", "triton")
"""What PyTorch brings for GPUs: other versions on other machines, chosen by PyTorch's own pin."""
UNPINNED = {"rungs", "setuptools", "pip"}

_ABSENT = """
import sys

class Absent:
    def __init__(self, modules):
        self.modules = modules

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.modules:
            raise ModuleNotFoundError(f"no {name} in this environment", name=name)
"""


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


def listed(file):
    """Versions by package in a file of envs/."""
    environment = yaml.safe_load(file.read_text(encoding="utf-8"))
    lines = next(item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    return {canonicalize_name(name): number for name, number in (x.split("==") for x in lines)}


def test_conda_environments_have_the_same_versions(repository, pins, project):
    needed = names_of(project["dependencies"])
    files = list((repository / "envs").glob("*.yaml"))
    assert {file.name for file in files} == {"rungs.yaml", "analysis.yaml"}
    for file in files:
        versions = listed(file)
        assert versions == {name: pins[name] for name in versions}, file
        assert set(versions) <= needed, file
    assert set(listed(repository / "envs/rungs.yaml")) == needed


def rules_by_environment(repository):
    """The scripts of each file of envs/, by its name."""
    found = {}
    for file in (repository / "rules").glob("*.smk"):
        for rule in re.split(r"(?m)^rule ", file.read_text(encoding="utf-8"))[1:]:
            environment = re.search(r"conda:\s+\"\.\./envs/(\S+)\"", rule)
            script = re.search(r"workflow_scripts/(\w+)\.py\"", rule)
            if script:
                assert environment, f"{file.name}: rule {rule.split(':')[0]} has no environment"
                found.setdefault(environment[1], set()).add(script[1])
    return found


def test_every_rule_has_an_environment_that_is_there(repository):
    for name in rules_by_environment(repository):
        assert (repository / "envs" / name).exists()


def test_light_jobs_import_nothing_that_their_environment_lacks(repository, project):
    """All imports of their scripts succeed where the other packages cannot be imported."""
    scripts = rules_by_environment(repository)["analysis.yaml"]
    lacking = names_of(project["dependencies"]) - set(listed(repository / "envs/analysis.yaml"))
    modules = {
        module
        for module, owners in packages_distributions().items()
        if lacking & set(map(canonicalize_name, owners))
    }
    assert {"torch", "chgnet", "pymatgen"} <= modules
    lines = [_ABSENT, f"sys.meta_path.insert(0, Absent({sorted(modules)!r}))"]
    for script in sorted(scripts):
        tree = ast.parse((repository / f"workflow_scripts/{script}.py").read_text(encoding="utf-8"))
        imports = [x for x in ast.walk(tree) if isinstance(x, ast.Import | ast.ImportFrom)]
        lines += map(ast.unparse, imports)
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        cwd=repository / "workflow_scripts",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_container_installs_every_extra_but_those_of_tests_and_documentation(
    repository, project
):
    recipe = (repository / "Containerfile").read_text(encoding="utf-8")
    installed = re.search(r"--editable '\.\[(\S+)\]'", recipe)[1].split(",")
    assert set(installed) == set(project["optional-dependencies"]) - {"dev", "docs"}
