"""Which code made a result, with a repository and without."""

import shutil
import subprocess

import pytest

from rungs.workflow import revision as module
from rungs.workflow.revision import VARIABLE, code_digest, describe, revision


@pytest.fixture
def git(tmp_path, monkeypatch):
    if shutil.which("git") is None:
        pytest.skip("needs git, absent here")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")

    def run(*arguments):
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        command = ["git", "-C", str(tmp_path), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/one.smk").write_text("one")
    (tmp_path / ".gitignore").write_text("results/\n")
    run("init", "-q")
    run("add", ".")
    run("commit", "-qm", "one")
    return run


def test_a_clean_tree_is_its_commit(git, tmp_path):
    assert describe(tmp_path) == git("rev-parse", "HEAD")


def test_a_results_folder_is_no_change(git, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results/a.csv").write_text("1")
    (tmp_path / "notes.txt").write_text("mine")
    assert describe(tmp_path) == git("rev-parse", "HEAD")


@pytest.mark.parametrize("name", ["rules/one.smk", "rules/two.smk"])
def test_a_changed_or_further_file_of_the_workflow_is_told(git, tmp_path, name):
    (tmp_path / name).write_text("two")
    assert describe(tmp_path) == git("rev-parse", "HEAD") + "+modified"


@pytest.mark.usefixtures("git")
def test_somebody_elses_repository_is_not_ours(tmp_path):
    assert describe(tmp_path / "rules") == ""


def test_without_git_there_is_no_revision_but_a_digest(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    found = revision()
    assert found[:2] == (None, None)
    assert len(found.code) == 16


@pytest.mark.parametrize(("said", "modified"), [("abc", False), ("abc+modified", True)])
def test_the_workflow_says_the_revision_to_its_jobs(monkeypatch, said, modified):
    monkeypatch.setenv(VARIABLE, said)
    assert revision()[:2] == ("abc", modified)


def test_the_digest_is_that_of_names_and_contents(tmp_path, monkeypatch):
    def digest_of(**files):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text)
        (folder / "a.pyc").write_text(str(folder))
        monkeypatch.setattr(module, "_PACKAGE", folder)
        code_digest.cache_clear()
        return code_digest()

    try:
        first = digest_of(a="1", b="2")
        assert digest_of(a="1", b="2") == first
        assert digest_of(a="1", b="3") != first
        assert digest_of(a="1", c="2") != first
    finally:
        monkeypatch.undo()
        code_digest.cache_clear()
