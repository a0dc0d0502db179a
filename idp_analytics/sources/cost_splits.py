"""Split cost allocation: what pods and tasks cost takes the place of what their instance cost, and never comes on top of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from idp_analytics.sources.cost_bill import Charges
from idp_analytics.sources.tabular import ROW
from idp_analytics.tables import MONEY

NO_PARENT = "is a part of an instance whose own cost is in none of the files"
UNUSED_RECORD = "is unused capacity, which the shares of the instance's pods and tasks hold already"
UNUSED = "unused capacity"
"""``sku`` of the part of an instance's unused capacity that a pod or task is given."""

_INSTANCE = r"(?i)(BoxUsage|SpotUsage|DedicatedUsage|HostUsage|HeavyUsage)"
_COVERED = ("usage", "discountedusage", "savingsplancoveredusage")
_SHARES = {"split_share": "list_split", "unused_share": "list_unused"}
_KEY = ["parent", "period_start", "currency"]


def split(charged: Sequence[Charges]) -> list[Charges]:
    """``charged``, one per file, with every instance's cost given to its parts.

    A frame has ``type`` and ``usage_type`` of the line, and for parts ``parent`` (resource id of the instance),
    ``split_share`` and ``unused_share`` (what the provider gives the part of the instance's amortised cost), maybe
    ``list_split`` and ``list_unused``. Each part becomes one charge for its share and one for its share of what nobody used.
    On every basis parts get what the provider says, or, where that is of another cost than the instance has on it (it ran
    a part of the hour only; it was paid for otherwise), shares of what it has in the same ratio. What is left
    over stays with the instance, so that together they are its cost to the last digit.

    Parts without an instance in any file have no cost of their own and are left out and counted.
    """
    if not any("split_share" in one.frame.columns and one.frame["parent"].is_not_null().any() for one in charged):
        return [replace(one, frame=_plain(one.frame)) for one in charged]
    bases = [basis for basis in ("billed", "effective", "list") if all(basis in one.frame.columns for one in charged)]
    money = [*bases, "split_share", "unused_share", *_SHARES.values()]
    whole = pl.concat(
        [
            one.frame.with_columns(
                pl.lit(file).alias("file"),
                *(
                    (pl.col(name) if name in one.frame.columns else pl.lit(None)).cast(MONEY, strict=False).alias(name)
                    for name in money
                ),
            )
            for file, one in enumerate(charged)
        ],
        how="diagonal_relaxed",
    )
    parts, others = whole.filter(pl.col("parent").is_not_null()), whole.filter(pl.col("parent").is_null())
    is_record = pl.col("resource").str.contains(r"(?i)(^|/)unused(/|$)").fill_null(False)
    records, parts = parts.filter(is_record), parts.filter(~is_record)
    is_instance = pl.col("usage_type").str.contains(_INSTANCE).fill_null(False) & pl.col("type").is_in(_COVERED)
    instances = others.filter(is_instance).with_columns(pl.col("resource").alias("parent"))
    owed = instances.group_by(_KEY).agg(pl.col(bases).sum())
    shares = _shares(parts).join(owed.rename({basis: f"{basis}_owed" for basis in bases}), on=_KEY, how="left")
    orphans = shares.filter(pl.col("billed_owed").is_null())
    given = _given(shares.filter(pl.col("billed_owed").is_not_null()), bases)
    left = _left(instances, given, bases)
    rest = others.join(left.select("file", ROW), on=["file", ROW], how="anti")
    found = []
    for file, one in enumerate(charged):
        frame = pl.concat([rest, left, given], how="diagonal_relaxed").filter(pl.col("file") == file)
        lost = {reason: n for reason, n in (
            (NO_PARENT, orphans.filter(pl.col("file") == file)[ROW].n_unique()), (UNUSED_RECORD, records.filter(pl.col("file") == file).height)
        ) if n}  # fmt: skip
        frame = frame.sort(ROW, "share", nulls_last=False)
        frame = _with_unreadable(_plain(frame.drop("file")), one.frame)
        found.append(replace(one, frame=frame, dropped={**one.dropped, **lost}, part="share"))
    return found


def _shares(parts: pl.DataFrame) -> pl.DataFrame:
    """Two rows per part, ``share`` used and unused: ``own`` of the amortised cost, ``own_list`` of the list price."""
    return pl.concat(
        parts.with_columns(
            pl.lit(name).alias("share"),
            pl.col(f"{column}").fill_null(0).alias("own"),
            pl.col(_SHARES[column]).alias("own_list"),
            (pl.lit(UNUSED) if name == "unused" else pl.col("sku")).alias("sku"),
            (pl.lit(None, MONEY) if name == "unused" else pl.col("quantity")).alias("quantity")
            if "quantity" in parts.columns else pl.lit(None, MONEY).alias("quantity"),
        )
        for name, column in (("used", "split_share"), ("unused", "unused_share"))
    ).filter(pl.col("own") != 0)  # fmt: skip


def _given(shares: pl.DataFrame, bases: Sequence[str]) -> pl.DataFrame:
    """``shares`` with what each gets on every basis: at most the instance's cost on it, all together."""
    zero = pl.lit(0).cast(MONEY)
    amortised = pl.col("effective_owed") if "effective" in bases else pl.col("billed_owed")
    everything = pl.col("own").sum().over(_KEY)
    # A provider that gives more than the instance cost has given it for a whole hour of which the instance ran a part.
    found = shares.with_columns(pl.max_horizontal(everything, amortised).alias("all"))
    # Cut off, not rounded: all together must not be more than there is.
    ratio = pl.when(pl.col("all") != zero).then((pl.col("own") / pl.col("all")).truncate(20)).otherwise(zero)

    def of(basis: str) -> pl.Expr:
        owed = pl.col(f"{basis}_owed")
        own, fits = pl.col("own"), pl.col("all") == owed
        if basis == "list":
            own = pl.col("own_list")
            fits = own.is_not_null() & (own.sum().over(_KEY) <= owed)
        # As the provider says where that is the cost on this basis, else in the same ratio.
        return pl.when(fits).then(own).otherwise((owed * ratio).truncate(22)).cast(MONEY).alias(basis)

    return found.with_columns(of(basis) for basis in bases)


def _left(instances: pl.DataFrame, given: pl.DataFrame, bases: Sequence[str]) -> pl.DataFrame:
    """The instances' lines that have parts, with what is left: all of it on the first line of each, nothing on the others."""
    sums = given.group_by(_KEY).agg(pl.col(bases).sum())
    owed = instances.group_by(_KEY).agg(pl.col(bases).sum())
    rest = owed.join(sums, on=_KEY, suffix="_given").select(
        *_KEY, *((pl.col(basis) - pl.col(f"{basis}_given")).alias(f"{basis}_left") for basis in bases)
    )
    first = pl.struct("file", ROW) == pl.struct("file", ROW).first().over(_KEY)
    zero = pl.lit(0).cast(MONEY)
    return (
        instances.join(rest, on=_KEY, how="inner", maintain_order="left")
        .with_columns(pl.when(first).then(pl.col(f"{basis}_left")).otherwise(zero).alias(basis) for basis in bases)
        .with_columns(pl.lit(None, pl.String).alias("share"))
    )


def _with_unreadable(frame: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    """Lines whose cost cannot be read come back as they are written, so that ``conform`` names them."""
    if given["billed"].dtype != pl.String:
        return frame
    bad = given.filter(pl.col("billed").is_not_null() & pl.col("billed").cast(MONEY, strict=False).is_null())
    text = pl.col("billed").cast(pl.String)
    return pl.concat(
        [frame.with_columns(text).join(bad.select(ROW), on=ROW, how="anti"), _plain(bad)], how="diagonal_relaxed"
    )


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Without what only the splitting needs."""
    helping = {
        "parent",
        "type",
        "usage_type",
        "split_share",
        "unused_share",
        *_SHARES.values(),
        "own",
        "own_list",
        "all",
    }
    return frame.select(name for name in frame.columns if name not in helping and not name.endswith(("_owed", "_left")))
