"""The canonical tables: everything the kit computes reads these and nothing else."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import polars as pl

from idp_analytics.tables.declare import MONEY, Column, Extract, Kind, Table
from idp_analytics.tables.dimensions import DIMENSIONS
from idp_analytics.tables.facts import FACTS

LINEAGE = (
    Column("source", Kind.TEXT, "The source it came from.", nullable=False),
    Column("load_id", Kind.ID, "The load it came with (table loads).", nullable=False),
    Column("source_row", Kind.INTEGER, "Row or document in that file, counted from 1."),
)
"""Carried by every row of every table but ``loads``: the way back to the file."""

TABLES: dict[str, Table] = {
    table.name: table if table.name == "loads" else replace(table, columns=table.columns + LINEAGE)
    for table in (*DIMENSIONS, *FACTS)
}
"""Every canonical table by name, lineage columns included."""

OF_PEOPLE = ("people", "memberships", "survey_responses", "comment_codes", "assessments", "usage")
"""Tables whose rows are single people, or what one of them said or did."""


def empty(name: str) -> pl.DataFrame:
    """The typed empty frame of a table: right columns and types, no rows."""
    return _empty(name).clone()


@cache
def _empty(name: str) -> pl.DataFrame:
    return pl.DataFrame(schema=TABLES[name].schema)


__all__ = [
    "DIMENSIONS",
    "FACTS",
    "LINEAGE",
    "MONEY",
    "OF_PEOPLE",
    "TABLES",
    "Column",
    "Extract",
    "Kind",
    "Table",
    "empty",
]
