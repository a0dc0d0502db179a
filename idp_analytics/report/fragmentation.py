"""In how many ways one thing is done, and which of them most use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from idp_analytics.charts.wording import NOTHING, count, named, period, quantity, significant
from idp_analytics.metrics.fragmentation import DEPLOYING
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section
from idp_analytics.report.slices import where
from idp_analytics.report.view import View

STUDY = "fragmentation"
UNIT = "share of services"


def fragmentation(view: View) -> Section:
    """The effective number of ways of each capability at the end of the period, beside the period before."""
    when = period(view.period.label)
    rows = view.study(STUDY).to_dicts()
    frame = view.own(STUDY)
    before = {
        row["capability"]: row
        for row in (
            where(frame, every=view.period.every, period=view.before).to_dicts()
            if rows else []
        )
    }  # fmt: skip
    table = cells.table(
        f"Ways of doing one thing, {view.name}, end of {when}", (_row(row, before.get(row["capability"])) for row in rows), ("Used by most",)
    )  # fmt: skip
    return Section(
        question="In how many ways do we do the same thing?",
        answer=view.unless_week(rows, " ".join(_answer(rows, before, when))),
        tables=(table,) if table.height else (),
        cautions=tuple(_cautions(rows)),
        trace=view.trace(STUDY) if rows else "",
        opened=bool(rows),
    )


def _answer(rows: list[dict[str, Any]], before: dict[str, dict[str, Any]], when: str) -> Iterator[str]:
    known = [row for row in rows if row["n"]]
    if not known:
        yield f"Nothing tells in which ways things were done at the end of {when}."
        return
    row = next((row for row in known if row["capability"] == DEPLOYING), None)
    if row:
        was = before.get(DEPLOYING)
        earlier = f"; {significant(was['value'])} a period earlier" if was and was["value"] is not None else ""
        yield (
            f"At the end of {when}, {count(row['n'], 'service')} were deployed in {count(row['variants'], 'way')}, in effect "
            f"{significant(row['value'])} ({words.level(row)} {_bounds(row)}){earlier}; most, {quantity(row['most_share'], UNIT)}, through "
            f"{named(row['most'])}."
        )
    many = max(known, key=lambda r: r["value"])
    if many is not row:
        yield f"Most ways there are of {named(many['capability'])}: in effect {significant(many['value'])} ({words.level(many)} {_bounds(many)})."


def _bounds(row: dict[str, Any]) -> str:
    return f"{significant(row['low'], row['value'])}–{significant(row['high'], row['value'])}"


def _row(row: dict[str, Any], before: dict[str, Any] | None) -> dict[str, str]:
    known = row["value"] is not None
    return {
        "What": named(row["capability"]),
        "Services (n)": f"{row['n']:,}",
        "Not known": f"{row['unknown']:,}" if row["unknown"] else "",
        "Ways": f"{row['variants']:,}",
        "In effect": significant(row["value"]) if known else NOTHING,
        words.level(row).capitalize(): _bounds(row) if known else NOTHING,
        "A period earlier": significant(before["value"]) if before and before["value"] is not None else NOTHING,
        "Two use the same": quantity(row["same"], "share") if known else NOTHING,
        "Used by most": named(row["most"]) if known else NOTHING,
    }


def _cautions(rows: list[dict[str, Any]]) -> Iterator[str]:
    if rows:
        yield (
            "The effective number is how many equally used ways would be as mixed as these: one is one way. It says nothing of whether "
            "there ought to be fewer; with few services it is rather too small, since rare ways are not seen."
        )
