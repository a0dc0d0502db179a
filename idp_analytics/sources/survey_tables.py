"""Tables of survey tools that have several header rows: the rows as they lie in the file."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from idp_analytics.errors import SourceError
from idp_analytics.sources.files import beginning, content, decoded, said_replaced
from idp_analytics.sources.tabular import FEWER, MORE

Rows = list[list[str]]


def table(path: Path, shown: str) -> tuple[Rows, tuple[str, ...]]:
    """All rows of a CSV or tab-separated file, UTF-8 or UTF-16, and sentences for a person.

    Blank lines are left out. Raises :class:`SourceError` when a quotation mark is never closed.
    """
    text, replaced = decoded(content(path, shown))
    first = text.lstrip().split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: Rows = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append(row)
    except csv.Error as error:
        raise SourceError(
            f"{shown}: is no CSV that can be read: {error} at line {reader.line_num}. Export it again."
        ) from None
    return rows, (said_replaced(replaced),) if replaced else ()


def wrong_width(row: list[str], width: int) -> str | None:
    """Why a row is set aside: it has not as many fields as the header; null: it has."""
    return None if len(row) == width else FEWER if len(row) < width else MORE


def is_text(path: Path, shown: str) -> bool:
    """The file is no Parquet."""
    return not beginning(path, shown).startswith(b"PAR1")
