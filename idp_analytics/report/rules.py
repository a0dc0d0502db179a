"""Whether the rule decides the number: under every link rule, and under the rules of other tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from idp_analytics.charts import rules as chart
from idp_analytics.charts.wording import NOTHING, clean, count, interval, period, quantity, significant
from idp_analytics.metrics import by_name, preset
from idp_analytics.metrics.reconciliation import RECONCILED
from idp_analytics.metrics.sensitivity import DEPENDS, TOO_FEW
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section
from idp_analytics.report.slices import having, where
from idp_analytics.report.view import View

SENSITIVITY, RECONCILIATION = "link_sensitivity", "reconciliation"

Row = Mapping[str, Any]


def sensitivity(view: View, name: str = "change_fail_rate") -> Section:
    """The metric called ``name`` (change fail rate or recovery time) under every link rule, in the report's period."""
    metric = by_name(name)
    question = "Does the answer depend on how incidents are linked?"
    found = _slice(view, SENSITIVITY, name).sort("position")
    valued = having(found, "value")
    if valued.is_empty():
        return Section(
            question, f"{metric.title}: no value under any rule in {period(view.period.label)}.", metrics=(metric,)
        )
    rows = found.to_dicts()
    told = sorted(
        {f"{row['rule']}: {row['note']}." for row in rows if row["note"] and row["note"] != "too few for a value"}
    )
    return Section(
        question=question,
        answer=_dependence(metric.title, valued.to_dicts(), rows[0]["verdict"], view),
        chart=chart.chart(found, metric.title, metric.unit, view.name),
        tables=(
            cells.table(f"{metric.title} of {view.name} under each link rule", map(_rule, rows), left=("Rule", "Note")),
        ),
        cautions=tuple(f"{text[0].upper()}{text[1:]}" for text in told),
        trace=view.trace(name),
        metrics=(metric,),
    )


def _dependence(title: str, rows: list[dict[str, Any]], verdict: str, view: View) -> str:
    when, unit = period(view.period.label), rows[0]["unit"]
    ours = next((row for row in rows if row["is_ours"]), None)
    judged = [row for row in rows if row["is_judged"]] or rows
    least, most = (pick(judged, key=lambda row: row["value"]) for pick in (min, max))
    span = (
        f"{quantity(least['value'], unit)} ({least['rule']}) to {quantity(most['value'], unit)} ({most['rule']})"
        if least["value"] != most["value"]
        else quantity(most["value"], unit)
    )
    own = f"; ours says {quantity(ours['value'], unit)} (n {ours['n']:,})" if ours else ""
    if verdict == TOO_FEW:
        return f"{title} in {when}: too few to say; {span}{own}."
    if verdict == DEPENDS:
        return (
            f"Yes: {title.lower()} in {when} is {span}, which is further apart than chance moves it{own}. "
            "The conclusion depends on the rule; recording the deployment on the incident would settle it."
        )
    return f"No: {title.lower()} in {when} is {span}, no further apart than chance moves it{own}."


def _rule(row: Row) -> dict[str, str]:
    return {
        "Rule": clean(row["rule"]) + ("" if row["is_judged"] else " (beside)"),
        "Value": quantity(row["value"], row["unit"]),
        words.level(row).capitalize(): interval(row["low"], row["high"], row["unit"], row["value"]),
        "n": f"{row['n']:,}",
        "Counted": f"{row['k']:,}" if row["k"] is not None else NOTHING,
        "Still open": f"{row['censored']:,}" if row["censored"] else "",
        "Note": row["note"] or "",
    }


def reconciliation(view: View, name: str = "change_fail_rate") -> Section:
    """Our number for the metric called ``name`` beside other tools', and the way from ours to each of theirs."""
    metric = by_name(name)
    question = "Why did another tool say something else?"
    shown = _told_once(name)
    order = pl.col("definition").replace_strict(
        {d: n for n, d in enumerate(shown)}, default=None, return_dtype=pl.Int64
    )
    found = _slice(view, RECONCILIATION, name).filter(pl.col("definition").is_in(shown)).sort(order, "step")
    whole, path = where(found, step=0), found.filter(pl.col("step") > 0)
    if whole.is_empty():
        return Section(
            question,
            f"{metric.title} is not compared for {period(view.period.label)}: only months and quarters are, "
            "and only where something was counted.",
            metrics=(metric,),
        )  # fmt: skip
    return Section(
        question=question,
        answer=_difference(metric.title, whole, view),
        tables=(
            cells.table(
                f"{metric.title} of {view.name} by the rules of each tool", _tools(whole, path), left=("Most of it",)
            ),
            cells.table(
                "From ours to theirs, one choice at a time", _steps(path), left=("Choice", "Ours", "Theirs", "Examples")
            ),
        ),
        cautions=tuple(f"{preset(d).title}: {preset(d).note}" for d in whole["definition"].to_list() if preset(d).note),
        trace=view.trace(name),
        metrics=(metric,),
    )


def _told_once(metric: str) -> list[str]:
    """The definitions to show, in their order; one that counts the metric just as one before it does is left out."""
    seen, shown = set(), []
    for definition in RECONCILED:
        rule = next((m for m in definition.measures if m.metric == metric and m.detail is None), None)
        if rule is not None and (rule, definition.ownership) not in seen:
            seen.add((rule, definition.ownership))
            shown.append(definition.name)
    return shown


def _difference(title: str, whole: pl.DataFrame, view: View) -> str:
    rows = whole.to_dicts()
    ours = rows[0]
    own = quantity(ours["ours"], ours["unit"]) if ours["ours"] is not None else "no value, since there are too few"
    head = f"{title} in {period(view.period.label)}: ours says {own} (n {ours['n_ours']:,})"
    other = [row for row in rows if row["value"] is not None]
    if not other:
        return f"{head}; no other tool has a value."
    told = ", ".join(
        f"{quantity(row['value'], row['their_unit'])} ({preset(row['definition']).title})" for row in other
    )
    return f"{head}; the same data by other tools' rules: {told}."


def _tools(whole: pl.DataFrame, path: pl.DataFrame) -> Iterator[dict[str, str]]:
    for row in whole.to_dicts():
        mine = where(path, definition=row["definition"]).to_dicts()
        most = max(mine, key=_weight, default=None)
        yield {
            "Tool": preset(row["definition"]).title,
            "Ours": quantity(row["ours"], row["unit"]),
            "Theirs": quantity(row["value"], row["their_unit"]),
            "Our n": f"{row['n_ours']:,}",
            "Their n": f"{row['n']:,}",
            "Most of it": _chosen(most) if most else "the same",
        }


def _weight(row: Row) -> tuple[float, int]:
    """How far a step moves the number; a number that appears or goes moves most."""
    if (row["ours"] is None) != (row["value"] is None):
        return float("inf"), row["rows_count"]
    return abs((row["value"] or 0) - (row["ours"] or 0)), row["rows_count"]


def _chosen(row: Row) -> str:
    return f"{clean(row['reason'])}: {clean(row['ours_is'])} → {clean(row['theirs_is'])}"


def _steps(path: pl.DataFrame) -> Iterator[dict[str, str]]:
    for row in path.to_dicts():
        yield {
            "Tool": preset(row["definition"]).title,
            "Choice": row["reason"],
            "Ours": row["ours_is"],
            "Theirs": row["theirs_is"],
            "From": _number(row["ours"]),
            "To": _number(row["value"]),
            "Rows that count otherwise": count(row["rows_count"], "row") if row["rows_count"] else "none",
            "Examples": clean(row["example_ids"] or ""),
        }


def _number(value: float | None) -> str:
    """Without a unit, which may change on the way; to three digits, so that small steps show."""
    return NOTHING if value is None else significant(value, value / 10)


def _slice(view: View, study: str, metric: str) -> pl.DataFrame:
    return where(view.study(study), metric=metric)
