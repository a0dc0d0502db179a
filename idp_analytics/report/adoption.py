"""Whether golden paths are adopted or imposed: how joins came about, whether those who had to come stay, and whether others follow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.charts import incidence
from idp_analytics.charts.wording import NOTHING, count, difference, interval, named, period, quantity, significant
from idp_analytics.metrics.joins import KINDS
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section
from idp_analytics.report.slices import lacking, where
from idp_analytics.report.view import View

KIND, JOINS, INCIDENCE, RETENTION, AHEAD = "adoption_kinds", "adoptions", "adoption_incidence", "adoption_retention", "retention_ahead"  # fmt: skip
MOMENTUM, FOLLOWING = "adoption_momentum", "adoption_following"
UNIT = "share of joins"
WAYS = {"organic": "by choice", "pre-mandate": "once a mandate was announced", "mandated": "under a mandate"}
LISTED = 20
"""Joins a team's table shows at most, the newest first."""

Row = dict[str, Any]


def adoption(view: View) -> Section:
    """How joins came about in the period and so far, by when services join, who stays, and of the organisation whether others follow."""
    found = view.study(KIND)
    whole = lacking(found, "golden_path_id")
    now, so_far = (next(iter(where(whole, span=span).to_dicts()), None) for span in ("period", "so far"))
    when = period(view.period.label)
    stays = _mine(view, RETENTION)
    marks = where(stays, is_mark=True).to_dicts() if stays.height else []
    curves = _mine(view, INCIDENCE)
    pooled = lacking(curves, "golden_path_id") if curves.height else curves
    happened = bool(pooled.height) and pooled["k"].sum() > 0
    follows = _mine(view, FOLLOWING).to_dicts()
    moves = [row for row in _so_far(view, MOMENTUM) if row["exposed_months"]]
    now_moves = [row for row in moves if row["period"] == view.period.label]
    parts = found.filter(pl.col("golden_path_id").is_not_null(), span="so far").to_dicts()
    tables = (
        cells.table(f"Joins of golden paths up to the end of {when}, by how they came about", map(_part, [*parts, *([so_far] if so_far else [])])),
        cells.table(
            "Joined by days since they could, by way",
            (_mark(row) for row in curves.filter("is_mark", pl.col("k") > 0).drop_nulls("share").to_dicts()) if curves.height else (), ("Joined",),
        ),
        cells.table("Still on the path, by how the join came about", _cohorts(marks)),
        cells.table("Joins by choice beside a service that is on the path", map(_move, moves)),
        cells.table("Joining beside a service that is on the path, and beside none", map(_follow, follows), ("What can be said",)),
        *_listed(view),
    )  # fmt: skip
    return Section(
        question="Is it adopted, or imposed?",
        answer=" ".join([view.unless_week(so_far, " ".join(_answer(now, so_far, when))), *_stay(marks), *_moving(now_moves), *_following(follows)]),
        chart=incidence.chart(
            pooled.filter(~pl.col("is_mark"), pl.col("k") > 0), WAYS, "Joined a golden path, by how it came about",
            "days since they could join and somebody looked", "share of services × paths",
        ) if happened else None,
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(_cautions(view, so_far, bool(follows), happened, marks)),
        trace=view.trace(KIND) if so_far or marks else "",
    )  # fmt: skip


def _mine(view: View, study: str) -> pl.DataFrame:
    return view.own(study)


def _answer(now: Row | None, so_far: Row | None, when: str) -> Iterator[str]:
    if so_far is None or not so_far["n"]:
        yield "No service is known to have joined a golden path since anybody looked."
        return
    if now is None or not now["n"]:
        yield f"Nothing joined a golden path in {when}."
    else:
        yield f"In {when} there {('were', 'was')[now['n'] == 1]} {count(now['n'], 'join')} of golden paths: {_ways(now)}."
    bounds = f"{words.level(so_far)} {interval(so_far['low'], so_far['high'], UNIT, so_far['share'])}"
    yield (
        f"Of all {count(so_far['n'], 'join')} since the first look, {so_far['organic']:,} came about by choice: "
        f"{quantity(so_far['share'], UNIT)} ({bounds}); {so_far['pre_mandate']:,} once a mandate was announced, {so_far['mandated']:,} under one."
    )


def _ways(row: Row) -> str:
    told = [(row[kind.replace("-", "_")], WAYS[kind]) for kind in KINDS]
    return ", ".join(f"{n:,} {way}" for n, way in told if n)


def _stay(marks: list[Row]) -> Iterator[str]:
    at = {row["cohort"]: row for row in marks if row["day"] == 90 and row["share"] is not None}
    both = [at.get(kind) for kind in ("organic", "mandated")]
    if not all(both):
        return
    told = " and ".join(
        f"{quantity(row['share'], UNIT)} of {row['n']:,} {WAYS[row['cohort']]} ({words.level(row)} {interval(row['low'], row['high'], UNIT, row['share'])})"
        for row in both if row
    )  # fmt: skip
    p = marks[0]["p"]
    said = (
        "nobody has left, so the two cannot differ yet"
        if p is None
        else f"a difference like this comes about by chance with p {_p(p)} (log-rank)"
    )
    yield f"Still there after 90 days: {told}; {said}."


def _so_far(view: View, study: str) -> list[Row]:
    """The rows over all paths up to the period, oldest first; none where the study is empty."""
    if not view.own(study).height:
        return []
    return lacking(view.study_so_far(study), "golden_path_id").to_dicts()


def _moving(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        if row["verdict"] in ("improved", "worsened"):
            change = difference(row["change"], row["change_low"], row["change_high"], "ratio")
            more = "more" if row["verdict"] == "improved" else "less"
            yield f"Joining by choice beside a service that is on a path has become {more} usual than the period before: {change}."


def _move(row: Row) -> dict[str, str]:
    return {
        "Period": cells.period(row), "Service-months (n)": f"{row['exposed_months']:,}", "Joins": f"{row['exposed_joins']:,}",
        "Per 100": significant(100 * row["rate"]),
        words.level(row).capitalize(): f"{significant(100 * row['low'])}–{significant(100 * row['high'])}",
        "Against the period before": difference(row["change"], row["change_low"], row["change_high"], "ratio"), "Verdict": cells.verdict(row["verdict"]),
    }  # fmt: skip


def _following(rows: list[Row]) -> Iterator[str]:
    row = next((row for row in rows if row["golden_path_id"] is None), None)
    if row is None:
        return
    if row["reason"]:
        yield f"Whether services join sooner beside one that is on the path is not identified: {row['reason']}."
        return
    more = "more" if row["odds_ratio"] > 1 else "less"
    sure = row["low"] > 1 or row["high"] < 1
    bounds = f"{words.level(row)} {significant(row['low'])}–{significant(row['high'])}, permutation p {_p(row['p'])}"
    said = (
        f"join {more} often than those beside none"
        if sure
        else "do not join detectably more or less often than those beside none"
    )
    yield f"Over all months, services beside one that is on the path {said}: odds ratio {significant(row['odds_ratio'])} ({bounds})."


def _p(p: float) -> str:
    return "below 0.001" if p < 0.001 else significant(p)


def _part(row: Row) -> dict[str, str]:
    return {
        "Golden path": named(row["title"] or "all"), "Joins (n)": f"{row['n']:,}", "By choice": f"{row['organic']:,}",
        "Mandate announced": f"{row['pre_mandate']:,}", "Under a mandate": f"{row['mandated']:,}", "Share by choice": quantity(row["share"], UNIT) if row["n"] else NOTHING,
        words.level(row).capitalize(): interval(row["low"], row["high"], UNIT, row["share"]) if row["n"] else NOTHING,
        "Left out, since when not known": f"{row['early']:,}" if row["early"] else "",
    }  # fmt: skip


def _mark(row: Row) -> dict[str, str]:
    known = row["share"] is not None
    return {
        "Golden path": named(row["title"] or "all"), "Joined": WAYS[row["adoption"]], "Services × paths (n)": f"{row['n']:,}", "Did": f"{row['k']:,}",
        "Not yet": f"{row['open']:,}", "Days": f"{row['day']:,}", "Share by then": quantity(row["share"], UNIT) if known else NOTHING,
        words.level(row).capitalize(): interval(row["low"], row["high"], UNIT, row["share"]) if known else NOTHING,
        "Followed so long": f"{row['at_risk']:,}",
    }  # fmt: skip


def _cohorts(marks: list[Row]) -> Iterator[dict[str, str]]:
    for kind in KINDS:
        rows = [row for row in marks if row["cohort"] == kind]
        if not rows:
            continue
        first = rows[0]
        told = {
            "Joined": WAYS[kind] + (" (few)" if first["is_small"] else ""),
            "Joins (n)": f"{first['n']:,}",
            "Left": f"{first['k']:,}",
        }
        for row in rows:
            known = row["share"] is not None
            told[f"After {row['day']} days"] = quantity(row["share"], UNIT) if known else NOTHING
            told[f"{row['day']} days: {words.level(row)}"] = (
                interval(row["low"], row["high"], UNIT, row["share"]) if known else NOTHING
            )
        yield told


def _follow(row: Row) -> dict[str, str]:
    known = row["reason"] is None
    return {
        "Golden path": named(row["title"] or "all"), "Joins beside one": f"{row['exposed_joins']:,}", "in service-months": f"{row['exposed_months']:,}",
        "Joins beside none": f"{row['other_joins']:,}", "in service-months beside none": f"{row['other_months']:,}",
        "Odds ratio": significant(row["odds_ratio"]) if known else NOTHING,
        words.level(row).capitalize(): f"{significant(row['low'])}–{significant(row['high'])}" if known else NOTHING,
        "p (permutation)": _p(row["p"]) if known else NOTHING, "What can be said": "" if known else f"not identified: {row['reason']}",
    }  # fmt: skip


def _listed(view: View) -> Iterator[Any]:
    if view.scope != "team":
        return
    mine = _mine(view, JOINS)
    rows = (
        mine.filter(pl.col("joined_on") < view.period.end).sort("joined_on", descending=True).to_dicts()
        if mine.height
        else []
    )
    yield cells.table(
        f"What joined, {view.name}",
        (
            {"Joined on": f"{row['joined_on']}", "Service": named(row["service_id"]), "Golden path": named(row["title"] or row["golden_path_id"]),
             "How": WAYS[row["adoption"]] + (", born on it" if row["is_born"] else ""),
             "Counted": "yes" if row["standing"] == "counted" else "no, before anybody looked"}
            for row in rows[:LISTED]
        ), ("Service", "Golden path", "How", "Counted"), max(0, len(rows) - LISTED),
    )  # fmt: skip


def _cautions(view: View, so_far: Row | None, follows: bool, happened: bool, marks: list[Row]) -> Iterator[str]:
    if so_far is None:
        return
    yield (
        "By choice is what joined before a mandate of the path was announced. Where nobody says when that was, sixty days before it was in force; "
        "where a path itself was announced long before its mandate, what joined in between may have been choice and is not counted as such."
    )
    if so_far["early"]:
        yield f"{count(so_far['early'], 'join')} left out that {('are', 'is')[so_far['early'] == 1]} older than the first look: of those, only who stayed can be seen."
    if happened:
        yield (
            "A service joins a path once, so the ways compete: who came under a mandate can no longer come by choice. What has not joined yet is "
            "followed and counted in. The share left would be too low if it were dropped."
        )
    if follows:
        yield (
            "Homophily and contagion are not distinguishable here: teams that are alike join alike, whether or not one follows the other. "
            "Beside means of one team or one system."
        )
    if any(row["is_small"] for row in marks):
        yield "Cohorts marked as few hold fewer than ten joins: one that leaves moves the share by more than a tenth."
    ahead = _mine(view, AHEAD)
    for row in lacking(ahead, "adoption").to_dicts() if ahead.height and view.scope == "org" else ():
        if row["reason"]:
            yield f"How many will still be there after a year is not identified: {row['reason']}."
        else:
            yield (
                f"A year after joining {quantity(row['share'], UNIT)} would still be there by the beta-geometric model ({words.level(row)} "
                f"{interval(row['low'], row['high'], UNIT, row['share'])}); that fewer leave later says that services differ, not that they grow fonder."
            )
