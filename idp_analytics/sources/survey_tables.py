"""Tables of survey tools that have several header rows: the first rows apart from the responses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.sources.documents import Documents
from idp_analytics.sources.files import beginning
from idp_analytics.sources.survey_columns import SHEET, Cells, Sheet, cells
from idp_analytics.sources.tabular import ROW, Rows, read_rows


@dataclass(frozen=True)
class Table:
    """A table: its header rows (``above``, the names of the columns first; empty text for an empty cell) and all ``rows``."""

    above: Sequence[Sequence[str]]
    rows: Rows

    def below(self, count: int) -> pl.DataFrame:
        """The rows below the first ``count``, numbered from 1 on, without those that hold nothing."""
        frame = self.rows.frame.filter(pl.col(ROW) >= count)
        first = pl.col(frame.columns[1])
        doubtful = frame.filter(first.is_null() | (first.str.strip_chars() == ""))
        filled = pl.any_horizontal(pl.exclude(ROW).str.strip_chars() != "").fill_null(False)
        blank = doubtful.filter(~filled)[ROW] if doubtful.height else doubtful[ROW]
        if not blank.is_empty():
            frame = frame.filter(~pl.col(ROW).is_in(blank.implode()))
        before = pl.Series(blank.search_sorted(frame[ROW]), dtype=pl.Int64) if blank.len() else 0
        return frame.with_columns(pl.col(ROW) - (count - 1) - before)


def table(path: Path, shown: str) -> Table | None:
    """A CSV or tab-separated file, UTF-8 or UTF-16; null: a file of another kind, or without a second row.

    Raises :class:`SourceError` when a quotation mark is never closed.
    """
    if beginning(path, shown).startswith(b"PAR1"):
        return None
    rows = read_rows(path, shown)
    top = rows.frame.head(2)
    if top[ROW].to_list()[:1] != [1]:
        return None
    return Table([rows.written, *([cell or "" for cell in row[1:]] for row in top.iter_rows())], rows)


def columns(frame: pl.DataFrame) -> list[Cells]:
    """The cells of each column but the number of the row."""
    return [cells(column) for column in frame if column.name != ROW]


def documents(found: Table, sheet: Sheet, **beside: Any) -> Documents:
    """The responses of a table as one document, with what else it has; rows of another width are counted."""
    rows, whole = found.rows, [(1, {SHEET: sheet, **beside})] if len(sheet.numbers) else []
    return Documents(whole, rows.sha256, rows.broken, warnings=rows.replaced)
