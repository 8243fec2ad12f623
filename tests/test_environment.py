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

from rungs.workflow.packages import EXTRAS

PLATFORM_ONLY = ("nvidia-", "cuda-", "triton")
"""What PyTorch brings for GPUs: other versions on other machines, chosen by PyTorch's own pin."""
UNPINNED = {"rungs", "setuptools", "pip"}
FOR_DEVELOPERS = {"test", "docs"}
"""Extras that no job needs."""

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


def test_the_tests_have_every_other_extra(project):
    extras = project["optional-dependencies"]
    own = [Requirement(text) for text in extras["test"] if text.startswith("rungs[")]
    assert set(own[0].extras) == set(extras) - {"test"}


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


@pytest.fixture(scope="module")
def asked_by_extra(project):
    """The packages of each extra that the library looks for by name."""
    extras = project["optional-dependencies"]
    return {name: names_of(extras[name]) for name in EXTRAS}


def test_the_library_looks_for_the_packages_of_its_extras(asked_by_extra):
    """And by the names that they are imported as."""
    owners = packages_distributions()
    for extra, modules in EXTRAS.items():
        plugins = {name for name in asked_by_extra[extra] if name.startswith("snakemake-")}
        assert set(modules) == asked_by_extra[extra] - plugins
        for name, module in modules.items():
            assert name in map(canonicalize_name, owners[module])


def third_party_imports(file):
    """What a file of the library imports of others: the module, and whether it is when loading."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    typing_only = [x for x in tree.body if isinstance(x, ast.If) and "TYPE_CHECKING" in ast.dump(x)]
    skipped = {node for block in typing_only for node in ast.walk(block)}
    at_once = {node for statement in tree.body for node in _not_in_functions(statement)}
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
        for name in {name.split(".")[0] for name in names} - {"rungs"} - sys.stdlib_module_names:
            if node not in skipped:
                yield name, node in at_once


def _not_in_functions(node):
    if not isinstance(node, ast.FunctionDef):
        yield node
        for child in ast.iter_child_nodes(node):
            yield from _not_in_functions(child)


def test_packages_of_extras_are_loaded_where_they_are_used_and_asked_for(repository):
    """Never when a module is loaded, and in a room where their absence is told in a sentence."""
    library = repository / "workflow_scripts/rungs"
    extra_of = {module: extra for extra, of in EXTRAS.items() for module in of.values()}
    found = set()
    for file in library.rglob("*.py"):
        for module, at_once in third_party_imports(file):
            if module in extra_of:
                assert not at_once, f"{file} imports {module} when it is loaded"
                found.add((file.relative_to(library).parts[0], extra_of[module]))
    assert {extra for _, extra in found} == set(EXTRAS)
    for room, extra in found:
        texts = (file.read_text(encoding="utf-8") for file in (library / room).rglob("*.py"))
        assert any(f'require("{extra}", ' in text for text in texts), room


def test_every_other_import_is_of_a_dependency(repository, project):
    """Not of what some dependency happens to bring along."""
    owners, direct = packages_distributions(), names_of(project["dependencies"])
    optional = {module for of in EXTRAS.values() for module in of.values()}
    for file in (repository / "workflow_scripts/rungs").rglob("*.py"):
        for module, _ in third_party_imports(file):
            if module not in {"botocore", *optional}:  # boto3's own other half
                assert direct & set(map(canonicalize_name, owners[module])), (file, module)


def listed(file):
    """Versions by package in a file of envs/."""
    environment = yaml.safe_load(file.read_text(encoding="utf-8"))
    lines = next(item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    return {canonicalize_name(name): number for name, number in (x.split("==") for x in lines)}


def test_conda_environments_have_the_same_versions(repository, pins, project, asked_by_extra):
    """One is everything that a job may need, the other is enough for those that read tables."""
    base = names_of(project["dependencies"])
    optional = set().union(*asked_by_extra.values())
    plugins = {name for name in optional if name.startswith("snakemake-")}
    files = list((repository / "envs").glob("*.yaml"))
    assert {file.name for file in files} == {"rungs.yaml", "analysis.yaml"}
    for file in files:
        versions = listed(file)
        assert versions == {name: pins[name] for name in versions}, file
    assert set(listed(repository / "envs/rungs.yaml")) == (base | optional) - plugins
    assert set(listed(repository / "envs/analysis.yaml")) <= base


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


def test_light_jobs_import_nothing_that_their_environment_lacks(repository):
    """All imports of their scripts succeed where the other packages cannot be imported."""
    scripts = rules_by_environment(repository)["analysis.yaml"]
    whole, light = (listed(repository / f"envs/{name}.yaml") for name in ("rungs", "analysis"))
    lacking = set(whole) - set(light)
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


def test_the_container_installs_every_extra_of_jobs(repository, project):
    recipe = (repository / "Containerfile").read_text(encoding="utf-8")
    installed = re.search(r"--editable '\.\[(\S+)\]'", recipe)[1].split(",")
    assert set(installed) == set(project["optional-dependencies"]) - FOR_DEVELOPERS


def test_the_documents_list_every_extra(repository, project):
    text = (repository / "docs/environments.md").read_text(encoding="utf-8")
    rows = text[text.index("| extra |") :].split("\n\n")[0].splitlines()
    named = set(re.findall(r"`([a-z0-9-]+)`", "".join(row.split("|")[1] for row in rows)))
    extras = set(project["optional-dependencies"])
    assert extras - {"docs"} <= named <= extras
