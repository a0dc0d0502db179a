"""Who is on a golden path: services and deployments, with what nobody knows as a part of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.charts import thirds
from idp_analytics.charts.wording import NOTHING, count, interval, named, period, quantity
from idp_analytics.metrics import by_name
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section
from idp_analytics.report.slices import where
from idp_analytics.report.view import View

STUDY, BIRTHS = "path_coverage", "first_deployments"
UNIT = "share of services"
METRICS = ("deployment_path_share", "new_service_path_share", "template_abandonment")
HOW = {
    "before a path": "before there was a path", "on a path": "on a path", "off a path": "not on a path", "not told": "not told how",
}  # fmt: skip
"""How a service was made → how that is said."""

SOON = "new_service_deploy_time"
KINDS = ("on a golden path", "not known", "not on one")


def golden_paths(view: View) -> Section:
    """Coverage at the end of the period, by path and tier, and how it came to be; deployments and new services beside it."""
    found = view.study(STUDY)
    whole = where(found, by="all").to_dicts()
    when = period(view.period.label)
    metrics = tuple(by_name(name) for name in METRICS)
    defined = (*metrics, by_name(SOON))
    rows = {metric.name: view.row(metric) for metric in metrics}
    past = where(view.study_so_far(STUDY), by="all").to_dicts()
    parts = found.filter(pl.col("by").is_in(["path", "tier"])).to_dicts()
    born = view.own(BIRTHS).to_dicts()
    tables = (
        cells.table(f"Services on each golden path, end of {when}", (_part(r) for r in parts if r["by"] == "path")),
        cells.table(
            f"Services on a golden path by tier, end of {when}", (_part(r) for r in parts if r["by"] == "tier")
        ),
        cells.table(f"Services of {view.name} on a golden path", map(_then, past)),
        cells.table(
            f"Time to first production deployment of services of {view.name} made since the data begin",
            map(_first, born),
        ),
    )
    told = [words.answer(metric, rows[metric.name], view.row_before(metric)) for metric in metrics]
    measured = bool(whole) and whole[0]["n"] > 0
    return Section(
        question="Who is on a golden path?",
        answer=" ".join([view.unless_week(whole, " ".join(_answer(found, whole, when))), *told, *_soon(born)]),
        chart=thirds.chart(past, KINDS, "Services at the end of each period", view.name, "service") if measured else None,
        tables=tuple(table for table in tables if table.height),
        cautions=(
            *_cautions(bool(whole)), *_chosen(born), *(said for name in METRICS for said in words.cautions(rows[name])),
            *view.truncated(metrics[0]),
        ),
        trace=view.trace(STUDY) if whole else view.trace(METRICS[0]) if rows[METRICS[0]]["n"] else "",
        metrics=defined,
    )  # fmt: skip


def _answer(found: pl.DataFrame, whole: list[dict[str, Any]], when: str) -> Iterator[str]:
    if not whole:
        yield f"Nothing tells which services were on a golden path at the end of {when}."
        return
    row = whole[0]
    if not row["n"]:
        yield f"At the end of {when} no service is known to be active and of a kind a golden path is for."
        return
    has, are = ("is", "are")[row["k"] != 1], ("is", "are")[row["unknown"] != 1]
    bounds = f"{words.level(row)} {interval(row['low'], row['high'], UNIT, row['share'])}"
    yield (
        f"Of {count(row['n'], 'eligible active service')} at the end of {when}, {row['k']:,} {has} on a golden path: "
        f"{quantity(row['share'], UNIT)} ({bounds})."
    )
    if row["unknown"]:
        yield f"{row['unknown']:,} more {are} said to be, and nobody looks whether they are."
    weighed = where(found, by="deployments").to_dicts()
    if weighed and weighed[0]["share"] is not None:
        heavy = weighed[0]
        yield (
            f"Weighed by how often they deploy: {quantity(heavy['share'], UNIT)} ({words.level(heavy)} "
            f"{interval(heavy['low'], heavy['high'], UNIT, heavy['share'])})."
        )


def _soon(born: list[dict[str, Any]]) -> Iterator[str]:
    """How soon new services were in production, by how they were made."""
    told = [
        f"{HOW[row['how']]} half within {quantity(row['median'], 'days')} (n {row['n']:,}, {words.level(row)} {interval(row['low'], row['high'], 'days', row['median'])})"
        if row["median"] is not None and _enough(row)
        else f"{HOW[row['how']]} {row['n'] - row['censored']:,} of {row['n']:,}, too few for a median"
        for row in born
        if row["how"] is not None and row["n"]
    ]  # fmt: skip
    if told:
        yield f"Services made since the data begin were in production: {'; '.join(told)}."
    missing = [
        HOW[how] for how in ("before a path", "off a path") if how not in {row["how"] for row in born if row["n"]}
    ]
    if told and missing:
        yield f"No service was made {' or '.join(missing)}, so there is nothing to compare with."


def _enough(row: dict[str, Any]) -> bool:
    return bool(row["n"] - row["censored"] >= by_name(SOON).min_n)


def _first(row: dict[str, Any]) -> dict[str, str]:
    return {
        "Made": "all" if row["how"] is None else HOW[row["how"]],
        "Services (n)": f"{row['n']:,}",
        "Not yet": f"{row['censored']:,}" if row["censored"] else "",
        "Half within": quantity(row["median"] if _enough(row) else None, "days"),
        words.level(row).capitalize(): interval(row["low"], row["high"], "days", row["median"]),
        "Nine in ten within": quantity(row["p90"], "days"),
        "its interval": interval(row["p90_low"], row["p90_high"], "days", row["p90"]) if row["p90"] is not None else NOTHING,
        "Counted from the asking": f"{row['asked']:,}",
        "Deployed before it was made": f"{row['missing']:,}" if row["missing"] else "",
    }  # fmt: skip


def _chosen(born: list[dict[str, Any]]) -> Iterator[str]:
    if len({row["how"] for row in born if row["n"] and row["how"] not in (None, "not told")}) > 1:
        yield (
            "Teams choose a path for other services than they make without one, and times change: a difference between services on a "
            "path, off it and before it is an association."
        )


def _part(row: dict[str, Any]) -> dict[str, str]:
    what = named(row["title"] or row["part"])
    return {"Golden path" if row["by"] == "path" else "Tier": what, **_numbers(row)}


def _then(row: dict[str, Any]) -> dict[str, str]:
    return {"End of": cells.period(row), **_numbers(row)}


def _numbers(row: dict[str, Any]) -> dict[str, str]:
    return {
        "Services (n)": f"{row['n']:,}",
        "On it": f"{row['k']:,}",
        "Not known": f"{row['unknown']:,}",
        "Share": quantity(row["share"], UNIT),
        words.level(row).capitalize(): interval(row["low"], row["high"], UNIT, row["share"]) if row["n"] else NOTHING,
        "Left out, activity or kind not known": f"{row['missing']:,}" if row["missing"] else "",
    }


def _cautions(known: bool) -> Iterator[str]:
    if known:
        yield (
            "A service that was born on a path or is declared to use it is not counted as on it where nobody looks for use. When a "
            "source that looks is added, the part not known falls and the share may jump without anybody having moved."
        )
        yield "Lifecycle, kind and tier are those the catalogue has now; it keeps no past ones."
