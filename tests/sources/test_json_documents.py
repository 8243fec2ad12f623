"""Cutting JSON files into documents: any text, any block size, any damage."""

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.errors import StudyError
from rungs.sources import json_documents
from rungs.sources.json_documents import iter_documents

# strings with all that a scanner can stumble over
TEXTS = st.text(alphabet='{}[]",:\\/ \n\té☃𝄞ab', max_size=8)
SCALARS = TEXTS | st.integers(-9, 9) | st.floats(-1e3, 1e3) | st.booleans() | st.none()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(TEXTS, VALUES, max_size=3)
NESTED = st.dictionaries(TEXTS, st.dictionaries(TEXTS, DOCUMENTS, max_size=3), max_size=3)
STYLES = st.sampled_from(
    [{}, {"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False}, {"indent": "\t"}]
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("json") / "x.json"


def cut(path, containers=("{", "{"), block=1 << 20):
    return list(iter_documents(path, "source.data.train", containers, block))


@settings(max_examples=300, deadline=None)
@given(value=NESTED, style=STYLES, block=st.integers(1, 40))
def test_any_nested_object_comes_back_whole(path, value, style, block):
    path.write_text(json.dumps(value, **style), encoding="utf-8")
    found = {}
    for (outer, inner), text in cut(path, block=block):
        found.setdefault(outer, {})[inner] = json.loads(text)
    assert found == {outer: inner for outer, inner in value.items() if inner}


@settings(max_examples=100, deadline=None)
@given(value=st.lists(DOCUMENTS, max_size=5), style=STYLES, block=st.integers(1, 40))
def test_any_list_of_objects_comes_back_in_order(path, value, style, block):
    path.write_text(json.dumps(value, **style), encoding="utf-8")
    documents = cut(path, ("[{",), block)
    assert [json.loads(text) for _, text in documents] == value
    assert [place for place, _ in documents] == [(i,) for i in range(len(value))]


@settings(max_examples=60, deadline=None)
@given(value=NESTED, style=STYLES, block=st.integers(1, 40), data=st.data())
def test_cut_short_anywhere_is_an_error(path, value, style, block, data):
    whole = json.dumps(value, **style).encode()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(StudyError, match=r"x\.json: (ends before|is no valid JSON)"):
        cut(path, block=block)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_a_compressed_file_cut_short_is_an_error(path, share):
    packed = gzip.compress(json.dumps({str(i): {"a": {"b": i}} for i in range(3000)}).encode())
    path.write_bytes(packed)
    assert len(cut(path)) == 3000
    path.write_bytes(packed[: int(share * len(packed))])
    with pytest.raises(StudyError, match="compressed file is cut short or damaged"):
        cut(path)


def test_a_compressed_file_with_a_changed_byte_is_an_error(path):
    packed = bytearray(gzip.compress(json.dumps({"a": {"b": {"c": list(range(99))}}}).encode()))
    packed[len(packed) // 2] ^= 0xFF
    path.write_bytes(packed)
    with pytest.raises(StudyError):
        cut(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "ends before its JSON does"),
        ("   ", "ends before its JSON does"),
        ("[]", "a list at its outside, where an object is expected"),
        ('{"m": [1]}', "a list at m, where an object is expected"),
        ('"text"', "is not an object in JSON"),
        ("17", "is not an object in JSON"),
        ("{}{}", "found '{'"),
        ('{"m": {}} x', "found 'x'"),
        ('{"m": {"f": {}},}', "found '}'"),
        ('{"m": {"f": {} "g": {}}}', "at m.f found"),
        ('{"m" {"f": {}}}', "is no valid JSON"),
        ('{"m": {"f" {}}}', "is no valid JSON"),
        ('{"m": {"f": {}}]', "found ']'"),
        ('{"m": {,}}', "found ','"),
        ('{1: {"f": {}}}', "is no valid JSON"),
        ('{"m": {"f": {}}', "ends before its JSON does"),
        ('{"m": {"f": {"x": "no end}}}', "ends before its JSON does"),
        ('{"m": {"f": {}}}\x00', "is no valid JSON"),
        ('{"\\x": {"f": {}}}', "is no valid JSON"),
        ("lattice a b c", "is no valid JSON|is not an object"),
    ],
)
def test_what_is_no_such_json_is_refused_with_the_place(path, text, words):
    path.write_bytes(text.encode())
    with pytest.raises(StudyError, match=words):
        cut(path)


def test_bare_values_are_given_where_they_stand(path):
    path.write_text('{"a": null, "b": {"f": 3, "g": "}{", "h": {"x": 1}, "i": NaN}}')
    assert cut(path, block=3) == [
        (("a",), b"null"),
        (("b", "f"), b"3"),
        (("b", "g"), b'"}{"'),
        (("b", "h"), b'{"x": 1}'),
        (("b", "i"), b"NaN"),
    ]


def test_a_byte_order_mark_and_repeated_keys_are_read(path):
    path.write_bytes(b'\xef\xbb\xbf{"a": {"f": {}, "f": {}}, "a": {"f": {}}}')
    assert [place for place, _ in cut(path, block=2)] == [("a", "f")] * 3


def test_a_document_without_end_is_not_gathered_in_memory(path, monkeypatch):
    monkeypatch.setattr(json_documents, "LONGEST", 1000)
    path.write_text(json.dumps({"a": {"f": {"x": list(range(1000))}}}))
    with pytest.raises(StudyError, match="JSON of another kind"):
        cut(path, block=100)


def test_a_missing_file_names_the_key(tmp_path):
    with pytest.raises(StudyError, match=r"nowhere\.json: cannot be read.*source\.data\.train"):
        cut(tmp_path / "nowhere.json")
