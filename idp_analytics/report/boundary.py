"""Where the boundary between self-service and approval lies, and which gates to open and which holes to close."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.charts import boundary as chart
from idp_analytics.charts.wording import NOTHING, count, interval, named, period, quantity, significant
from idp_analytics.metrics import by_name
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section
from idp_analytics.report.slices import where
from idp_analytics.report.view import View

STUDY = "boundary"
QUESTION = "Do people wait for what is safe, and is what is dangerous checked?"
CAUSES = {
    "ungated": "no gate", "bypassed": "went round the gate", "self_approved": "approved by who asked", "after_fact": "approved after it began",
}  # fmt: skip
"""How something is done unchecked → how that is said."""

_SHARE = "share of decisions"
_USES = "share of uses"


def boundary(view: View) -> Section:
    """The map of one entity and period, and the two lists that follow from it; what nobody classified is a list of its own."""
    metric, off = by_name("exposed_run_share"), by_name("gate_evasion_share")
    found = view.study(STUDY)
    when = period(view.period.label)
    tables = (
        cells.table(f"Open this gate: safe, but a person decides, {when}", map(_open, gates_to_open(found)), ("Operation",)),
        cells.table(f"Close this hole: dangerous and unchecked, {when}", map(_close, holes_to_close(found)), ("Operation", "How")),
        cells.table("Classify these: nobody has said how much harm they can do", map(_unknown, _unclassified(found)), ("Operation", "Gate", "By")),
        cells.table(f"Everything that was done, {when}", map(_use, found.to_dicts()), ("Operation", "Risk", "Gate", "By")),
    )  # fmt: skip
    return Section(
        question=QUESTION,
        answer=" ".join([_answer(found, when), *_evaded(found, view.row(off))])
        if found.height
        else view.unless_week(False, f"Nothing was asked of the platform in {when} that the data tell of."),
        chart=chart.chart(found, view.name) if found["n"].sum() else None,
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(_cautions(found)),
        trace=view.trace(STUDY) if found.height else "",
        metrics=(metric, off),
        opened=True,
    )


def gates_to_open(found: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of safe operations that a person decides on, most hours first."""
    return (
        where(found, risk="safe", gate="human")
        .sort("hours", "asked", "title", descending=[True, True, False])
        .to_dicts()
    )


def holes_to_close(found: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of dangerous operations of which some were done unchecked, most of them first."""
    rows = found.filter(pl.col("risk") == "dangerous", pl.col("exposed") > 0)
    return rows.sort("exposed", "title", descending=[True, False]).to_dicts()


def _unclassified(found: pl.DataFrame) -> list[dict[str, Any]]:
    return where(found, risk="unclassified").sort("n", "title", descending=[True, False]).to_dicts()


def _answer(found: pl.DataFrame, when: str) -> str:
    safe, dangerous = where(found, risk="safe", gate="human"), where(found, risk="dangerous")
    asked, waits, hours = _total(safe, "asked"), _total(safe, "waits"), float(safe["hours"].sum())
    done, exposed = _total(dangerous, "carried_out"), _total(dangerous, "exposed")
    told = [
        f"In {when}, {count(_total(found, 'n'), 'use')} of {count(found['operation_id'].n_unique(), 'operation')} {('are', 'is')[_total(found, 'n') == 1]} known."
    ]
    if asked:
        told.append(
            f"People waited {quantity(hours, 'hours')} for {count(waits, 'decision')} on what is safe ({asked:,} asked)."
        )
    else:
        told.append("Nobody had to ask a person for what is safe.")
    if done:
        told.append(
            f"Of {count(done, 'dangerous use')} carried out, {words.some(exposed)} {'was' if exposed == 1 else 'were'} unchecked."
        )
    else:
        told.append("Nothing that is classified as dangerous was carried out.")
    unknown = _total(where(found, risk="unclassified"), "n")
    if unknown:
        told.append(f"{count(unknown, 'use')} {'is' if unknown == 1 else 'are'} of what nobody has classified.")
    return " ".join(told)


def _evaded(found: pl.DataFrame, row: dict[str, Any]) -> Iterator[str]:
    """How much that is dangerous was done round the platform, or that nobody could see it."""
    if not row["n"]:
        if _total(where(found, risk="dangerous"), "carried_out"):
            yield "Whether something dangerous is done round the platform is not visible: no audit log of it is loaded."
        return
    share = f"{quantity(row['value'], _USES)}, " if row["value"] is not None else ""
    bounds = (
        f" ({share}{words.level(row)} {interval(row['low'], row['high'], _USES, row['value'])})"
        if row["low"] is not None
        else ""
    )
    yield f"Round the platform, as far as logs tell, went {words.some(row['k'])} of {count(row['n'], 'dangerous use')}{bounds}."


def _total(found: pl.DataFrame, column: str) -> int:
    return int(found[column].sum())


def _open(row: dict[str, Any]) -> dict[str, str]:
    bounds = words.level(row)
    return {
        "Operation": named(row["title"]),
        "Asked (n)": f"{row['asked']:,}",
        "Still waiting": f"{row['pending']:,}" if row["pending"] else "",
        "Withdrawn": f"{row['withdrawn']:,}" if row["withdrawn"] else "",
        "Wait not known": f"{row['wait_missing']:,}" if row["wait_missing"] else "",
        "Refused or sent back": f"{row['caught']:,} of {row['decided']:,}",
        f"Of all decisions, {bounds}": interval(row["caught_low"], row["caught_high"], _SHARE, row["caught_share"]),
        "Hours saved per month": _number(row["hours_per_month"]),
        f"Hours, {bounds}": interval(row["hours_low"], row["hours_high"], "hours per month", row["hours_per_month"]),
    }


def _close(row: dict[str, Any]) -> dict[str, str]:
    return {
        "Operation": named(row["title"]),
        "Carried out (n)": f"{row['carried_out']:,}",
        "Unchecked": f"{row['exposed']:,}",
        "How": "; ".join(f"{row[name]:,} {word}" for name, word in CAUSES.items() if row[name]),
        "Would be gated per month": _number(row["exposed_per_month"]),
        words.level(row).capitalize(): interval(
            row["exposed_low"], row["exposed_high"], "uses", row["exposed_per_month"]
        ),
    }


def _unknown(row: dict[str, Any]) -> dict[str, str]:
    return {
        "Operation": named(row["title"]), "Gate": _gate(row), "By": row["route"], "Uses (n)": f"{row['n']:,}",
        "Hours waited": _number(row["hours"]) if row["waits"] else "", "Unchecked": f"{row['exposed']:,}" if row["exposed"] else "",
    }  # fmt: skip


def _use(row: dict[str, Any]) -> dict[str, str]:
    return {
        "Operation": named(row["title"]), "Risk": row["risk"], "Gate": _gate(row), "By": row["route"], "Uses (n)": f"{row['n']:,}",
        "Carried out": f"{row['carried_out']:,}", "Nobody else agreed before": f"{row['exposed']:,}",
        "Hours waited": _number(row["hours"]) if row["waits"] else "",
    }  # fmt: skip


def _gate(row: dict[str, Any]) -> str:
    return "not known" if row["gate"] == "unknown" else row["gate"]


def _number(value: float | None) -> str:
    return NOTHING if value is None else significant(value)


def _cautions(found: pl.DataFrame) -> Iterator[str]:
    if found.is_empty():
        return
    yield "What is safe and what is dangerous was said by people (operations.csv); nothing unclassified is taken for safe."
    missing = _total(where(found, risk="safe", gate="human"), "wait_missing")
    if missing:
        yield f"Of {count(missing, 'request')} for what is safe the wait is not known, so the hours are a lower bound."
    if where(found, risk="safe", gate="human")["caught"].sum():
        yield "Something called safe was refused or sent back: ask why before its gate is opened."
    unknown = _total(where(found, risk="dangerous", gate="unknown"), "n")
    if unknown:
        yield f"What stood before {count(unknown, 'dangerous use')} is not known: no approvals are in the data."
    yield "What is done off the platform, and what no source records, is not on the map. Nothing is said of any one person."
