"""One year in every system's own format: what a reader gives back is what the company's tables say."""

from __future__ import annotations

import gzip
import json
import random
from datetime import UTC, datetime

import polars as pl
import pytest

from idp_analytics import sources
from idp_analytics.errors import SourceError
from idp_analytics.sources import sample
from idp_analytics.sources.sample import native as dialects
from idp_analytics.sources.systems import modules, system
from idp_analytics.tables import LINEAGE, TABLES
from idp_analytics.tables.conform import conform
from idp_analytics.tables.forgotten import ROWS, WHO
from idp_analytics.tables.numbered import as_text

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def tables():
    return sample.generate().tables


def write(folder, kind, tables):
    """The files of one system, as the generator writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in dialects.dialect(kind).files(tables).items():
        paths.append(folder / name)
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        paths[-1].write_bytes(dialects.written(name, content))
    return paths


def read(kind, paths, folder, **options):
    """Table → rows that passed the door, over all files, and the extracts."""
    given = {"as_of": AS_OF, **dialects.dialect(kind).OPTIONS, **options}
    zone = given.pop("time_zone", None)
    assert sources.check(kind, given) == []
    extracts = sources.read(kind, paths, given, folder)
    conformed = [conform(extract, kind, zone) for extract in extracts]
    assert [row for one in conformed for row in one.rejected.to_dicts()] == []
    found: dict[str, list[pl.DataFrame]] = {}
    for extract, one in zip(extracts, conformed, strict=True):
        found.setdefault(extract.table, []).append(as_text(one.rows))
        load = one.load.row(0, named=True)
        assert load["rows_in"] == load["rows_out"] + sum(extract.dropped.values())
        assert 0 not in extract.dropped.values()
    return {table: pl.concat(frames) for table, frames in found.items()}, extracts


@pytest.fixture(scope="module")
def few():
    """A smaller company, for what does not depend on how much there is."""
    return sample.generate(teams=4, months=4).tables


def telling_who(found, people):
    """The columns in which somebody stands, but those that say who. Ids of all else are published; of people they would be too."""
    return [
        (name, column.name)
        for name, frame in found.items()
        for column in frame.select(pl.col(pl.String).exclude(*WHO, *ROWS.get(name, ()))).iter_columns()
        if column.str.contains_any(people).any()
    ]


def test_every_system_has_its_dialect():
    assert dialects.kinds() == sorted(modules())


@pytest.mark.parametrize("kind", dialects.kinds())
def test_the_reader_gives_back_what_the_company_is(kind, tables, tmp_path):
    found, _ = read(kind, write(tmp_path, kind, tables), tmp_path)
    told = dialects.dialect(kind).told(tables)
    assert told
    for name, expected in told.items():
        key = [column for column in TABLES[name].key if column in expected.columns]
        assert expected.height > 0, name
        assert found[name].select(expected.columns).sort(key).to_dicts() == expected.sort(key).to_dicts(), name
    assert telling_who(found, tables["people"]["person_id"].to_list()) == []


@pytest.mark.parametrize("kind", dialects.kinds())
def test_what_is_not_told_is_declared_as_lost(kind, tables):
    lineage = {column.name for column in LINEAGE}
    lost = {gives.table: {*gives.lost, *lineage} for gives in system(kind).gives}
    for name, expected in dialects.dialect(kind).told(tables).items():
        columns = {column.name for column in TABLES[name].columns if not column.name.endswith("_raw")}
        otherwise = dialects.dialect(kind).OTHERWISE.get(name, frozenset())
        assert columns - set(expected.columns) - lost[name] == otherwise, name


@pytest.mark.parametrize("kind", dialects.kinds())
def test_reading_twice_changes_nothing(kind, few, tmp_path):
    paths = write(tmp_path / "one", kind, few)
    copies = write(tmp_path / "two", kind, few)
    once, _ = read(kind, paths, tmp_path)
    twice, _ = read(kind, [*paths, *copies], tmp_path)
    assert {name: frame.height for name, frame in once.items()} == {name: frame.height for name, frame in twice.items()}


@pytest.mark.parametrize("kind", dialects.kinds())
def test_another_systems_file_is_refused_and_named(kind, tmp_path):
    other = "argocd" if kind != "argocd" else "kyverno"
    bodies = {
        "argocd": {"metadata": {"name": "x"}, "spec": {"project": "p", "destination": {}}},
        "kyverno": {"apiVersion": "wgpolicyk8s.io/v1alpha2", "kind": "PolicyReport", "metadata": {}, "results": []},
    }
    for name, content in (("x.json", bodies[other]), ("y.json", {"colour": "green"})):
        path = tmp_path / name
        path.write_text(json.dumps([content]))
        with pytest.raises(SourceError, match=rf"{name}: ") as told:
            sources.read(kind, [path], {**options(kind)}, tmp_path)
        if name == "x.json" and kind != "devlake":
            assert f"use kind = '{other}'" in str(told.value)


def options(kind):
    return {name: value for name, value in dialects.dialect(kind).OPTIONS.items() if name != "time_zone"}


@pytest.mark.parametrize("kind", dialects.kinds())
def test_an_empty_export_has_its_line_in_loads(kind, few, tmp_path):
    written = write(tmp_path, kind, few)
    for path in written:
        empty = tmp_path / "empty" / path.name
        empty.parent.mkdir(exist_ok=True)
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        is_json = data[:1] in (b"{", b"[")
        content = (
            b"[]" if is_json else b"" if b"\n" not in data or data.startswith(b"---") else data.split(b"\n")[0] + b"\n"
        )
        empty = empty.with_name(empty.name.removesuffix(".gz"))
        empty.write_bytes(content)
        extracts = sources.read(kind, [empty], options(kind), tmp_path)
        assert len(extracts) == 1, path.name
        assert (extracts[0].frame.height, bool(extracts[0].warnings)) == (0, True), path.name


def cut(name, data):
    """The first half and a little more of a file, ended within a line: of a table before its last field, so that it can be seen."""
    if name.endswith(".csv"):
        end = data.index(b"\n", int(len(data) * 0.6))
        return data[: data.rindex(b",", 0, end)]
    return data[: int(len(data) * 0.6)]


@pytest.mark.parametrize("kind", dialects.kinds())
def test_a_file_cut_short_is_refused_or_its_last_line_counted(kind, few, tmp_path):
    for written in write(tmp_path, kind, few):
        data, name = written.read_bytes(), written.relative_to(tmp_path).as_posix()
        path = written.with_name(written.name.removesuffix(".gz"))
        if path != written:
            written.write_bytes(data[: len(data) // 2])
            with pytest.raises(SourceError, match=rf"{name}: "):
                sources.read(kind, [written], options(kind), tmp_path)
            data = gzip.decompress(data)
        if path.suffix == ".yaml":  # a stream of documents may end anywhere
            continue
        path.write_bytes(cut(path.name, data))
        try:
            extracts = sources.read(kind, [path], options(kind), tmp_path)
        except SourceError as told:
            assert path.name in str(told)
        else:
            assert path.suffix in (".csv", ".jsonl"), name
            assert any(extract.dropped or extract.warnings for extract in extracts), name


JUNK = (
    None,
    "",
    "x",
    0,
    -1,
    1e308,
    True,
    [],
    {},
    ["x"],
    [None],
    {"x": {}},
    "2026-13-45T99:99:99Z",
    "\u202e",
    "9" * 400,
)


def spoilt(value, draw):
    """``value`` with a few members anywhere taken away or replaced by what nobody expects."""
    if isinstance(value, dict):
        return {name: spoilt(one, draw) for name, one in value.items() if draw.random() > 0.02}
    if isinstance(value, list):
        return [spoilt(one, draw) for one in value if draw.random() > 0.02]
    return draw.choice(JUNK) if draw.random() < 0.04 else value


@pytest.mark.parametrize("kind", [kind for kind in dialects.kinds() if kind != "devlake"])
def test_whatever_is_missing_or_strange_every_row_is_kept_or_counted(kind, few, tmp_path):
    draw = random.Random(kind)
    paths = []
    for name, content in dialects.dialect(kind).files(few).items():
        if isinstance(content, str):
            continue
        if isinstance(content, dict) and not any(isinstance(one, list) and len(one) > 1 for one in content.values()):
            continue  # one document alone: without what it is known by it is refused, and rightly
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # A list that has lost its documents altogether is refused, and rightly too.
        is_page = isinstance(content, dict)
        broken = {key: spoilt(one, draw) for key, one in content.items()} if is_page else spoilt(content, draw)
        path.write_bytes(dialects.written(name, broken))
        paths.append(path)
    if not paths:
        pytest.skip("tables and texts are spoilt in the tests of their readers")
    extracts = sources.read(kind, paths, {"as_of": AS_OF, **options(kind)}, tmp_path)
    kept = 0
    for extract in extracts:
        load = conform(extract, kind, "UTC").load.row(0, named=True)
        assert load["rows_in"] == load["rows_out"] + sum(json.loads(load["dropped"]).values())
        kept += load["rows_out"]
    assert kept > 0
