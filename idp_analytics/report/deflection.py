"""Whether teams ask less of what they have come to do themselves: an association, with what it was compared with."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from idp_analytics.answers import Verdict
from idp_analytics.charts.wording import NOTHING, count, interval, named, period, quantity, significant
from idp_analytics.metrics.deflection import AROUND, FEWEST_MONTHS
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section, Table
from idp_analytics.report.view import View

STUDY, COURSE = "deflection", "deflection_course"

_SAID = {
    Verdict.IMPROVED.value: "fewer tickets went with using it, by more than chance",
    Verdict.WORSENED.value: "more tickets went with using it, by more than chance",
    Verdict.NO_DETECTABLE_CHANGE.value: "no change that chance would not make",
}


def deflection(view: View) -> Section:
    """Each component that names tickets: what was asked before and after a team's first use, and what that was compared with."""
    frames = view.mart.studies[STUDY], view.mart.studies[COURSE]
    found = frames[0].to_dicts()
    tables = [
        cells.table("Tickets before and after a team's first use", map(_compared, found), ("Tickets of", "Compared with others", "Reading")),
        cells.table("Time: what is assumed, and what was seen", map(_time, found)),
        *(_course(row, frames[1].filter(component=row["component"]).to_dicts()) for row in found),
    ]  # fmt: skip
    return Section(
        question="Do teams ask less of what they can do themselves?",
        answer=" ".join(sentence for row in found for sentence in _answer(row))
        or "No part of the platform is said to serve what tickets ask for ([[component]] with tickets and operations or golden_paths).",
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(_cautions(found)),
        trace=_trace(view, found[0]["component"]) if found else "",
        verdict=Verdict(found[0]["verdict"]) if len(found) == 1 else None,
    )


def _trace(view: View, component: str) -> str:
    asked = view.mart.meta["asked"]
    return shlex.join(["idp", "explain", "sprawl", *asked, "--component", component, "--period", view.period.label])


def _rate(value: float | None, like: float | None = None) -> str:
    return NOTHING if value is None else significant(value, like)


def _answer(row: dict[str, Any]) -> Iterator[str]:
    title = named(row["title"])
    if row["verdict"] == Verdict.INSUFFICIENT_DATA.value:
        yield f"{title}: too little is known ({row['caution']})."
        return
    what = ", ".join(map(named, row["categories"]))
    yield (
        f"{title}, {period(row['first_period'])} to {period(row['last_period'])}: {count(row['adopters'], 'team')} with {FEWEST_MONTHS} months before and after their first use asked {count(row['tickets_before'], 'ticket')} "
        f"of {what} before and {row['tickets_after']:,} after, {_rate(row['rate_before'])} and {_rate(row['rate_after'], row['rate_before'])} per "
        f"{row['per']} and month; other tickets went from {_rate(row['others_before'])} to {_rate(row['others_after'], row['others_before'])}."
    )
    if row["effect"] is not None:
        share = f", {_percent(row['share'])} of what would be expected" if row["share"] is not None else ""
        said = _SAID.get(row["verdict"], f"not identified: {row['caution']}")
        yield (
            f"Against teams that had not used it yet, {_signed(row['effect'])} tickets per {row['per']} and month ({words.level(row)} "
            f"{_bounds(row['low'], row['high'])}){share}: {said}."
        )
    else:
        yield f"Whether that goes with using it is not identified: {row['caution']}."
    if row["own_change"] is not None and row["effect"] is None:
        yield (
            f"Against their own months before, other tickets taken off, {_signed(row['own_change'])} ({words.level(row)} "
            f"{_bounds(row['own_low'], row['own_high'])}); what changed for everybody at that time is in it."
        )


def _percent(value: float) -> str:
    return f"{'+' if value > 0 else '−'}{abs(100 * value):.0f} %"


def _signed(value: float) -> str:
    return f"+{significant(value)}" if value > 0 else significant(value)


def _bounds(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "without bounds"
    if low is None or high is None:
        return f"up to {_signed(high)}" if high is not None else f"{_signed(low or 0.0)} or more"
    return f"{_signed(low)} to {_signed(high)}"


def _compared(row: dict[str, Any]) -> dict[str, str]:
    bounds = words.level(row)
    return {
        "Part": named(row["title"]),
        "Tickets of": ", ".join(map(named, row["categories"])),
        "Teams (n)": f"{row['adopters']:,} of {row['teams']:,}" if row["teams"] else NOTHING,
        "Never used it": f"{row['never']:,}" if row["never"] is not None else NOTHING,
        "Tickets before": f"{row['tickets_before']:,}" if row["tickets_before"] is not None else NOTHING,
        "Tickets after": f"{row['tickets_after']:,}" if row["tickets_after"] is not None else NOTHING,
        f"Change per {row['per']} and month": NOTHING if row["effect"] is None else _signed(row["effect"]),
        f"Change, {bounds}": NOTHING if row["effect"] is None else _bounds(row["low"], row["high"]),
        "p": NOTHING if row["p"] is None else f"{row['p']:.3f}",
        "Against own months before": NOTHING if row["own_change"] is None else f"{_signed(row['own_change'])} ({_bounds(row['own_low'], row['own_high'])})",
        "Moved apart before, per month": NOTHING if row["drift"] is None else f"{_signed(row['drift'])} ({_bounds(row['drift_low'], row['drift_high'])})",
        "Tickets about the path itself, before and after": NOTHING if row["caused_after"] is None else f"{row['caused_before']:,} and {row['caused_after']:,}",
        "Without a team": f"{row['unknown']:,}" if row["unknown"] else "",
        "Successful runs": f"{row['runs']:,}",
        "Reading": row["verdict"],
    }  # fmt: skip


def _time(row: dict[str, Any]) -> dict[str, str]:
    def seen(kind: str) -> str:
        if row[f"{kind}_hours"] is None:
            return NOTHING
        return f"{quantity(row[f'{kind}_hours'], 'hours')} ({interval(row[f'{kind}_low'], row[f'{kind}_high'], 'hours', row[f'{kind}_hours'])}, n {row[f'{kind}_n']:,})"

    return {
        "Part": named(row["title"]),
        "Assumed to be saved": NOTHING if row["assumed_hours"] is None else f"{significant(row['assumed_hours'])} h in {count(row['assumed_runs'], 'run')}",
        "Seen: half of the tickets settled within": seen("ticket"),
        "Seen: half of the requests done within": seen("run"),
        "Seen: waiting less by": seen_difference(row),
    }  # fmt: skip


def seen_difference(row: dict[str, Any]) -> str:
    """The difference of the two medians with its interval; a dash where one is not known."""
    if row["saved_hours"] is None:
        return NOTHING
    return f"{quantity(row['saved_hours'], 'hours')} ({interval(row['saved_low'], row['saved_high'], 'hours', row['saved_hours'])})"


def _course(part: dict[str, Any], rows: list[dict[str, Any]]) -> Table:
    return cells.table(
        f"{named(part['title'])}: tickets by months from a team's first use, {AROUND} before and after at most",
        (
            {
                "Month": f"{row['month']:+d}".replace("-", "−") if row["month"] else "first use",
                "Teams (n)": f"{row['teams']:,}",
                "Tickets": f"{row['tickets']:,}",
                f"Per {part['per']}": _rate(row["value"]),
                words.level(row).capitalize(): f"{_rate(row['low'], row['high'])}–{_rate(row['high'])}",
                "Other tickets": f"{row['others']:,}",
                f"Others per {part['per']}": _rate(row["others_value"]),
                f"Others, {words.level(row)}": f"{_rate(row['others_low'], row['others_high'])}–{_rate(row['others_high'])}",
            }
            for row in rows
        ),
    )


def _cautions(found: list[dict[str, Any]]) -> Iterator[str]:
    if not found:
        return
    yield (
        "An association: teams take up self-service when it suits them. How many runs there were says nothing of tickets saved, for a run "
        "may have replaced none. The dates are as they were given out among the teams; the interval asks what else they could have shown."
    )
    yield "That later users moved no differently before is what the comparison supposes; that no drift was found does not show it."
    if any(row["effect"] is not None and row["drift"] is None for row in found):
        yield "Where all teams come to use it in the end, whether later users moved apart before cannot be told from the months themselves."
    if any(row["assumed_hours"] is not None for row in found):
        yield (
            "Hours assumed to be saved are runs times what somebody once wrote down (minutes_saved): never add them to hours that were seen. "
            "What was seen is waiting, not work; no request was seen both ways."
        )
    if any(row["caused_after"] for row in found):
        yield "Tickets about the path itself may be of other categories than those compared; a path that moves tickets there has saved none."
