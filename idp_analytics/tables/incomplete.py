"""What is to be said of files that are known to hold less than there is."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl


def incomplete(loads: pl.DataFrame) -> Iterator[str]:
    """A sentence per source and table of which an export is known to be incomplete, in the order of ``loads``."""
    cut: dict[tuple[str, str], list[str]] = {}
    told = (loads.get_column(name).to_list() for name in ("truncated", "source", "table", "path"))
    for is_cut, source, table, path in zip(*told, strict=True):
        if is_cut:
            cut.setdefault((source, table), []).append(path)
    for (source, table), paths in cut.items():
        what = f"{paths[0]} is" if len(paths) == 1 else f"{len(paths)} files of {source} are"
        whose = "its" if len(paths) == 1 else "their"
        yield f"What rests on {table.replace('_', ' ')} is a lower bound: {what} incomplete by {whose} own account."
