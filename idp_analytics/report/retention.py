"""Whether services stay on golden paths once they joined, and whether others come to one without being made to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.charts import survival
from idp_analytics.charts.wording import NOTHING, count, interval, period, quantity
from idp_analytics.metrics.path_retention import DAYS
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section
from idp_analytics.report.slices import lacking, where
from idp_analytics.report.view import View

STUDY, ENTRY = "path_retention", "path_entry"
UNIT = "share of joins"


def retention(view: View) -> Section:
    """The share still there by days since joining, of all joins and by quarter; and those that came unasked in the period."""
    found = view.own(STUDY).filter(pl.col("cohort").is_null() | (pl.col("cohort") <= _quarter(view)))  # fmt: skip
    whole = lacking(found, "cohort")
    marks = {row["day"]: row for row in where(whole, is_mark=True).to_dicts()}
    curve = (
        whole.drop_nulls("share")
        .unique("day", keep="first", maintain_order=True)
        .with_columns(pl.lit("stay").alias("metric"))
    )
    entry = view.study(ENTRY).to_dicts()
    some = bool(marks) and marks[DAYS[0]]["n"] > 0
    tables = (cells.table(f"Joins of {view.name} still on the path, by quarter of joining", _cohorts(found)),)
    return Section(
        question="Do services stay on golden paths?",
        answer=" ".join([*_answer(marks), *_entry(entry, period(view.period.label))]),
        chart=survival.chart(
            curve.sort("day"), {"stay": "still on the path"}, "Still on the path, by days since joining", "days since joining", "share still there"
        )
        if some
        else None,
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(_cautions(marks)),
        trace=view.trace(STUDY) if marks else "",
    )  # fmt: skip


def _quarter(view: View) -> str:
    start = view.period.start
    return f"{start.year}-Q{(start.month + 2) // 3}"


def _answer(marks: dict[int, dict[str, Any]]) -> Iterator[str]:
    row = marks.get(DAYS[0])
    if row is None or not row["n"]:
        yield "No service is known to have joined a golden path since anybody looked."
        return
    left = f"{row['k']:,} {('are', 'is')[row['k'] == 1]}" if row["k"] else "none is"
    yield f"Of {count(row['n'], 'join')} since the first look, {left} known to have left by the as-of time."
    told = [
        f"{quantity(mark['share'], UNIT)} after {day} days ({words.level(mark)} {interval(mark['low'], mark['high'], UNIT, mark['share'])})"
        for day, mark in sorted(marks.items())
        if mark["share"] is not None
    ]
    if told:
        yield f"Still there: {', '.join(told)}."


def _entry(rows: list[dict[str, Any]], when: str) -> Iterator[str]:
    if not rows:
        return
    row = rows[0]
    if not row["n"]:
        yield f"No production service is known to have begun {when} on no golden path."
        return
    bounds = f"({words.level(row)} {interval(row['low'], row['high'], UNIT, row['share'])})"
    yield (
        f"Of {count(row['n'], 'production service')} that began {when} on no golden path, {row['k']:,} came to one that was not mandated: "
        f"{quantity(row['share'], UNIT)} {bounds}" + (f"; {row['mandated']:,} more only to what was mandated." if row["mandated"] else ".")
    )  # fmt: skip


def _cohorts(found: pl.DataFrame) -> Iterator[dict[str, str]]:
    cohorts: dict[str | None, dict[int, dict[str, Any]]] = {}
    for row in where(found, is_mark=True).to_dicts():
        cohorts.setdefault(row["cohort"], {})[row["day"]] = row
    for cohort in sorted(cohorts, key=lambda one: (one is None, one or "")):
        rows = cohorts[cohort]
        first = rows[DAYS[0]]
        told = {"Joined in": str(cohort or "all"), "Joins (n)": f"{first['n']:,}", "Left": f"{first['k']:,}"}
        for day in DAYS:
            row = rows[day]
            known = row["share"] is not None
            told[f"After {day} days"] = quantity(row["share"], UNIT) if known else NOTHING
            told[f"{day} days: {words.level(row)}"] = (
                interval(row["low"], row["high"], UNIT, row["share"]) if known else NOTHING
            )
        yield told


def _cautions(marks: dict[int, dict[str, Any]]) -> Iterator[str]:
    row = marks.get(DAYS[0])
    if row is None:
        return
    yield (
        "A service has left when its source says so or two looks in a row do not show it; one that was retired has not. What is left "
        "unseen counts as staying up to the last look that showed it."
    )
    if row["early"]:
        yield (
            f"{count(row['early'], 'join')} from before the first look at the path {('are', 'is')[row['early'] == 1]} left out: of those, only "
            "who stayed can be seen."
        )
    if row["unknown"]:
        yield f"{count(row['unknown'], 'join')} left out where only birth on the path is told: leaving would not be seen."
    yield "Where the curve falls less steeply later, those likely to leave have left already; nobody need have grown fonder of the path."
