"""Tables of text: how an answer stands in a cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from idp_analytics.answers import Verdict
from idp_analytics.charts.wording import NOTHING
from idp_analytics.report.section import Table
from idp_analytics.report.words import VERDICTS

TEAMS = 40
"""How many teams a table has at most: whoever looks for one of hundreds finds it on the index, and all their numbers in the files beside."""

_EMPTY = frozenset({"", NOTHING})
"""What stands in a cell in which nothing does."""


def table(caption: str, rows: Iterable[Mapping[str, str]], left: Sequence[str] = (), left_out: int = 0) -> Table:
    """A table from rows of text, all with the same columns.

    Columns in which nothing stands are left out. All but the first, verdicts and those in ``left`` are numbers.
    """
    found = list(rows)
    columns = {name: [row[name] for row in found] for name in (found[0] if found else ())}
    columns = {name: column for name, column in columns.items() if not _EMPTY.issuperset(column)}
    return Table(caption, columns, tuple(name for name in [*columns][1:] if name not in (*left, "Verdict")), left_out)


def of_teams(
    caption: str, rows: Iterable[tuple[float, Mapping[str, str]]], those: str, whole: str, left: Sequence[str] = ()
) -> Table:
    """A table with a row per team, in the order given, that does not grow with a company: of more than :data:`TEAMS` only so many stand in it.

    ``rows``: with each how much there is to say of it, by which they are chosen; ``those`` says of which it is most (“with the highest
    cost”); ``whole``: the file beside the page in which all of them stand.
    """
    found = list(rows)
    if len(found) <= TEAMS:
        return table(caption, (row for _, row in found), left)
    most = sorted(range(len(found)), key=lambda place: (-found[place][0], place))[:TEAMS]
    shown = table(f"{caption}: the {TEAMS} {those}", (found[place][1] for place in sorted(most)), left)
    return replace(shown, left_out=len(found) - TEAMS, whole=whole)


def verdict(word: str) -> str:
    """A verdict in a cell: symbol and word."""
    return f"{VERDICTS[Verdict(word)].symbol} {word}"


def period(row: Mapping[str, Any]) -> str:
    """The label of an answer's period, and whether it is partial."""
    return f"{row['period']}{' (partial)' if row['is_partial'] else ''}"


def n(row: Mapping[str, Any]) -> str:
    """How many observations an answer rests on; of a withheld one not even that is told."""
    return "withheld" if row["n"] is None else f"{row['n']:,}"
