"""DevLake's tables live from a real PostgreSQL and a real MariaDB: the same rows as from its CSV exports."""

from __future__ import annotations

import gzip
import io
import shutil
from contextlib import ExitStack
from pathlib import Path

import database_servers
import polars as pl
import pytest
import sqlalchemy as sa

from idp_analytics import sources
from idp_analytics.errors import SourceError
from idp_analytics.sources import devlake_database, sample
from idp_analytics.sources.sample import native as dialects
from idp_analytics.tables.conform import conform

VARIABLE = "IDP_TEST_DEVLAKE"
TYPES = {"additions": sa.BigInteger(), "deletions": sa.BigInteger(), "sorting_index": sa.Integer()}


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    """DevLake's tables as CSV texts, of the synthetic company."""
    return dialects.dialect("devlake").files(sample.generate(months=3).tables)


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def address(request, files):
    """A database that holds them, in the column types DevLake uses."""
    if request.param == "postgresql" and database_servers.postgresql_binaries() is None:
        pytest.skip("PostgreSQL is not on this machine")
    if request.param == "mariadb" and shutil.which("mariadbd") is None:
        pytest.skip("MariaDB is not on this machine")
    with ExitStack() as stack:
        url = stack.enter_context(getattr(database_servers, request.param)())
        fill(url, files)
        yield url


def fill(url: str, files: dict[str, str]) -> None:
    made = sa.make_url(url)
    engine = sa.create_engine(made.set(drivername=devlake_database.DRIVERS[made.drivername]))
    with engine.begin() as connection:
        for name, text in files.items():
            frame = pl.read_csv(io.StringIO(text), infer_schema=False)
            table = sa.Table(name.split(".")[0], sa.MetaData(), *(column(c, c == "id") for c in frame.columns))
            table.create(connection)
            typed = frame.with_columns(
                pl.col("^.*_date$").str.to_datetime("%Y-%m-%d %H:%M:%S"),
                *(pl.col(c).cast(pl.Int64) for c in frame.columns if c in TYPES),
            )
            connection.execute(sa.insert(table), typed.to_dicts())
        # What people wrote and who they are lies there too, and is not fetched.
        notes = sa.Table("notes", sa.MetaData(), sa.Column("id", sa.Integer()))
        notes.create(connection)
    engine.dispose()


def column(name: str, is_key: bool) -> sa.Column:
    kind = sa.DateTime() if name.endswith("_date") else TYPES.get(name, sa.String(255))
    return sa.Column(name, kind, primary_key=is_key)


def rows(extracts) -> dict[str, list[dict]]:
    found: dict[str, list[pl.DataFrame]] = {}
    for extract in extracts:
        done = conform(extract, "devlake")
        assert done.rejected.is_empty()
        found.setdefault(extract.table, []).append(done.rows.drop("load_id", "source_row"))
    return {
        table: sorted((row for frame in frames for row in frame.to_dicts()), key=repr) for table, frames in found.items()
    }  # fmt: skip


def test_the_database_gives_what_the_exports_give(address, files, tmp_path, monkeypatch):
    paths = []
    for name, text in files.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(gzip.compress(text.encode()))
    by_file = rows(sources.read("devlake", paths, {"people": "keep"}, tmp_path))
    monkeypatch.setenv(VARIABLE, address)
    extracts = sources.read("devlake", [], {"people": "keep", "url_env": VARIABLE}, tmp_path)
    live = rows(extracts)
    assert {name: len(found) for name, found in live.items()} == {name: len(found) for name, found in by_file.items()}
    assert len(live["deployments"]) > 500
    for name, expected in by_file.items():
        assert live[name] == expected, name
    assert {extract.path for extract in extracts} == {f"${VARIABLE}/{name.split('.')[0]}" for name in files}
    assert not any(database_servers.PASSWORD in repr((e.path, e.warnings, e.dropped)) for e in extracts)
    again = sources.read("devlake", [], {"people": "keep", "url_env": VARIABLE}, tmp_path)
    assert [e.sha256 for e in again] == [e.sha256 for e in extracts]


ODD = {
    "postgresql": {
        "infinite": ("timestamp", "'infinity'"), "early": ("timestamptz", "'4000-01-01 BC'"), "none": ("numeric", "'NaN'"),
        "many": ("numeric", "repeat('9', 5000)::numeric"), "bytes": ("bytea", "decode('ff00fe', 'hex')"), "list": ("text[]", "array['a', null]"),
        "document": ("jsonb", """'{"a": [1, null]}'"""), "while_": ("interval", "'1 month 3 days'"), "address": ("inet", "'10.0.0.1/8'"),
        "range_": ("int4range", "'[1,9)'"), "unique_": ("uuid", "'00000000-0000-0000-0000-000000000001'"), "bits": ("bit(3)", "B'101'"),
        "far": ("date", "'infinity'"), "truth": ("boolean", "true"), "double_": ("double precision", "'-Infinity'"),
    },
    "mysql": {
        "zero": ("datetime", "'0000-00-00 00:00:00'"), "half": ("date", "'2026-02-00'"), "bytes": ("blob", "x'ff00fe'"), "document": ("json", """'{"a": [1]}'"""),
        "while_": ("time", "'-838:59:59'"), "bits": ("bit(3)", "b'101'"), "one_of": ("enum('a', 'b')", "'b'"), "some_of": ("set('a', 'b')", "'a,b'"),
        "year_": ("year", "2026"), "long_": ("decimal(65, 30)", "1e-30"), "point_": ("point", "point(1, 2)"), "words": ("varchar(9) character set latin1", "x'e9'"),
    },
}  # fmt: skip
"""Column types nobody expects in DevLake's tables, each with a value that is odd in it."""


def test_values_of_odd_types_are_texts_or_refused(address, tmp_path, monkeypatch):
    """A column by itself: what the tables say is the same with and without it, or one message of ours says why nothing is read."""
    monkeypatch.setenv(VARIABLE, address)

    def read():
        return rows(sources.read("devlake", [], {"people": "keep", "url_env": VARIABLE}, tmp_path))

    before, refused = read(), {}
    url = sa.make_url(address)
    engine = sa.create_engine(url.set(drivername=devlake_database.DRIVERS[url.drivername]))
    for name, (kind, value) in ODD[url.drivername].items():
        with engine.begin() as connection:
            if url.drivername == "mysql":
                connection.execute(sa.text("set session sql_mode = ''"))
            connection.execute(sa.text(f"alter table cicd_deployments add column {name} {kind}"))
            connection.execute(sa.text(f"update cicd_deployments set {name} = {value}"))
        try:
            assert read() == before, name
        except SourceError as error:
            refused[name] = str(error)
        with engine.begin() as connection:
            connection.execute(sa.text(f"alter table cicd_deployments drop column {name}"))
    engine.dispose()
    assert not any(database_servers.PASSWORD in told for told in refused.values())
    assert refused == {}


def test_a_wrong_password_is_said_without_the_address(address, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, address.replace(database_servers.PASSWORD, "another-secret"))
    with pytest.raises(SourceError) as told:
        sources.read("devlake", [], {"url_env": VARIABLE}, tmp_path)
    text = str(told.value)
    assert f"${VARIABLE}: the database cannot be read" in text
    assert told.value.__cause__ is None
    assert not any(secret in text for secret in ("another-secret", "127.0.0.1", "lake:"))


def test_a_server_that_is_not_there_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "postgresql://lake:secret@127.0.0.1:1/lake")
    with pytest.raises(SourceError, match="the database cannot be read") as told:
        sources.read("devlake", [], {"url_env": VARIABLE}, tmp_path)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("", "the environment has no such variable"),
        ("not an address", "is no address of a database"),
        ("oracle://u:secret@h/d", "driver"),
    ],
)
def test_an_address_that_is_none(value, sentence, tmp_path: Path, monkeypatch):
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(SourceError, match=sentence) as told:
        sources.read("devlake", [], {"url_env": VARIABLE}, tmp_path)
    assert "secret" not in str(told.value)
