"""Packages of extras: whether they are here is told without loading them, and in one sentence."""

import subprocess
import sys

import pytest

from rungs.errors import StudyError
from rungs.workflow.packages import EXTRAS, absent, fault, require

LOOK = """
import sys, time
from rungs.workflow.packages import EXTRAS, absent
loaded = set(sys.modules)
begin = time.process_time()
for extra in EXTRAS:
    absent(extra)
print(time.process_time() - begin, *sorted(set(sys.modules) - loaded))
"""


@pytest.fixture
def hide(monkeypatch):
    """As if modules were not installed."""
    return lambda *modules: [monkeypatch.setitem(sys.modules, name, None) for name in modules]


def test_looking_loads_nothing_and_takes_milliseconds():
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    seconds, *loaded = done.stdout.split()
    assert not {name for name in loaded for of in EXTRAS.values() if name in of.values()}
    assert float(seconds) < 0.1


def test_what_is_absent_is_named_as_it_is_installed(hide):
    hide("sklearn", "matcalc")
    assert absent("diverse") == ["scikit-learn"]
    assert absent("properties") == ["matcalc"]


def test_a_package_that_exists_nowhere_is_absent(monkeypatch):
    monkeypatch.setitem(EXTRAS, "made-up", {"made-up": "made_up_for_this_test"})
    assert absent("made-up") == ["made-up"]


def test_one_sentence_for_all_that_is_missing(hide, repository, monkeypatch):
    monkeypatch.chdir(repository)
    hide("mp_api", "emmet", "deltalake", "matcalc", "dscribe")
    asked = {"properties": "properties.calculate: phonons", "materials-project": "kind: mp_api"}
    assert fault(asked) == (
        "properties.calculate: phonons needs matcalc, kind: mp_api needs mp-api, emmet-core and "
        "deltalake, not installed here; this does it: "
        "pip install -c constraints.txt -e '.[materials-project,properties]'"
    )


def test_the_command_works_from_another_folder(hide, repository, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    hide("tensorboard")
    assert f": cd {repository} && pip install -c " in fault({"tensorboard": "tracking"})


def test_nothing_is_said_where_nothing_is_missing(monkeypatch):
    monkeypatch.setitem(EXTRAS, "here", {"numpy": "numpy"})
    assert fault({"here": "a study"}) is None
    assert fault({}) is None
    require("here", "a study")


def test_work_that_needs_them_stops_with_the_sentence(hide):
    hide("boto3")
    with pytest.raises(StudyError, match=r"the bucket x needs boto3, .*\[s3\]"):
        require("s3", "the bucket x")
