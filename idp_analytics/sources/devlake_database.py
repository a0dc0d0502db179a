"""DevLake's tables live from its database, through SQLAlchemy. The address comes from the environment and goes nowhere."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from idp_analytics.errors import SourceError
from idp_analytics.sources.tabular import ROW

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

DRIVERS = {
    "postgresql": "postgresql+pg8000",
    "postgres": "postgresql+pg8000",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
"""Names of databases in an address without a driver, and the drivers that come with the ``sql`` extra."""

PIECE = 50_000
"""Rows fetched at a time, so that a table is never twice in memory."""

_UNREAD = (
    "description",
    "message",
    "body",
    "email",
    "full_name",
    "avatar_url",
    "display_title",
    "_raw_data_remark",
    "_raw_data_params",
)
"""Columns that nothing here reads and that may hold what people wrote or who they are: they are not even fetched."""


def tables(variable: str, names: Sequence[str]) -> Iterator[tuple[str, str, pl.DataFrame, str]]:
    """Each table of ``names`` that the database has: its name, how it is shown, its rows in the order of its key, and a
    SHA-256 of them. Naive times are UTC.

    Raises :class:`SourceError` when the variable is empty, the extra is not installed, or the database does not answer; no
    message holds the address.
    """
    engine = _engine(variable)
    from sqlalchemy import inspect
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with engine.connect() as connection:
            connection = connection.execution_options(stream_results=True, isolation_level="REPEATABLE READ")  # noqa: PLW2901
            there = set(inspect(connection).get_table_names())
            for name in names:
                if name in there:
                    frame = _table(connection, name)
                    yield name, f"${variable}/{name}", frame, _sha256(frame)
    except SQLAlchemyError as error:
        raise _unanswered(variable, error) from None
    finally:
        engine.dispose()


def _engine(variable: str) -> Engine:
    address = os.environ.get(variable, "")
    if not address:
        raise SourceError(
            f"url_env = {variable!r}: the environment has no such variable. Set it to the database's address, e.g. "
            f"export {variable}='postgresql://reader:password@host/lake'."
        )
    try:
        from sqlalchemy import create_engine, make_url
        from sqlalchemy.exc import ArgumentError
    except ImportError:
        raise SourceError('A live DevLake database needs more packages: pip install "idp-analytics[sql]".') from None
    try:
        url = make_url(address)
        return create_engine(url.set(drivername=DRIVERS.get(url.drivername, url.drivername)))
    except (ArgumentError, ValueError):
        raise SourceError(
            f"${variable} is no address of a database: write postgresql://user:password@host/database or mysql://…"
        ) from None
    except ImportError as error:
        raise SourceError(
            f"${variable}: the driver {error.name!r} is not installed; use postgresql:// or mysql://."
        ) from None


def _table(connection: Connection, name: str) -> pl.DataFrame:
    from sqlalchemy import MetaData, Table, select
    from sqlalchemy.exc import SAWarning

    with warnings.catch_warnings():
        # A column of a type that SQLAlchemy does not know is read as whatever the driver gives for it.
        warnings.filterwarnings("ignore", "Did not recognize type", SAWarning)
        table = Table(name, MetaData(), autoload_with=connection)
    columns = [column for column in table.columns if column.name not in _UNREAD]
    schema = dict.fromkeys((column.name for column in columns), pl.String())
    order = list(table.primary_key.columns) or columns
    pieces: list[pl.DataFrame] = []
    result = connection.execute(select(*columns).order_by(*order))
    for piece in result.partitions(PIECE):
        values = zip(*piece, strict=True)
        pieces.append(
            pl.DataFrame(
                [
                    pl.Series(name, map(_plain, column), dtype=pl.String)
                    for name, column in zip(schema, values, strict=True)
                ]
            )
        )
    frame = pl.concat([pl.DataFrame(schema=schema), *pieces])
    return frame.with_columns(pl.int_range(1, pl.len() + 1).cast(pl.Int64).alias(ROW))


def _plain(value: Any) -> str | None:
    """Every value as the text a CSV export has, so that both ways give the same rows."""
    if value is None or value == "":
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def _sha256(frame: pl.DataFrame) -> str:
    digest = hashlib.sha256()
    for piece in frame.iter_slices(PIECE):
        digest.update(piece.write_csv(include_header=False).encode())
    return digest.hexdigest()


def _unanswered(variable: str, error: Exception) -> SourceError:
    """What went wrong, without what the address holds: drivers repeat user, host and statement."""
    cause = getattr(error, "orig", None) or error
    return SourceError(
        f"${variable}: the database cannot be read ({type(cause).__name__}). Check that the address, user and password are right, "
        "that the user may SELECT, and that it is DevLake's own database."
    )
