"""Whether good habits hold when it burns: each of ten signals in stress and in the calm like it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from idp_analytics.charts import parts as chart
from idp_analytics.charts.wording import NOTHING, count, interval, named, quantity, significant
from idp_analytics.metrics.stress_events import WINDOWED
from idp_analytics.metrics.stress_signals import MUCH, MUCH_RATIO
from idp_analytics.metrics.stress_windows import CALM, FEWEST, HEAVY, STRESSES
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section
from idp_analytics.report.view import View

QUESTION = "Do our good habits hold when it burns?"
STUDY = "stress_signals"
UNIT = "share"

CALLED = {
    "gates skipped": ("deployments past a gate", "Deployments that went past a gate"),
    "self-approvals": ("approved by who asked", "Approvals by whoever had asked"),
    "approvals after the fact": ("approved after the fact", "Approvals after the fact"),
    "escape hatches": ("windows with a hatch opened", "Escape hatches opened"),
    "manual changes": ("deployed by hand", "Deployments by hand"),
    "changes without review": ("merged without review", "Changes merged without a review"),
    "batch size": ("changes per deployment", "The size of deployments"),
    "rollbacks": ("rollbacks", "Rollbacks"),
    "out of hours": ("deployments out of hours, per window", "Deployments out of hours"),
    "postmortems skipped": ("postmortems skipped", "Skipped postmortems"),
}
"""Signal → what it is called in a table, and in a sentence."""

DRAWN = {
    "gates skipped": "past a gate",
    "self-approvals": "self-approved",
    "approvals after the fact": "approved after",
    "escape hatches": "hatch opened",
    "manual changes": "by hand",
    "changes without review": "no review",
    "postmortems skipped": "no postmortem",
}
"""Signal → what it is called beside a bar, where there is little room."""

UNDER = {"incident": "in severe incidents", "page load": "in the weeks with most pages"}


def stress(view: View) -> Section:
    """The ten signals in the year to the end of the period, under both kinds of stress, the worst said first."""
    by_kind, told = _found(view)
    rows = [row for found in by_kind.values() for row in found]
    drawn = [row for row in told[STRESSES[0]] or told[STRESSES[1]] if not row["is_ratio"]]
    tables = (
        cells.table(f"What {view.name} does {UNDER[kind]}, against calm", map(_row, found), ("Verdict", "What"))
        for kind, found in by_kind.items()
    )
    return Section(
        question=QUESTION,
        answer=view.unless_week(rows, " ".join(_answer(by_kind, told))),
        chart=chart.chart(
            [side for row in drawn for side in _sides(row)], f"What is done {UNDER[drawn[0]['stress']]}, and in calm", view.name, UNIT,
            ("in stress", "in calm"),
        ) if drawn else None,
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(_cautions(rows, told)),
        trace=view.trace(STUDY) if rows else "",
    )  # fmt: skip


def in_short(view: View) -> list[str]:
    """One sentence on severe incidents: how many habits give way, and one that does; empty where nothing was tested."""
    _, told = _found(view)
    judged = _judged(told[STRESSES[0]])
    worse = _worse(judged)
    if not judged:
        return []
    of = f"{UNDER[STRESSES[0]][:1].upper()}{UNDER[STRESSES[0]][1:]} of the last year, {len(worse) or 'none'} of {count(len(judged), 'habit')} looked at"
    if not worse:
        return [f"{of} is seen to give way."]
    row = worse[0]
    which = CALLED[row["signal"]][1]
    return [
        f"{of} {('give', 'gives')[len(worse) == 1]} way{', among them' if len(worse) > 1 else ''}: {which[:1].lower()}{which[1:]}, "
        f"{_value(row, 'stress')} against {_value(row, 'calm')} in calm ({_ends(row)})."
    ]


def _judged(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in told if row["verdict"] != "not judged"]


def _worse(judged: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is worse in stress for certain, what breaks first."""
    worse = [row for row in judged if row["verdict"] in ("breaks", "bends")]
    return sorted(worse, key=lambda row: row["verdict"] == "bends")


def _found(view: View) -> tuple[dict[str, list[dict[str, Any]]], dict[str, list[dict[str, Any]]]]:
    """The rows of each kind of stress, and of them those that have something to say."""
    rows = view.study(STUDY).to_dicts()
    by_kind = {kind: [row for row in rows if row["stress"] == kind] for kind in STRESSES}
    return by_kind, {kind: [row for row in found if _is_told(row)] for kind, found in by_kind.items()}


def _is_told(row: dict[str, Any]) -> bool:
    return row["verdict"] not in ("untested under stress", "not measured")


def _answer(by_kind: dict[str, list[dict[str, Any]]], told: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    for kind, found in by_kind.items():
        if not found:
            yield f"Nothing is known of behaviour {UNDER[kind]}."
            continue
        windows = count(found[0]["windows"], "window")
        if not told[kind]:
            yield f"Untested {UNDER[kind]}: {windows} with calm beside, and no signal has anything to see in {FEWEST} of them."
            continue
        judged = _judged(told[kind])
        worse = _worse(judged)
        of = f" ({count(found[0]['incidents'], 'severe incident')})" if kind == STRESSES[0] else ""
        for row in worse:
            yield f"{CALLED[row['signal']][1]} {UNDER[kind]}: {_value(row, 'stress')} against {_value(row, 'calm')} in calm ({row['verdict']}; {_ends(row)})."
        held, open_ = (sum(row["verdict"] == word for row in judged) for word in ("holds", "cannot be told"))
        yield f"Of {count(len(judged), 'signal')} tested {UNDER[kind]}, in {windows}{of}, {len(worse)} {('are', 'is')[len(worse) == 1]} worse than in calm, {held} {('hold', 'holds')[held == 1]} and of {open_} it cannot be told."


def _value(row: dict[str, Any], side: str) -> str:
    value = row[f"{side}_value"]
    if value is None:
        return NOTHING
    if row["is_ratio"]:
        return significant(value)
    whole = " windows" if row["signal"] in WINDOWED else ""
    return f"{quantity(value, UNIT)} of {row[f'{side}_n']:,}{whole}"


def _ends(row: dict[str, Any]) -> str:
    if row["is_ratio"]:
        upper = significant(row["high"]) if row["high"] is not None else "no upper end"
        return f"ratio {significant(row['value'])}, {words.level(row)} {significant(row['low'])} to {upper}"
    value, low, high = (_points(row[end]) for end in ("value", "low", "high"))
    return f"difference {value} points, {words.level(row)} {low} to {high}"


def _points(share: float) -> str:
    """A difference of shares in whole points: ``+28``, ``−4``, ``0``."""
    points = round(100 * share)
    return f"{points:+d}".replace("-", "−") if points else "0"


def _sides(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for side in ("stress", "calm"):
        if row[f"{side}_n"]:
            yield {
                "label": f"{DRAWN.get(row['signal'], row['signal'])}{'' if side == 'stress' else ', calm'}", "share": row[f"{side}_value"],
                "low": row[f"{side}_low"], "high": row[f"{side}_high"], "n": row[f"{side}_n"], "quiet": side == "calm",
            }  # fmt: skip


def _row(row: dict[str, Any]) -> dict[str, str]:
    def side(name: str) -> str:
        if not row[f"{name}_n"]:
            return NOTHING
        bounds = (
            ""
            if row["is_ratio"]
            else f" ({interval(row[f'{name}_low'], row[f'{name}_high'], UNIT, row[f'{name}_value'])})"
        )
        value = significant(row[f"{name}_value"]) if row["is_ratio"] else quantity(row[f"{name}_value"], UNIT)
        return f"{value}{bounds}"

    return {
        "What": named(CALLED[row["signal"]][0]),
        "Stress": side("stress"),
        "n, stress": f"{row['stress_n']:,}",
        "Calm": side("calm"),
        "n, calm": f"{row['calm_n']:,}",
        "Stress against calm": _ends(row) if row["value"] is not None and row["low"] is not None else NOTHING,
        "Windows": f"{row['clusters']:,} of {row['windows']:,}",
        "Not known": f"{row['missing']:,}",
        "Verdict": row["verdict"],
    }


def _cautions(rows: list[dict[str, Any]], told: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    if not rows:
        return
    untested = [row for row in rows if row["verdict"] == "untested under stress"]
    if untested:
        yield f"{count(len(untested), 'signal')} of {len(rows)} untested under stress: fewer than {FEWEST} windows have anything to see. Untested is not held."
    if any(told.values()):
        yield (
            f"Calm is the same team at the same hours of the same weekday, up to {CALM} windows as near as possible; heavy weeks are the {HEAVY} of "
            f"the year with most pages. Breaks: worse for certain, by {100 * MUCH:.0f} points or {MUCH_RATIO:g} times at least. The intervals "
            f"hold together ({words.level(rows[0])} each); windows are drawn again as wholes."
        )
        yield "Rollbacks, and deployments out of hours in an incident, are how incidents end: shown, not judged. All of it goes together with stress; it says nothing of why, and nothing of any person."
