"""Numbers about people: which groups are too small to be shown, and which others must be hidden with them.

A group of fewer than ``rules.min_cohort`` people is withheld. That is not enough: the organisation's number less those of
the teams that are shown would give it away. So wherever something is withheld, at least two groups are, and together
they hold at least so many people; the smallest that is shown goes too until that is so. What is shown lies one in the
other like boxes, so that no two sums can be played off against each other, whatever somebody knows of who came when:

    batches of at least so many who started in quarters one after the other → these quarters → the same quarters of their teams

Months and weeks would cut across the teams, so nobody has them. The part of the organisation that is in no known team is
never shown and counts as one more hidden group.

Two reports may not be played off against each other either: less the one before, the next would tell of the one who came, or
got there, in between. So a batch is told when the last of its quarters is over, as it is then, and nothing that happens later:
what was told of it never changes, and two reports differ by whole batches.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from idp_analytics.answers import CELL, ORG
from idp_analytics.periods import floored, following
from idp_analytics.working_time import in_utc

COHORTS = (("org", "1q"), ("team", "1q"))
"""Scope and length of the groups that may be shown."""

ALL = "all"
"""The length of a batch; it begins with its first quarter."""

NOT_GROUPED = "people are grouped by quarter only"


def is_cohort() -> pl.Expr:
    """Whether a row's ``scope`` and ``every`` are among :data:`COHORTS`."""
    return pl.any_horizontal((pl.col("scope") == scope) & (pl.col("every") == every) for scope, every in COHORTS)


def batches(people: pl.DataFrame, least: int) -> pl.DataFrame:
    """Quarters put together, from the first on, until at least ``least`` (usable) people started in them: ``quarter``, ``batch`` (the first of those it is
    put together with), ``batch_end`` (exclusive; null: they are too few so far). ``people``: as :func:`withheld`."""
    quarters = people.group_by(floored(pl.col("day"), "1q").alias("quarter")).agg(pl.col("n").sum()).sort("quarter")
    rows: list[tuple[date, date, date | None]] = []
    open_quarters: list[date] = []
    count = 0
    for quarter, n in quarters.iter_rows():
        open_quarters.append(quarter)
        count += n
        if count >= least:
            rows += [(one, open_quarters[0], following(quarter, "1q")) for one in open_quarters]
            open_quarters, count = [], 0
    rows += [(one, open_quarters[0], None) for one in open_quarters]
    return pl.DataFrame(rows, schema={"quarter": pl.Date, "batch": pl.Date, "batch_end": pl.Date}, orient="row")


def told(seen: pl.DataFrame, least: int, today: date, zone: str) -> pl.DataFrame:
    """The observations that may be told on ``today``: those of batches that are over, as they were at their end. ``seen``: ``at``, ``day`` (the start),
    ``usable``, ``x`` (days), ``hit``; ``zone``: in which quarters end."""
    started = seen.select("day", pl.col("usable").cast(pl.Int64).alias("n"))
    over = batches(started, least).filter(pl.col("batch_end") <= today)
    known = seen.with_columns(floored(pl.col("day"), "1q").alias("quarter")).join(
        over.select("quarter", "batch_end"), on="quarter", maintain_order="left"
    )
    followed = (in_utc(pl.col("batch_end"), zone) - pl.col("at")).dt.total_seconds(fractional=True) / 86400
    return known.with_columns(
        pl.min_horizontal("x", followed).alias("x"), (pl.col("hit") & (pl.col("x") <= followed)).alias("hit")
    ).select(seen.columns)


def told_until(people: pl.DataFrame, least: int) -> date | None:
    """The end of the last quarter that is told of ``people``; null: none is."""
    end: date | None = batches(people, least)["batch_end"].max()  # type: ignore[assignment]
    return end


def withheld(people: pl.DataFrame, least: int) -> pl.DataFrame:
    """The groups to withhold. ``people``: ``team_id``, ``day`` (the start), ``n`` (usable), ``missing``; one row or several each.

    Columns :data:`CELL`, one row per group withheld (``every`` :data:`ALL`: a batch).
    """
    cells = _groups(people, least)
    while True:
        further = _round(cells, least)
        if further["hidden"].sum() == cells["hidden"].sum():
            return cells.filter("hidden", pl.col("entity_id").is_not_null()).select(CELL)
        cells = further


def without(numbers: pl.DataFrame, hidden: pl.DataFrame, until: date) -> pl.DataFrame:
    """Answers to one metric about people with ``is_withheld``, and where that is true no number at all, not even how many: of what is ``hidden``, and of
    quarters that end after ``until`` (:func:`told_until`)."""
    marked = numbers.join(hidden.with_columns(pl.lit(True).alias("is_withheld")), on=list(CELL), how="left")
    shown = pl.col("is_withheld").is_null() & ((pl.col("period_start") < until) | ~is_cohort())
    blank = ("value", "low", "high", "n", "k", "missing", "censored")
    return marked.with_columns(
        pl.when(shown).then(pl.col(*blank)),
        pl.when(shown).then(pl.col("note", "beside")),
        (~shown).alias("is_withheld"),
    )


def _groups(people: pl.DataFrame, least: int) -> pl.DataFrame:
    """Every group that holds anybody: :data:`CELL`, ``n``, ``batch``, ``hidden``."""
    known = people.with_columns(floored(pl.col("day"), "1q").alias("quarter")).join(
        batches(people, least), on="quarter"
    )
    parts = [
        known.select(
            pl.lit(scope).alias("scope"), entity.alias("entity_id"), pl.lit(every).alias("every"),
            pl.col("quarter" if every != ALL else "batch").alias("period_start"),
            "n", "missing", "batch", "batch_end",
        )
        for scope, entity, every in (
            ("org", pl.lit(ORG), ALL), *((s, pl.lit(ORG) if s == "org" else pl.col("team_id"), e) for s, e in COHORTS)
        )
    ]  # fmt: skip
    somebody = (
        pl.concat(parts)
        .group_by(*CELL, "batch", "batch_end")
        .agg(pl.col("n", "missing").sum())
        .filter(pl.col("n") + pl.col("missing") > 0)
    )
    too_few = (pl.col("n") < least) | pl.col("batch_end").is_null()
    return somebody.with_columns((too_few | pl.col("entity_id").is_null()).alias("hidden")).drop("missing", "batch_end")


def _round(cells: pl.DataFrame, least: int) -> pl.DataFrame:
    """``cells`` after each family of groups has been looked at once: teams in their quarter, quarters in their batch."""
    is_all, is_team = pl.col("every") == ALL, pl.col("scope") == "team"
    is_quarter = ~is_all & ~is_team
    cells = _family(cells, is_quarter, is_team, pl.col("period_start").alias("family"), least)
    return _family(cells, is_all, is_quarter, pl.col("batch").alias("family"), least)


def _family(cells: pl.DataFrame, whole: pl.Expr, parts: pl.Expr, family: pl.Expr, least: int) -> pl.DataFrame:
    """One kind of sum, all of them at once: hide parts until what is hidden of each whole cannot be worked out.

    A whole that is shown needs none hidden, or two that hold ``least`` people together. One that is hidden needs one
    hidden part, else its parts would add up to it. Where hiding all parts is not enough, the whole is hidden.
    """
    wholes = cells.filter(whole).select(family, pl.col("hidden").alias("_whole_hidden"))
    n, hidden = pl.col("n"), pl.col("hidden")
    listed = (
        cells.filter(parts)
        .with_columns(family)
        .join(wholes, on="family", how="left", nulls_equal=True)
        .sort("family", ~hidden, "n", "entity_id", "period_start", nulls_last=True)
    )
    before, people_before = pl.int_range(pl.len()).over("family"), (n.cum_sum() - n).over("family")
    needed = pl.col("_whole_hidden") | hidden.any().over("family")
    enough = pl.when("_whole_hidden").then(before >= 1).otherwise((before >= 2) & (people_before >= least))
    settled = listed.with_columns((hidden | (needed & ~enough)).alias("hidden"))
    short = (
        settled.filter("hidden")
        .group_by("family")
        .agg(pl.len().alias("_parts"), n.sum().alias("_people"))
        .filter((pl.col("_parts") < 2) | (pl.col("_people") < least))["family"]
    )
    exhausted = whole & family.is_in(short.implode(), nulls_equal=True)
    rest = cells.filter(~parts).with_columns((pl.col("hidden") | exhausted).alias("hidden"))
    return pl.concat([rest, settled.select(cells.columns)])
