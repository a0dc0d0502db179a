"""How far golden paths have spread, whether it can be told where that ends, and which teams are near to one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from idp_analytics.charts import spread as chart
from idp_analytics.charts.wording import NOTHING, count, named, quantity, significant
from idp_analytics.metrics.path_diffusion import MODELS
from idp_analytics.report import cells
from idp_analytics.report.section import Section
from idp_analytics.report.slices import where
from idp_analytics.report.view import View, team_names

POINTS, FITS, NEAR = "diffusion", "diffusion_fits", "next_teams"
UNIT = "share of services"
_MODEL = dict(
    zip(MODELS, ("Bass, ceiling: all eligible", "Bass, ceiling fitted", "logistic, ceiling: all eligible", "logistic, ceiling fitted"), strict=True)
)  # fmt: skip
_SIGNS = {
    "on": ("{} of its services on it already", "{} of its services on it already"),
    "beside": ("{} that is off shares a system with one on it", "{} that are off share a system with one on it"),
    "alike": ("{} that is off is of a kind mostly on it", "{} that are off are of a kind mostly on it"),
    "tickets": ("{} ticket about it", "{} tickets about it"),
    "runs": ("{} run of what belongs to it", "{} runs of what belongs to it"),
}

Row = dict[str, Any]


def spread(view: View) -> Section:
    """Services on each path by month, the fitted curves and whether they are identified, and a short list of teams that are near."""
    points = view.mart.studies[POINTS].to_dicts()
    points = [row for row in points if row["eligible"] and row["month"] < view.period.end]
    fits = view.mart.studies[FITS].to_dicts()
    near = [row for row in _near(view) if row["is_listed"]]
    names = team_names(view.mart, [row["team_id"] for row in near])
    paths = list(dict.fromkeys(row["title"] for row in points))
    shown = [row for row in points if row["title"] in paths[: chart.MOST]]
    tables = (
        cells.table(
            "Teams near to a golden path of choice, in order of name",
            ({"Team": names[row["team_id"]], **_nearness(row)} for row in sorted(near, key=lambda r: names[r["team_id"]])), ("Golden path", "What says so"),
        ),
        cells.table("Where each curve ends, as far as it can be told", map(_fit, fits), ("Curve", "What can be said")),
    )  # fmt: skip
    return Section(
        question="How far have the paths spread, and who is near?",
        answer=" ".join([*_answer(points, fits), *_list(near, names)]),
        chart=chart.chart(shown, "On each golden path, of all eligible services") if shown else None,
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(_cautions(bool(points), bool(near))),
        trace=view.trace(POINTS) if points else "",
        opened=bool(near),
    )


def near(view: View) -> Section:
    """Which golden paths of choice the team's services are off, and what says that it is near to one."""
    rows = _near(view)
    close = [row for row in rows if row["signs"] > 1]
    if not rows:
        answer = f"{view.name} has no active production service that is off a golden path of choice."
    else:
        off = "; ".join(
            f"{count(row['off'], 'service')} off {named(row['title'])} ({row['on']:,} of {row['n']:,} on it)"
            for row in rows
        )
        answer = f"{view.name} has {off}."
        if close:
            answer += f" More than one sign says that it is near to {', '.join(named(row['title']) for row in close)}."
    table = cells.table(
        "Golden paths of choice that services are off", ({**_nearness(row)} for row in rows), ("What says so",)
    )
    return Section(
        question="Which golden path are we near to?",
        answer=answer,
        tables=(table,) if table.height else (),
        cautions=tuple(_cautions(False, bool(rows))),
        trace=view.trace(NEAR) if rows else "",
        opened=bool(rows),
    )


def _near(view: View) -> list[Row]:
    frame = view.mart.studies[NEAR]
    return where(frame, scope=view.scope, entity_id=view.entity_id).to_dicts() if frame.height else []


def _answer(points: list[Row], fits: list[Row]) -> Iterator[str]:
    last = {row["title"]: row for row in points}
    if not last:
        yield "Nothing tells by month which services were on a golden path."
        return
    told = "; ".join(
        f"{named(title)} {row['adopted']:,} of {row['eligible']:,} ({quantity(row['adopted'] / row['eligible'], UNIT)})"
        for title, row in last.items()
    )
    yield f"Eligible services on each path by the last complete month: {told}."
    by_path: dict[str, list[Row]] = {}
    for fit in fits:
        by_path.setdefault(fit["title"], []).append(fit)
    free = {title: [fit for fit in own if fit["model"] in ("bass", "logistic")] for title, own in by_path.items()}
    ends = {
        title: " or ".join(
            f"{significant(fit['ceiling'])} ({_MODEL[fit['model']].split(',')[0]})"
            for fit in own
            if fit["is_identified"]
        )
        for title, own in free.items()
    }
    known = [f"{named(title)} {end} of {by_path[title][0]['n']:,}" for title, end in ends.items() if end]
    if known:
        yield f"As growth has gone it would level off at: {'; '.join(known)}."
    unknown = [named(title) for title, end in ends.items() if not end]
    if unknown:
        yield f"Where it will end is not identified for {', '.join(unknown)}."


def _list(near: list[Row], names: dict[str, str]) -> Iterator[str]:
    if near:
        teams = sorted({names[row["team_id"]] for row in near})
        yield f"Near to a path of choice that they are not wholly on, in order of name: {', '.join(teams)}."


def _nearness(row: Row) -> dict[str, str]:
    signs = "; ".join(_SIGNS[name][row[name] != 1].format(f"{row[name]:,}") for name in _SIGNS if row[name])
    return {
        "Golden path": named(row["title"]), "Services (n)": f"{row['n']:,}", "On it": f"{row['on']:,}",
        "Not known": f"{row['unverified']:,}" if row["unverified"] else "", "Off it": f"{row['off']:,}", "What says so": signs or NOTHING,
    }  # fmt: skip


def _small(value: float | None) -> str:
    """A coefficient; one too small to matter is not written out in zeros."""
    if value is None:
        return ""
    return "under 0.001" if value < 0.001 else significant(value)


def _fit(row: Row) -> dict[str, str]:
    known = row["is_identified"]
    error = (
        f" ± {significant(row['ceiling_error'], row['ceiling'])}" if known and row["ceiling_error"] is not None else ""
    )
    return {
        "Golden path": named(row["title"]), "Curve": _MODEL[row["model"]], "Months": f"{row['months']:,}", "Joined": f"{row['k']:,} of {row['n']:,}",
        "Ceiling (± standard error)": f"{significant(row['ceiling'])}{error}" if known else NOTHING,
        "Fastest after (months)": significant(row["middle"]) if known and row["middle"] is not None else NOTHING,
        "p": _small(row["p"]) if known else "", "q": _small(row["q"]) if known else "",
        "What can be said": "identified" if known else f"not identified: {row['reason']}",
    }  # fmt: skip


def _cautions(points: bool, near: bool) -> Iterator[str]:
    if points:
        yield (
            "A curve is fitted to joins per month (Bass, interval form; p is what comes by itself, q what comes with those who came) and says where growth "
            "would end as it went, not where it will: a mandate or a better path changes it. It is not identified before growth was fastest, or "
            "while its ceiling is too wide. What left before anybody looked is missing early on."
        )
    if near:
        yield (
            "Near is no merit and far is no fault: signs are counted, not weighed, and say whom it may be worth asking. Paths under a mandate are left out; "
            "tickets and runs are those of the last 90 days. "
            "The list is that of the as-of time, whatever the period."
        )
