"""What a table declaration is: the one description from which everything about a table follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

import polars as pl


class Kind(Enum):
    """What a column holds. The value is what the data dictionary prints."""

    ID = "id"
    TEXT = "text"
    ENUM = "enum"
    TIMESTAMP = "timestamp (UTC, µs)"
    ZONE = "time zone (IANA name)"
    DATE = "date"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    MONEY = "decimal(38, 24)"
    TEXTS = "list of text"
    COUNTS = "JSON object of counts"


MONEY = pl.Decimal(38, 24)
"""Exact money. 24 decimals is the finest any provider writes (Azure amortised cost); 14 digits are left before the point."""

DTYPES: Mapping[Kind, pl.DataType | type[pl.DataType]] = {
    Kind.ID: pl.String,
    Kind.TEXT: pl.String,
    Kind.ENUM: pl.String,
    Kind.TIMESTAMP: pl.Datetime("us", "UTC"),
    Kind.ZONE: pl.String,
    Kind.DATE: pl.Date,
    Kind.NUMBER: pl.Float64,
    Kind.INTEGER: pl.Int64,
    Kind.BOOLEAN: pl.Boolean,
    Kind.MONEY: MONEY,
    Kind.TEXTS: pl.List(pl.String),
    Kind.COUNTS: pl.String,
}


@dataclass(frozen=True)
class Column:
    """One column: its name, kind, whether it may be unknown, unit and meaning.

    ``values`` closes an enum; a value outside it becomes null and, where the table has ``<name>_raw``, the
    original is kept there.
    """

    name: str
    kind: Kind
    doc: str
    nullable: bool = True
    unit: str | None = None
    values: tuple[str, ...] = ()

    @property
    def dtype(self) -> pl.DataType | type[pl.DataType]:
        """The Polars type of the column."""
        return DTYPES[self.kind]


@dataclass(frozen=True)
class Table:
    """One canonical table: what one row is, what identifies it, its columns, and what dates a fact.

    ``time`` names the timestamp (or date) columns that say when the fact happened; the first that is known wins.
    ``owned`` says that the row is attributed to the team owning ``service_id`` at that time. ``repeats`` names columns of few
    texts that come again and again, which a loaded table holds by number (Enum).
    """

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    time: tuple[str, ...] = ()
    owned: bool = False
    is_fact: bool = True
    repeats: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        """The column of that name; ``KeyError`` when the table has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name!r}")

    @property
    def schema(self) -> dict[str, pl.DataType | type[pl.DataType]]:
        """Column name to Polars type, in order."""
        return {column.name: column.dtype for column in self.columns}

    def row_key(self) -> pl.Expr:
        """The key of a row as one text, its parts divided by `` | ``; null where one of them is."""
        return pl.concat_str([pl.col(name).cast(pl.String) for name in self.key], separator=" | ")


@dataclass(frozen=True)
class Extract:
    """What a source read from one file for one table, before it passes ``conform``.

    ``frame`` has canonical column names (any castable type; text is fine, an Enum of the different texts faster) and ``_row``, the 1-based row or document
    in the file. ``rows_in`` is what the file held, when the source left some out; ``dropped`` says why.
    """

    table: str
    frame: pl.DataFrame
    path: str
    sha256: str
    as_of: datetime | None = None
    truncated: bool = False
    warnings: tuple[str, ...] = ()
    rows_in: int | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)
