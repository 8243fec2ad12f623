"""`rungs extras`: one name a line, for people and for make."""

import pytest

from rungs.cli.main import main


def test_the_default_study_needs_none(repository, capsys):
    assert main(["extras", repository / "config.yaml"]) == 0
    assert capsys.readouterr().out == ""


def test_one_name_a_line(repository, capsys):
    assert main(["extras", repository / "tests/studies/tiny.yaml"]) == 0
    assert capsys.readouterr().out == "diverse\nproperties\n"


def test_later_files_win(repository, tmp_path, capsys):
    (tmp_path / "more.yaml").write_text("tracking: {tensorboard: true}\n")
    assert main(["extras", repository / "config.yaml", tmp_path / "more.yaml"]) == 0
    assert capsys.readouterr().out == "tensorboard\n"


@pytest.mark.parametrize("text", [None, "study: [", "study: x\n"])
def test_a_faulty_configuration_is_told(tmp_path, text, capsys):
    path = tmp_path / "study.yaml"
    if text is not None:
        path.write_text(text)
    assert main(["extras", path]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"error: {path}")
