"""Tables of text: how an answer stands in a cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.charts.wording import NOTHING
from idp_analytics.report.section import Table
from idp_analytics.report.words import VERDICTS


def table(caption: str, rows: Iterable[Mapping[str, str]], left: Sequence[str] = (), left_out: int = 0) -> Table:
    """A table from rows of text, all with the same columns.

    Columns in which nothing stands are left out. All but the first, verdicts and those in ``left`` are numbers.
    """
    found = list(rows)
    names = [name for name in (found[0] if found else {}) if any(row[name] not in ("", NOTHING) for row in found)]
    frame = pl.DataFrame({name: [row[name] for row in found] for name in names}, schema=dict.fromkeys(names, pl.String))
    return Table(caption, frame, tuple(name for name in names[1:] if name not in (*left, "Verdict")), left_out)


def verdict(word: str) -> str:
    """A verdict in a cell: symbol and word."""
    return f"{VERDICTS[Verdict(word)].symbol} {word}"


def period(row: Mapping[str, Any]) -> str:
    """The label of an answer's period, and whether it is partial."""
    return f"{row['period']}{' (partial)' if row['is_partial'] else ''}"


def n(row: Mapping[str, Any]) -> str:
    """How many observations an answer rests on; of a withheld one not even that is told."""
    return "withheld" if row["n"] is None else f"{row['n']:,}"
