"""What DORA published, beside our numbers: one's own past first, then one's own targets, then theirs; never a grade."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import polars as pl

from idp_analytics.answers import Metric, Verdict
from idp_analytics.charts.wording import NOTHING, count, difference, interval, period, quantity, significant
from idp_analytics.metrics import by_name
from idp_analytics.metrics.benchmarks import MET, NOT_DECIDED, NOT_MET, placed
from idp_analytics.metrics.editions import MEASURED, editions, quick_checks
from idp_analytics.metrics.quick_check import MAPPING
from idp_analytics.report import cells
from idp_analytics.report.section import Section
from idp_analytics.report.view import View
from idp_analytics.settings import Target

_GROUPS = {"throughput": "Throughput", "stability": "Stability", "overall": "All answered"}


def benchmarks(view: View) -> Section:
    """The five delivery numbers of the period against the period before, the targets of the settings, and DORA's figures."""
    targets = [
        Target(**{**told, "by": told["by"] and date.fromisoformat(told["by"])})
        for told in view.mart.meta.get("targets", ())
    ]
    metrics = [by_name(name) for name in MEASURED]
    named = [by_name(name) for name in dict.fromkeys(t.metric for t in targets if t.metric not in MEASURED)]
    own = [view.row(metric) for metric in metrics]
    asked = pl.DataFrame(
        [*own, *(view.row(metric) for metric in named)], schema_overrides=dict(view.mart.answers.schema)
    )
    found = placed(asked.select(view.mart.answers.columns), targets)
    rows = sorted(
        found.to_dicts(), key=lambda row: ([*MEASURED, *_GROUPS, row["metric"]].index(row["metric"]), row["year"] or 0)
    )
    goals = [row for row in rows if row["kind"] == "target"]
    published = [row for row in rows if row["kind"] in ("tiers", "distribution")]
    scores = [row for row in rows if row["kind"] == "quick check"]
    tables = (
        cells.table("First of all: against the period before", map(_own, metrics, own), left=("Change",)),
        cells.table("Own targets", map(_target, goals), left=("Target", "Reached", "Which")),
        cells.table(
            f"Beside what DORA published, {period(view.period.label)}", map(_published, published),
            left=("Where the number lies", "Tier", "Seen at DORA"),
        ),
        cells.table("On the Quick Check's scale, 0 to 10, 10 best", map(_score, scores), left=("Beside",)),
    )  # fmt: skip
    return Section(
        question="How does this compare with what DORA published?",
        answer=" ".join(_answer(view, own, goals, published)),
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(_cautions(view, published, bool(scores))),
        trace=next((view.trace(metric.name) for metric, row in zip(metrics, own, strict=True) if row["n"]), ""),
    )


def _answer(
    view: View, own: list[dict[str, Any]], goals: list[dict[str, Any]], published: list[dict[str, Any]]
) -> Iterator[str]:
    when = period(view.period.label)
    verdicts = Counter(row["verdict"] for row in own)
    moved = [f"{verdicts[v]} {v.value}" for v in (Verdict.IMPROVED, Verdict.WORSENED) if verdicts[v]]
    told = " and ".join(moved) if moved else "none improved or worsened detectably"
    yield f"Of {len(own)} delivery numbers in {when}, against the period before, {told}."
    if goals:
        reached = Counter(row["place"] for row in goals)
        yield f"Of {count(len(goals), 'own target')}: {reached[MET]} met, {reached[NOT_MET]} not met, {reached[NOT_DECIDED]} not decided by the interval."
    latest = [row for row in published if row["year"] == editions()[-1].year]
    if latest:
        said = "; ".join(f"{by_name(row['metric']).title.lower()} {row['place']}" for row in latest)
        yield f"Beside the answers to DORA's survey of {latest[0]['year']}: {said}."
    elif not published:
        yield f"No number has a value in {when}, so none can be set beside DORA's."


def _own(metric: Metric, row: dict[str, Any]) -> dict[str, str]:
    return {
        "Metric": metric.title,
        "Number": quantity(row["value"], metric.unit),
        "Interval": interval(row["low"], row["high"], metric.unit, row["value"]),
        "n": f"{row['n']:,}" if row["n"] is not None else NOTHING,
        "Change": difference(row["change"], row["change_low"], row["change_high"], metric.unit),
        "Verdict": cells.verdict(row["verdict"]),
    }


def _target(row: dict[str, Any]) -> dict[str, str]:
    metric = by_name(row["metric"])
    better = "at least" if metric.better == "higher" else "at most"
    return {
        "Metric": metric.title,
        "Target": f"{better} {quantity(row['reference'], metric.unit)}",
        "Number": quantity(row["value"], metric.unit),
        "Interval": interval(row["low"], row["high"], metric.unit, row["value"]),
        "n": NOTHING if row["n"] is None else f"{row['n']:,}",
        "Reached": row["place"],
        "Which": row["where"],
    }


def _published(row: dict[str, Any]) -> dict[str, str]:
    metric = by_name(row["metric"])
    least, most = row["ahead_low"], row["ahead_high"]
    ahead = (
        NOTHING
        if least is None
        else f"at least {100 * least:.1f} %"
        if most is None
        else f"{100 * least:.1f}–{100 * most:.1f} %"
    )
    return {
        "Metric": metric.title,
        "Year": str(row["year"]),
        "Interval": interval(row["low"], row["high"], metric.unit, row["value"]),
        "Where the number lies": row["place"],
        "Tier": row["tier"] or "none",
        "Chose a better answer": ahead,
        "Seen at DORA": "yes" if row["verified"] else "no, as others report it",
    }


def _score(row: dict[str, Any]) -> dict[str, str]:
    named = _GROUPS.get(row["metric"])
    mean = NOTHING if row["reference"] is None else significant(row["reference"], 1.0)
    return {
        "What": named or by_name(row["metric"]).title,
        "Year": str(row["year"]),
        "Score": significant(row["value"], 1.0),
        "From the interval": f"{significant(row['low'], 1.0)}–{significant(row['high'], 1.0)}",
        "Answered": f"{row['n']:,} of the metrics" if named else "",
        "Mean of respondents": mean,
        "Beside": row["place"],
    }


def _cautions(view: View, published: list[dict[str, Any]], scored: bool) -> Iterator[str]:
    yield (
        "DORA's figures are answers people gave in a survey about one application; ours are counted. A tier is the "
        "description of a cluster, neither a grade nor a boundary, and is named only where the whole interval lies in one."
    )
    if view.scope == "org":
        yield "DORA asks about one application or service at a time; the organisation's number blends many of them."
    if any(not row["verified"] for row in published):
        yield "Figures marked so are known from what others wrote of DORA's reports, and were not seen there."
    used = {row["year"] for row in published}
    yield from (f"{edition.year}: {edition.note}" for edition in editions() if edition.year in used)
    if scored:
        yield f"Quick Check: {MAPPING}"
        yield from (f"Quick Check {check.year}: {check.note}" for check in quick_checks() if check.note)
