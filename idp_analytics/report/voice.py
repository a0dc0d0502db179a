"""What people said in the last wave of a survey that had closed by the end of the period, as far as it may be shown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.charts import ratings
from idp_analytics.charts.wording import NOTHING, count, difference, interval, named, quantity
from idp_analytics.metrics import survey_change
from idp_analytics.report import cells, voice_quality, words
from idp_analytics.report.disclosure_statements import ANSWERS, RESULTS
from idp_analytics.report.section import Section
from idp_analytics.report.slices import at, having, where
from idp_analytics.report.view import View

QUESTION = "What do developers say?"
SHARE = "share of answers"
RATED = ("scale", "promoter")
_PARTS = ("overall", "drivers", "recommend", "other")

_KEY = ["survey_id", "wave", "question_id"]


def voice(view: View) -> Section:
    """Ratings of the wave, each with how sure it is, what changed, and what people chose of given answers."""
    rows = wave(view)
    rated = _rated(rows)
    shown = having(rated, "share")
    parts = _parts(view, shown)
    quality = voice_quality.rows_of(view, rows)
    return Section(
        question=QUESTION,
        answer=" ".join([*_answer(rows, rated), *voice_quality.said(quality)]),
        chart=ratings.chart(parts, f"Ratings in the wave {named(rows.row(0, named=True)['wave'])}", view.name)
        if parts
        else None,
        tables=tuple(
            table
            for table in (
                cells.table(f"Ratings of {view.name}", map(_rating, _ordered(rated))),
                *_given(view, rows),
                *voice_quality.tables(quality),
            )
            if table.height
        ),
        cautions=(*_cautions(view, rows, rated), *voice_quality.cautions(quality)),
    )


def in_short(view: View) -> list[str]:
    """Who answered; what they are favourable on, without what others could make of it; the ends. One sentence where nothing may be said."""
    rows = wave(view)
    return list(_answer(rows, _rated(rows), is_short=True))[:3]


def _rated(rows: pl.DataFrame) -> pl.DataFrame:
    told = zip(rows["kind"].to_list(), rows["part"].to_list(), strict=True)
    return at(rows, [place for place, (kind, part) in enumerate(told) if kind in RATED and part in _PARTS])


def wave(view: View) -> pl.DataFrame:
    """The rows of ``survey_results`` about the entity in the last wave of each survey that closed by the end of the period; of several
    surveys, the one closed last."""
    found = view.own(RESULTS)
    told = [*zip(*(found[name].to_list() for name in ("closed_on", "survey_id", "wave")), strict=True)]
    ended = {place: key for place, key in enumerate(told) if key[0] is not None and key[0] <= view.period.end}
    last = max(ended.values(), key=lambda key: key[:2], default=(None, None, None))
    return at(found, [place for place, key in ended.items() if key[1:] == last[1:]])


def _ordered(rated: pl.DataFrame) -> list[dict[str, Any]]:
    """Overall first, then the areas from the highest to the lowest, so that the ends are what a reader looks for."""

    def place(row: dict[str, Any]) -> tuple[int, bool, float, str]:
        first = 0 if row["part"] == "overall" else 2 if row["kind"] == "promoter" else 1
        return first, row["share"] is None, -(row["share"] or 0.0), row["title"]

    return sorted(rated.to_dicts(), key=place)


def _parts(view: View, shown: pl.DataFrame) -> list[dict[str, Any]]:
    bands: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    told = view.own(ANSWERS)
    for band in told.to_dicts():
        bands.setdefault(tuple(band[name] for name in _KEY), []).append(band)
    found = []
    for row in _ordered(shown):
        held = bands.get(tuple(row[name] for name in _KEY))
        found.append({
            "label": named(row["title"]), **{name: row[name] for name in ("n", "share", "low", "high")},
            "parts": [(_band(band), band["share"], band["is_favourable"]) for band in held]
            if held else [("not favourable", 1 - row["share"], False), ("favourable", row["share"], True)],
        })  # fmt: skip
    return found


def _band(band: dict[str, Any]) -> str:
    low, high = f"{band['answer_low']:g}", f"{band['answer_high']:g}"
    return f"answer {low}" if low == high else f"answers {low} to {high}"


# --- in words ------------------------------------------------------------------------------------------------------------


def _answer(rows: pl.DataFrame, rated: pl.DataFrame, is_short: bool = False) -> Iterator[str]:
    if rows.is_empty():
        yield "No wave of a survey is known to have closed by the end of the period, so nothing is said about what developers think."
        return
    yield _responded(rows)
    shown = _ordered(having(rated, "share"))
    if not shown:
        yield "What was answered is withheld, so that nobody can be singled out: too few people answered, or what so few said could be worked out."
        return
    overall = [row for row in shown if row["part"] == "overall"]
    for row in overall:
        yield _overall_in_short(row) if is_short else _overall(row)
    areas = [row for row in shown if row["part"] != "overall" and row["kind"] == "scale"]
    if len(areas) > 1:
        best, worst = areas[0], areas[-1]
        yield (
            f"Rated most favourably: {named(best['title'])} ({_sure(best)}); least: {named(worst['title'])} ({_sure(worst)})."
        )
    for row in shown:
        if row["score"] is not None:
            yield (
                f"The net promoter score is {_points(row['score'])} ({words.level(row)} {_points(row['score_low'])} to {_points(row['score_high'])}; "
                f"{count(row['n'], 'answer')})."
            )


def _responded(rows: pl.DataFrame) -> str:
    row = rows.row(0, named=True)
    told = where(rows, kind="response").to_dicts()
    head = f"In the wave {named(row['wave'])}, closed {_day(row['closed_on'])},"
    if not told:
        return f"{head} people answered; how many could have is not known."
    if told[0]["k"] is None:
        return f"{head} how many answered is withheld, so that nobody can be singled out."
    return f"{head} {told[0]['k']:,} of {count(told[0]['n'], 'developer')} answered ({quantity(told[0]['share'], 'share')})."


def _overall(row: dict[str, Any]) -> str:
    said = (
        f"{quantity(row['share'], SHARE)} are favourable on {named(row['title'])} ({row['k']:,} of {row['n']:,}; {words.level(row)} for all of them "
        f"{interval(row['low'], row['high'], SHARE, row['share'])}"
    )
    if row["worst_low"] is not None and row["worst_high"] > row["worst_low"]:
        said += f"; whatever the others think, {interval(row['worst_low'], row['worst_high'], SHARE)}"
    change = ""
    if row["change"] is not None:
        change = f": {row['verdict']} against the wave before ({difference(row['change'], row['change_low'], row['change_high'], SHARE)})"
    return f"{said}){change}."


def _overall_in_short(row: dict[str, Any]) -> str:
    change = f"; {row['verdict']} against the wave before" if row["change"] is not None else ""
    return f"{_share_of(row)} are favourable on {named(row['title'])} ({_bounds(row)}){change}."


def _share_of(row: dict[str, Any]) -> str:
    return f"{quantity(row['share'], SHARE)} of {count(row['n'], 'answer')}"


def _sure(row: dict[str, Any]) -> str:
    return f"{quantity(row['share'], SHARE)}, {_bounds(row)}"


def _bounds(row: dict[str, Any]) -> str:
    return f"{words.level(row)} {interval(row['low'], row['high'], SHARE, row['share'])}"


def _rating(row: dict[str, Any]) -> dict[str, str]:
    withheld = row["verdict"] == Verdict.SUPPRESSED.value
    return {
        "Question": named(row["title"]),
        "Favourable": "withheld" if withheld else quantity(row["share"], SHARE),
        words.level(row).capitalize(): interval(row["low"], row["high"], SHARE, row["share"]),
        "Whatever the others think": interval(row["worst_low"], row["worst_high"], SHARE),
        "n": cells.n(row),
        "Median": NOTHING if row["median"] is None else f"{row['median']:g}",
        "Score": NOTHING if row["score"] is None else f"{_points(row['score'])} ({_points(row['score_low'])} to {_points(row['score_high'])})",
        "Change (points)": _change(row),
        "Verdict": cells.verdict(row["verdict"]),
    }  # fmt: skip


def _change(row: dict[str, Any]) -> str:
    """In points, of a score or of a share, with its interval: ``−9.4 (−28.0 to +10.8)``."""
    if row["change"] is None:
        return NOTHING
    if row["kind"] == "promoter":
        return f"{_points(row['change'])} ({_points(row['change_low'])} to {_points(row['change_high'])})"
    return f"{_of_share(row['change'])} ({_of_share(row['change_low'])} to {_of_share(row['change_high'])})"


def _of_share(change: float | None) -> str:
    return "no bound" if change is None else f"{100 * change:+.1f}".replace("-", "−")


def _given(view: View, rows: pl.DataFrame) -> Iterator[Any]:
    """Given answers by how many gave them, most first: of people, so they do not add up to all."""
    given: dict[str, list[dict[str, Any]]] = {}
    for row in having(rows, "option", "share", "part").to_dicts():
        if row["part"] != "price":
            given.setdefault(row["question_id"], []).append(row)
    for part in given.values():
        row = part[0]
        yield cells.table(
            f"{named(row['title']).capitalize()}: {view.name}, {row['n']:,} who answered",
            (
                {
                    "Answer": named(one["option"]),
                    "Chosen by": quantity(one["share"], SHARE),
                    words.level(one).capitalize(): interval(one["low"], one["high"], SHARE, one["share"]),
                    "k": f"{one['k']:,}",
                    "Change (points)": _change(one),
                }
                for one in sorted(part, key=lambda one: (-one["share"], one["option"]))
            ),
        )


def _cautions(view: View, rows: pl.DataFrame, rated: pl.DataFrame) -> Iterator[str]:
    if rows.is_empty():
        return
    least = view.mart.meta["rules"]["min_cohort"]
    yield (
        f"Only groups are shown: from {least} answers if not all alike, each answer from {2 * least}. Where a group is withheld others are with it, "
        "so that nothing can be worked out by subtraction; the rows behind these numbers are single people and are not shown."
    )
    worst = zip(
        *(having(rated, "worst_low", "worst_high")[end].to_list() for end in ("worst_low", "worst_high")), strict=True
    )
    if any(high - low > 0.5 for low, high in worst):
        yield "So many did not answer that they could turn most of these numbers either way. Ask them before acting on one."
    yield "The interval is of what these people think now; whether a change is more than chance is told by the verdict alone."
    said = {sentence for row in having(rated, "caution").to_dicts() for sentence in row["caution"].split("; ")}
    for sentence in sorted(said & set(_WORTH_SAYING)):
        titles = [named(row["title"]) for row in rated.to_dicts() if sentence in (row["caution"] or "")]
        yield f"On {', '.join(titles)}: {sentence}."
    closed = rows["closed_on"].max()
    if isinstance(closed, date) and (view.period.end - closed).days > _OLD_DAYS:
        yield f"The wave closed {_day(closed)}; nothing newer had closed by the end of the period."


_OLD_DAYS = 183
"""A wave closed longer ago than half a year is said to be old: the survey is meant to come every quarter."""

_WORTH_SAYING = (survey_change.FEW_MOVED, survey_change.NEW_WORDING)


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _points(value: float) -> str:
    return f"{value:+.0f}".replace("-", "−")
