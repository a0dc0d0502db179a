"""What a spreadsheet does to a bill on its way: ids as 1.23E+11, days and months turned. Such a file is refused, not guessed at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import polars as pl

from idp_analytics.errors import SourceError
from idp_analytics.sources.tabular import ROW
from idp_analytics.tables.numbered import by_word, used

_POWER = r"^\d(\.\d+)?[eE]\+\d{1,3}$"
_DAY = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/(?:[0-9]{4}|[0-9]{2})(?:\s.*)?\Z")
_AGAIN = "Take the file as the provider wrote it, without opening and saving it in a spreadsheet."


def refuse_mangled(shown: str, raw: pl.DataFrame, ids: Sequence[str], times: Sequence[str] = ()) -> None:
    """Raise :class:`SourceError` where the ``ids`` of a bill were rewritten as powers of ten, or where its ``times`` are written
    with the month first in some rows and the day first in others."""
    for name in ids:
        is_power = by_word(raw[name], lambda texts: texts.str.strip_chars().str.contains(_POWER))
        if is_power.any():
            hit = raw.select(ROW, name).filter(is_power)
            raise SourceError(
                f"{shown}: {name} of {hit.height:,} row(s) is a power of ten (row {hit[ROW][0]}: {hit[name][0]!r}): a spreadsheet has "
                f"rewritten the ids, and their digits are lost. {_AGAIN}"
            )
    if turned := both_ways(raw[name] for name in times if name in raw.columns):
        first, second = turned
        raise SourceError(
            f"{shown}: dates are written with the day first ({first!r}) and with the month first ({second!r}): a spreadsheet has turned "
            f"some of them, and nothing says which. {_AGAIN}"
        )


def both_ways(columns: Iterable[pl.Series]) -> tuple[str, str] | None:
    """A date that can only have the day first and one that can only have the month first, where there are both."""
    day = month = None
    for column in columns:
        if column.dtype not in (pl.String, pl.Enum):
            continue
        cells = [cell.strip() for cell in used(column).sort()]
        told = [(cell, int(found[1]), int(found[2])) for cell in cells if (found := _DAY.match(cell))]
        day = day or next((cell for cell, one, two in told if one > 12 >= two), None)
        month = month or next((cell for cell, one, two in told if two > 12 >= one), None)
    return (day, month) if day and month else None
