"""Providers write the whole bill anew every day: two files of one billing period may be the same bill twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from idp_analytics.sources.tabular import ROW

SHARE = 0.9
"""From this share of a file's rows also found in another, the two look like snapshots of one bill."""

_MOST = 200_000  # rows compared, of all files together


@dataclass(frozen=True)
class Prints:
    """A file as it is compared: its name and one row per distinct charge, ``period`` (billing period) and ``print``."""

    shown: str
    rows: pl.DataFrame


def fingerprints(shown: str, charges: pl.DataFrame | None) -> Prints:
    """The hash of every charge over all columns read, with its billing period."""
    if charges is None or charges.is_empty():
        return Prints(shown, pl.DataFrame(schema={"period": pl.String, "print": pl.UInt64}))
    names = sorted(name for name in charges.columns if name != ROW)
    period = pl.col("BillingPeriodStart").cast(pl.String) if "BillingPeriodStart" in names else pl.lit("not known")
    hashes = charges.select(names).hash_rows(seed=0).alias("print")
    return Prints(shown, charges.select(period.alias("period"), hashes).unique())


def snapshots(files: Sequence[Prints]) -> list[list[str]]:
    """For each file the sentences that say of which other file it looks to be an earlier or equal snapshot.

    Of large files every n-th charge (by its hash, so that it is the same one in each file) is compared.
    """
    told: list[list[str]] = [[] for _ in files]
    charges = pl.concat([f.rows.with_columns(pl.lit(i).alias("file")) for i, f in enumerate(files)])
    charges = charges.filter(pl.col("print") % max(1, charges.height // _MOST) == 0)
    sizes = charges.group_by("period", "file").agg(pl.len().alias("n"))
    shared = (
        charges.join(charges, on=["period", "print"], suffix="_other")
        .filter(pl.col("file") != pl.col("file_other"))
        .group_by("period", "file", "file_other")
        .agg(pl.len().alias("shared"))
        .join(sizes, on=["period", "file"])
        .join(sizes.rename({"file": "file_other", "n": "n_other"}), on=["period", "file_other"])
        .filter(pl.col("shared") > SHARE * pl.col("n"))
        .filter(
            (pl.col("n") < pl.col("n_other"))
            | ((pl.col("n") == pl.col("n_other")) & (pl.col("file") < pl.col("file_other")))
        )
        .sort("period", "file", "n_other", "file_other", descending=[False, False, True, True])
        .unique(["period", "file"], keep="first", maintain_order=True)
    )
    for row in shared.iter_rows(named=True):
        told[row["file"]].append(
            f"{row['shared'] / row['n']:.0%} of its charges of billing period {row['period']} are also in "
            f"{files[row['file_other']].shown}: the two look like snapshots of one bill, and both together count it twice; "
            "give only the newest"
        )
    return told
