"""What the deployments of a period were: planned work, repair, a step back, or nothing new."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from idp_analytics.charts import parts as chart
from idp_analytics.charts.wording import NOTHING, count, interval, period, quantity
from idp_analytics.metrics import by_name
from idp_analytics.metrics.classify import RULES, UNFINISHED, UNPLANNED
from idp_analytics.metrics.deployment_classes import COUNTED
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section
from idp_analytics.report.slices import having, lacking
from idp_analytics.report.view import View

STUDY = "deployment_classes"
UNIT = "share of deployments"
METRICS = ("deployment_rework_rate", "rollback_share")
KINDS = ("work", "nothing new")

_WHY = {rule.name: rule.why for rule in RULES}


def classes(view: View) -> Section:
    """The deployments of the period by what they were, and by the rule that says so."""
    frequency = by_name("deployment_frequency")
    row = view.row(frequency)
    found = view.study(STUDY)
    by_class = {r["class"]: r for r in lacking(found, "rule").to_dicts()}
    when = period(view.period.label)
    known = bool(by_class) and by_class["planned"]["of"] > 0
    drawn = [{**by_class[name], "label": name, "quiet": name == "redeploy"} for name in COUNTED if name in by_class]
    tables = (
        cells.table(f"Deployments of {view.name} by what they were, {when}", (_class(r) for r in by_class.values())),
        cells.table("Which rule said so", (_rule(r) for r in having(found, "rule").to_dicts()), ("Class", "Why")),
    )
    return Section(
        question="What were our deployments?",
        answer=_answer(by_class, when) if known else words.answer(frequency, row, view.row_before(frequency)),
        chart=chart.chart(drawn, f"What deployments were, {when}", view.name, UNIT, KINDS) if known else None,
        tables=tuple(table for table in tables if table.height),
        cautions=(*_cautions(known), *words.cautions(row), *view.truncated(frequency)),
        trace=view.trace("rollback_share") if row["n"] else "",
        metrics=tuple(by_name(name) for name in METRICS),
    )


def _answer(by_class: dict[str, dict[str, Any]], when: str) -> str:
    planned = by_class["planned"]
    unplanned = ", ".join(
        count(by_class[name]["n"], name, f"{name}es" if name == "hotfix" else "") for name in UNPLANNED
    )
    again, failed = by_class["redeploy"]["n"], by_class[UNFINISHED]["n"]
    more = [f"{count(again, 'redeploy')} brought nothing new"] if again else []
    more += [f"{failed:,} more did not end in success or have not ended"] if failed else []
    bounds = interval(planned["low"], planned["high"], UNIT, planned["share"])
    return (
        f"Of {count(planned['of'], 'deployment')} in {when}, {planned['n']:,} were planned work: "
        f"{quantity(planned['share'], UNIT)} ({words.level(planned)} {bounds}). Not planned: {unplanned}."
        + (f" {'; '.join(more)}." if more else "")
    )


def _class(row: dict[str, Any]) -> dict[str, str]:
    told = row["share"] is not None
    return {
        "Class": row["class"],
        "Deployments (n)": f"{row['n']:,}",
        "Share": quantity(row["share"], UNIT) if told else NOTHING,
        words.level(row).capitalize(): interval(row["low"], row["high"], UNIT, row["share"]) if told else NOTHING,
    }


def _rule(row: dict[str, Any]) -> dict[str, str]:
    return {"Rule": row["rule"], "Class": row["class"], "Deployments (n)": f"{row['n']:,}", "Why": _WHY[row["rule"]]}


def _cautions(known: bool) -> Iterator[str]:
    if known:
        yield (
            "A deployment that tells neither commit nor version cannot be seen to step back or to repeat; titles and labels are "
            "believed, and not every team writes them (rules.hotfix_words, rules.revert_words)."
        )
