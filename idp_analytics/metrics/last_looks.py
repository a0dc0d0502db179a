"""Which results still stand at a moment: the last on each thing, not too old, and not gone from what a later look shows.

Verdicts of policies and of scorecards come as looks: some tools export all that is so now, so that what a later export no longer has is gone;
others tell of one check at a time, and say nothing by silence.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

WINDOW_DAYS = 90
"""A result older than this no longer says how things stand."""


def standing(known: pl.DataFrame, key: Sequence[str], looker: Sequence[str], is_state: pl.Expr, moments: pl.DataFrame) -> pl.DataFrame:  # fmt: skip
    """The rows of ``known`` (with ``as_of`` and ``load_id``) that stand at each of ``moments`` (``at``): one per ``key`` and moment.

    ``looker``: the part of ``key`` that tells who looks at what; ``is_state``: whether that one exports what is now. A file of it with one time throughout is
    a look at all there was; rows with times of their own say nothing by absence.
    """
    one_time = pl.col("as_of").n_unique().over([*looker, "load_id"]) == 1
    dated = known.sort("as_of").with_columns((is_state & one_time).fill_null(False).alias("_is_look"))
    looks = dated.filter("_is_look").select(*looker, pl.col("as_of").alias("_look")).unique().sort("_look")
    keys = dated.select(key).unique(maintain_order=True).with_row_index("_key")
    rows = dated.join(keys, on=key, nulls_equal=True).sort("as_of").drop(key)
    return (
        keys.join(moments.select("at").unique(), how="cross").sort("at")
        .join_asof(rows, left_on="at", right_on="as_of", by="_key", allow_exact_matches=False, check_sortedness=False, coalesce=False)
        .filter(pl.col("as_of") >= pl.col("at") - pl.duration(days=WINDOW_DAYS))
        .sort("at")
        .join_asof(looks, left_on="at", right_on="_look", by=looker, allow_exact_matches=False, check_sortedness=False)
        .filter(~pl.col("_is_look") | (pl.col("as_of").dt.date() >= pl.col("_look").dt.date()))
        .drop("_look", "_key", "_is_look")
    )  # fmt: skip
