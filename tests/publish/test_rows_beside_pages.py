"""Beside the pages lie the rows behind their numbers: they add up to these, one click away, and hold nothing a spreadsheet runs."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from company_building import TEAMS, at_once, write_notebooks

from idp_analytics.answers import Estimator
from idp_analytics.metrics import CATALOGUE, behind, criterion_rows
from idp_analytics.organisation import Organisation
from idp_analytics.paths import slug
from idp_analytics.publish import rows
from idp_analytics.publish.run import RunResult, publish
from idp_analytics.report.mart import OF_METRICS, WITH_ROWS
from idp_analytics.tables import OF_PEOPLE

FORMULA = "=cmd|' /C calc'!A0"
COUNTED_ONE_BY_ONE = (
    Estimator.RATE, Estimator.SHARE, Estimator.MEDIAN, Estimator.SURVIVAL_MEDIAN, Estimator.EXPOSURE
)  # fmt: skip


def read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema=False)


def is_true(name: str) -> pl.Expr:
    return pl.col(name) == "true"


def test_rows_add_up_to_every_number_of_the_report(published: RunResult) -> None:
    answers = pl.read_parquet(published.folder / "answers.parquet").filter(period="2026-06", every="1mo")
    known = {metric.name: metric for metric in CATALOGUE}
    of_org = {metric.name: read(published.folder / f"rows/{metric.name}.csv") for metric in behind.METRICS}
    of_team: dict[str, pl.DataFrame] = {}
    checked = 0
    for answer in answers.filter(pl.col("verdict") != "not measured").to_dicts():
        metric = known[answer["metric"]]
        if metric.about_people:
            continue
        if answer["scope"] == "org":
            found = of_org[metric.name]
        else:
            team = answer["entity_id"]
            if team not in of_team:
                of_team[team] = read(published.folder / f"teams/{slug(team)}.rows.csv")
            found = of_team[team].filter(metric=metric.name)
            assert set(found["team_id"]) <= {team}
        if metric.estimator is Estimator.TOTAL:
            detail = pl.col("detail") if answer["detail"] else pl.lit("")
            own = found.filter(pl.col("currency") == answer["currency"], detail.str.starts_with(answer["detail"] or ""))
            assert own["amount"].cast(pl.Decimal(38, 24)).sum() == (answer["amount"] or 0), answer
        elif metric.estimator in COUNTED_ONE_BY_ONE and answer["detail"] is None:
            own = found.filter(pl.col("detail").is_null()) if "detail" in found.columns else found
            usable = own.filter(is_true("usable"))
            assert (usable.height, own.height - usable.height) == (answer["n"], answer["missing"]), answer
            if metric.estimator is Estimator.SHARE and usable.height:
                assert usable.filter(is_true("counted")).height == answer["k"], answer
        checked += answer["n"] > 0
    assert checked > 300


class _Links(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a" and (href := dict(attrs).get("href")) and href.endswith(".csv"):
            self.found.append(href)


@pytest.mark.parametrize(("page", "file"), [("organisation", "rows/{}.csv"), ("teams/payments", "payments.rows.csv")])
def test_a_click_in_a_section_leads_to_its_rows(published: RunResult, page: str, file: str) -> None:
    path = published.folder / f"{page}.html"
    links = _Links(path.read_text(encoding="utf-8")).found
    assert {file.format("change_lead_time"), f"{'../' if '/' in page else ''}rows/drift.csv"} <= set(links)
    assert all((path.parent / href).is_file() for href in links)


def test_of_a_team_without_rows_there_is_a_head(published: RunResult) -> None:
    heads = {read(path).columns[0] for path in published.folder.glob("teams/*.rows.csv")}
    assert heads == {"metric"}
    pages = {path.stem for path in published.folder.glob("teams/*.html")}
    assert {path.name.removesuffix(".rows.csv") for path in published.folder.glob("teams/*.rows.csv")} == pages


def test_who_does_not_want_rows_published_has_none(organisation: Organisation, tmp_path: Path) -> None:
    quiet = replace(organisation, settings=replace(organisation.settings, publish_rows=False))
    run = publish(quiet, tmp_path / "r", notebooks=write_notebooks(tmp_path / "n"), engine=at_once("quiet"))
    assert not (run.folder / "rows").exists()
    assert not list(run.folder.glob("teams/*.rows.csv"))
    assert len(list(run.folder.glob("teams/*.html"))) == len(TEAMS)
    for page in run.folder.rglob("*.html"):
        assert not [href for href in _Links(page.read_text(encoding="utf-8")).found if "rows" in href]


def frame(**columns: Any) -> pl.DataFrame:
    """Two rows of one metric, of the first team and of nobody, with what is given in the first."""
    usual: dict[str, Any] = {
        "metric": "deployment_frequency", "team_id": "red", "service_id": "shop", "at": datetime(2026, 6, 1, 8, 30, 0, 250_000, UTC),
        "usable": True, "source_table": "deployments", "source_key": "d1", "path": "d.csv", "source_row": 2,
    }  # fmt: skip
    nobody = {**usual, "team_id": None, "at": datetime(2026, 6, 2, tzinfo=UTC), "source_key": "d2"}
    made = pl.DataFrame([nobody, {**usual, **columns}], schema=behind.COLUMNS)
    few = [
        name for name, dtype in behind.COLUMNS.items() if dtype == pl.String and name not in ("metric", "source_key")
    ]
    return made.with_columns(made[name].cast(pl.Enum(made[name].drop_nulls().unique().sort())) for name in few)


def written(tmp_path: Path, **columns: Any) -> dict[str, str]:
    tmp_path.joinpath("teams").mkdir()
    given = {OF_METRICS: frame(**columns), "drift": pl.DataFrame({"team_id": ["red"], "what": [FORMULA]})}
    made = list(rows.write(tmp_path, given, {"red": "teams/red", "blue": "teams/blue"}))
    assert sorted(made) == sorted(path for path in tmp_path.rglob("*") if path.is_file())
    return {path.relative_to(tmp_path).as_posix(): path.read_text(encoding="utf-8") for path in made}


def test_what_is_written_of_whom(tmp_path: Path) -> None:
    found = written(tmp_path)
    assert found["rows/deployment_frequency.csv"].splitlines() == [
        "team_id,service_id,at,usable,source_table,source_key,path,source_row",
        ",shop,2026-06-02T00:00:00Z,true,deployments,d2,d.csv,2",
        "red,shop,2026-06-01T08:30:00.250Z,true,deployments,d1,d.csv,2",
    ]
    assert [line.split(",")[:3] for line in found["teams/red.rows.csv"].splitlines()[1:]] == [
        ["deployment_frequency", "red", "shop"]
    ]
    assert found["teams/blue.rows.csv"].splitlines() == [",".join(behind.COLUMNS)]
    assert found["rows/change_fail_rate.csv"].count("\n") == 1


@pytest.mark.parametrize("column", ["service_id", "source_key", "path", "detail"])
def test_nothing_is_run_by_a_spreadsheet(tmp_path: Path, column: str) -> None:
    found = written(tmp_path, **{column: FORMULA})
    for name in ("rows/deployment_frequency.csv", "teams/red.rows.csv"):
        texts = pl.read_csv(io.StringIO(found[name]), infer_schema=False)[column].drop_nulls().to_list()
        assert f"'{FORMULA}" in texts
        assert FORMULA not in texts


def test_rows_of_all_studies_but_the_many_are_published(published: RunResult) -> None:
    assert {path.stem for path in (published.folder / "rows").iterdir()} == {
        *(metric.name for metric in behind.METRICS), *WITH_ROWS
    } - {OF_METRICS}  # fmt: skip


@pytest.mark.parametrize("study", sorted({*WITH_ROWS} - {OF_METRICS, *criterion_rows.STUDIES}))
def test_in_the_rows_of_all_are_those_of_a_team(sample: Organisation, published: RunResult, study: str) -> None:
    own = sample.trace(study, "2026-06", team="payments")
    every = read(published.folder / f"rows/{study}.csv")
    assert every.columns == own.columns
    assert every.filter(team_id="payments").height == own.height


def test_nobody_is_in_what_is_published_of_rows(sample: Organisation, published: RunResult) -> None:
    people = set(sample.tables["people"]["person_id"])
    for path in (*published.folder.glob("rows/*.csv"), *published.folder.glob("teams/*.rows.csv")):
        found = read(path)
        assert not [c.name for c in found if people.intersection(c.drop_nulls().to_list())], path.name
        if "source_table" in found.columns:
            of_people = found.filter(pl.col("source_table").is_in(list(OF_PEOPLE)))
            assert of_people.select("source_key", "path", "source_row").null_count().row(0) == (of_people.height,) * 3
