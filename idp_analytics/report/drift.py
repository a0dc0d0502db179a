"""Whether those on a golden path are on the version there is now, how far behind the others are, and how long upgrades take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.charts import survival, thirds
from idp_analytics.charts.wording import NOTHING, count, interval, named, period, quantity, significant
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section
from idp_analytics.report.slices import lacking, where
from idp_analytics.report.view import View

STUDY, LIST, LAG = "drift", "services_behind", "upgrade_lag"
UNIT = "share of uses"
KINDS = ("current", "not known", "behind")
TENTH = 10
"""How many must be behind before one in ten is spoken of."""

LISTED = 30
"""Services behind that are listed at most; the caption says how many are not."""


def drift(view: View) -> Section:
    """The uses at the end of the period: current, behind by how many days and versions, not known; and which services are behind."""
    found = view.study(STUDY)
    whole = where(found, by="all").to_dicts()
    when = period(view.period.label)
    past = where(view.study_so_far(STUDY), by="all").to_dicts()
    late = view.study(LIST) if view.scope == "team" else pl.DataFrame()
    tables = (
        cells.table(f"Uses of each golden path, end of {when}", (_row("Golden path", r) for r in where(found, by="path").to_dicts())),
        cells.table(
            f"Services of {view.name} that are behind, longest first", (_late(r) for r in late.head(LISTED).to_dicts()),
            ("Golden path", "Version in use"), max(0, late.height - LISTED),
        ),
        cells.table(f"Uses of golden paths by {view.name}", (_row("End of", r) for r in past)),
    )  # fmt: skip
    drawn = [{**row, "n": row["n"] + row["unknown"]} for row in past]
    title = "Uses of golden paths at the end of each period"
    return Section(
        question="Are we on the version there is now?",
        answer=view.unless_week(whole, " ".join(_answer(whole, when))),
        chart=thirds.chart(drawn, KINDS, title, view.name, "use") if whole else None,
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(_cautions(whole[0] if whole else None)),
        trace=view.trace(STUDY) if whole else "",
    )


def upgrades(view: View) -> Section:
    """How long it takes until half, and nine in ten, have taken up a release: a curve with what is not upgraded counted in."""
    lag = _lag(view)
    pooled = lag[0] if lag and lag[0]["n"] else None
    frame = lacking(_frame(view), "part").with_columns(pl.lit("upgrade").alias("metric"))
    tables = (cells.table(f"Upgrades of {view.name}, all releases since the data begin", map(_taken, lag)),)
    return Section(
        question="How long do upgrades take?",
        answer=" ".join(_lag_said(pooled)) or "No release since the data begin had a user who could have taken it up.",
        chart=survival.chart(
            frame, {"upgrade": "release taken up"}, "Upgrades made, by days since the release", "days since the release", "share taken up"
        )
        if pooled
        else None,
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(_lag_cautions(pooled)),
        trace=view.trace(LAG) if pooled else "",
    )  # fmt: skip


def _frame(view: View) -> pl.DataFrame:
    return view.own(LAG)


def _lag(view: View) -> list[dict[str, Any]]:
    """One row for all paths, then one per path."""
    first: dict[str | None, dict[str, Any]] = {}
    for row in _frame(view).to_dicts():
        first.setdefault(row["part"], row)
    return [first[part] for part in sorted(first, key=lambda part: (part is not None, part or ""))]


def _answer(whole: list[dict[str, Any]], when: str) -> Iterator[str]:
    if not whole:
        yield f"Nothing was seen in use of a golden path at the end of {when}."
        return
    row = whole[0]
    uses = count(row["n"] + row["unknown"], "use")
    if not row["n"]:
        yield f"Of {uses} of a golden path at the end of {when} no version can be compared, so nothing is known of drift."
        return
    bounds = f"{words.level(row)} {interval(row['low'], row['high'], UNIT, row['share'])}"
    yield (
        f"Of {uses} of a golden path at the end of {when}, {row['k']:,} {('are', 'is')[row['k'] == 1]} current and "
        f"{row['n'] - row['k']:,} behind: {quantity(row['share'], UNIT)} of those known are current ({bounds})"
        + (f"; of {row['unknown']:,} the version is not known." if row["unknown"] else ".")
    )
    if row["dated"]:
        days = interval(row["days_low"], row["days_high"], "days", row["days_behind"])
        told = f" ({words.level(row)} {days})" if row["days_low"] is not None else ""
        most = f"; one in ten for more than {quantity(row['days_p90'], 'days')}" if row["dated"] >= TENTH else ""
        yield (
            f"Half of those behind have been so for {quantity(row['days_behind'], 'days')} or less{told}, counted from the release of "
            f"the first version newer than theirs{most}."
        )


def _lag_said(row: dict[str, Any] | None) -> Iterator[str]:
    if row is None:
        return
    yield f"Of {count(row['n'], 'upgrade')} that {count(row['releases'], 'release')} called for, {row['k']:,} {('were', 'was')[row['k'] == 1]} seen to be made."
    for share, name in (("half", "half"), ("90 %", "most")):
        if row[name] is not None:
            bounds = interval(row[f"{name}_low"], row[f"{name}_high"], "days", row[name])
            sure = "too few for an interval" if bounds == NOTHING else f"{words.level(row)} {bounds}"
            yield f"It takes {quantity(row[name], 'days')} until {share} are made ({sure})."
        elif row[f"{name}_low"]:
            yield f"When {share} are made is not known yet: it takes at least {quantity(row[f'{name}_low'], 'days')} ({words.level(row)})."


def _row(head: str, row: dict[str, Any]) -> dict[str, str]:
    what = cells.period(row) if head == "End of" else named(row["title"] or row["part"])
    days = row["days_behind"]
    return {
        head: what,
        "Current": f"{row['k']:,}",
        "of them in grace": f"{row['in_grace']:,}" if row["in_grace"] else "",
        "Behind": f"{row['n'] - row['k']:,}",
        "Not known": f"{row['unknown']:,}",
        "Current share": quantity(row["share"], UNIT) if row["n"] else NOTHING,
        words.level(row).capitalize(): interval(row["low"], row["high"], UNIT, row["share"]) if row["n"] else NOTHING,
        "Days behind, median": NOTHING if days is None else significant(days),
        "Days behind, nine in ten within": significant(row["days_p90"])
        if row["dated"] and row["dated"] >= TENTH
        else NOTHING,
        "Versions behind, median": NOTHING if row["versions_behind"] is None else f"{row['versions_behind']:g}",
    }


def _late(row: dict[str, Any]) -> dict[str, str]:
    return {
        "Service": named(row["service_id"]),
        "Golden path": named(row["title"] or row["golden_path_id"]),
        "Version in use": named(row["version"] or NOTHING),
        "Versions behind": NOTHING if row["versions_behind"] is None else f"{row['versions_behind']:,}",
        "Days behind": NOTHING if row["days_behind"] is None else f"{row['days_behind']:,.0f}",
    }


def _taken(row: dict[str, Any]) -> dict[str, str]:
    told = {
        "Golden path": "all" if row["part"] is None else named(row["title"] or row["part"]),
        "Upgrades (n)": f"{row['n']:,}",
        "Made": f"{row['k']:,}",
        "Version before not known": f"{row['unknown']:,}" if row["unknown"] else "",
    }
    for share, name in (("half", "half"), ("90 %", "most")):
        told[f"Days to {share}"] = NOTHING if row[name] is None else significant(row[name])
        told[f"{words.level(row)} of {share}"] = interval(row[f"{name}_low"], row[f"{name}_high"], "days", row[name])
    return told


def _cautions(row: dict[str, Any] | None) -> Iterator[str]:
    if row is not None:
        yield (
            f"Something newer that has been out for {significant(row['grace_days'])} days or less makes nobody behind "
            f"(rules.drift_grace_days): {count(row['in_grace'], 'use')} counted as current for that reason."
        )
        yield (
            "Versions are compared as versions, else by when they were released, never as text; a branch or a range is no version. "
            "Preliminary releases make nobody behind."
        )


def _lag_cautions(row: dict[str, Any] | None) -> Iterator[str]:
    if row is not None:
        yield (
            "An upgrade is seen at the next look at the path, so times are too long by up to what lies between looks. One service counts "
            "once per release, so intervals are rather too narrow."
        )
