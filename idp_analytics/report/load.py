"""How heavy on-call is: pages per shift, the hours they come at, and what is advised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.charts import hours as chart
from idp_analytics.charts.wording import NOTHING, count, interval, is_share, period, quantity, significant
from idp_analytics.metrics import by_name
from idp_analytics.metrics.page_load import WHOLE
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section
from idp_analytics.report.view import View

STUDY = "page_load"
METRICS = ("pages_per_shift", "pages_per_service_week", "out_of_hours_page_share", "night_page_share")

ADVISED, ADVISED_HOURS = 2.0, 12.0
"""At most so many incidents in a shift of so many hours (Beyer et al., Site Reliability Engineering, 2016, chapter 11)."""

UNIT = "incidents per shift"


def load(view: View) -> Section:
    """Pages of the team or organisation in the period: per shift, by class of hours, and over time."""
    metrics = [by_name(name) for name in METRICS]
    shift = metrics[0]
    row = view.row(shift)
    found = view.study(STUDY)
    whole = found.filter(pl.col("hour_class") == WHOLE, pl.col("hours") > 0).to_dicts()
    answer = words.answer(shift, row, view.row_before(shift))
    if whole and row["verdict"] != Verdict.NOT_MEASURED:
        answer = " ".join([answer, *_hours(view), *_advice(whole[0])])
    tables = (
        cells.table(
            f"Pages of {view.name} by hour, {period(view.period.label)}", map(_by_hour, found.filter(pl.col("hours") > 0).to_dicts())
        ),
        cells.table(f"On-call load of {view.name}", _over_time(view)),
    )  # fmt: skip
    return Section(
        question="How heavy is on-call?",
        answer=answer,
        chart=chart.chart(found, view.name) if whole else None,
        tables=tuple(table for table in tables if table.height),
        cautions=(*words.cautions(row), *_cautions(bool(whole)), *view.truncated(shift)),
        trace=view.trace(shift.name) if row["n"] else "",
        verdict=Verdict(row["verdict"]),
        metrics=tuple(metrics),
    )


def _hours(view: View) -> Iterator[str]:
    """How many of the pages came out of hours, and at night."""
    for name, where in (("out_of_hours_page_share", "outside working time"), ("night_page_share", "at night")):
        row = view.row(by_name(name))
        if row["n"]:
            share = f": {quantity(row['value'], row['unit'])}" if row["value"] is not None else ""
            bounds = (
                f" ({words.level(row)} {interval(row['low'], row['high'], row['unit'], row['value'])})" if share else ""
            )
            yield f"{row['k']:,} of {count(row['n'], 'page')} came {where}{share}{bounds}."


def _advice(row: dict[str, Any]) -> Iterator[str]:
    """Incidents per shift beside what is advised, for shifts of any length; nothing where there was none."""
    if not row["incidents"]:
        return
    most, shift = ADVISED * row["shift_hours"] / ADVISED_HOURS, significant(row["shift_hours"])
    value = quantity(row["incidents_value"], UNIT)
    bounds = interval(row["incidents_low"], row["incidents_high"], UNIT, row["incidents_value"])
    if row["incidents_high"] < most:
        said = "on average fewer than"
    elif row["incidents_low"] > most:
        said = "on average more than"
    else:
        said = "on average not to be told apart from"
    yield (
        f"The pages were for {count(row['incidents'], 'incident')}, {value} ({words.level(row)} {bounds}): {said} the "
        f"{significant(most)} in {shift} hours that Google advises as the most (Site Reliability Engineering, 2016)."
    )


def _by_hour(row: dict[str, Any]) -> dict[str, str]:
    return {
        "Hours": "all" if row["hour_class"] == WHOLE else chart.CALLED[row["hour_class"]],
        "Pages (n)": f"{row['n']:,}",
        "Incidents": f"{row['incidents']:,}",
        "Hours on call": f"{row['hours']:,.0f}",
        f"Pages per {significant(row['shift_hours'])} such hours": significant(row["value"]),
        words.level(row).capitalize(): interval(row["low"], row["high"], chart.UNIT, row["value"] or row["high"]),
    }


def _over_time(view: View) -> Iterator[dict[str, str]]:
    metrics = [by_name(name) for name in METRICS]
    rows = {m.name: {row["period"]: row for row in view.rows(m.name).to_dicts()} for m in metrics}
    for label, row in rows[METRICS[0]].items():
        told = {"Period": cells.period(row), "Pages (n)": f"{row['n']:,}"}
        for metric in metrics:
            found = rows[metric.name].get(label)
            told[metric.title] = _short(found["value"], metric.unit) if found else NOTHING
        yield {**told, "Change in pages per shift": cells.verdict(row["verdict"])}


def _short(value: float | None, unit: str) -> str:
    """Without the unit, where the head of the column says it."""
    if value is None:
        return NOTHING
    return quantity(value, unit) if is_share(unit) else significant(value)


def _cautions(known: bool) -> Iterator[str]:
    if known:
        yield (
            "Rosters are not in the data: one rota, day and night, is assumed for each team that was ever paged. Hours on call "
            "are counted where the team is, pages where the person paged is."
        )
        yield "These are averages over all shifts; a few bad ones may hide among many quiet ones."
