"""From a share back to the rows: as many of each kind as the study counts, each with its file and row."""

from __future__ import annotations

import polars as pl
import pytest
from click.testing import CliRunner

from idp_analytics.cli import cli
from idp_analytics.errors import ReportError
from idp_analytics.metrics.path_rows import COLUMNS, STUDIES, path_rows

LAST = "2026-Q2"


def behind(sample, study: str, team: str | None = None, period: str = LAST) -> pl.DataFrame:
    return sample.trace(study, period, team)


@pytest.mark.parametrize("team", [None, "payments", "ledger"])
def test_drift_counts_what_it_shows(sample, team):
    scope, entity = ("team", team) if team else ("org", "org")
    row = (
        sample.study("drift")
        .filter(scope=scope, entity_id=entity, every="1q", period=LAST, by="all")
        .row(0, named=True)
    )
    what = behind(sample, "drift", team)["what"]
    assert what.str.starts_with("current").sum() == row["k"]
    assert (what == "behind").sum() == row["n"] - row["k"]
    assert (what == "unknown").sum() == row["unknown"]
    assert what.str.contains("within the grace").sum() == row["in_grace"]  # fmt: skip


@pytest.mark.parametrize("team", [None, "payments"])
def test_retention_counts_what_it_shows(sample, team):
    scope, entity = ("team", team) if team else ("org", "org")
    row = (
        sample.study("path_retention")
        .filter(pl.col("cohort").is_null(), scope=scope, entity_id=entity)
        .row(0, named=True)
    )
    what = behind(sample, "path_retention", team)["what"]
    assert what.is_in(["left", "still there when last seen"]).sum() == row["n"] > 0
    assert (what == "left").sum() == row["k"]
    assert (what == "left out: only birth is told").sum() == row["unknown"]  # fmt: skip


@pytest.mark.parametrize("team", [None, "payments"])
def test_upgrades_count_what_they_show(sample, team):
    scope, entity = ("team", team) if team else ("org", "org")
    row = sample.study("upgrade_lag").filter(pl.col("part").is_null(), scope=scope, entity_id=entity).row(0, named=True)
    rows = behind(sample, "upgrade_lag", team)
    assert (rows["what"] == "taken up").sum() == row["k"] > 0
    assert rows["what"].str.ends_with("when last seen").sum() == row["n"] - row["k"]
    assert rows["what"].str.starts_with("left out").sum() == row["unknown"]
    assert rows.filter(what="taken up")["days"].min() >= 0


@pytest.mark.parametrize("team", [None, "payments"])
def test_coverage_counts_what_it_shows(sample, team):
    """The services as a whole, and each path by itself."""
    scope, entity = ("team", team) if team else ("org", "org")
    told = sample.study("path_coverage").filter(
        pl.col("by").is_in(["all", "path"]), scope=scope, entity_id=entity, every="1q", period=LAST
    )
    rows = behind(sample, "path_coverage", team)
    assert told.height > 3
    for row in told.iter_rows(named=True):
        what = rows.filter(pl.col("golden_path_id").eq_missing(row["part"]))["what"]
        left_out, unsure = (what.str.starts_with(word).sum() for word in ("left out", "said to be on it"))
        assert (what.len() - left_out, (what == "on").sum(), unsure, left_out) == (row["n"], row["k"], row["unknown"], row["missing"])  # fmt: skip


@pytest.mark.parametrize("team", [None, "payments"])
def test_kinds_of_joins_count_what_they_show(sample, team):
    scope, entity = ("team", team) if team else ("org", "org")
    told = sample.study("adoption_kinds").filter(scope=scope, entity_id=entity, every="1q", period=LAST, span="so far")
    rows = behind(sample, "adoption_kinds", team)
    assert told.height > 1
    for row in told.iter_rows(named=True):
        what = rows.filter(
            pl.lit(row["golden_path_id"] is None) | pl.col("golden_path_id").eq_missing(row["golden_path_id"])
        )["what"]
        parts = {
            word: int(what.str.starts_with(word).sum()) for word in ("organic", "pre-mandate", "mandated", "left out")
        }
        assert list(parts.values()) == [row[name] for name in ("organic", "pre_mandate", "mandated", "early")]
        assert what.str.ends_with("made from the path").sum() == row["born"]
        assert what.len() - parts["left out"] == row["n"]  # fmt: skip


def test_diffusion_counts_what_it_shows(sample):
    told = sample.study("diffusion")
    last = told.filter(pl.col("month") == pl.col("month").max().over("golden_path_id"))
    rows = behind(sample, "diffusion")
    assert last.height > 2
    for row in last.iter_rows(named=True):
        own = rows.filter(golden_path_id=row["golden_path_id"])
        assert own.height == row["eligible"]
        months = own.filter(what="joined").group_by(pl.col("on").dt.truncate("1mo").alias("month")).len()
        by_month = dict(
            told.filter(pl.col("joined") > 0, golden_path_id=row["golden_path_id"])
            .select("month", "joined")
            .iter_rows()
        )
        assert {month: n for month, n in months.iter_rows() if month in by_month} == by_month
        early = own.filter((pl.col("what") == "joined") & (pl.col("on").dt.truncate("1mo") <= row["month"])).height
        assert early + (own["what"] == "on it, nobody knows since when").sum() == row["adopted"]  # fmt: skip
    later = behind(sample, "diffusion", period="2025-10")["what"]
    assert (later == "joined after the period").sum() > 0


@pytest.mark.parametrize("study", ["path_retention", "upgrade_lag"])
def test_what_is_told_of_all_there_is_has_all_its_rows_in_a_report_of_the_past_too(sample, study):
    assert behind(sample, study, period="2025-07").equals(behind(sample, study))


@pytest.mark.parametrize("study", STUDIES)
def test_every_row_says_where_it_is_from(sample, study):
    rows = behind(sample, study)
    assert rows.schema == pl.Schema(COLUMNS)
    # Of a service that nobody ever saw on a path, or of all paths together, there is no one row that tells.
    rows = rows.filter(
        ~pl.col("what").is_in(["off", "eligible, not on it so far"]), pl.col("golden_path_id").is_not_null()
    )
    assert rows.height > 10
    assert rows.select("path", "source_row").null_count().row(0) == (0, 0)
    lines = (
        sample.tables["service_golden_path"]
        .join(sample.tables["loads"], on="load_id")
        .select("path", "source_row", "service_id", "golden_path_id")
    )
    assert rows.join(lines, on=["path", "source_row", "service_id", "golden_path_id"], how="anti").is_empty()  # fmt: skip


def test_what_comes_after_the_period_is_not_in_it(sample):
    early, late = behind(sample, "adoption_kinds", period="2025-Q4"), behind(sample, "adoption_kinds")
    assert early.height < late.height
    assert early["on"].max() < pl.Series(["2026-01-01"]).str.to_date()[0]
    assert behind(sample, "drift", period="2025-Q3")["on"].unique().to_list() == [pl.Series(["2025-09-30"]).str.to_date()[0]]  # fmt: skip


def test_nothing_known_and_nothing_of_that_name(company, settings, as_of, sample):
    for study in STUDIES:
        found = path_rows(company(), settings(), as_of("2026-04-01"), study, "org", "org", "2026-03")
        assert found.schema == pl.Schema(COLUMNS)
    with pytest.raises(ReportError, match="no way back"):
        path_rows(company(), settings(), as_of("2026-04-01"), "fragmentation", "org", "org", "2026-03")
    with pytest.raises(ReportError, match="There is no team 'paymnts'"):
        sample.trace("drift", LAST, "paymnts")


@pytest.mark.parametrize("study", ["drift", "path_coverage"])
def test_explain_goes_back_to_the_rows(repository, study):
    data = ("explain", study, "--data", str(repository / "data/sample"))
    shown = CliRunner().invoke(cli, [*data, "--team", "payments", "--period", LAST])
    assert shown.exit_code == 0
    assert "row(s) behind it:" in shown.output
    assert "service_golden_path.parquet" in shown.output
    refused = CliRunner().invoke(cli, data)
    assert refused.exit_code == 2
    assert "--period" in refused.output
