"""One metric over time, with its intervals; what is partial looks partial, and what is not known is not drawn as zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN, QUIET
from idp_analytics.charts.wording import duration, interval, is_share, named, period, quantity

EVERY = {"1w": "week", "1mo": "month", "1q": "quarter"}

WHOLE = "organisation as a whole"
"""How the organisation is called beside a team."""


def chart(answers: pl.DataFrame, title: str, unit: str, name: str = "", beside: pl.DataFrame | None = None) -> Chart:
    """Value and interval per period of one entity, and the organisation's value ``beside`` it where comparable.

    ``answers``, ``beside``: rows of :data:`idp_analytics.answers.COLUMNS` for one metric, one entity and one period
    length, at least one row. Points are complete periods, hollow points partial ones, upright lines the intervals (dashed:
    no value, only bounds; arrow: no upper end), a grey column a period without a value.
    """
    own = named(name) or "this team"
    whole = WHOLE if own != WHOLE else f"{WHOLE} (all teams)"
    parts = [(answers, "own", own)] + ([(beside, "whole", whole)] if beside is not None else [])
    factor, axis = _axis([frame for frame, _, _ in parts], unit)
    own_rows = _oldest_first(answers)
    told = ((own_rows if role == "own" else _oldest_first(frame), role, label) for frame, role, label in parts)
    rows = [_row(row, role, label, unit, factor) for found, role, label in told for row in found]
    return drawn(
        "trend" if beside is None else "trend beside",
        {"answers": rows},
        f"{title} by {EVERY[answers['every'][0]]}",
        _described(own_rows, title, unit),
        axis=axis,
        format="~%" if is_share(unit) else ",~r",
        own=own,
        whole=whole,
    )


def _oldest_first(answers: pl.DataFrame) -> list[dict[str, Any]]:
    return sorted(answers.to_dicts(), key=lambda row: row["period_start"])


def _axis(answers: Sequence[pl.DataFrame], unit: str) -> tuple[float, str]:
    """What to multiply values with, and the axis title: durations in the unit that suits the longest value."""
    if unit != "hours":
        return 1.0, unit
    known = [
        [value for frame in answers for value in frame.get_column(name).to_list() if value is not None]
        for name in ("value", "high")
    ]
    longest = max(known[0] or known[1] or [1.0])
    factor, word = duration(longest)
    return factor, {"min": "minutes", "h": "hours"}.get(word, word)


def _row(answer: dict[str, Any], role: str, series: str, unit: str, factor: float) -> dict[str, Any]:
    """A mark: ``role`` own or whole, ``state`` complete, partial or none, ``open`` where the interval has no upper end."""
    value, low, high = (None if answer[c] is None else factor * answer[c] for c in ("value", "low", "high"))
    is_open = low is not None and high is None
    known = [v for v in (low, value, high) if v is not None]
    return {
        "period": answer["period"],
        "role": role,
        "series": series,
        "state": "none" if value is None else "partial" if answer["is_partial"] else "complete",
        "value": value,
        "from": known[0] if known else None,
        "to": known[-1] if known and not is_open else None,
        "open": is_open,
        "shown": quantity(answer["value"], unit),
        "interval": interval(answer["low"], answer["high"], unit, answer["value"]),
        "n": answer["n"],
        "verdict": answer["verdict"],
    }


def _described(rows: list[dict[str, Any]], title: str, unit: str) -> str:
    """The sentence a reader who cannot see the chart gets: its span, its last value, its extremes, its gaps."""
    first, last = rows[0], rows[-1]
    word = EVERY[last["every"]]
    span = period(last["period"]) if first is last else f"{period(first['period'])} to {period(last['period'])}"
    valued = [row for row in rows if row["value"] is not None]
    gaps = len(rows) - len(valued)
    parts = [f"{title} by {word}, {span}"]
    if last["value"] is not None:
        bounds = interval(last["low"], last["high"], unit, last["value"])
        parts.append(f"{quantity(last['value'], unit)} (interval {bounds}) in the last {word}")
    if len(valued) > 1:
        low, high = min(valued, key=lambda r: r["value"]), max(valued, key=lambda r: r["value"])
        parts.append(
            f"lowest {quantity(low['value'], unit)} in {period(low['period'])}, "
            f"highest {quantity(high['value'], unit)} in {period(high['period'])}"
        )
    if gaps:
        parts.append(f"no value in {gaps} of {len(rows)} {word}s")
    return f"{parts[0]}: {'; '.join(parts[1:])}." if parts[1:] else f"{parts[0]}."


def drawing(beside: bool) -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    x = alt.X(
        "period:O", title=None, sort="ascending", scale=alt.Scale(type="band"),
        axis=alt.Axis(labelAngle=0, labelOverlap="greedy", grid=False),
    )  # fmt: skip
    value, low = (
        alt.Y(f"{c}:Q", title="{axis}", axis=alt.Axis(format="{format}", tickCount=5), scale=alt.Scale(zero=True))
        for c in ("value", "from")
    )
    colour = (
        alt.Color(
            "series:N",
            scale=alt.Scale(domain=["{own}", "{whole}"], range=[OWN, QUIET]),
            legend=alt.Legend(title=None, orient="top", labelLimit=260),
        )
        if beside
        else alt.value(OWN)
    )
    tooltip = [
        alt.Tooltip("period:N"), alt.Tooltip("series:N", title="of"), alt.Tooltip("shown:N", title="value"),
        alt.Tooltip("interval:N"), alt.Tooltip("n:Q", title="n"), alt.Tooltip("verdict:N"),
    ]  # fmt: skip

    def where(test: str) -> Any:
        return alt.Chart().transform_filter(test).encode(x=x, tooltip=tooltip)

    own, top = "datum.role == 'own' && ", alt.value(0)
    bound = where(own + "isValid(datum.from) && isValid(datum.to)").mark_rule(strokeWidth=2, opacity=0.7)
    endless = where(own + "datum.open").mark_rule(strokeWidth=2, opacity=0.7)
    dashed = alt.condition("datum.state == 'none'", alt.value([3, 3]), alt.value([1, 0]))
    background = [
        where(own + "datum.state == 'none'").mark_rect(color=QUIET, opacity=0.18).encode(y=top, y2=alt.value("height"))
    ]
    if beside:
        whole = "datum.role == 'whole'"
        background += [
            where(whole).mark_line(strokeWidth=1.5, strokeDash=[6, 3]).encode(y=value, color=colour),
            where(whole + " && isValid(datum.value)").mark_point(size=25, filled=True).encode(y=value, color=colour),
        ]
    spec: dict[str, Any] = (
        alt.layer(
            *background,
            where("datum.role == 'own'").mark_line(strokeWidth=1.5, opacity=0.6).encode(y=value, color=colour),
            bound.encode(y=low, y2="to:Q", color=colour, strokeDash=dashed),
            endless.encode(y=low, y2=top, color=colour, strokeDash=dashed),
            where(own + "datum.open").mark_point(shape="triangle-up", size=70, filled=True).encode(
                y=alt.value(4), color=colour
            ),
            where(own + "datum.state == 'complete'").mark_point(size=70, filled=True, opacity=1).encode(
                y=value, color=colour
            ),
            where(own + "datum.state == 'partial'").mark_point(size=70, strokeWidth=2, opacity=1).encode(
                y=value, color=colour
            ),
            data=alt.NamedData("answers"),
        )
        .properties(height=220)
        .to_dict()
    )  # fmt: skip
    return spec
