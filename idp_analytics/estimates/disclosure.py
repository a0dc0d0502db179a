"""Which groups of people may be shown, so that nobody can be singled out, not even by subtraction.

A group is shown where it holds at least ``least`` people and, below ``mixed_below``, where its answers are mixed: if all of a
small group said the same, everybody in it is known. That is not enough. A whole less those of its parts that are shown is a
group as well, the *rest*, and anybody can work out what it said. So the rest must be empty, or hold at least ``least`` people
of at least two parts that are hidden, with every answer given by somebody; the smallest parts shown are hidden until that is
so, and where hiding all of them is not enough, the whole is. What is part of something hidden is hidden.

What anybody can work out is then what the groups shown and the rests said, which do not overlap. As a rest is spread over
two parts at least, with no answer at zero, no count within it is fixed; :mod:`idp_analytics.estimates.disclosure_audit`
checks that of what is to be published, without relying on this.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


def shown(
    groups: pl.DataFrame,
    counts: Sequence[str],
    table: Sequence[str],
    least: int,
    mixed_below: int = 0,
    secret: Sequence[str] | None = None,
) -> pl.DataFrame:
    """``groups`` with ``is_shown``, in their order.

    ``groups``: one row per group of each ``table`` (the columns that name one, such as wave and question): ``group``;
    ``whole``, the group it is part of (null: the outermost); ``counts``, one column of people per answer (null: the table has
    no such answer); ``may``: false hides it in any case, such as people of no known team; ``spreads``: false says that what it
    said is known in part, so that hiding it leaves nothing open. The parts of a whole add up to it: who is in no part must
    be a group of their own. Groups that hold nobody are not shown, and hide nothing. ``secret``: those of the ``counts`` at which no
    group of few may stand at zero (default all): that everybody answered accuses nobody, that nobody did tells of each.
    """
    secret = counts if secret is None else secret
    n = pl.sum_horizontal(pl.col(name) for name in counts)
    is_mixed = pl.all_horizontal(pl.col(name).is_null() | (pl.col(name) > 0) for name in secret)
    cells = groups.with_row_index("_place").with_columns(n.alias("_n"))
    cells = cells.with_columns(
        (pl.col("may") & (n > 0) & (n >= least) & ((n >= mixed_below) | is_mixed)).alias("is_shown")
    )
    while True:
        further = _rests(_inside(cells, table), secret, table, least)
        if further["is_shown"].sum() == cells["is_shown"].sum():
            return further.sort("_place").drop("_place", "_n")
        cells = further


def _inside(cells: pl.DataFrame, table: Sequence[str]) -> pl.DataFrame:
    """What is part of something hidden, hidden as well (one floor down; the caller goes on until nothing changes)."""
    above = cells.select(*table, pl.col("group").alias("whole"), pl.col("is_shown").alias("_above"))
    found = cells.join(above, on=[*table, "whole"], how="left", nulls_equal=True)
    return found.with_columns(pl.col("is_shown") & pl.col("_above").fill_null(True)).drop("_above")


def _rests(cells: pl.DataFrame, secret: Sequence[str], table: Sequence[str], least: int) -> pl.DataFrame:
    """Of every whole, the fewest and smallest further parts hidden so that its rest can be; else the whole itself."""
    family = [*table, "whole"]
    listed = cells.filter(pl.col("whole").is_not_null()).sort(*family, "is_shown", "_n", "group")
    is_hidden = ~pl.col("is_shown")
    people = pl.col("_n").cum_sum().over(family)
    spread = (pl.col("spreads") & (pl.col("_n") > 0)).cum_sum().over(family)
    is_open = pl.all_horizontal(pl.col(name).is_null() | (pl.col(name).cum_sum().over(family) > 0) for name in secret)
    # Row i: what the rest would be if the parts up to and with this one were hidden, which those hidden already are.
    is_safe = (people == 0) | ((people >= least) & (spread >= 2) & is_open)
    listed = listed.with_columns(
        is_safe.alias("_safe"),
        pl.int_range(pl.len()).over(family).alias("_nth"),
        is_hidden.sum().over(family).alias("_hidden"),
    )
    candidate = pl.col("_safe") & (pl.col("_nth") + 1 >= pl.col("_hidden"))
    enough = listed.group_by(family).agg(
        pl.col("_hidden").first(), pl.col("_nth").filter(candidate).min().alias("_upto")
    )
    none_hidden = pl.col("_hidden") == 0
    enough = enough.with_columns(pl.when(none_hidden).then(-1).otherwise(pl.col("_upto")).alias("_upto"))
    parts = listed.join(enough.drop("_hidden"), on=family, nulls_equal=True).with_columns(
        (pl.col("is_shown") & (pl.col("_nth") > pl.col("_upto")).fill_null(False)).alias("is_shown")
    )
    exhausted = enough.filter(pl.col("_upto").is_null()).select(
        *table, pl.col("whole").alias("group"), pl.lit(True).alias("_exhausted")
    )
    rest = cells.filter(pl.col("whole").is_null())
    every = pl.concat([rest, parts.select(cells.columns)]).join(
        exhausted, on=[*table, "group"], how="left", nulls_equal=True
    )
    return every.with_columns(pl.col("is_shown") & pl.col("_exhausted").is_null()).drop("_exhausted")
