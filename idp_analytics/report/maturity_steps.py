"""What to do next: at most two steps, why these, what each should move and when it is done; the targets; and what became of earlier steps."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from idp_analytics.charts.wording import NOTHING, count, difference, named, period, significant
from idp_analytics.metrics.maturity import targets
from idp_analytics.metrics.maturity.evidence import MET, SURE
from idp_analytics.metrics.maturity.measured import SHARE
from idp_analytics.metrics.maturity.next_steps import AT_ONCE, STRESS, TAKEN, TARGET
from idp_analytics.metrics.maturity.step_outcomes import NOT_YET
from idp_analytics.periods import floor, label, preceding
from idp_analytics.report import cells, criterion_words, learnt
from idp_analytics.report.section import Section, Table
from idp_analytics.report.view import View

QUESTION = "What are the next two steps?"

Row = dict[str, Any]


def next_steps(view: View) -> Section:
    """The steps of this entity as of the end of the data, and how far its targets are."""
    steps = _of(view, "maturity_steps").sort("rank").to_dicts()
    wanted = _of(view, "maturity_targets").to_dicts()
    tables = (
        cells.table(f"Next steps of {view.name}", (_step(view, row) for row in steps), ("What should move", "Why this one", "Done when", "State", "Tried")),
        cells.table("How far the targets are", map(_target, wanted), ("By", "Which is", "Why")),
    )  # fmt: skip
    return Section(
        question=QUESTION,
        answer=" ".join(_answer(view, steps, wanted)),
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(_cautions(view, steps)),
        trace=view.trace("maturity_criteria") if steps or wanted else "",
        opened=bool(steps),
    )


def first(view: View) -> list[str]:
    """The first of the steps as one sentence; empty where there is none to take."""
    rows = _of(view, "maturity_steps").sort("rank").head(1).to_dicts()
    return [f"Next step: {in_words(row, _tried(view, row))}" for row in rows]


def outcomes(view: View) -> Table | None:
    """Steps that were taken up: what became of each, and whether its number moved; None where there is none."""
    rows = _of(view, "maturity_step_outcomes").to_dicts()
    return cells.table("Steps taken up, and whether the number moved", map(_outcome, rows), ("Step", "What became of it", "Did its number move?")) if rows else None  # fmt: skip


def told(view: View) -> Iterator[str]:
    """Sentences on what became of steps; on the organisation's page of those of teams too."""
    yield from _became(_of(view, "maturity_step_outcomes").to_dicts(), "")
    if view.scope == "org":
        rows = view.mart.studies["maturity_step_outcomes"].filter(pl.col("scope") == "team")
        yield from _became(rows.to_dicts(), " by teams")


def _became(rows: list[Row], whose: str) -> Iterator[str]:
    if not rows:
        return
    yield f"Of {count(len(rows), 'next step')} taken up{whose}, {_counted(row['state'] for row in rows)}."
    judged = [row["verdict"] for row in rows if row["why"] is None]
    if judged:
        yield f"The number each was to move, from the quarter it was proposed for to the one after: {_counted(judged)}."
    waiting = sum(row["why"] == NOT_YET for row in rows)
    if waiting:
        yield f"Of {waiting:,} the quarter after is not over yet."


def _counted(words: Iterable[str]) -> str:
    return ", ".join(f"{n:,} {word}" for word, n in Counter(words).items())


def _of(view: View, study: str) -> pl.DataFrame:
    return view.own(study)


def _answer(view: View, steps: list[Row], wanted: list[Row]) -> Iterator[str]:
    if not steps:
        known = _of(view, "maturity").filter("is_assessed")
        yield (
            "No step stands between us and the next level that could be taken now: what is not met is not measured long or often enough, or there is no next level."
            if known.height
            else "Too little is measured to tell what the next level of any aspect lacks."
        )
    for number, row in enumerate(steps, 1):
        yield f"{number}. {in_words(row, _tried(view, row))}"
    for row in wanted:
        yield _on_target(row)


def in_words(row: Row, tried: str = "") -> str:
    """One step (a row of the study ``maturity_steps``) as a sentence, with what was ``tried`` about its number before (:func:`learnt.tried`)."""
    before = f"; {tried}" if tried else ""
    return (
        f"{row['title']}, on the way to level {row['to_level']}: {named(row['says'])}, {_found(row)}, wanted {criterion_words.wanted(row)}; "
        f"{_because(row)}{before}."
    )


def _tried(view: View, row: Row) -> str:
    return learnt.tried(view.mart.studies["impact"], row["source"])


def _found(row: Row) -> str:
    if row["p"] is None:
        return f"{row['why'] or 'not told'}"
    seen = f"n = {row['n']:,}" if row["n"] is not None else ""
    if row["value"] is None:
        return f"now {criterion_words.bounds(row)} ({seen})"
    inside = ", ".join(part for part in (criterion_words.bounds(row), seen) if part)
    return f"now {criterion_words.number(row['value'], row['unit'])}" + (f" ({inside})" if inside else "")


def _because(row: Row) -> str:
    if row["status"] == TAKEN:
        return (
            "resolved before, and met by now: it can be closed" if row["state"] == MET else "resolved before and open"
        )
    if row["because"] == TARGET:
        return f"because level {row['target']} is to be reached by {row['by']:%-d %B %Y}"
    if row["because"] == STRESS:
        return "because what is not kept under stress caps the level"
    return "nearest to being met" if row["p"] is not None else "nothing else is nearer, and this is not in the data"


def _done(row: Row) -> str:
    """What done looks like."""
    if row["p"] is None:
        return f"it is in the data, and {criterion_words.wanted(row)}"
    if row["kind"] != SHARE:
        return f"{criterion_words.wanted(row)}, and the interval leaves hardly a doubt"
    if row["wanted_k"] is None:
        return f"{criterion_words.wanted(row)}, of more than the {row['n']:,} of now"
    return f"{'at least' if row['is_least'] else 'at most'} {row['wanted_k']:,} of {row['n']:,}"


def _step(view: View, row: Row) -> dict[str, str]:
    return {
        "Aspect": row["title"],
        "From level": f"{row['from_level']}",
        "To": f"{row['to_level']}",
        "What should move": named(row["says"]),
        "Why this one": _because(row),
        "Now": criterion_words.number(row["value"], row["unit"]) if row["p"] is not None else row["why"] or NOTHING,
        "Interval": criterion_words.bounds(row),
        "n": f"{row['n']:,}" if row["n"] is not None else "",
        "Done when": _done(row),
        "Earlier steps of it": f"{row['earlier']:,}" if row["earlier"] else "",
        "State": row["status"],
        "Tried": _tried(view, row).removeprefix("tried: "),
    }


def _target(row: Row) -> dict[str, str]:
    return {
        "Aspect": row["title"],
        "Target": f"{row['target']}",
        "By": f"{row['by']:%-d %B %Y}",
        "Seen": _span(row["low"], row["high"]) or NOTHING,
        "Levels to go": _span(row["gap_low"], row["gap_high"]) or NOTHING,
        "Of what it asks, there": _there(row),
        "n": f"{row['asked']:,}" if row["asked"] is not None else "",
        "Which is": row["state"]
        + (", and its day has come" if row["is_due"] and row["state"] != targets.REACHED else ""),
        "Why": named(row["reason"]),
    }


def _span(low: int | None, high: int | None) -> str:
    if low is None or high is None:
        return ""
    return f"{low}" if low == high else f"{low}\u2060–\u2060{high}"


def _there(row: Row) -> str:
    if row["there_low"] is None:
        return NOTHING
    low, high = (f"{100 * row[end]:.0f}" for end in ("there_low", "there_high"))
    return f"{low} %" if low == high else f"{low}–{high} %"


def _on_target(row: Row) -> str:
    to_go = _span(row["gap_low"], row["gap_high"])
    due = "was to be" if row["is_due"] else "is to be"
    gap = {
        targets.REACHED: "it is",
        targets.AHEAD: f"{to_go} to go",
        targets.OPEN: f"whether it is cannot be told, {to_go} to go" if to_go else "whether it is cannot be told",
    }[row["state"]]
    return f"{row['title']}: level {row['target']} {due} reached by {row['by']:%-d %B %Y}; {gap}."


def _outcome(row: Row) -> dict[str, str]:
    unit = row["unit"] or ""
    moved = "" if row["change"] is None else f" ({_change(row, unit)})"
    return {
        "Step": named(row["says"] or row["criterion"]),
        "Proposed for": period(row["proposed_for"]),
        "Due": f"{row['due_on']:%-d %B %Y}" if row["due_on"] else "",
        "What became of it": row["state"],
        "Put off": f"{row['put_off']:,}" if row["put_off"] else "",
        "Earlier steps of it": f"{row['earlier']:,}" if row["earlier"] else "",
        "Before": criterion_words.number(row["before"], unit),
        "n before": f"{row['n_before']:,}" if row["n_before"] is not None else "",
        "After": criterion_words.number(row["after"], unit),
        "n": f"{row['n_after']:,}" if row["n_after"] is not None else "",
        "Did its number move?": cells.verdict(row["verdict"]) + (f": {row['why']}" if row["why"] else moved),
    }


def _change(row: Row, unit: str) -> str:
    if unit.startswith("share") or row["change_low"] != row["change_high"]:
        return difference(row["change"], row["change_low"], row["change_high"], unit)
    return (
        f"{row['change']:+,.0f}"
        if row["change"] % 1 == 0
        else f"{'+' if row['change'] > 0 else ''}{significant(row['change'])}"
    )


def _cautions(view: View, steps: list[Row]) -> Iterator[str]:
    yield (
        f"At most {AT_ONCE} at a time, and only of what the next level of an aspect lacks. First what a target asks, the widest gap before the others; then what is "
        "not kept under stress; then what is nearest to its threshold, what is not in the data last. What is where it should be and only seen too seldom to be "
        f"sure of is no step. Met is said from a probability of {SURE:g} on. What a step costs is not known here."
    )
    if any(row["status"] != TAKEN for row in steps):
        quarter = label(preceding(floor(view.mart.today, "1q"), "1q"), "1q")
        command = shlex.join(["idp", "assess", "steps", *view.mart.meta["asked"], "--period", quarter])
        yield f"The command “{command}” takes them up as actions, whose outcome later reports tell."
    if view.scope == "org":
        known = set(view.mart.teams["team_id"])
        lost = sorted({team for team in view.mart.meta.get("maturity_target_teams", ()) if team not in known})
        if lost:
            yield f"A target names {', '.join(map(named, lost))}, which is no team in the teams table, so nobody has it."
