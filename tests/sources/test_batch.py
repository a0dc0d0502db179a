"""Many documents at once tell what each tells by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import compress
from pathlib import Path
from typing import Any

import large_exports
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.sources import batch as batch_module
from idp_analytics.sources import native
from idp_analytics.sources.batch import Batch, each, each_text, either, ids, later, pieces
from idp_analytics.sources.documents import Numbered
from idp_analytics.sources.export import Document, Export, File, Several
from idp_analytics.sources.rows import frame
from idp_analytics.sources.sample import native as dialects
from idp_analytics.sources.system import Gives, Row, Shape, System
from idp_analytics.sources.systems import modules, system
from idp_analytics.sources.tabular import ROW
from idp_analytics.tables import TABLES

FILE = File("x.json", "0" * 64, datetime(2026, 7, 1, tzinfo=UTC), None, {}, (), 0, {}, frozenset({"change"}))
CHANGES = TABLES["changes"]

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", " ", "x", " x ", "1.50"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)
_BODIES = st.lists(st.dictionaries(st.sampled_from("ab"), _VALUES, max_size=2), max_size=6)


def documents(bodies: list[dict[str, Any]]) -> list[Document]:
    return [Document(body, FILE, number) for number, body in enumerate(bodies, 1)]


@given(_BODIES, st.data())
def test_documents_made_when_they_are_asked_for_are_those_of_the_list(
    bodies: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Some of some, whichever way they are chosen; and each is one thing, however often it is asked for."""
    numbers = range(3, 3 + len(bodies))
    wanted: Sequence[Document] = [Document(body, FILE, number) for number, body in zip(numbers, bodies, strict=True)]
    found: Sequence[Document] = Several(Numbered(bodies, numbers), FILE)
    batch = Batch(CHANGES, found)
    first = list(found)
    for _ in range(3):
        which = data.draw(st.lists(st.booleans(), min_size=len(found), max_size=len(found)))
        begin = data.draw(st.integers(0, 2))
        wanted, batch = list(compress(wanted, which))[begin:], batch.where(which)
        found = batch.documents[begin:]
        batch = Batch(CHANGES, found)
        assert list(found) == wanted == [found[place] for place in range(len(found))]
        assert batch.bodies == [document.body for document in wanted]
        assert frame(CHANGES, list(batch.rows(change_id="1")))[ROW].to_list() == [one.number for one in wanted]
        assert {id(one) for one in found} <= {id(one) for one in first}


def test_of_the_documents_nobody_wants_none_is_made() -> None:
    several = Several(Numbered([{"a": 1}, {"a": 2}, {"a": 3}], range(1, 4)), FILE)
    batch = Batch(CHANGES, several[1:])
    assert [one.body for one in batch.those([None, "x"])] == [{"a": 3}]
    assert several._made[:2] == [None, None]
    assert not list(batch.those([0, ""]))


@given(st.lists(st.fixed_dictionaries({}, optional={"a": _VALUES}), max_size=4))
def test_what_is_inside_all_is_what_is_inside_each(bodies: list[dict[str, Any]]) -> None:
    """Lists of what is no object, and what is no list, too."""
    inner, places = Batch(CHANGES, documents(bodies)).every("a")
    told = [(place, one) for place, document in enumerate(documents(bodies)) for one in document.every("a")]
    assert list(zip(places, inner.bodies, strict=True)) == told
    assert [one.number for one in inner.documents] == [place + 1 for place in places]


@given(_BODIES, st.lists(st.sampled_from(["a", "b", 0, -1]), max_size=3), st.sampled_from("ab"))
def test_a_member_of_all_is_that_of_each(bodies: list[dict[str, Any]], inside: list[str | int], name: str) -> None:
    one_by_one, batch = documents(bodies), Batch(CHANGES, documents(bodies))
    assert batch.at(name, *inside) == [document.at(name, *inside) for document in one_by_one]
    assert batch.texts(name, *inside) == [document.text(name, *inside) for document in one_by_one]
    found, places = batch.every(name, *inside)
    assert (found.bodies, [document.number - 1 for document in found.documents]) == (
        [one for document in one_by_one for one in document.every(name, *inside)], places,
    )  # fmt: skip


@given(
    _BODIES,
    st.lists(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map(tuple), max_size=6),
    st.integers(1, 3),
)
def test_what_is_read_a_part_after_the_other_is_what_is_read_of_all(
    bodies: list[dict[str, Any]], paths: list[tuple[str, ...]], at_hand: int
) -> None:
    told, all_ = Batch(CHANGES, documents(bodies)), Batch(CHANGES, documents(bodies))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_module, "_AT_HAND", at_hand)
        told.read(*paths)
    for path in (*paths, ("a",), ("b", "c")):
        assert told.texts(*path) == all_.texts(*path)
        assert told.first(*paths, path) == all_.first(*paths, path)


@given(_BODIES, st.lists(st.lists(st.sampled_from(["a", "b", "c", 0]), min_size=1, max_size=3), max_size=6))
def test_the_first_text_of_several_places_is_that_of_each(
    bodies: list[dict[str, Any]], inside: list[list[Any]]
) -> None:
    """A place that nobody has anything at, and one that is not looked at because those before it tell of all, change nothing."""
    places = [("a", *path) for path in inside]
    told = Batch(CHANGES, documents(bodies)).first("missing", *places, "b", "also missing")
    assert told == [
        next(filter(None, (document.text(*path) for path in (*places, ("b",)))), None) for document in documents(bodies)
    ]


def test_rows_of_all_are_the_rows_of_each() -> None:
    bodies: list[dict[str, Any]] = [
        {"id": "1", "n": 3, "l": ["x"]},
        {"id": "2", "n": "4"},
        {"id": "3", "n": 0.5, "l": []},
    ]
    batch = Batch(CHANGES, documents(bodies))
    together = batch.rows(
        newest=batch.texts("id"),
        change_id=batch.texts("id"),
        lines=batch.at("n"),
        labels=batch.at("l"),
        kind="pull_request",
    )
    single = [
        one.row(
            newest=one.text("id"), change_id=one.text("id"), lines=one.at("n"), labels=one.at("l"), kind="pull_request"
        )
        for one in documents(bodies)
    ]
    assert frame(CHANGES, list(together)).equals(frame(CHANGES, single))
    assert list(batch.where([False] * 3).rows(change_id=[])) == []


def test_several_rows_of_a_document_follow_one_another_whatever_order_they_were_told_in() -> None:
    batch = Batch(CHANGES, documents([{"id": "1"}, {"id": "2"}, {"id": "3"}]))
    own = {"change_id": ["a", "b", "c", "d"], "kind": "pull_request"}
    (row,) = batch.several([2, 0, 2, 0], own, newest=batch.texts("id"), sha=batch.texts("id"), repo="r")
    found = frame(CHANGES, [row])
    assert found.select("_row", "change_id", "sha", "repo", "kind").rows() == [
        (1, "b", "1", "r", "pull_request"), (1, "d", "1", "r", "pull_request"), (3, "a", "3", "r", "pull_request"), (3, "c", "3", "r", "pull_request"),
    ]  # fmt: skip
    assert list(batch.several([], {"change_id": []}, sha=batch.texts("id"))) == []


def test_rows_of_their_own_are_those_of_each_document() -> None:
    batch = Batch(CHANGES, documents([{"id": "1"}, {"id": "2"}]))
    single = [one.row(newest=one.text("id"), change_id=one.text("id"), repo="r") for one in batch.documents]
    assert list(batch.singly(newest=batch.texts("id"), change_id=batch.texts("id"), repo="r")) == single


def test_of_each_place_the_first_that_is_known_and_each_different_value_once() -> None:
    asked: list[str] = []
    assert each(lambda value: asked.append(value) or value.upper(), ["a", "b", "a"]) == ["A", "B", "A"]
    assert sorted(asked) == ["a", "b"]
    assert either(["a", None, None], [None, "b", None], ["c", "c", "c"]) == ["a", "b", "c"]


@pytest.mark.parametrize("words", [["a", None, "b", "a"], ["b", "b"], [None, None], []])
def test_a_column_is_told_as_a_list_is(words: list[str | None]) -> None:
    asked: list[str] = []
    found = each_text(lambda word: asked.append(word) or {"a": "A"}.get(word), pl.Series(words, dtype=pl.String))
    assert found.to_list() == each({"a": "A"}.get, words)
    assert found.dtype == pl.String
    assert sorted(asked) == sorted(set(filter(None, words)))
    assert ids(export_of([], None)[1], words).to_list() == export_of([], None)[1].ids(words)


def export_of(bodies: list[dict[str, Any]], at_once: Any) -> tuple[Gives, Export]:
    given = Gives("changes", None, ("change",), "all", at_once=at_once)
    system = System("made", "Made", (Shape("change", "a change", lambda _: True),), (given,), ())
    return given, Export(system, [FILE], {"change": documents(bodies)}, {"prefix": None})


def numbers(batch: Batch, export: Export) -> Iterator[Row]:
    del export
    odd = [int(text or 0) % 2 for text in batch.texts("n")]
    for parity in (1, 0):
        some = batch.where(one == parity for one in odd)
        yield from some.rows(change_id=some.texts("n"))


@pytest.mark.parametrize("strange", [[], [0], [2], [0, 4], [0, 1, 2, 3, 4]])
def test_one_document_of_another_shape_is_left_out_alone_and_the_order_is_that_of_the_file(strange: list[int]) -> None:
    bodies = [{"n": "x" if place in strange else str(place)} for place in range(5)]
    (extract,) = native._extracts(CHANGES, native._rows(*export_of(bodies, numbers)), [FILE])
    good = [str(place) for place in range(5) if place not in strange]
    assert (extract.frame["change_id"].to_list() if good else []) == good
    assert extract.dropped == ({"is not shaped as Made writes it (ValueError)": len(strange)} if strange else {})


@pytest.mark.parametrize("strange", [[], [0], [2], [0, 4], [0, 1, 2, 3, 4]])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_what_is_read_in_pieces_is_what_is_read_at_once(
    strange: list[int], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of one file are in its order, whatever order a reader tells those of each piece in."""
    bodies = [{"n": "x" if place in strange else str(place)} for place in range(5)]
    gives, export = export_of(bodies, numbers)
    (whole,) = native._extracts(CHANGES, native._rows(gives, export), [FILE])
    monkeypatch.setattr(batch_module, "_PIECE", size)
    (again,) = native._extracts(CHANGES, native._rows(replace(gives, in_pieces=True), export), [FILE])
    assert [list(map(len, parts)) for parts in pieces(export, "change")] == [{1: [1] * 5, 2: [2, 2, 1], 5: [5]}[size]]
    assert again.frame.equals(whole.frame)
    assert (again.dropped, again.rows_in) == (whole.dropped, whole.rows_in)


@pytest.mark.parametrize("kind", [kind for kind in modules() if any(one.in_pieces for one in system(kind).gives)])
def test_a_system_read_in_pieces_gives_what_it_gives_at_once(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large_exports.write(kind, tmp_path, 1)
    options = {"as_of": FILE.as_of, **dialects.dialect(kind).OPTIONS}
    told = []
    for size in (10**6, 50):
        monkeypatch.setattr(batch_module, "_PIECE", size)
        told.append(native.read(system(kind), large_exports.files(tmp_path), options, tmp_path))
    for whole, again in zip(*told, strict=True):
        assert again.frame.equals(whole.frame)
        assert {**vars(again), "frame": None} == {**vars(whole), "frame": None}


def counted(batch: Batch, export: Export) -> Iterator[Row]:
    del export
    numbers = [int(text or 0) for text in batch.texts("n")]
    yield batch.documents[0].warning(f"{len(numbers)} in all")
    yield from batch.rows(change_id=batch.texts("n"))


@pytest.mark.parametrize("strange", [[], [0], [2], [0, 4], [1, 2, 3]])
def test_what_is_said_of_all_is_said_once_of_all_that_are_read(strange: list[int]) -> None:
    bodies = [{"n": "x" if place in strange else str(place)} for place in range(5)]
    (extract,) = native._extracts(CHANGES, native._rows(*export_of(bodies, counted)), [FILE])
    assert extract.warnings == (f"{5 - len(strange)} in all",)
    assert (extract.frame.height, sum(extract.dropped.values())) == (5 - len(strange), len(strange))


@given(st.lists(st.dictionaries(st.sampled_from("ab"), st.sampled_from(["x", " x ", "", 1]), min_size=1), max_size=6))
def test_some_of_them_are_told_as_all_were(bodies: list[dict[str, Any]]) -> None:
    """What has been read of all is not read again, and is the same."""
    read_before, unread = Batch(CHANGES, documents(bodies)), Batch(CHANGES, documents(bodies))
    read_before.texts("a")
    wanted = [len(body) == 1 for body in bodies]
    some = read_before.where(wanted)
    assert some.texts("a") == unread.where(wanted).texts("a")


@given(
    st.lists(
        st.tuples(
            st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2900, 1, 1)),
            st.none() | st.integers(-(10**15), 10**15),
        ),
        max_size=5,
    )
)
def test_later_is_as_python_writes_it(told: list[tuple[datetime | None, int | None]]) -> None:
    begun = [None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}" for at, _ in told]
    found = later(begun, pl.Series([waited for _, waited in told], dtype=pl.Int64))
    assert found is not None
    assert found.to_list() == [
        None if at is None or waited is None else (datetime.fromisoformat(at) + timedelta(microseconds=waited)).isoformat()
        for at, (_, waited) in zip(begun, told, strict=True)
    ]  # fmt: skip


@pytest.mark.parametrize(
    "at", ["2026-06-30T23:59:60Z", "2026-6-30T23:59:59Z", "2026-06-30 23:59:59", "x", "0900-01-01T00:00:00Z"]
)
def test_of_what_is_written_in_another_way_none_is_told(at: str) -> None:
    assert later([at, None], pl.Series([1, 1])) is None


_TOLD = System(
    "told",
    "Told",
    (
        Shape("first", "a first", lambda body: body["a"] == 1),
        Shape("second", "a second", lambda body: "b" in body),
        Shape("third", "a third", lambda body: "a" in body or "b" in body),
    ),
    (),
    (),
)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.sampled_from([1, 2, None]), max_size=2), max_size=5))
def test_the_shapes_of_all_are_those_of_each(bodies: list[dict[str, Any]]) -> None:
    assert _TOLD.shapes_of(bodies) == [_TOLD.shape(body) for body in bodies]
    assert _TOLD.shapes_of(bodies[:1] * 3) == [_TOLD.shape(body) for body in bodies[:1]] * 3
