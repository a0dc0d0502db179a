"""Why one cost became another: the difference of two bills split into effects that add up to it, to the last digit.

For what was bought both times, with quantity q and price p = amount ÷ quantity before (0) and after (1):

* **usage** (q₁ − q₀)·p₀, **price** (p₁ − p₀)·q₀, and **joint** (q₁ − q₀)·(p₁ − p₀): what neither did alone. Textbooks add the joint part to
  one of the two (Horngren, Datar & Rajan, Cost Accounting, 15th ed. 2015, ch. 7); here it stands by itself, since whom it is
  given to decides what the others say.

And for what cannot be compared so: **new**, **gone**; **ownership**, what changed hands, at what it cost before; **pool**, a pool of shared
cost grew at the same share of it; **share**, the share of a pool changed; **cost only**, what tells no quantity.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from idp_analytics.metrics.cost_lines import ITEM
from idp_analytics.tables import MONEY

EFFECTS = ("usage", "price", "joint", "new", "gone", "ownership", "pool", "share", "cost only")
"""Every effect, in the order reports show them."""

ZERO = pl.lit(0).cast(MONEY)
_ONE = pl.lit(1).cast(MONEY)
_LIMIT = 1e12
"""Prices and products above it do not fit the decimals of money; what has them counts as cost only."""


def of_charges(before: pl.DataFrame, after: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """The effects on charges, one row per ``by`` × item × owner: ``before``, ``after``, :data:`EFFECTS`, ``lines`` of both,
    and how many ``more`` there are after.

    ``before`` and ``after`` have the columns ``by``, :data:`cost_lines.ITEM`, ``owner``, ``amount``, ``quantity``, ``lines``, and lines that
    are to be compared with one another have the same ``by``. In every row after − before = the sum of the effects, exactly.

    An item that other owners have than before changed hands: what it cost before is laid on those who have it now, in
    proportion to what they are charged for it now. That is the effect of ownership, which adds up to 0 over all owners; all
    other effects are then those of the new owner.
    """
    key = [*by, *ITEM]
    both = _summed(before, [*key, "owner"], "0").join(
        _summed(after, [*key, "owner"], "1"), on=[*key, "owner"], how="full", coalesce=True, nulls_equal=True
    )
    kept = pl.col("had").is_not_null()
    has = pl.col("has").is_not_null()
    both = both.with_columns(
        *(pl.col(name).fill_null(ZERO) for name in ("a0", "a1", "q0", "q1")),
        pl.col("lines0", "lines1").fill_null(0),
        kept.any().over(key).alias("was"),
        has.any().over(key).alias("is"),
        (kept == has).all().over(key).alias("same"),
    ).with_columns(pl.col("a1").abs().sum().over(key).alias("weight"))
    moved = pl.col("was") & pl.col("is") & ~pl.col("same") & (pl.col("weight") > ZERO)
    moving = both.filter(moved)
    both = pl.concat(
        [both.filter(~moved).with_columns(pl.col("a0").alias("b0"), pl.col("q0").alias("r0")), _laid(moving, key)]
    )
    return _split(both).select(*key, "owner", "before", "after", *EFFECTS, "lines", "more")  # fmt: skip


def of_shares(before: pl.DataFrame, after: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """The effects on shares of pools, one row per ``by`` × pool (``thing``) × part × owner, as :func:`of_charges` gives them.

    With c what an owner paid of a pool that held h: **pool** c₀·h₁/h₀ − c₀ (all of it, where the pool is new), **share** the rest. ``before``
    and ``after`` also have ``part`` and ``held``.
    """
    pool = [*by, "thing", "part"]
    held = [f.group_by(pool).agg(pl.col("held").first().alias(name)) for f, name in ((before, "h0"), (after, "h1"))]
    sums = [
        f.group_by(*pool, "owner").agg(pl.col("amount").sum().alias(name), pl.col("lines").sum().alias(f"lines{name[1]}"))
        for f, name in ((before, "a0"), (after, "a1"))
    ]  # fmt: skip
    both = (
        sums[0]
        .join(sums[1], on=[*pool, "owner"], how="full", coalesce=True, nulls_equal=True)
        .join(held[0], on=pool, how="left", nulls_equal=True)
        .join(held[1], on=pool, how="left", nulls_equal=True)
        .with_columns(pl.col("a0", "a1", "h0", "h1").fill_null(ZERO), pl.col("lines0", "lines1").fill_null(0))
    )
    grows = (pl.col("h0") != ZERO) & (_float("h1") / _float("h0") * _float("a0")).abs().lt(_LIMIT)
    grown = pl.col("a0") * (pl.col("h1") / pl.when(grows).then("h0").otherwise(_ONE)) - pl.col("a0")
    none = pl.lit(None, pl.String)
    return both.with_columns(
        *(none.alias(name) for name in ITEM if name not in ("thing", "is_metered", "is_correction")),
        pl.lit(False).alias("is_metered"), pl.lit(False).alias("is_correction"),
        pl.when(grows).then(grown).otherwise(pl.col("a1") - pl.col("a0")).alias("pool"),
        *(ZERO.alias(name) for name in EFFECTS if name not in ("pool", "share")),
    ).with_columns(
        (pl.col("a1") - pl.col("a0") - pl.col("pool")).alias("share"),
        pl.col("a0").alias("before"), pl.col("a1").alias("after"), *_counted(),
    ).select(*by, *ITEM, "owner", "before", "after", *EFFECTS, "lines", "more")  # fmt: skip


def _summed(rows: pl.DataFrame, key: Sequence[str], which: str) -> pl.DataFrame:
    return rows.group_by(key).agg(
        pl.col("amount").sum().alias(f"a{which}"),
        pl.col("quantity").sum().alias(f"q{which}"),
        pl.col("lines").sum().alias(f"lines{which}"),
        pl.lit(True).alias("had" if which == "0" else "has"),
    )


def _laid(moving: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """What moved, with its amount and quantity of before (``b0``, ``r0``) laid on those who own it now, without a remainder."""
    weight = pl.col("a1").abs() / pl.when(pl.col("weight") > ZERO).then("weight").otherwise(_ONE)
    largest = pl.col("a1").abs()
    laid = moving.sort(*key, largest, "owner", descending=[*(False for _ in key), True, False]).with_columns(
        (pl.col("a0").sum().over(key) * weight).alias("b0"), (pl.col("q0").sum().over(key) * weight).alias("r0"),
    )  # fmt: skip
    is_first = pl.int_range(pl.len()).over(key) == 0
    rest = {
        new: pl.when(is_first).then(pl.col(old).sum().over(key) - pl.col(new).sum().over(key)).otherwise(ZERO)
        for new, old in (("b0", "a0"), ("r0", "q0"))
    }
    return laid.with_columns((pl.col(name) + more).alias(name) for name, more in rest.items()).select(
        *moving.columns, "b0", "r0"
    )


def _split(both: pl.DataFrame) -> pl.DataFrame:
    a, b, q, r = (pl.col(name) for name in ("a1", "b0", "q1", "r0"))
    metered, goes_on = pl.col("is_metered"), pl.col("was") & pl.col("is")
    fits = (_float("b0") / _float("r0")).abs().lt(_LIMIT) & (_float("a1") / _float("q1")).abs().lt(_LIMIT)
    fits &= (_float("a1") / _float("q1") * _float("r0")).abs().lt(_LIMIT)
    fits &= (_float("b0") / _float("r0") * _float("q1")).abs().lt(_LIMIT)
    priced = metered & goes_on & (q > ZERO) & (r > ZERO) & fits
    before = b / pl.when(priced).then(r).otherwise(_ONE)
    after = a / pl.when(priced).then(q).otherwise(_ONE)
    # Products only where both factors are known to fit.
    usage = pl.when(priced).then(before).otherwise(ZERO) * pl.when(priced).then(q - r).otherwise(ZERO)
    price = pl.when(priced).then(after - before).otherwise(ZERO) * pl.when(priced).then(r).otherwise(ZERO)
    fresh, over = metered & ~pl.col("was"), metered & ~pl.col("is")
    return both.with_columns(
        usage.alias("usage"), price.alias("price"), (b - pl.col("a0")).alias("ownership"),
        pl.when(fresh).then(a).otherwise(ZERO).alias("new"),
        pl.when(over).then(-b).otherwise(ZERO).alias("gone"),
        ZERO.alias("pool"), ZERO.alias("share"), pl.col("a0").alias("before"), a.alias("after"),
        *_counted(),
    ).with_columns(
        pl.when(priced).then(a - b - pl.col("usage") - pl.col("price")).otherwise(ZERO).alias("joint"),
        pl.when(priced | fresh | over).then(ZERO).otherwise(a - b).alias("cost only"),
    )  # fmt: skip


def _counted() -> list[pl.Expr]:
    before, after = pl.col("lines0"), pl.col("lines1")
    return [(before + after).alias("lines"), (after - before).alias("more")]


def _float(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Float64)
