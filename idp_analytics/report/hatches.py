"""Which ways round the rules stand open, for how long, and which reasons repeat: what the golden path may lack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from idp_analytics.charts import parts as chart
from idp_analytics.charts.wording import NOTHING, count, interval, named, period, quantity, significant
from idp_analytics.metrics.hatches import REPEATED
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section
from idp_analytics.report.slices import where
from idp_analytics.report.view import View

STUDY, REASONS, COVERAGE = "escape_hatches", "hatch_reasons", "path_coverage"
UNIT = "share"
RATE = "per 100 services"

CALLED = {
    "services": "active services with one open",
    "without expiry": "open ones that never end",
    "expired and in use": "run out and still in use",
    "by one team": "open ones of a single team",
}
"""Measure → what its share is of."""


def hatches(view: View) -> Section:
    """The hatches open at the end of the period, beside the services off every path; and the reasons that repeat."""
    when = period(view.period.label)
    found = {row["measure"]: row for row in view.study(STUDY).to_dicts()}
    reasons = view.study(REASONS).to_dicts()
    shown = [
        {**found[name], "share": found[name]["value"], "label": word, "quiet": name != "services"}
        for name, word in CALLED.items()
        if name in found and found[name]["n"]
    ]
    past = where(view.study_so_far(STUDY), measure="services").to_dicts() if found else []
    off = [_off(view, label) for label in (view.before, view.period.label)]
    tables = (
        cells.table(f"Reasons for stepping round the rules that repeat, {when}", map(_reason, reasons), ("Rule", "Reason as written")),
        cells.table(f"Escape hatches of {view.name}, end of {when}", map(_measure, found.values())),
        cells.table(
            f"Services of {view.name} with an open escape hatch", map(_then, past)
        ),
    )  # fmt: skip
    return Section(
        question="Which ways round the rules stand open?",
        answer=" ".join([view.unless_week(found, " ".join(_answer(found, when))), *_beside(*off), *_repeats(reasons)]),
        chart=chart.chart(shown, f"Escape hatches, end of {when}", view.name, UNIT, ("services", "hatches"))
        if shown
        else None,
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(_cautions(found, *off)),
        trace=view.trace(STUDY) if found else "",
    )


def _off(view: View, label: str) -> tuple[int, int] | None:
    """Services on no golden path, of how many; None where that is not known."""
    frame = view.own(COVERAGE)
    if not frame.width:
        return None
    told = where(frame, by="all", every=view.period.every, period=label).to_dicts()
    rows = [row for row in told if row["n"]]
    return (rows[0]["n"] - rows[0]["k"] - rows[0]["unknown"], rows[0]["n"]) if rows else None


def _bounds(row: dict[str, Any], unit: str) -> str:
    return f"({words.level(row)} {interval(row['low'], row['high'], unit, row['value'])})"


def _answer(found: dict[str, dict[str, Any]], when: str) -> Iterator[str]:
    if not found:
        yield f"No escape hatch is known at the end of {when}: none was opened before, or no source tells of any."
        return
    rate = found["services"]
    if rate["n"]:
        has = "has" if rate["k"] == 1 else "have"
        yield (
            f"Of {count(rate['n'], 'active service')} at the end of {when}, {rate['k']:,} {has} at least one escape hatch open: "
            f"{quantity(rate['value'], UNIT)} {_bounds(rate, UNIT)}."
        )
        hundred = found[RATE]
        low, high = significant(hundred["low"], hundred["value"] or hundred["high"]), significant(hundred["high"])
        yield f"{count(hundred['k'], 'hatch', 'hatches')} open, {significant(hundred['value'])} per 100 services ({words.level(hundred)} {low}–{high})."
    endless = found["without expiry"]
    if endless["age_days"] is not None:
        oldest = f", one in ten than {quantity(endless['age_p90'], 'days')}" if endless["age_p90"] is not None else ""
        yield f"Half of those open are older than {quantity(endless['age_days'], 'days')}{oldest}; {endless['k']:,} of {endless['n']:,} never end."
    late = found["expired and in use"]
    if late["n"]:
        yield (
            f"Of {count(late['n'], 'hatch', 'hatches')} past the end and not closed, {late['k']:,} {('are', 'is')[late['k'] == 1]} still in use: "
            f"{quantity(late['value'], UNIT)} {_bounds(late, UNIT)}."
        )


def _beside(before: tuple[int, int] | None, now: tuple[int, int] | None) -> Iterator[str]:
    if now:
        was = f" ({before[0]:,} of {before[1]:,} a period earlier)" if before else ""
        yield f"Beside them, {now[0]:,} of {now[1]:,} eligible active services are on no golden path at all{was}."


def _repeats(reasons: list[dict[str, Any]]) -> Iterator[str]:
    if reasons:
        yield f"{count(len(reasons), 'reason')} {('repeat', 'repeats')[len(reasons) == 1]}: each may be something the golden path lacks."


def _reason(row: dict[str, Any]) -> dict[str, str]:
    return {
        "Rule": named(row["policy"] or "not told"),
        "Reason as written": named(row["reason"]),
        "Hatches (n)": f"{row['n']:,} of {row['of']:,}",
        "Teams": f"{row['teams']:,}",
        "Services": f"{row['services']:,}",
    }


def _measure(row: dict[str, Any]) -> dict[str, str]:
    rated = row["measure"] == RATE
    value = NOTHING if row["value"] is None else significant(row["value"]) if rated else quantity(row["value"], UNIT)
    if row["value"] is None:
        bounds = NOTHING
    else:
        bounds = (
            f"{significant(row['low'], row['high'])}–{significant(row['high'])}"
            if rated
            else interval(row["low"], row["high"], UNIT, row["value"])
        )
    return {
        "What": CALLED.get(row["measure"], "open ones per 100 active services"),
        "k": f"{row['k']:,}",
        "n": f"{row['n']:,}",
        "Value": value,
        words.level(row).capitalize(): bounds,
        "Not known": f"{row['unknown']:,}",
    }


def _then(row: dict[str, Any]) -> dict[str, str]:
    return {
        "End of": cells.period(row),
        "Active services (n)": f"{row['n']:,}",
        "With one open": f"{row['k']:,}",
        "Share": quantity(row["value"], UNIT),
        words.level(row).capitalize(): interval(row["low"], row["high"], UNIT, row["value"]),
    }


def _cautions(
    found: dict[str, dict[str, Any]], before: tuple[int, int] | None, now: tuple[int, int] | None
) -> Iterator[str]:
    rate = found.get("services")
    if rate and rate["n"] and not rate["k"] and before and now and now[0] * before[1] > before[0] * now[1]:
        yield "No hatch is open while more services are off every path: that is rather going round unseen than good order."
    if not found:
        return
    unsure = found[RATE]["unknown"]
    if unsure:
        yield (
            f"{count(unsure, 'hatch', 'hatches')} past the end and not closed: no policy result tells whether still in use, so neither "
            "counted as open nor as over."
        )
    yield (
        "What was done round the rules without a hatch is not seen here. A reason is counted as repeating from "
        f"{REPEATED} hatches on the same rule; letter case and spaces do not matter, other spelling does."
    )
