"""How far the numbers can be trusted: what the data cover, what was set aside and why, what was found wrong."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from idp_analytics.charts import Chart, coverage
from idp_analytics.charts.wording import NOTHING, count, named, quantity
from idp_analytics.report import cells
from idp_analytics.report.mart import Mart
from idp_analytics.report.section import Section, Table
from idp_analytics.report.slices import having, where
from idp_analytics.report.view import View, of_all, team_names

QUESTION = "How far can these numbers be trusted?"

REASONS, EXAMPLES, SPANS = 40, 20, 300
"""The most rows of each table; a caption says how many more there are, and ``idp check`` lists them all."""


def quality(view: View) -> Section:
    """Coverage per source, rows set aside with file, row and reason, expectations not met, incomplete exports."""
    mart = view.mart
    spans = _spans(view)
    tables = [_covered(spans, f"What the numbers of {view.name} rest on")]
    if view.scope == "org":
        tables.append(_per_team(view))
    tables += of_all(mart, quality, lambda: _set_aside_and_unmet(mart))
    return Section(
        question=QUESTION,
        answer=said(view),
        chart=_chart(spans),
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(mart.meta["cautions"]),
        trace=shlex.join(["idp", "check", *mart.meta["asked"]]),
        opened=True,
    )


def _set_aside_and_unmet(mart: Mart) -> list[Table]:
    return [_reasons(mart.rejected), _examples(mart.rejected), _unmet(mart.checks.filter(~pl.col("success")))]


def said(view: View) -> str:
    """What was read, what was set aside, which expectations were not met, which exports are incomplete."""
    return of_all(view.mart, said, lambda: _said(view.mart))


def _said(mart: Mart) -> str:
    rows_in, cut = (int(mart.loads[name].sum()) for name in ("rows_in", "truncated"))
    unmet = mart.checks.filter(~pl.col("success")).height
    return (
        f"{count(mart.loads.height, 'file')} gave {count(rows_in, 'row')}; {_set_aside(mart.rejected.height, rows_in)}. "
        f"{_met(mart.checks.height, unmet)} {_cut(cut)}"
    )


def _set_aside(rejected: int, rows_in: int) -> str:
    if not rejected:
        return "none was set aside"
    share = f" ({quantity(rejected / rows_in, 'share')})" if rows_in else ""
    return f"{count(rejected, 'row')}{share} {('were', 'was')[rejected == 1]} set aside and {('are', 'is')[rejected == 1]} in no number"


def _met(expectations: int, failed: int) -> str:
    if not expectations:
        return "No expectation was checked."
    of = f"Of {count(expectations, 'expectation')}"
    return f"{of}, {failed:,} {('were', 'was')[failed == 1]} not met." if failed else f"{of}, all were met."


def _cut(exports: int) -> str:
    return (
        f"{count(exports, 'export is', 'exports are')} known to be incomplete."
        if exports
        else "No export is known to be incomplete."
    )


def _spans(view: View) -> pl.DataFrame:
    """Coverage of this team; of the organisation, its teams (and what has no team) taken together."""
    found = view.mart.coverage
    zone = view.mart.meta["time_zone"]
    if view.scope == "team":
        found = where(found, team_id=view.entity_id)
    usable = (pl.col("usable_share") * pl.col("rows")).sum() / pl.col("rows").sum()
    return (
        found.group_by("table", "source")
        .agg(
            pl.col("first_at").min().dt.convert_time_zone(zone).dt.date().alias("first_on"),
            pl.col("last_at").max().dt.convert_time_zone(zone).dt.date().alias("last_on"),
            pl.col("rows").sum(),
            pl.when(pl.col("usable_share").is_not_null().any()).then(usable).alias("usable_share"),
            pl.when(pl.lit(view.scope == "team")).then(pl.col("linked_share").first()).alias("linked_share"),
            pl.col("truncated").any(),
        )
        .sort("table", "source")
    )


def _chart(spans: pl.DataFrame) -> Chart | None:
    dated = having(spans, "first_on")
    return coverage.chart(dated) if dated.height else None


def _covered(spans: pl.DataFrame, caption: str) -> Table:
    return cells.table(
        caption, (_span(row, {"Facts": row["table"]}) for row in spans.to_dicts()), left=("Source", "Export")
    )


def _per_team(view: View) -> Table:
    found = view.mart.coverage.sort("team_id", "table", "source", nulls_last=True)
    names = team_names(view.mart, found["team_id"].drop_nulls().unique().to_list())
    zone = ZoneInfo(view.mart.meta["time_zone"])
    rows = (
        _span(
            {**row, "first_on": _day(row["first_at"], zone), "last_on": _day(row["last_at"], zone)},
            {"Team": names.get(row["team_id"], "(no team known)"), "Facts": row["table"]},
        )
        for row in found.head(SPANS).to_dicts()
    )
    return cells.table(
        "The same per team", rows, left=("Facts", "Source", "Export"), left_out=max(0, found.height - SPANS)
    )


def _day(at: datetime | None, zone: ZoneInfo) -> date | None:
    return None if at is None else at.astimezone(zone).date()


def _span(row: dict[str, Any], first: dict[str, str]) -> dict[str, str]:
    return {
        **first,
        "Source": named(row["source"]),
        "From": str(row["first_on"] or NOTHING),
        "To": str(row["last_on"] or NOTHING),
        "Rows": f"{row['rows']:,}",
        "Usable": quantity(row["usable_share"], "share"),
        "Linked to a deployment": quantity(row["linked_share"], "share"),
        "Export": "incomplete" if row["truncated"] else "complete",
    }


def _reasons(rejected: pl.DataFrame) -> Table:
    found = rejected.group_by("table", "file", "reason").len().sort(
        ["len", "table", "file", "reason"], descending=[True, False, False, False]
    )  # fmt: skip
    rows = (
        {
            "Table": r["table"],
            "File": named(r["file"] or NOTHING),
            "Reason": named(r["reason"]),
            "Rows": f"{r['len']:,}",
        }
        for r in found.head(REASONS).to_dicts()
    )
    return cells.table(
        "Rows set aside in the whole organisation, by reason", rows, ("File", "Reason"), max(0, found.height - REASONS)
    )


def _examples(rejected: pl.DataFrame) -> Table:
    rows = (
        {
            "File": named(r["file"] or NOTHING), "Row": "" if r["row"] is None else str(r["row"]),
            "Column": named(r["column"] or ""), "Reason": named(r["reason"]), "Found": named(r["found"] or ""),
        }
        for r in rejected.head(EXAMPLES).to_dicts()
    )  # fmt: skip
    return cells.table("The first of them", rows, ("Column", "Reason", "Found"), max(0, rejected.height - EXAMPLES))


def _unmet(failed: pl.DataFrame) -> Table:
    def shown() -> Iterator[dict[str, str]]:
        for r in failed.sort("table", "expectation", "column").to_dicts():
            yield {
                "Table": r["table"], "Column": named(r["column"] or ""), "Expectation": named(r["expectation"]),
                "Severity": named(r["severity"] or ""), "Unexpected": _number(r["unexpected_count"]),
                "Of": _number(r["element_count"]), "Why it matters": named(r["why"] or ""),
            }  # fmt: skip

    return cells.table("Expectations not met", shown(), ("Column", "Expectation", "Severity", "Why it matters"))


def _number(n: int | None) -> str:
    """An expectation about a table as a whole counts no rows: that is not none of them."""
    return NOTHING if n is None else f"{n:,}"
