"""Did it work? Of every registered change what can be said, how sure, against what, and what would change our mind; never more than the method allows."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import polars as pl

from idp_analytics.answers import Estimator, Metric, Verdict
from idp_analytics.charts import Chart, before_after, event_study
from idp_analytics.charts.wording import NOTHING, count, effect, named, quantity, size
from idp_analytics.errors import ReportError, nearest
from idp_analytics.metrics import by_name
from idp_analytics.metrics.catalogue import CATALOGUE
from idp_analytics.metrics.impact.columns import EXPLORATORY, PRIMARY, Method, State
from idp_analytics.report import cells, learnt, top_two, words
from idp_analytics.report.section import Section, Table
from idp_analytics.report.slices import where
from idp_analytics.report.view import View

QUESTION, STUDY = "Did it work?", "impact"
PART = 6
"""So many changes at most have a part of their own, those whose review came last or comes next; all stand in the table."""
EVERY = "month"
"""What the course goes by."""
STUDIES = (
    "impact",
    "impact_course",
    "impact_weeks",
    "intervention_units",
    "follow_through_linked",
    "top_two",
    "maturity_steps",
)
"""All that is looked at."""

Row = dict[str, Any]

_FOUND = (Verdict.IMPROVED.value, Verdict.WORSENED.value)
_UNITS = {"team": ("team", "teams"), "service": ("service", "services")}
_KNOWN = {metric.name for metric in CATALOGUE}


def impact(view: View) -> Section:
    """Of the organisation every change of the ledger, each with its part; of a team what was changed there, and what the whole says of it."""
    if view.scope == "team":
        return _of_team(view)
    rows = _primary(view)
    if not rows:
        return _nothing(view)
    shown = [row for row in rows if row["state"] != State.PLANNED.value][:PART]
    return Section(
        QUESTION, " ".join(_summary(rows)), tables=(_ledger(view, rows),), cautions=tuple(_cautions(rows)), opened=True, trace=view.trace(STUDY),
        parts=tuple(_part(view, row) for row in shown),
    )  # fmt: skip


def change(view: View, name: str) -> Section:
    """One change of the ledger; raises :class:`ReportError` for one that is not registered."""
    rows = {row["intervention_id"]: row for row in _primary(view)}
    if name not in rows:
        raise ReportError(f"{name!r} is not registered.{nearest(name, rows)}")
    return _part(view, rows[name])


def due(view: View, most: int = 2) -> list[str]:
    """A sentence on the changes whose day to look has come and of which nobody has written down what follows, the latest first; empty where there is none."""
    rows = [row for row in learnt.judged(view.mart.studies["impact"]) if row["state"] == State.DUE.value]
    if not rows:
        return []
    told = "; ".join(f"{_called(row)} ({learnt.metric_words(row)}, {learnt.briefly(row)})" for row in rows[:most])
    more = f"; and {len(rows) - most:,} more" if len(rows) > most else ""
    return [
        f"{count(len(rows), 'registered change waits', 'registered changes wait')} for a decision (keep, change or end): {told}{more}."
    ]


# --- all of them -------------------------------------------------------------------------------------------------------


def _primary(view: View) -> list[Row]:
    """One row per change: first those to be looked at now, the latest first, then those running, by the day to look, then those planned."""
    order = {state.value: n for n, state in enumerate((State.DUE, State.RUNNING, State.REVIEWED, State.PLANNED))}
    rows = view.mart.studies["impact"].filter(pl.col("role") == PRIMARY).to_dicts()
    late = (State.DUE.value, State.REVIEWED.value)
    return sorted(
        rows, key=lambda row: (order[row["state"]], (-1 if row["state"] in late else 1) * row["review_on"].toordinal(), row["intervention_id"])
    )  # fmt: skip


def _summary(rows: list[Row]) -> Iterator[str]:
    over = [row for row in rows if row["state"] in learnt.LOOKED_AT]
    if over:
        told = ", ".join(f"{n:,} {word}" for word, n in Counter(row["verdict"] for row in over).items())
        yield f"Of {count(len(over), 'registered change')} whose day to look has come: {told}."
    open_ = sum(row["state"] == State.DUE.value for row in over)
    if open_:
        yield f"Nobody has written down yet what follows from {open_:,} of them (idp intervention review)."
    reviewed = sum(row["state"] == State.REVIEWED.value for row in over)
    if reviewed:
        yield f"Of {reviewed:,} what followed is written down."
    running = [row for row in rows if row["state"] == State.RUNNING.value]
    if running:
        yield f"{count(len(running), 'change is', 'changes are')} running, the next to be looked at on {_day(running[0]['review_on'])}."
    planned = sum(row["state"] == State.PLANNED.value for row in rows)
    if planned:
        yield f"{count(planned, 'is', 'are')} planned: nobody has taken {('them', 'it')[planned == 1]} up yet."


def _ledger(view: View, rows: list[Row]) -> Table:
    there = _reach(view)
    return cells.table(
        "Registered changes",
        (
            {
                "Change": _with_component(row),
                "Judged by": learnt.title(row),
                "Hoped for": f"{row['direction']} {size(row['smallest_effect'], row['unit'] or '')}",
                "Taken up by": _taken(there.get(row["intervention_id"])),
                "Difference": effect(row["effect"], row["low"], row["high"], row["unit"] or ""),
                "n": f"{row['n']:,}",
                "Missing": f"{row['missing']:,}" if row["missing"] else "",
                "By": row["method"],
                "Verdict": cells.verdict(row["verdict"]),
                "State": f"{row['state']}, {row['review_on']}",
            }
            for row in rows
        ),
        ("Judged by", "Hoped for", "Taken up by", "By", "State"),
    )


def _cautions(rows: list[Row]) -> Iterator[str]:
    if any(row["state"] == State.RUNNING.value for row in rows):
        yield "What is seen before the day to look is no answer: who looks often enough sees anything."
    yield (
        "Only what was registered is looked at, each by the one metric it named. Whether a difference to units that had not taken it up is the change's own rests on "
        "both having gone on alike otherwise, which no number proves."
    )


# --- one of them -------------------------------------------------------------------------------------------------------


def _part(view: View, row: Row) -> Section:
    course = _course(view, row)
    tables = (_judged(view, row), _by_month(course, row), _exploratory(view, row))
    metric = _metric(row)
    return Section(
        QUESTION, " ".join(_answer(view, row)), _drawn(view, course, row), tuple(table for table in tables if table.height),
        cautions=tuple(_warnings(row)), verdict=Verdict(row["verdict"]), metrics=(metric,) if metric else (),
        trace=view.trace(STUDY),
    )  # fmt: skip


def _answer(view: View, row: Row) -> Iterator[str]:
    unit = row["unit"] or ""
    taken = _taken(_reach(view).get(row["intervention_id"]))
    yield f"Change {_with_component(row)}, taken up by {taken}. Hoped: {named(row['hypothesis']).rstrip('.')}; {learnt.metric_words(row)} {_hoped(row)}."
    if row["effect"] is not None:
        bounds = "" if row["low"] is None and row["high"] is None else f" ({words.level(row)})"
        yield (
            f"{learnt.AGAINST[row['method']].capitalize()}: {effect(row['effect'], row['low'], row['high'], unit)}{bounds}, from "
            f"{count(row['n'], 'observation')}; {row['verdict']}."
        )
    else:
        yield f"Nothing can be said: {row['why'][:1].lower()}{row['why'][1:]}"
    if row["method"] not in learnt.COMPARED and row["effect"] is not None:
        yield "With nothing to compare with, nothing tells whether it was this change."
    if row["verdict"] == Verdict.NO_DETECTABLE_CHANGE.value and row["detectable"] is not None:
        yield (
            f"A difference of {size(row['detectable'], unit)} or more would have been seen four times in five; what matters begins at "
            f"{size(row['smallest_effect'], unit)}."
        )
    yield _when(view, row)


def _when(view: View, row: Row) -> str:
    day = _day(row["review_on"])
    if row["state"] == State.RUNNING.value:
        return f"It is to be looked at on {day}; what is seen until then is no answer."
    if row["state"] == State.DUE.value:
        return f"It was to be looked at on {day}: keep it, change it or end it, and write that down."
    return f"It was to be looked at on {day}, and what followed is written down{_resolved(view, row)}."


def _resolved(view: View, row: Row) -> str:
    """What was resolved of it by the end of the period, and what became of that; what exactly it says stands in the ledger."""
    linked = view.study("follow_through_linked").filter(intervention_id=row["intervention_id"]).to_dicts()
    if not linked:
        return ""
    stood = {"done": "done", "dropped": "dropped", "ended": "ended", "open": "open", "overdue": "past its day"}
    told = ", ".join(f"{linked[0][name]:,} {word}" for name, word in stood.items() if linked[0][name])
    return f": {count(linked[0]['n'], 'action')}" + (f", {told}" if told else "")


def _warnings(row: Row) -> Iterator[str]:
    told = row["caution"]
    if told:  # may begin with the name of another change
        yield told if told[:1].isupper() else f"Of note: {told}"


def _course(view: View, row: Row) -> pl.DataFrame:
    return view.mart.studies["impact_course"].filter(
        pl.col("intervention_id") == row["intervention_id"], pl.col("metric") == row["metric"], pl.col("effect").is_not_null()
    )  # fmt: skip


def _drawn(view: View, course: pl.DataFrame, row: Row) -> Chart | None:
    """By month against others; of those that are compared with nobody by week against what there was to expect."""
    if course.is_empty():
        return _drawn_alone(view, row)
    smallest = row["smallest_effect"]
    signed = None if smallest is None else smallest if row["direction"] == "up" else -smallest
    return event_study.chart(course, f"{_called(row)}: {learnt.title(row)}", row["unit"] or "", EVERY, signed)


def _drawn_alone(view: View, row: Row) -> Chart | None:
    weeks = view.mart.studies["impact_weeks"].filter(
        pl.col("intervention_id") == row["intervention_id"], pl.col("metric") == row["metric"]
    )
    if weeks["value"].is_null().all():
        return None
    band = before_after.LIMITS if row["method"] == Method.PROCESS_BEHAVIOUR.value else before_after.EXPECTED
    return before_after.chart(weeks, f"{_called(row)}: {learnt.title(row)}", row["unit"] or "", band)


def _judged(view: View, row: Row) -> Table:
    """How it was judged and what speaks against it, line by line."""
    unit = row["unit"] or ""
    drift, robust, expected = row["pretrend_detectable"], row["robust_to"], row["expected_by_chance"]
    lines = {
        "Method": row["method"],
        "Why this one": row["why"],
        "Units that took it up": f"{row['adopted']:,}",
        "Units compared with": f"{row['compared']:,}" if row["compared"] else "none",
        "Periods before and after": f"{row['periods_before']:,} and {row['periods_after']:,}",
        "p": _chance(row["p"]),
        "p of the placebo: dates given out anew": _chance(row["placebo_p"]),
        "p of having moved apart before": _chance(row["pretrend_p"]),
        "Drift before that would have been seen": f"{size(drift, unit)} a month" if drift is not None else "",
        "Smallest difference seen four times in five": size(row["detectable"], unit) if row["detectable"] is not None else "",
        "Holds up to a drift apart of": f"{robust:.2g} times the largest monthly step before" if robust is not None and row["verdict"] in _FOUND else "",
        "Would come back by chance alone": effect(expected, None, None, unit) if expected is not None else "",
        "Other changes at units of it": ", ".join(map(named, (row["overlaps"] or "").split(","))),
        "Observations": f"{row['n']:,}, and {row['missing']:,} that could not be used",
        "Registered": f"{row['registered_at']:%Y-%m-%d}{_late(view, row)}",
        "To be looked at": f"{row['review_on']}",
        "What would change our mind": row["would_change"] or "",
    }  # fmt: skip
    told = [{"What": name, "Found": found} for name, found in lines.items() if found]
    return cells.table(f"How {_called(row)} was judged", told, ("Found",))


def _late(view: View, row: Row) -> str:
    there = _reach(view).get(row["intervention_id"])
    if there is None:
        return ""
    return (
        f", after {there['late']:,} of {there['took']:,} had taken it up"
        if there["late"]
        else ", before anybody had taken it up"
    )


def _by_month(course: pl.DataFrame, row: Row) -> Table:
    """Months of as many units as are drawn; those of fewer are only counted."""
    enough = course.filter(pl.col("units") >= event_study.FEWEST)
    shown = enough if enough.height else course
    return cells.table(
        f"{learnt.title(row)} by month from taking it up",
        (
            {"Month": f"{one['event_period']:+d}" if one["event_period"] else "0", "Difference": effect(one["effect"], one["low"], one["high"], row["unit"] or ""),
             "Units": f"{one['units']:,}"}
            for one in shown.sort("event_period").to_dicts()
        ),
        left_out=course.height - shown.height,
    )  # fmt: skip


def _exploratory(view: View, row: Row) -> Table:
    """Metrics nobody named: hints for the next entry, with all of them counted in (Benjamini & Hochberg 1995)."""
    others = view.mart.studies["impact"].filter(
        pl.col("intervention_id") == row["intervention_id"], pl.col("role") == EXPLORATORY
    )
    return cells.table(
        "Looked at without having been named: hints for the next, and no result",
        (
            {
                "Metric": learnt.title(one),
                "Difference": effect(one["effect"], one["low"], one["high"], one["unit"] or ""),
                "n": f"{one['n']:,}",
                "p, all counted in": _chance(one["p_adjusted"]) or NOTHING,
                "Would be seen from": size(one["detectable"], one["unit"] or ""),
                "Verdict": cells.verdict(one["verdict"]),
            }
            for one in others.sort("metric").to_dicts()
        ),
    )


def _chance(p: float | None) -> str:
    if p is None:
        return ""
    return "under 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


# --- of a team ---------------------------------------------------------------------------------------------------------


def _of_team(view: View) -> Section:
    mine = view.own("intervention_units")
    whole = {row["intervention_id"]: row for row in _primary(view)}
    rows = [
        {**whole[name], "units": where(mine, intervention_id=name).to_dicts()}
        for name in whole
        if mine.height and (mine["intervention_id"] == name).any()
    ]
    if not rows:
        return Section(
            QUESTION,
            "No registered change is about this team. Before you change something whose effect you want to know, register it: "
            f"{_command(view, 'METRIC')}.",
        )
    return Section(
        QUESTION, " ".join(_of_ours(row) for row in rows),
        tables=(
            cells.table(
                f"Registered changes at {view.name}",
                (
                    {
                        "Change": _with_component(row), "Ours": _since(row["units"]),
                        "Judged by": learnt.title(row), "Of the organisation": effect(row["effect"], row["low"], row["high"], row["unit"] or ""),
                        "n": f"{row['n']:,}", "Verdict": cells.verdict(row["verdict"]), "State": f"{row['state']}, {row['review_on']}",
                    }
                    for row in rows
                ),
                ("Ours", "Judged by", "State"),
            ),
        ),
        cautions=(
            "What a change did in one team cannot be told from what else happened there at the time: the verdict is of all units together, and none of it is this "
            "team's.",
        ),
        trace=view.trace(STUDY),
    )  # fmt: skip


def _of_ours(row: Row) -> str:
    said = "nothing can be said yet" if row["effect"] is None else learnt.outcome(row)
    took = sorted(unit["adopted_on"] for unit in row["units"] if unit["adopted_on"])
    ours = count(len(row["units"]), *_UNITS[row["units"][0]["unit_kind"]])
    when = (
        f"taken up by {len(took):,} of {ours} of ours, first on {_day(took[0])}"
        if took
        else f"not taken up yet by {ours} of ours"
    )
    return f"Change {_with_component(row)}: {when}. Of the organisation, {learnt.metric_words(row)}: {said}."


def _since(units: list[Row]) -> str:
    """Which of our units took it up, and since when: ``checkout since 3 March 2026; basket not yet``."""
    told = [
        f"{named(unit['unit_id'])} since {_day(unit['adopted_on'])}"
        for unit in sorted(units, key=lambda unit: (unit["adopted_on"] or date.max, unit["unit_id"]))
        if unit["adopted_on"]
    ]
    not_yet = [named(unit["unit_id"]) for unit in units if unit["adopted_on"] is None]
    return "; ".join([*told, *([f"{', '.join(not_yet)} not yet"] if not_yet else [])])


# --- nothing registered ------------------------------------------------------------------------------------------------


def _nothing(view: View) -> Section:
    """What to register and how; no chart of before and after, which would show what chance and time do anyway."""
    asked = list(_candidates(view))
    told = [
        f"{title[:1].upper()}{title[1:]}: register what you change about it, judged by {metric.title[:1].lower()}{metric.title[1:]} (now {_now(view, metric)})."
        for title, metric in asked
    ] or ["Choose the one number that is to move, and the smallest effect that would be worth the work."]
    return Section(
        QUESTION,
        " ".join(
            [
                "No change is registered, so nothing can be said to have worked: what was bad gets better by itself, and before and after would show just that.",
                *told,
                f"Before it begins: {_command(view, asked[0][1].name if asked else 'METRIC')}.",
            ]
        ),
        cautions=(
            "Let teams or services take it up at different times, some of them late: those that have not yet are what the others are compared with. The command says "
            "at once which effect could be seen by the day to look.",
        ),
        metrics=tuple(metric for _, metric in asked),
    )


def _candidates(view: View) -> Iterator[tuple[str, Metric]]:
    """Areas that come first and the metric of each that units have; where no survey says, what the next steps of maturity are to move."""
    found = list(top_two.first(view))
    if not found:
        steps = view.mart.studies["maturity_steps"]
        steps = where(steps, scope="org").sort("rank") if steps.height else steps
        found = [(row["title"], row["source"] if row["source"] in _KNOWN else None) for row in steps.to_dicts()]
    for title, name in found:
        metric = by_name(name) if name else None
        if (
            metric is not None
            and not metric.about_people
            and metric.estimator is not Estimator.TOTAL
            and {"team", "service"} & set(metric.scopes)
        ):
            yield title, metric


def _now(view: View, metric: Metric) -> str:
    row = view.row(metric)
    return quantity(row["value"], row["unit"]) if row["value"] is not None else "not measured"


def _command(view: View, metric: str) -> str:
    asked = shlex.join(["idp", "intervention", "add", *view.mart.meta["asked"], "--metric", metric])
    return f"“{asked} --id … --hypothesis … --smallest-effect … --unit … --review-on …”"


# --- words -------------------------------------------------------------------------------------------------------------


def _reach(view: View) -> dict[str, Row]:
    """Change → ``kind``, how many ``units``, how many ``took`` it up, of them before it was registered (``late``), and since when (``first``)."""
    rows = view.mart.studies["intervention_units"]
    if rows.is_empty():
        return {}
    found = where(rows, scope="org").group_by("intervention_id").agg(
        pl.col("unit_kind").first().alias("kind"), pl.len().alias("units"), pl.col("adopted_on").count().alias("took"),
        pl.col("adopted_on").min().alias("first"), pl.col("is_late").sum().alias("late"),
    )  # fmt: skip
    return {row["intervention_id"]: row for row in found.to_dicts()}


def _taken(row: Row | None) -> str:
    if row is None:
        return NOTHING
    one, several = _UNITS[row["kind"]]
    if not row["took"]:
        return f"none of {count(row['units'], one, several)}"
    return f"{row['took']:,} of {count(row['units'], one, several)} since {_day(row['first'])}"


def _hoped(row: Row) -> str:
    return f"{row['direction']} by {size(row['smallest_effect'], row['unit'] or '')} or more"


def _with_component(row: Row) -> str:
    """``pipeline-rollout (delivery-pipeline)``: the change, and what was changed where it is not called the same."""
    is_told = row["component"] and row["component"] != row["intervention_id"]
    return f"{_called(row)} ({named(row['component'])})" if is_told else _called(row)


def _called(row: Row) -> str:
    return named(row["intervention_id"])


def _metric(row: Row) -> Metric | None:
    return by_name(row["metric"]) if row["metric"] in _KNOWN else None


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
