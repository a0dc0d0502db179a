"""Whether services keep the rules: by policy and engine, what is only exempt told apart, and of what nothing is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from idp_analytics.charts import parts as chart
from idp_analytics.charts.wording import NOTHING, count, interval, named, period, quantity
from idp_analytics.metrics import by_name
from idp_analytics.metrics.last_looks import WINDOW_DAYS
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section
from idp_analytics.report.slices import lacking
from idp_analytics.report.view import View

STUDY, METRIC = "policies", "policy_conformance"
UNIT = "share of services"


def policies(view: View) -> Section:
    """Conformance at the end of the period: with all policies, and with each, beside what rules do about a breach."""
    when = period(view.period.label)
    metric = by_name(METRIC)
    found = view.study(STUDY).to_dicts()
    whole = next((row for row in found if row["policy"] is None), None)
    each = [row for row in found if row["policy"] is not None]
    drawn = [
        {"label": named(row["policy"]), "share": row["value"], "low": row["low"], "high": row["high"], "n": row["n"], "quiet": not _stops(row)}
        for row in each if row["value"] is not None
    ]  # fmt: skip
    past = lacking(view.study_so_far(STUDY), "policy").to_dicts() if whole else []
    tables = (
        cells.table(f"Services of {view.name} by policy, end of {when}", map(_policy, each), ("Engine", "A breach is")),
        cells.table("Services that keep every policy that judged them", map(_then, past)),
    )
    return Section(
        question="Do our services keep the rules?",
        answer=view.unless_week(each, " ".join(_answer(whole, each, when))),
        chart=chart.chart(drawn, f"Services that conform, end of {when}", view.name, UNIT, ("denies", "other or not told"))
        if drawn
        else None,
        tables=tuple(table for table in tables if table.height),
        cautions=(*_cautions(each), *view.truncated(metric)),
        trace=view.trace(METRIC) if found else "",
        metrics=(metric,),
    )  # fmt: skip


def _stops(row: dict[str, Any]) -> bool:
    return "deny" in (row["enforcement"] or "").split(", ")


def _answer(whole: dict[str, Any] | None, each: list[dict[str, Any]], when: str) -> Iterator[str]:
    if not each:
        yield f"Nothing tells how services stood with any policy at the end of {when}."
        return
    if whole and whole["value"] is not None:
        keeps = ("keep", "keeps")[whole["k"] == 1]
        yield (
            f"Of {count(whole['n'], 'service')} judged by a policy at the end of {when}, {whole['k']:,} {keeps} every policy that judged "
            f"{('them', 'it')[whole['n'] == 1]}: {quantity(whole['value'], UNIT)} ({words.level(whole)} {interval(whole['low'], whole['high'], UNIT, whole['value'])})."
        )
    elif not any(row["value"] is not None for row in each):
        yield f"At the end of {when} no share is known: no service was judged, or sources list failures only."
    for row in each:
        if row["exempt"]:
            passes = ("pass", "passes")[row["exempt"] == 1]
            yield (
                f"With {named(row['policy'])} {count(row['exempt'], 'service')} more {passes} only because of being exempt; "
                f"{row['k']:,} of {row['n']:,} conform."
            )
    unstopped = [row for row in each if row["enforcement"] and not _stops(row) and row["fail"] + row["warn"]]
    if unstopped:
        names = ", ".join(named(row["policy"]) for row in unstopped)
        yield f"Breaches of {names} are reported and not stopped."
    if whole and whole["unknown"]:
        yield f"Of {count(whole['unknown'], 'active service')} no policy says anything."


def _policy(row: dict[str, Any]) -> dict[str, str]:
    known = row["value"] is not None
    at_least = "at least " if row["truncated"] else ""
    return {
        "Policy": named(row["policy"]),
        "Engine": row["engine"] or "not told",
        "A breach is": row["enforcement"] or "not told",
        "Services judged (n)": f"{row['n']:,}" if row["lists_passes"] else "failures only",
        "Conform": f"{row['k']:,}" if row["lists_passes"] else NOTHING,
        "Fail": f"{at_least}{row['fail']:,}",
        "Warn": f"{at_least}{row['warn']:,}" if row["warn"] else "",
        "Exempt": f"{row['exempt']:,}" if row["exempt"] else "",
        "Failing beside a hatch": f"{row['tolerated']:,}" if row["tolerated"] else "",
        "No verdict": f"{row['error']:,}" if row["error"] else "",
        "Skipped": f"{row['skip']:,}" if row["skip"] else "",
        "Not looked at": f"{row['unknown']:,}" if row["unknown"] else "",
        "Resources of no known service": f"{row['nameless']:,}, failing {row['nameless_failing']:,}" if row["nameless"] else "",
        "Share": ("at most " if row["truncated"] else "") + quantity(row["value"], UNIT) if known else NOTHING,
        words.level(row).capitalize(): interval(row["low"], row["high"], UNIT, row["value"]) if known else NOTHING,
    }  # fmt: skip


def _then(row: dict[str, Any]) -> dict[str, str]:
    known = row["value"] is not None
    return {
        "End of": cells.period(row),
        "Services judged (n)": f"{row['n']:,}",
        "Keep every policy": f"{row['k']:,}",
        "Exempt from one": f"{row['exempt']:,}",
        "Share": quantity(row["value"], UNIT) if known else NOTHING,
        words.level(row).capitalize(): interval(row["low"], row["high"], UNIT, row["value"]) if known else NOTHING,
    }


def _cautions(each: list[dict[str, Any]]) -> Iterator[str]:
    if not each:
        return
    yield (
        f"A service stands as its worst resource does by the last verdict of the {WINDOW_DAYS} days before. A rule that denies turns breaches "
        "away before they exist: they are in no report, so a high share there says that the rule works on what is new, not how often it must."
    )
    if any(not row["lists_passes"] for row in each):
        yield "Where a source lists failures only, nobody can say how many conform; such policies are in no share."
    if any(row["truncated"] for row in each):
        yield "An engine cut its list off (Gatekeeper at 20 for each constraint): there are at least as many failures as shown."
    if any(row["enforcement"] is None for row in each):
        yield "Where the export does not tell what a rule does about a breach, nobody knows here whether anything is stopped."
    yield "When a policy is added or an engine begins to look, the share of services that keep all may fall without anything having got worse."
