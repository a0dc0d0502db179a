"""Whatever a file wraps its documents in, the same documents come out; what is broken is named with its line."""

from __future__ import annotations

import gc
import gzip
import hashlib
import json
from decimal import Decimal
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idp_analytics.errors import SourceError
from idp_analytics.sources.documents import Documents, _at_once, _joined_lines, _json_lines, read_documents

TWO = [{"id": "a", "n": 1}, {"id": "b", "n": 2}]


def documents(folder: Path, content: str | bytes, name: str = "export.json", **options: Any) -> Documents:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_documents(path, **options)


def found(given: Documents) -> list[dict[str, Any]]:
    return [document for _, document in given.found]


CONTAINERS: dict[str, str] = {
    "a bare list": '[{"id": "a", "n": 1}, {"id": "b", "n": 2}]',
    "a page": '{"items": [{"id": "a", "n": 1}, {"id": "b", "n": 2}], "next": null}',
    "a page with its own count": '{"total": 2, "incidents": [{"id": "a", "n": 1}, {"id": "b", "n": 2}]}',
    "a page one level down": '{"result": {"elements": [{"id": "a", "n": 1}, {"id": "b", "n": 2}]}, "meta": {}}',
    "one object a line": '{"id": "a", "n": 1}\n{"id": "b", "n": 2}\n',
    "one object a line, windows": '{"id": "a", "n": 1}\r\n\r\n{"id": "b", "n": 2}\r\n',
    "one page a line": '{"items": [{"id": "a", "n": 1}]}\n{"items": [{"id": "b", "n": 2}]}\n',
    "pages one after another": '[{"id": "a",\n "n": 1}][{"id": "b",\n "n": 2}]',
    "a list of pages": '[{"data": [{"id": "a", "n": 1}]}, {"data": [{"id": "b", "n": 2}]}]',
    "a list of lists": '[[{"id": "a", "n": 1}], [{"id": "b", "n": 2}]]',
    "a Kubernetes list": '{"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": ""}, '
    '"items": [{"id": "a", "n": 1}, {"id": "b", "n": 2}]}',
    "a Kubernetes list of one kind": '{"kind": "ApplicationList", "metadata": {"continue": ""}, '
    '"items": [{"id": "a", "n": 1}, {"id": "b", "n": 2}]}',
    "YAML documents": "---\nid: a\nn: 1\n---\n# nothing\n---\nid: b\nn: 2\n",
    "a YAML list": "- {id: a, n: 1}\n- {id: b, n: 2}\n",
    "a YAML page": "items:\n- id: a\n  n: 1\n- id: b\n  n: 2\n",
}


@pytest.mark.parametrize("text", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_container_gives_the_same_documents(tmp_path: Path, text: str, packed: bool, encoding: str) -> None:
    data = text.encode(encoding)
    given = documents(tmp_path, gzip.compress(data, mtime=0) if packed else data)
    assert list(given.found) == list(enumerate(TWO, 1))
    assert given.broken == []
    assert given.warnings == ()
    assert not given.truncated


@pytest.mark.parametrize("name", ["export.json", "export.json.gz", "export", "export.yaml", "EXPORT.YML.GZ"])
def test_the_content_tells_what_a_file_is_not_its_name(tmp_path: Path, name: str) -> None:
    assert found(documents(tmp_path, json.dumps(TWO), name)) == TWO


def test_the_hash_is_of_the_file_as_it_lies_on_disk(tmp_path: Path) -> None:
    data = gzip.compress(b'{"id": "a"}', mtime=0)
    assert documents(tmp_path, data).sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"id": "a", "items": [{"id": 1}]}', [{"id": "a", "items": [{"id": 1}]}]),
        ('{"service_id": "a", "events": [{"id": 1}]}', [{"service_id": "a", "events": [{"id": 1}]}]),
        ('{"kind": "Pod", "metadata": {}, "items": [{"id": 1}]}', [{"kind": "Pod", "metadata": {}, "items": [{"id": 1}]}]),
        ('{"tags": ["x"], "values": ["y"]}', [{"tags": ["x"], "values": ["y"]}]),
        ('{"teams": [{"id": 1}], "users": [{"id": 2}]}', [{"teams": [{"id": 1}], "users": [{"id": 2}]}]),
        ('{"name": "a", "result": {"items": [{"id": 1}]}}', [{"name": "a", "result": {"items": [{"id": 1}]}}]),
        (
            '{"data": {"items": [{"id": 1}]}, "result": {"items": []}}',
            [{"data": {"items": [{"id": 1}]}, "result": {"items": []}}],
        ),
        ('{"items": []}', []),
        ("[]", []),
    ],
    ids=["an object with a list", "any id", "a resource", "lists of words", "two lists", "a named result", "two wrappers", "an empty page", "an empty list"],
)  # fmt: skip
def test_what_is_a_page_and_what_is_a_document(tmp_path: Path, text: str, wanted: list[Any]) -> None:
    assert found(documents(tmp_path, text)) == wanted


@pytest.mark.parametrize(
    ("text", "broken", "numbers"),
    [
        ('{"id": 1}\n{"id": 2\n{"id": 3}\n', [(2, "is no JSON: Expecting ',' delimiter")], [1, 3]),
        ('{"id": 1}\n\n{"id": 2}\n"word"\n', [(4, "document 3 is text, not an object")], [1, 2]),
        ("7\n", [(1, "document 1 is a number, not an object")], []),
        ('[{"id": 1}, 7]', [(1, "document 2 is a number, not an object")], [1]),
        ('[{"id": 1}, true]', [(1, "document 2 is true or false, not an object")], [1]),
        ('[{"id": 1}, null]', [(1, "document 2 is null, not an object")], [1]),
        ('[{"id": 1}, [[{"id": 2}]]]', [(1, "document 2 is a list, not an object")], [1]),
        ('{"items": ["x", {"id": 1}]}', [(1, "document 1 is text, not an object")], [2]),
        ("---\nid: 1\n---\nword\n", [(4, "document 2 is text, not an object")], [1]),
    ],
)
def test_what_is_broken_is_set_aside_with_its_line(
    tmp_path: Path, text: str, broken: list[tuple[int, str]], numbers: list[int]
) -> None:
    given = documents(tmp_path, text)
    assert list(given.broken) == broken
    assert [number for number, _ in given.found] == numbers


def test_a_line_nested_too_deeply_is_set_aside(tmp_path: Path) -> None:
    given = documents(tmp_path, '{"id": 1}\n' + "[" * 200_000 + "\n" + '{"id": 3}\n')
    assert list(given.broken) == [(2, "is no JSON: is nested too deeply")]
    assert [n for n, _ in given.found] == [1, 3]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"id": 1,\n "n": [1,\n  2', r"export\.json: is broken JSON at line 3: .*Export it again; a file cut short is not read in part"),
        ('[{"id":\n 1}]\n[{"id":\n 2}', r"is broken JSON at line 4"),
        ('{\n"id": "a" "n": 1}', r"is broken JSON at line 2: Expecting ',' delimiter"),
        ("[" * 200_000, r"is broken JSON at line 1: is nested too deeply"),
        ("just words\n", r"export\.json: holds no objects, neither as JSON nor as YAML\. Give a file of objects"),
        ("a: [1\n", r"export\.json: is broken YAML at line"),
    ],
)  # fmt: skip
def test_a_file_nothing_can_be_made_of_is_named_with_the_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        documents(tmp_path, text)


def test_a_backslash_that_begins_no_escape_is_kept_and_said(tmp_path: Path) -> None:
    given = documents(tmp_path, r'{"maintainer": "Ann \user-1\u003e", "path": "C:\new\\x", "odd": "\q\u12"}')
    assert found(given) == [{"maintainer": r"Ann \user-1>", "path": "C:\new\\x", "odd": r"\q\u12"}]
    assert given.warnings == ("3 backslash(es) begin no escape JSON knows and are kept as written",)


@pytest.mark.parametrize("text", ["", " \n\t\n"])
def test_an_empty_file_has_no_documents_and_says_so(tmp_path: Path, text: str) -> None:
    given = documents(tmp_path, text)
    assert (list(given.found), list(given.broken), given.warnings) == ([], [], ("the file is empty",))


def test_text_that_is_not_utf8_is_read_and_said(tmp_path: Path) -> None:
    given = documents(tmp_path, b'{"id": "caf\xe9"}')
    assert found(given) == [{"id": "caf\ufffd"}]
    assert given.warnings == ("1 place(s) are not UTF-8 and are shown as \ufffd; export the file as UTF-8",)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (r'{"a\ud800": ["\ud83d\ude00", {"b": "\udc00", "n": 1}]}', {"a\ufffd": ["😀", {"b": "\ufffd", "n": 1}]}),
        (r'{"a": "\u00e9"}', {"a": "é"}),
    ],
)
def test_half_characters_become_printable(tmp_path: Path, text: str, wanted: dict[str, Any]) -> None:
    (document,) = found(documents(tmp_path, text))
    assert document == wanted
    str(document).encode("utf-8")


def test_a_line_separator_inside_a_text_does_not_end_the_line(tmp_path: Path) -> None:
    given = documents(tmp_path, '{"id": "a\u2028b"}\n{"id": "c\x85d"}\n')
    assert found(given) == [{"id": "a\u2028b"}, {"id": "c\x85d"}]


@pytest.mark.parametrize("name", ["export.json", "export.yaml"])
def test_numbers_keep_all_digits_when_asked(tmp_path: Path, name: str) -> None:
    text = '{"cost": 0.1000000000000000000001}' if name.endswith("json") else "cost: 0.1000000000000000000001\n"
    assert found(documents(tmp_path, text, name, number=Decimal)) == [{"cost": Decimal("0.1000000000000000000001")}]
    assert found(documents(tmp_path, text, name)) == [{"cost": 0.1}]


def test_not_a_number_is_not_known(tmp_path: Path) -> None:
    assert found(documents(tmp_path, '{"a": NaN, "b": -Infinity}')) == [{"a": None, "b": None}]


PAGE = '{{"items": [{{"id": 1}}, {{"id": 2}}], {}}}'


@pytest.mark.parametrize(
    ("about", "says"),
    [
        ('"has_more": true', "has_more: true"),
        ('"more": false', None),
        ('"isLast": false', "isLast: false"),
        ('"isLast": true', None),
        ('"next": "https://x.invalid/?page=2"', "next: there is a next page"),
        ('"next": ""', None),
        ('"metadata": {"continue": "abc"}', "continue: there is a next page"),
        ('"meta": {"pagination": {"hasNextPage": true}}', "hasNextPage: true"),
        ('"pageInfo": {"hasNextPage": false, "total": 3}', "total: 3, of which the file ends at 2"),
        ('"totalCount": 2', None),
        ('"total": 5, "offset": 3', None),
        ('"total": 6, "offset": 3', "total: 6, of which the file ends at 5"),
        ('"total": true', None),
        ('"links": ["x"]', None),
    ],
)
def test_a_page_that_is_not_the_last_is_said(tmp_path: Path, about: str, says: str | None) -> None:
    given = documents(tmp_path, PAGE.format(about))
    assert given.unfinished == says
    assert given.truncated is (says is not None)


def test_only_the_last_page_can_say_that_there_is_more(tmp_path: Path) -> None:
    first, last = '{"items": [{"id": 1}], "next": "p2"}', '{"items": [{"id": 2}], "next": null}'
    assert documents(tmp_path, first + "\n" + last).unfinished is None
    assert documents(tmp_path, last + "\n" + first).unfinished == "next: there is a next page"
    assert documents(tmp_path, '[{"items": [{"id": 1}], "total": 4}, {"items": [{"id": 2}]}]').unfinished == (
        "total: 4, of which the file ends at 2"
    )


@pytest.mark.parametrize(
    ("text", "beside"),
    [
        ('{"items": [{"id": 1}], "zone": "UTC", "values": []}', None),
        ('{"items": [{"id": 1}], "zone": "UTC"}', {"zone": "UTC"}),
        ('{"result": {"items": [{"id": 1}], "zone": "UTC"}, "ok": true}', {"zone": "UTC", "ok": True}),
        ('[{"id": 1}]', None),
        (
            '{"data": [{"id": 1}], "zone": "a", "included": [{"id": 8}]}\n{"data": [{"id": 2}], "zone": "b", "included": [{"id": 9}]}',
            {"zone": "a", "included": [{"id": 8}, {"id": 9}]},
        ),
    ],
)
def test_what_a_page_says_beside_its_documents(tmp_path: Path, text: str, beside: dict[str, Any] | None) -> None:
    assert documents(tmp_path, text).beside == beside


@pytest.mark.parametrize("cut", [10, 30, -1])
def test_gzip_cut_short_is_refused_whole(tmp_path: Path, cut: int) -> None:
    data = gzip.compress(json.dumps(TWO * 20).encode(), mtime=0)
    with pytest.raises(SourceError, match=r"shown/as\.gz: is a broken gzip file .*Copy or export it again"):
        documents(tmp_path, data[:cut], "export.json.gz", shown="shown/as.gz")


SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"), max_size=5)
OBJECTS = st.lists(st.fixed_dictionaries({"id": SCALARS}, optional={"a": SCALARS, "b": st.lists(SCALARS)}), min_size=1)


@given(OBJECTS)
def test_no_container_loses_or_changes_a_document(tmp_path_factory: pytest.TempPathFactory, objects: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("law")
    for text in (
        json.dumps(objects),
        json.dumps({"items": objects}, ensure_ascii=False),
        "\n".join(map(json.dumps, objects)),
        "".join(json.dumps(o, indent=1) for o in objects),
        json.dumps([{"data": objects[:1]}, {"data": objects[1:]}]),
    ):
        assert list(documents(folder, text).found) == list(enumerate(objects, 1))


@given(st.lists(st.sampled_from(['{"id": 1}', '{"id": ', "3", "", "  "]), max_size=12))
def test_documents_found_and_broken_are_all_the_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    kept = [line for line in lines if line.strip()]
    good = kept.count('{"id": 1}')
    if good * 2 < len(kept) or len(kept) < 2:
        return
    given = documents(tmp_path_factory.mktemp("law"), "\n".join(lines))
    assert len(given.found) == good
    assert len(given.broken) == len(kept) - good
    assert all(lines[line - 1].strip() != '{"id": 1}' for line, _ in given.broken)


def test_documents_are_gone_as_soon_as_nobody_needs_them(tmp_path):
    """Line by line is tried after the whole text: the error of that must not hold all documents."""
    path = tmp_path / "lines.jsonl"
    path.write_text("".join(f'{{"id": {number}, "of": {{"a": [1]}}}}\n' for number in range(1000)))
    gc.collect()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        assert len(read_documents(path).found) == 1000
        assert gc.collect() < 1000
    finally:
        if was_enabled:
            gc.enable()


@given(
    st.lists(
        st.sampled_from(
            ['{"a": 1}', ' {"a": "}{"} ', '{"a": 1}, {"b": 2}', '{"c": [1', "2]}", '{"c": [{}', '{"d": 1}]}', '{"e": "', '"}', "[1]", "null", '{"a": 1, "a": NaN}', ""]
        ),
        min_size=1, max_size=6,
    )
)  # fmt: skip
def test_lines_are_what_each_is_by_itself(lines: list[str]) -> None:
    """However they are read: what two lines are together is in no document."""
    decoder = json.JSONDecoder(parse_float=str, parse_constant=lambda _: None)
    at_once = _joined_lines("\n".join(lines), decoder)
    one_by_one = _json_lines("\n".join(lines), decoder)
    assert at_once is None or (at_once, []) == one_by_one
    if len(lines) > 1 and set(lines) == {'{"a": 1}'}:
        assert at_once is not None


_ODD = (
    '{"a": 1}', '{"a": 1.50}', '{"a": 1e400}', '{"a": -0}', '{"a": NaN}', '{"a": Infinity}', '{"a": 1234567890123456789012345}', '{"a": 01}', '{"a": 1, "a": 2}',
    '{"a": "\\ud83d\\ude00"}', '{"a": "\\ud800"}', '{"a": "\\x"}', '{"a": "\x01"}', '{"a": "\u2028"}', '{"a": "\u00e9"}', '{"items": [{"id": 1}, 7]}', '[{"a": {}}, null]',
    '{"a":\n1}', '{"a": {}\n}', '{"a": 1} {"a": 2}', '{"a": [}', '"a"', "", " ", '{"a": 1},', "\x00", '{"a": 1}\r', '[{"a": 1}\n,{"a": 2}]', '{"a": "}\n{"}', '[{"a": [1,]}]',
)  # fmt: skip


@given(
    st.lists(st.sampled_from(_ODD), min_size=1, max_size=4),
    st.sampled_from(["\n", "\r\n", "", "\n\n"]),
    st.booleans(),
    st.sampled_from([float, str, Decimal]),
)
@example(['{"a": %s}' % ("1" * 5000)], "", False, str)
@example(["[" * 3000 + "]" * 3000, '{"a": 1}'], "\n", True, str)
@example(['{"a": 1} {"a": 2}', '{"a":\n1}'], "\n", False, str)
@example(["\ufeff" + '{"a": 1}', '{"a": "\udcff"}'], "\n", False, str)
def test_what_is_read_at_once_is_what_python_reads(lines: list[str], between: str, is_ended: bool, number: Any) -> None:
    """The fast parser gives what Python's gives, with the same words about what is broken, or leaves it to that."""
    data = (between.join(lines) + "\n" * is_ended).encode("utf-8", "surrogateescape")

    def told() -> Any:
        with NamedTemporaryFile(suffix=".json") as file:
            file.write(data)
            file.flush()
            try:
                found = read_documents(Path(file.name), "x.json", number)
            except SourceError as error:
                return str(error)
            return repr(found)

    fast = told()
    with patch("idp_analytics.sources.documents._at_once", return_value=None):
        assert fast == told()


@pytest.mark.parametrize(
    "text", ['[{"a": 1.0}]', '{"a": 1}\n{"a": 2}\n', '{"a": 1}\n{"a": {"b": {}}}', '{\n"a": {}\n}']
)
def test_what_is_as_usual_is_read_at_once(text: str) -> None:
    """Python's parser is not asked."""
    with patch.object(json.JSONDecoder, "decode", side_effect=AssertionError):
        assert _at_once(text.encode(), str) is not None
