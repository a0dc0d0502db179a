"""Providers write the whole bill anew every day: of several snapshots of one billing period only the newest counts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import polars.selectors as cs

from idp_analytics.errors import SourceError
from idp_analytics.sources.tabular import ROW

SHARE = 0.9
"""From this share of the lines of the smaller one also found in the other, two files (or folders) are snapshots of one bill."""

OLDER = "is in a newer snapshot of the same bill"

_MOST = 200_000  # rows compared, of all files together
_AMOUNTS = ("quantity", "quantity_unit", "is_correction")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_STAMP = re.compile(r"\d{4}-?\d{2}-?\d{2}(?:[T_ -]?\d{2}[:_-]?\d{2}(?:[:_-]?\d{2})?)?")


@dataclass(frozen=True)
class Prints:
    """A file as it is compared: its name, where it lies, and one row per charge: ``_row``, ``period`` (billing period),
    ``line`` (hash of what is charged for) and ``print`` (hash of all of it, amounts too)."""

    shown: str
    path: Path
    rows: pl.DataFrame


def fingerprints(shown: str, path: Path, charges: pl.DataFrame, amounts: Sequence[str]) -> Prints:
    """The prints of a bill's ``charges`` (``cost_rows.CHARGE``, ``_row`` and the ``amounts``)."""
    if charges.is_empty():
        schema = {ROW: pl.Int64, "period": pl.String, "line": pl.UInt64, "print": pl.UInt64}
        return Prints(shown, path, pl.DataFrame(schema=schema))
    # Numbers of texts are each file's own.
    charges = charges.cast({cs.by_dtype(pl.Enum, pl.Null): pl.String})
    names = sorted(name for name in charges.columns if name != ROW)
    what = [name for name in names if name not in (*amounts, *_AMOUNTS)]
    month = [name for name in ("billing_period_on", "period_start") if name in names]
    period = (
        pl.coalesce(pl.col(name).cast(pl.String).str.slice(0, 7) for name in month)
        if month
        else pl.lit(None, pl.String)
    )
    return Prints(
        shown,
        path,
        charges.select(
            ROW,
            period.fill_null("not known").alias("period"),
            charges.select(what).hash_rows(seed=0).alias("line"),
            charges.select(names).hash_rows(seed=0).alias("print"),
        ),
    )


def older(files: Sequence[Prints]) -> list[dict[str, str]]:
    """For each file the billing periods that a newer snapshot has too → the sentence that says so; their charges must not
    count again.

    Which of two snapshots is the newer one is certain where their paths differ in times only, and where all of the one is
    in the other. Of large files every n-th line (by its hash, so that it is the same one in each file) is compared.

    Raises :class:`SourceError` naming the two files where it is not certain: to count both would count one bill twice.
    """
    told: list[dict[str, str]] = [{} for _ in files]
    if len(files) < 2:
        return told
    rows = pl.concat([file.rows.with_columns(pl.lit(i).alias("file")) for i, file in enumerate(files)])
    rows = rows.filter(pl.col("line") % max(1, rows.height // _MOST) == 0)
    folders = {folder: i for i, folder in enumerate(dict.fromkeys(file.path.parent for file in files))}
    if 1 < len(folders) < len(files):
        # Parts of one snapshot may be cut elsewhere than those of the next: together they tell.
        of = [folders[file.path.parent] for file in files]
        together = rows.with_columns(
            pl.col("file").replace_strict(dict(enumerate(of)), return_dtype=pl.Int32).alias("file")
        )
        places = [folder / "x" for folder in folders]
        names = [f"the files in {folder.name}" for folder in folders]
        for old, period, sentence in _superseded(together, places, names):
            for i, folder in enumerate(of):
                if folder == old:
                    told[i].setdefault(period, sentence)
    for old, period, sentence in _superseded(rows, [f.path for f in files], [f.shown for f in files]):
        told[old].setdefault(period, sentence)
    return told


def _superseded(rows: pl.DataFrame, places: Sequence[Path], names: Sequence[str]) -> list[tuple[int, str, str]]:
    """(older one, billing period, what to say) of each that is an older snapshot of another."""
    found = []
    done: set[tuple[int, str]] = set()
    for row in _alike(rows).iter_rows(named=True):
        a, b, period = row["file"], row["file_other"], row["period"]
        if (a, period) in done or (b, period) in done:
            continue
        in_time = _in_time(places[a], places[b])
        if in_time == 0 and row["same"] < row["n"]:
            raise SourceError(
                f"{names[a]} and {names[b]} look like two snapshots of one bill: {row['shared'] / row['n']:.0%} of the charges "
                f"of billing period {period} in the first are in the second too, some with other amounts, and nothing says which is the newer. "
                "Together they would count it twice. Give only the newest, or keep the provider's manifest beside them; if they "
                "are parts of one bill, say parts = true."
            )
        old, new = (b, a) if in_time > 0 else (a, b)
        done.add((old, period))
        found.append(
            (old, period, f"its charges of billing period {period} are an earlier snapshot of {names[new]}, which has "
             f"{row['shared'] / row['n']:.0%} of them, and are not counted")
        )  # fmt: skip
    return found


def _alike(rows: pl.DataFrame) -> pl.DataFrame:
    """Pairs that share more than :data:`SHARE` of the lines of the smaller one, which is ``file``: ``n`` lines it has,
    ``shared`` lines in both and ``same`` of these with the same amounts. The largest ``file_other`` first."""
    sizes = rows.group_by("period", "file").agg(pl.len().alias("n"))

    def shared(column: str, name: str) -> pl.DataFrame:
        counted = rows.group_by("period", "file", column).agg(pl.len().alias("c"))
        return (
            counted.join(counted, on=["period", column], suffix="_other")
            .filter(pl.col("file") != pl.col("file_other"))
            .group_by("period", "file", "file_other")
            .agg(pl.min_horizontal("c", "c_other").sum().alias(name))
        )

    pairs = shared("line", "shared").join(shared("print", "same"), on=["period", "file", "file_other"], how="left")
    return (
        pairs.with_columns(pl.col("same").fill_null(0))
        .join(sizes, on=["period", "file"])
        .join(sizes.rename({"file": "file_other", "n": "n_other"}), on=["period", "file_other"])
        .filter(pl.col("shared") > SHARE * pl.col("n"))
        .filter(
            (pl.col("n") < pl.col("n_other"))
            | ((pl.col("n") == pl.col("n_other")) & (pl.col("file") < pl.col("file_other")))
        )
        .sort("period", "n", "file", "n_other", "file_other", descending=[False, False, False, True, True])
    )


def _in_time(a: Path, b: Path) -> int:
    """1 when ``a`` is the later of two paths that differ in times (and ids of a run) only, -1 when ``b`` is, else 0."""
    texts = [_UUID.sub("#", path.as_posix()) for path in (a, b)]
    if _STAMP.sub("@", texts[0]) != _STAMP.sub("@", texts[1]):
        return 0
    first, second = ([re.sub(r"\D", "", stamp) for stamp in _STAMP.findall(text)] for text in texts)
    return (first > second) - (first < second)


def counted(charges: pl.DataFrame, prints: Prints, gone: Mapping[str, str]) -> tuple[pl.DataFrame, dict[str, int]]:
    """``charges`` without those of the periods in ``gone``, and how many these are, by the reason."""
    if not gone:
        return charges, {}
    old = prints.rows.filter(pl.col("period").is_in(list(gone)))[ROW]
    kept = charges.filter(~pl.col(ROW).is_in(old.implode()))
    return kept, {OLDER: charges.height - kept.height}
