"""The file of a study: what it is if it is none, and keys that would be lost in silence."""

import pytest

from rungs.config.reading import read_values
from rungs.errors import StudyError

FILES = {
    "empty": (b"", "is empty"),
    "comments alone": (b"# nothing\n# yet\n", "is empty"),
    "a list": (b"- study\n- title\n", "has no keys at its top level"),
    "a word": (b"study\n", "has no keys at its top level"),
    "a key twice": (b"a: 1\nb: 2\na: 3\n", "a stands there twice, in lines 1 and 3"),
    "twice, deep": (
        b"a:\n  b:\n    c: 1\n    c: 1\n",
        "a.b.c stands there twice, in lines 3 and 4",
    ),
    "twice, in a list": (b"a:\n- b: 1\n  b: 2\n", "a.b stands there twice, in lines 2 and 3"),
    "Latin-1": ("a: 1\nb: für\n".encode("latin-1"), ", line 2: is not in UTF-8"),
    "UTF-16": ("a: 1\n".encode("utf-16"), "is no text"),
    "binary": (bytes(range(256)), "is no text"),
    "zeros": (b"a: 1\n\0\0\n", "is no text"),
    "tabs": (b"a:\n\tb: 1\n", ", line 2: has a tab"),
    "unclosed": (b"a: [1, 2\n", "is not valid YAML"),
    "no colon": (b"a: 1\nb 2\nc: 3\n", ", line 2: has no colon"),
    "an unknown tag": (b"a: !!python/object:os.system {}\n", "is not valid YAML"),
    "a date that is none": (b"a: 2024-13-45\n", "is not valid YAML"),
}


@pytest.mark.parametrize(("content", "words"), FILES.values(), ids=list(FILES))
def test_what_is_no_study_is_one_sentence(tmp_path, content, words):
    path = tmp_path / "study.yaml"
    path.write_bytes(content)
    with pytest.raises(StudyError) as caught:
        read_values(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "content",
    [
        b"a: 1\nb: {c: [2, 3]}\n",
        b"\xef\xbb\xbfa: 1\nb: {c: [2, 3]}\n",
        b"a: 1\r\nb: {c: [2, 3]}\r\n",
        b"---\na: 1\nb:\n  c: [2, 3]\n...\n",
        b"# \xc3\xa4\na: 1\nb: {c: [2, 3]}",
        b"x: &x {c: [2, 3]}\na: 1\nb: *x\n",
        b"x: &x {c: [2, 3]}\na: 1\nb:\n  <<: *x\n",
    ],
)
def test_what_is_one_is_read(tmp_path, content):
    (tmp_path / "study.yaml").write_bytes(content)
    values = read_values(tmp_path / "study.yaml")
    assert (values["a"], values["b"]) == (1, {"c": [2, 3]})


def test_a_file_that_is_not_there_names_its_neighbour(tmp_path):
    (tmp_path / "oxides.yaml").write_text("a: 1\n")
    with pytest.raises(StudyError, match=r"oxide\.yaml: .*did you mean .*oxides\.yaml\?"):
        read_values(tmp_path / "oxide.yaml")
    with pytest.raises(StudyError, match=r"cannot be read \(no such file\)$"):
        read_values(tmp_path / "qqq.yaml")
    with pytest.raises(StudyError, match="it is a folder"):
        read_values(tmp_path)
