"""The ledger looked at once more before anything is published: what must hold of it whatever the rules and the data are."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from idp_analytics.metrics.allocation.charges import bill, fault, placed
from idp_analytics.metrics.allocation.gather import gathered
from idp_analytics.metrics.allocation.shares import shares
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings

_STRANGER = "\x1fnobody"
_KEY = ["pool", "part", "on", "currency"]


def prove_ledger(tables: Tables, settings: Settings) -> pl.DataFrame:
    """Stop if the ledger of ``tables`` is not what it must be; otherwise the shares of all pools, which were looked at.

    Every charge of the bill has exactly one account; each division of a pool gives away what there is, by weights none of which is
    negative, each part within one unit of 10⁻²⁴ of its exact share (a weight of 0 gets 0, a credit is mirrored); what each pool
    held is what was paid out of it. Then all is computed again from charges in the reverse order with a team more that has no weight,
    and must be the same to the last digit; where a rule shares evenly, without that team. Exact: no tolerance.

    Raises :class:`IdpError` saying what does not hold and where.
    """
    cells = gathered(tables, settings)
    _one_account(tables, cells, settings)
    found = shares(cells, settings, look=_divided)
    _paid_out(found)
    turned = {**cells, "costs": cells["costs"].reverse()}
    if all((pool.then if pool.by == "fixed" else pool.by) != "even" for pool in settings.showback.pools):
        stranger = pl.LazyFrame({"team_id": [_STRANGER], "kind": ["team"]})
        turned["teams"] = pl.concat([stranger, cells["teams"]], how="diagonal_relaxed")
    if not shares(turned, settings).equals(found):
        raise fault(
            "computed again in another order, with a team more that has no weight, the shares of pools are others"
        )
    return found


def _one_account(tables: Tables, cells: Tables, settings: Settings) -> None:
    """Each charge of the bill is in one cell, and that is a team's, a pool's or nobody's with a reason."""
    accounts = pl.sum_horizontal(pl.col("team_id", "pool", "reason").is_not_null())
    placing = placed(cells, settings).select(
        pl.col("charges").sum(), pl.col("charges").filter(accounts != 1).sum().alias("elsewhere")
    )
    due, counted = pl.collect_all([bill(tables, settings).select(pl.len()), placing])
    there, elsewhere = counted.row(0)
    if there != due.item() or elsewhere:
        raise fault(f"of {due.item():,} charges {there:,} have an account, {elsewhere:,} of them none or several")


def _divided(whole: int, weights: Sequence[int], parts: Sequence[int]) -> None:
    """One division of a pool: see :func:`prove_ledger`."""
    of = sum(weights)
    if (
        min(weights) < 0
        or sum(parts) != whole
        or any(abs(part * of - whole * weight) >= of for part, weight in zip(parts, weights, strict=True))
    ):
        raise fault(
            f"{whole} units of a pool are divided by weights of {of} in all as {sum(parts)}, or not in proportion"
        )


def _paid_out(found: pl.DataFrame) -> None:
    """What was paid out of each pool, part of it, week and currency is what it held; each posting has one account."""
    off = (
        found.group_by(_KEY)
        .agg(
            pl.col("amount").sum(),
            pl.col("pooled").first(),
            (pl.col("team_id").is_null() == pl.col("reason").is_null()).any().alias("strange"),
        )
        .filter((pl.col("amount") != pl.col("pooled")) | pl.col("strange"))
        .sort(_KEY)
    )
    if not off.is_empty():
        row = off.row(0, named=True)
        raise fault(
            f"the pool {row['pool']!r} held {row['pooled']:f} {row['currency']} from {row['on']} on, and {row['amount']:f} was paid out of it"
        )
