"""How long people wait for an approval, what becomes of it, and whether the gate looks before it says yes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.charts.wording import NOTHING, count, difference, interval, named, quantity
from idp_analytics.metrics import by_name
from idp_analytics.metrics.rubber_stamps import BATCH, BATCH_SECONDS, ENOUGH, ONE_SHARE, QUICK_SECONDS
from idp_analytics.report import cells, metric, words
from idp_analytics.report.section import Section
from idp_analytics.report.view import View

STUDY, QUEUE, VALUE = "approvals", "approval_queue", "gate_value"
QUESTION = "How long do people wait for an approval, and does the gate look?"
METRICS = ("approval_queue_time", "approval_share", "approval_withdrawal_share")

KINDS = {"clock": "by the clock", "working": "working hours of the team that answers"}

_SHARE = "share of decisions"
_FAILED = "share of deployments"


def approvals(view: View) -> Section:
    """The queue of one entity and period over all operations, and each gate by itself; never an approver."""
    queue = by_name("approval_queue_time")
    row, found = view.row(queue), view.study(STUDY)
    whole = metric.section(view, "approval_queue_time")
    late = _after_the_fact(view)
    rows = found.sort("asked", "title", descending=[True, False]).to_dicts()
    queue_rows, value = view.study(QUEUE).to_dicts(), view.study(VALUE).to_dicts()
    tables = (
        cells.table(f"The queue of {view.name}, {view.period.label}", map(_queued, queue_rows)),
        cells.table(
            f"Requests for approval by operation, {view.period.label}", map(_stands, rows), ("Operation", "Risk")
        ),
        cells.table("Does the gate look? Signs by operation", (_signs(r, late) for r in rows), ("Operation",)),
        cells.table(f"Did what somebody had approved fail less often? {view.period.label}", map(_failed, value)),
        *whole.tables,
    )
    shares = " ".join(words.answer(by_name(name), view.row(by_name(name))) for name in METRICS[1:])
    told = [whole.answer, *_working(queue_rows), shares, *_worth(value)]
    return Section(
        question=QUESTION,
        answer=" ".join(told) if row["verdict"] != Verdict.NOT_MEASURED else whole.answer,
        chart=whole.chart,
        tables=tuple(table for table in tables if table.height),
        cautions=(*_cautions(found, value), *whole.cautions),
        trace=whole.trace or next((view.trace(name) for name in METRICS[1:] if view.row(by_name(name))["n"]), ""),
        verdict=whole.verdict,
        metrics=tuple(by_name(name) for name in METRICS),
    )


def _working(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The wait in working hours, and who waits now."""
    for row in rows:
        if row["hours"] != "working" or not row["n"]:
            continue
        if row["median"] is not None:
            late = f", nine in ten within {quantity(row['p90'], 'hours')}" if row["p90"] is not None else ""
            bounds = f"({words.level(row)} {interval(row['low'], row['high'], 'hours', row['median'])})"
            yield f"In working hours half are answered within {quantity(row['median'], 'hours')} {bounds}{late}."
        undated = row["decided"] - row["dated"]
        if undated:
            yield f"{row['dated']:,} of {count(row['decided'], 'decision')} tell when they were made; the others count in the shares only."
    for row in rows:
        if row["hours"] == "clock" and row["pending"]:
            one = row["pending"] == 1
            yield (
                f"{count(row['pending'], 'request')} still {'waits' if one else 'wait'}, for {quantity(row['oldest'], 'hours')}"
                + ("." if one else f" at most and {quantity(row['age'], 'hours')} at the median.")
            )


def _queued(row: dict[str, Any]) -> dict[str, str]:
    bounds = words.level(row)
    return {
        "Hours": KINDS[row["hours"]],
        "Asked": f"{row['asked']:,}",
        "Wait known (n)": f"{row['n']:,}",
        "Not answered": f"{row['censored']:,}" if row["censored"] else "",
        "Decided, dated": f"{row['dated']:,} of {row['decided']:,}",
        "Half answered within": quantity(row["median"], "hours"),
        bounds.capitalize(): interval(row["low"], row["high"], "hours", row["median"]),
        "Nine in ten within": quantity(row["p90"], "hours"),
        "its interval": interval(row["p90_low"], row["p90_high"], "hours", row["p90"]),
        "Still waiting": f"{row['pending']:,}" if row["pending"] else "",
        "Half of those for": quantity(row["age"], "hours") if row["pending"] else "",
        "Oldest": quantity(row["oldest"], "hours") if row["pending"] else "",
    }


def _worth(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Change fail rate behind a gate beside that without one, within tiers."""
    for row in rows:
        if row["tier"] is not None or not (row["gated"] and row["ungated"]):
            continue
        yield (
            f"Of {count(row['gated'], 'deployment')} somebody had approved before, {row['gated_failed']:,} failed "
            f"({quantity(row['gated_share'], _FAILED)}); of {row['ungated']:,} nobody was asked about, {row['ungated_failed']:,} "
            f"({quantity(row['ungated_share'], _FAILED)})."
        )
        if row["difference"] is not None:
            yield f"Within tiers that is {difference(row['difference'], row['low'], row['high'], _FAILED)} ({words.level(row)})."


def _failed(row: dict[str, Any]) -> dict[str, str]:
    told = {"Tier": "all, within tiers" if row["tier"] is None else named(row["tier"])}
    for kind, word in (("gated", "Approved before"), ("ungated", "Nobody asked")):
        some = row[kind] > 0
        told[f"{word} (n)"] = f"{row[kind]:,}"
        told[f"{word}, failed"] = f"{row[f'{kind}_failed']:,}"
        told[f"{word}, share"] = quantity(row[f"{kind}_share"], _FAILED) if some else NOTHING
        told[f"{word}, {words.level(row)}"] = (
            interval(row[f"{kind}_low"], row[f"{kind}_high"], _FAILED, row[f"{kind}_share"]) if some else NOTHING
        )
    known = row["difference"] is not None
    told["Difference"] = difference(row["difference"], row["low"], row["high"], _FAILED) if known else NOTHING
    told["Not known"] = f"{row['unknown']:,}" if row["unknown"] else ""
    return told


def _after_the_fact(view: View) -> dict[str | None, int]:
    """Operation → uses that were approved only after they had begun, as the boundary map has them."""
    found = view.study("boundary")
    return dict(found.group_by("operation_id").agg(pl.col("after_fact").sum()).iter_rows()) if found.height else {}


def _stands(row: dict[str, Any]) -> dict[str, str]:
    bounds = words.level(row)
    unknown = row["asked"] - row["wait_n"]
    return {
        "Operation": named(row["title"]),
        "Risk": row["risk"],
        "Asked (n)": f"{row['asked']:,}",
        "Half answered within": quantity(row["wait"], "hours"),
        bounds.capitalize(): interval(row["wait_low"], row["wait_high"], "hours", row["wait"]),
        "Nine in ten within": quantity(row["wait_p90"], "hours"),
        "In working hours": quantity(row["working_wait"], "hours"),
        "Nine in ten, working hours": quantity(row["working_p90"], "hours"),
        "Still waiting": f"{row['pending']:,}" if row["pending"] else "",
        "Oldest": quantity(row["oldest_hours"], "hours") if row["pending"] else "",
        "Withdrawn": f"{row['withdrawn']:,}" if row["withdrawn"] else "",
        "Expired": f"{row['expired']:,}" if row["expired"] else "",
        "Wait not known": f"{unknown:,}" if unknown else "",
    }


def _signs(row: dict[str, Any], late: dict[str | None, int]) -> dict[str, str]:
    decided = row["decided"]
    after = late.get(row["operation_id"], 0)
    return {
        "Operation": named(row["title"]),
        "Decided (n)": f"{decided:,}",
        "Refused or sent back": f"{row['caught']:,}",
        f"Of decisions, {words.level(row)}": interval(row["caught_low"], row["caught_high"], _SHARE, row["caught_share"]) if decided else NOTHING,
        f"Never refused in {ENOUGH} or more": "yes" if row["never_refused"] else "",
        f"Within {QUICK_SECONDS} s": f"{row['quick']:,} of {row['timed']:,}" if row["timed"] else "",
        words.level(row).capitalize(): interval(row["quick_low"], row["quick_high"], _SHARE, row["quick_share"]) if row["timed"] else NOTHING,
        "By who asked": f"{row['own']:,} of {row['named']:,}" if row["own"] else "",
        "After it began": f"{after:,}" if after else "",
        "In batches": f"{row['batched']:,}" if row["batched"] else "",
        f"One person above {100 * ONE_SHARE:.0f} %": "yes" if row["one_gate"] else "",
        "By a machine, left out": f"{row['automatic']:,}" if row["automatic"] else "",
    }  # fmt: skip


def _cautions(found: pl.DataFrame, value: list[dict[str, Any]]) -> Iterator[str]:
    if value:
        yield (
            "Approved or not is no experiment: what needs an approval was chosen, often because it is risky. The difference is one "
            "between deployments of services of the same tier, and not what the gate does."
        )
        unknown = max(row["unknown"] for row in value)
        if unknown:
            yield f"Of {count(unknown, 'deployment')} it is not known whether somebody had to approve; they are in neither rate."
    if found.is_empty():
        return
    yield (
        "Signs are about a gate and no person: a quick yes may have been agreed on beforehand. In batches: at least "
        f"{BATCH} decisions of one person within {BATCH_SECONDS} seconds, over all operations."
    )
    if found["never_refused"].any():
        yield "Where nothing was ever refused, the upper end of the interval says how often the gate may refuse after all."
    unknown = int((found["asked"] - found["wait_n"]).sum())
    if unknown:
        yield f"Of {count(unknown, 'request')} the wait is not known; they count in what became of them, not in the times."
