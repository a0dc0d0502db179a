"""How far the answers to a wave can be trusted, and the one index of its ratings: part of *What do developers say?*"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.charts.wording import NOTHING, difference, interval, named, quantity
from idp_analytics.metrics.survey_index import OTHER_QUESTIONS
from idp_analytics.metrics.survey_quality import ALPHA, INDEX, LATER, LOW_ALPHA, RESPONSE
from idp_analytics.report import cells, words
from idp_analytics.report.section import Table
from idp_analytics.report.slices import at, having, where
from idp_analytics.report.view import View

_CALLED = {
    INDEX: "mean of the shares above (index)", ALPHA: "do the ratings go together (alpha)",
    LATER: "later answers higher than those of the first days",
}  # fmt: skip


def rows_of(view: View, wave: pl.DataFrame) -> pl.DataFrame:
    """The rows of ``survey_quality`` about the entity in the ``wave`` (rows of ``survey_results``) that is told."""
    found = view.own("survey_quality")
    told, of = (zip(frame["survey_id"].to_list(), frame["wave"].to_list(), strict=True) for frame in (wave, found))
    waves = set(told)
    return at(found, [place for place, key in enumerate(of) if key in waves])


def said(rows: pl.DataFrame) -> Iterator[str]:
    """One sentence about the index, where there is one."""
    for row in having(where(rows, measure=INDEX), "value").to_dicts():
        sure = f"{words.level(row)} {interval(row['low'], row['high'], row['unit'], row['value'])}"
        change = (
            ""
            if row["change"] is None
            else f": {row['verdict']} against the wave before ({difference(row['change'], row['change_low'], row['change_high'], row['unit'])})"
        )
        yield f"Over the {row['items']} areas that are rated, {quantity(row['value'], row['unit'])} are favourable on average ({sure}){change}."


def tables(rows: pl.DataFrame) -> Iterator[Table]:
    """What each measure of the wave is."""
    told = having(rows, "value").to_dicts()
    yield cells.table("How far these answers can be trusted", map(_measure, told))


def _measure(row: dict[str, Any]) -> dict[str, str]:
    return {
        "Measure": _CALLED.get(row["measure"]) or f"answered: teams with {named(row['part'])}",
        "Value": _number(row, "value"),
        words.level(row).capitalize(): _bounds(row),
        "n": f"{row['n']:,}" if row["k"] is None or row["measure"] == RESPONSE else f"{row['k']:,} + {row['n']:,}",
        "Change": difference(row["change"], row["change_low"], row["change_high"], row["unit"])
        if row["measure"] == INDEX
        else NOTHING,
    }


def _number(row: dict[str, Any], name: str) -> str:
    value = row[name]
    if value is None:
        return NOTHING
    return f"{value:.2f}".replace("-", "−") if row["measure"] == ALPHA else quantity(value, "share")


def _bounds(row: dict[str, Any]) -> str:
    if row["measure"] == ALPHA:
        return f"{_number(row, 'low')} to {_number(row, 'high')}" if row["low"] is not None else NOTHING
    return interval(row["low"], row["high"], "share", row["value"])


def cautions(rows: pl.DataFrame) -> Iterator[str]:
    """What speaks against taking the answers for those of everybody, or the index for more than a summary."""
    for row in rows.to_dicts():
        if row["measure"] == ALPHA and row["caution"] == LOW_ALPHA and row["value"] is not None:
            yield f"The index: {LOW_ALPHA} (alpha {_number(row, 'value')}, {_bounds(row)})."
        if row["measure"] == INDEX and row["caution"] == OTHER_QUESTIONS:
            yield f"The index: {OTHER_QUESTIONS}."
        if row["measure"] == LATER and row["low"] is not None and not row["low"] <= 0.5 <= row["high"]:
            how = "more" if row["value"] > 0.5 else "less"
            yield (
                f"Those who answered later are {how} content than those of the first days ({_number(row, 'value')} chance of a higher answer, {_bounds(row)}): "
                "who did not answer at all may be so too."
            )
        if (
            row["measure"] == RESPONSE
            and row["change"] is not None
            and not row["change_low"] <= 0 <= row["change_high"]
        ):
            how = "more" if row["change"] > 0 else "less"
            yield (
                f"Teams with {named(row['part'])} answered {how} readily than the others "
                f"({difference(row['change'], row['change_low'], row['change_high'], row['unit'])}): the answers are more theirs than their number says."
            )  # fmt: skip
