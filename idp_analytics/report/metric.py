"""One metric of one team or of the organisation: the answer, its course over time, and the numbers behind it."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.answers import Estimator, Verdict
from idp_analytics.charts import Chart, trend
from idp_analytics.charts.wording import difference, interval, quantity
from idp_analytics.metrics import by_name
from idp_analytics.report import cells, money, words
from idp_analytics.report.section import Section
from idp_analytics.report.slices import lacking
from idp_analytics.report.view import View

COMPARABLE = (Estimator.SHARE, Estimator.MEDIAN, Estimator.SURVIVAL_MEDIAN)
"""What may stand beside the organisation's number; its counts and its days with a deployment are sums over all teams."""

SLOWEST = "nine_in_ten"
"""The study that has the 90th percentile beside each median."""

_COUNTED = {
    Estimator.SHARE: "Of them counted",
    Estimator.DAYS: "Of them counted",
    Estimator.WORKING_DAYS: "Of them counted",
    Estimator.SURVIVAL_MEDIAN: "Of them over",
}


def section(view: View, name: str, drawn: bool = True) -> Section:
    """The section for the metric called ``name``, without its chart unless it is to be ``drawn``; raises :class:`ReportError` for one that
    does not exist."""
    metric = by_name(name)
    if metric.estimator is Estimator.TOTAL:
        return money.showback(view)
    row, rows = view.row(metric), _whole(view.rows(name))
    beside = None
    if view.scope == "team" and metric.estimator in COMPARABLE:
        beside = _whole(view.rows(name, "org"))
    counted = _COUNTED.get(metric.estimator, "")
    slow = _slowest(view, name)
    return Section(
        question=metric.question,
        answer=" ".join(filter(None, (words.answer(metric, row, view.row_before(metric)), words.slowest(row, slow.get(view.period.label))))),
        chart=_chart(rows, metric.title, metric.unit, view.name, beside) if drawn else None,
        tables=(cells.table(f"{metric.title} of {view.name}", (cells_of(r, counted, slow.get(r["period"])) for r in rows.to_dicts())),) if rows.height else (),
        cautions=(*words.cautions(row), *view.truncated(metric)),
        trace=view.trace(name) if row["n"] and not metric.about_people else "",
        verdict=Verdict(row["verdict"]),
        metrics=(metric,),
    )  # fmt: skip


def _chart(rows: pl.DataFrame, title: str, unit: str, name: str, beside: pl.DataFrame | None) -> Chart | None:
    """No chart where there is nothing to draw: an empty frame would look like a row of zeros."""
    if not any(rows[name].count() for name in ("value", "low", "high")):
        return None
    if beside is not None and set(beside["period"]) != set(rows["period"]):
        beside = beside.filter(pl.col("period_start").is_in(rows["period_start"].implode()))
    return trend.chart(rows, title, unit, name, beside if beside is not None and beside.height else None)


def _whole(rows: pl.DataFrame) -> pl.DataFrame:
    """The answers without a detail; most metrics have no others."""
    return lacking(rows, "detail") if rows["detail"].count() else rows


def _slowest(view: View, name: str) -> dict[str, dict[str, Any]]:
    """Period → the row of the study with the 90th percentile; none for what is no duration."""
    found = view.by_metric(SLOWEST).get(name, ())
    return {row["period"]: row for row in found if row["every"] == view.period.every}


def cells_of(row: dict[str, Any], counted: str = "", slow: dict[str, Any] | None = None) -> dict[str, str]:
    """One answer as a row of a table, all its numbers; ``counted``: what its ``k`` is called, empty: not shown; ``slow``: its row
    of the study ``nine_in_ten``."""
    unit, late = row["unit"], slow or dict.fromkeys(("p90", "low", "high"))
    known = late["p90"] is not None
    return {
        "Period": cells.period(row),
        "Value": quantity(row["value"], unit),
        words.level(row).capitalize(): interval(row["low"], row["high"], unit, row["value"]),
        "Nine in ten within": quantity(late["p90"], unit) if known else "",
        "its interval": interval(late["low"], late["high"], unit, late["p90"]) if known else "",
        "n": cells.n(row),
        counted or "k": f"{row['k']:,}" if counted and row["k"] is not None else "",
        "Still open": f"{row['censored']:,}" if row["censored"] else "",
        "Missing": f"{row['missing']:,}" if row["missing"] else "",
        "Change": difference(row["change"], row["change_low"], row["change_high"], unit),
        "Verdict": cells.verdict(row["verdict"]),
    }
