"""Where we stand: the level of each aspect that is seen, beside the level that is said. No overall number, and nothing averaged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.charts import dumbbell as chart
from idp_analytics.charts.wording import NOTHING, count, named
from idp_analytics.metrics.maturity import levels, studies
from idp_analytics.report import cells, criterion_words, maturity_roles
from idp_analytics.report.criterion_words import span
from idp_analytics.report.section import Section
from idp_analytics.report.view import View

QUESTION = "Where do we stand?"

_GAPS = {
    studies.MORE: "says more than is seen",
    studies.LESS: "says less than is seen",
    studies.ALIKE: "says what is seen",
    studies.OPEN: "cannot be told",
}
_STRESS = {
    levels.KEPT: "holds",
    levels.BROKEN: "does not hold",
    levels.UNTESTED: "not tested",
    levels.UNKNOWN_STRESS: "not known",
}
_FIRST = 2
"""So many next steps of an aspect are shown: more at once are seldom done."""


def maturity(view: View) -> Section:
    """Every aspect: what is seen, what is said, how it holds under stress, how sure that is; and what the next level lacks."""
    aspects = _of(view, "maturity").to_dicts()
    criteria = _of(view, "maturity_criteria")
    assessed = [row for row in aspects if row["is_assessed"]]
    marks = [mark for row in aspects for mark in _marks(row)]
    tables = (
        cells.table(f"Maturity of {view.name}, aspect by aspect", map(_row, aspects), ("Seen", "Met, not met, unknown", "Said", "Said beside seen", "Under stress", "Confidence"))
        if assessed or any(row["self_level"] for row in aspects) else None,
        cells.table(f"What the next level of {view.name} lacks", _lacking(assessed, criteria), ("Aspect", "What is looked at", "State")),
        maturity_roles.table(view, _GAPS) if view.scope == "org" else None,
    )  # fmt: skip
    return Section(
        question=QUESTION,
        answer=" ".join((*_answer(aspects), *(maturity_roles.told(view) if view.scope == "org" else ()))),
        chart=chart.chart(marks, "What is seen, and what is said", view.name)
        if any(m["note"] is None for m in marks)
        else None,
        tables=tuple(table for table in tables if table is not None and table.height),
        cautions=tuple(_cautions(view, aspects)),
        trace=view.trace("maturity_criteria") if criteria.height else "",
        opened=bool(assessed),
    )


def in_short(view: View) -> list[str]:
    """The aspects of each level together, the highest first, then where what is said and what is seen are apart."""
    aspects = _of(view, "maturity").to_dicts()
    known = [row for row in aspects if row["is_assessed"]]
    if not known:
        return list(_answer(aspects))
    return [f"At the end of the data: {'; '.join(_by_level(known))}.", *_besides(aspects, known)]


def _by_level(known: list[dict[str, Any]]) -> Iterator[str]:
    for level in sorted({row["level"] for row in known if row["level"] is not None}, reverse=True):
        here = [row for row in known if row["level"] == level]
        titles = [f"{row['title'].lower()}{_bracketed(row)}" for row in here]
        yield f"level {level} ({here[0]['level_name']}) in {listed(titles)}"
    open_ = [row["title"].lower() for row in known if row["level"] is None]
    if open_:
        yield f"any level in {listed(open_)} (too little is known)"


def _bracketed(row: dict[str, Any]) -> str:
    capped = f"{row['capped_from']} but for what is seen under stress" if row["capped_from"] else ""
    told = [part for part in (capped, _between(row).removeprefix("; ")) if part]
    return f" ({', '.join(told)})" if told else ""


def _of(view: View, study: str) -> pl.DataFrame:
    return view.own(study)


def _answer(aspects: list[dict[str, Any]]) -> Iterator[str]:
    known = [row for row in aspects if row["is_assessed"]]
    if not known:
        yield "Too little is measured to tell where we stand in any aspect."
        return
    for row in known:
        if row["level"] is None:
            yield f"{row['title']}: any level is possible, for too little is known."
            continue
        capped = f", {row['capped_from']} but for what is seen under stress" if row["capped_from"] else ""
        yield f"{row['title']}: level {row['level']} ({row['level_name']}{capped}{_between(row)})."
    yield from _besides(aspects, known)


def _besides(aspects: list[dict[str, Any]], known: list[dict[str, Any]]) -> Iterator[str]:
    """What is not assessed, and where what is said and what is seen are apart."""
    rest = len(aspects) - len(known)
    if rest:
        yield f"{count(rest, 'aspect')} {('are', 'is')[rest == 1]} not assessed here: what {('they ask', 'it asks')[rest == 1]} is asked of the organisation."
    apart = {
        kind: [row["title"].lower() for row in known if row["gap"] == kind] for kind in (studies.MORE, studies.LESS)
    }
    for kind, titles in apart.items():
        if titles:
            yield f"In {listed(titles)} the self-assessment {_GAPS[kind]}."


def _between(row: dict[str, Any]) -> str:
    return "" if row["low"] == row["high"] else f"; between {row['low']} and {row['high']}"


def listed(words: list[str]) -> str:
    """Words in a row: ``one, two and three``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _row(row: dict[str, Any]) -> dict[str, str]:
    seen = row["is_assessed"]
    few = ", indicative" if row["is_indicative"] and row["self_level"] else ""
    people = (f", n\u00a0=\u00a0{row['respondents']:,}" if row["respondents"] else "") + few
    return {
        "Aspect": row["title"],
        "Seen": span(row["level"], row["low"], row["high"]) if seen else "not assessed",
        "Met, not met, unknown": f"{row['met']:,}, {row['not_met']:,}, {row['unknown']:,}" if seen else "",
        "Said": span(row["self_level"], row["self_low"], row["self_high"]) + people,
        "Said beside seen": _GAPS.get(row["gap"] or "", NOTHING),
        "Under stress": _STRESS[row["stress"]] if seen else NOTHING,
        "Confidence": "; ".join(word for word in (row["confidence"], row["doubts"]) if word) or NOTHING,
    }


def _marks(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The lanes of one aspect: what is seen, where stress holds it, and what is said."""
    usual = {"label": row["title"], "n": None, "note": None}
    seen, note = row["is_assessed"], "not assessed here"
    yield {
        **usual,
        "lane": "seen",
        "kind": "seen",
        "value": row["level"],
        "low": row["low"],
        "high": row["high"],
        "note": None if seen else note,
    }
    if row["capped_from"]:
        yield {
            **usual,
            "lane": "seen",
            "kind": "without stress",
            "value": row["capped_from"],
            "low": None,
            "high": None,
        }
    if seen and row["stress"] == levels.BROKEN:
        yield {
            **usual,
            "lane": "seen",
            "kind": "held by stress",
            "value": row["high"] + chart.HALF,
            "low": None,
            "high": None,
        }
    if row["self_level"]:
        yield {
            **usual, "lane": "said", "kind": "said", "value": row["self_level"], "low": row["self_low"], "high": row["self_high"], "n": row["respondents"],
        }  # fmt: skip


def _lacking(assessed: list[dict[str, Any]], criteria: pl.DataFrame) -> Iterator[dict[str, str]]:
    by_aspect: dict[str, list[dict[str, Any]]] = {}
    for one in criteria.to_dicts() if assessed else ():
        if one["state"] in ("not met", "unknown"):
            by_aspect.setdefault(one["aspect"], []).append(one)
    for row in assessed:
        after = (row["low"] or 1) + 1
        open_ = [one for one in by_aspect.get(row["aspect"], ()) if one["level"] <= after]
        open_.sort(key=lambda one: (one["state"] != "not met", not one["is_critical"], one["level"]))
        for one in open_[:_FIRST]:
            yield {
                "Aspect": row["title"],
                "For level": f"{one['level']}",
                "What is looked at": named(one["says"]),
                "Wanted": criterion_words.wanted(one),
                "Found": criterion_words.number(one["value"], one["unit"]),
                "Interval": criterion_words.bounds(one),
                "n": f"{one['n']:,}" if one["n"] is not None else "",
                "State": one["state"] + (f": {one['why']}" if one["why"] else ""),
            }


def _cautions(view: View, aspects: list[dict[str, Any]]) -> Iterator[str]:
    if not aspects:
        return
    row = aspects[0]
    own = view.mart.meta.get("maturity_model")
    whose = (
        "the company's own"
        if own
        else "the kit's own unless settings say otherwise, and no calibration of any has been published"
    )
    yield (
        f"Model {f'{named(own)} ' if own else ''}{row['model_version']} ({row['fingerprint']}): items, criteria and thresholds are {whose}. Aspects are assessed apart; a higher level costs more and is not better in itself."
    )
    yield (
        "As of the end of the data, whatever the period of this report: metrics of the last complete quarter, other measures of the half year before, what is seldom "
        "(stress, new services) of the year before."
    )
    yield (
        "What is not known counts neither as met nor as failed: it widens the level. What is seen and what is said are never averaged, and "
        "neither corrects the other: people may know what no data show. Behind what is seen stand the criteria it follows from; of what is said the "
        "rows are answers of people, which are never shown."
    )
    if view.scope == "team":
        yield (
            "What is said is indicative where few answered: the middle of the team's answers, without bounds, for those would be somebody's own. What is "
            "said by fewer than three people is not shown: the lower of two would be one of them. Where all of few said the same level, its bounds take in "
            "the next one, so that nobody reads what each said."
        )
    else:
        yield from maturity_roles.cautions(view)
    held = [r for r in aspects if r["most_low"] and (r["most_low"], r["most_high"]) != (1, 4)]
    if held:
        told = "; ".join(f"{r['title'].lower()} {_most(r)}" for r in held)
        yield f"Three in four teams have reached at least this level: {told}."


def _most(row: dict[str, Any]) -> str:
    return f"{row['most_low']}" + (f"–{row['most_high']}" if row["most_low"] != row["most_high"] else "")
