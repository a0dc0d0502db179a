"""A small table of every kind of column, and suites about it."""

from __future__ import annotations

from typing import Any

from idp_analytics.tables import Column, Kind, Table

TABLE = Table(
    "t", "one thing", ("name",),
    (
        Column("name", Kind.ID, "What it is called.", nullable=False),
        Column("text", Kind.TEXT, "Some words."),
        Column("whole", Kind.INTEGER, "A whole number."),
        Column("real", Kind.NUMBER, "A number."),
        Column("money", Kind.MONEY, "What it costs."),
        Column("at", Kind.TIMESTAMP, "When it is."),
        Column("day", Kind.DATE, "The day it is."),
        Column("flag", Kind.BOOLEAN, "Whether it is."),
        Column("words", Kind.TEXTS, "Some of them."),
        Column("colour", Kind.ENUM, "How it looks.", values=("red", "green")),
        Column("source", Kind.TEXT, "Where it comes from.", nullable=False),
        Column("load_id", Kind.ID, "Which load.", nullable=False),
        Column("source_row", Kind.INTEGER, "Which row."),
    ),
)  # fmt: skip


def entry(type_: str, severity: str = "critical", why: str = "Because.", **kwargs: Any) -> dict[str, Any]:
    return {"type": type_, "kwargs": kwargs, "meta": {"why": why}, "severity": severity}


def suite(*entries: Any, name: str = "t") -> dict[str, Any]:
    return {"name": name, "expectations": list(entries)}
