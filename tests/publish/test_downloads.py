"""Answers beside a page: those of the page, nothing that is withheld, the way back to the rows, and nothing a spreadsheet runs."""

from __future__ import annotations

import pickle
import shlex
from pathlib import Path

import polars as pl
import pytest
from company_building import CLIMBER, SCRIPT, TEAMS, at_once, write_notebooks
from polars.testing import assert_frame_equal

from idp_analytics.answers import COLUMNS
from idp_analytics.organisation import Organisation
from idp_analytics.paths import slug
from idp_analytics.publish import downloads
from idp_analytics.publish.downloads import ROWS, spreadsheet_safe, with_rows
from idp_analytics.publish.run import RunResult, publish
from idp_analytics.report.mart import Mart
from idp_analytics.report.service_answers import ServiceAnswers

WITHHELD = ("value", "low", "high", "n", "k", "missing", "amount", "change", "change_low", "change_high", ROWS)


@pytest.fixture(scope="module")
def small(organisation: Organisation, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    root = tmp_path_factory.mktemp("small")
    return publish(organisation, root / "r", notebooks=write_notebooks(root / "n"), engine=at_once("quiet"))


@pytest.mark.parametrize("team", [*TEAMS, ""])
def test_beside_each_page_are_its_own_answers_in_both_forms(small: RunResult, team: str) -> None:
    file = small.folder / (f"teams/{slug(team)}" if team else "organisation")
    every = pl.read_parquet(small.folder / "answers.parquet")
    scope, entity = ("team", team) if team else ("org", "org")
    own = pl.read_parquet(f"{file}.parquet")
    assert_frame_equal(
        own.drop(ROWS),
        every.filter(pl.col("period_start") <= pl.date(2026, 6, 1), scope=scope, entity_id=entity, every="1mo"),
    )
    text = pl.read_csv(f"{file}.csv", infer_schema=False)
    assert text.columns == [*COLUMNS, ROWS]
    assert text.height == own.height > 0
    assert text["metric"].to_list() == own["metric"].to_list()


def test_answers_of_services_lie_beside_those_of_all_teams(small: RunResult, organisation: Organisation) -> None:
    teams, services = (pl.read_parquet(small.folder / f"{name}.parquet") for name in ("answers", "service_answers"))
    assert set(teams["scope"]) == {"org", "team"}
    assert_frame_equal(services, in_order(organisation.answers(by="service")))
    assert pl.read_csv(small.folder / "service_answers.csv").height == services.height > 0
    assert (small.folder / "answers.parquet").read_bytes() == (small.folder / "mart/answers.parquet").read_bytes()
    index = (small.folder / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{name}"' in index for name in ("service_answers.csv", "service_answers.parquet", "answers.csv"))


def in_order(answers: pl.DataFrame) -> pl.DataFrame:
    return answers.sort("entity_id", maintain_order=True)


@pytest.mark.parametrize(("lines", "kinds"), [(5, ["CSV", "Parquet"]), (4, ["Parquet"])])
def test_a_csv_that_no_spreadsheet_opens_is_not_written(
    lines: int, kinds: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four rows and the head are five lines; a formula of a service's name is text there too."""
    monkeypatch.setattr(downloads, "MOST_LINES", lines)
    rows = pl.DataFrame({"entity_id": ["=1+1", "a", "b", "c"], "n": [-1, 2, 3, None]})
    files = list(downloads._write_services(tmp_path / downloads.SERVICES, ServiceAnswers.of(rows)))
    assert [file.name for file in files] == [f"service_answers.{kind.lower()}" for kind in sorted(kinds, reverse=True)]
    assert [link.text for link in downloads.links(tmp_path)] == [f"Answers of services ({kind})" for kind in kinds]
    assert pl.read_parquet(tmp_path / "service_answers.parquet").equals(rows)
    if "CSV" in kinds:
        assert (tmp_path / "service_answers.csv").read_text() == "entity_id,n\n'=1+1,-1\na,2\nb,3\nc,\n"


def test_answers_of_services_go_to_another_process_as_a_copy() -> None:
    made = ServiceAnswers.of(pl.DataFrame({"n": [1, None]}))
    assert pickle.loads(pickle.dumps(made)).file[:] == made.file[:]


def test_a_number_has_the_command_that_lists_its_rows(organisation: Organisation) -> None:
    answers = Mart.of(organisation, ("1mo", "1q")).answers
    rows = with_rows(answers, ["--data", "of acme"], "2026-05").filter(metric="deployment_frequency", period="2026-05")
    told = {entity: command for entity, command in rows.select("entity_id", ROWS).iter_rows() if command}
    assert {"org", "payments", SCRIPT, CLIMBER} <= set(told)
    asked = ["idp", "explain", "deployment_frequency", "--data", "of acme"]
    assert shlex.split(told["org"]) == [*asked, "--period", "2026-05"]
    assert shlex.split(told[SCRIPT]) == [*asked, "--team", SCRIPT, "--period", "2026-05"]


def test_what_is_withheld_is_withheld_here_too(mart: Mart) -> None:
    own = with_rows(mart.answers, [], "2026-Q2")
    withheld = own.filter(verdict="suppressed")
    assert withheld.height > 0
    assert withheld.select(WITHHELD).null_count().row(0) == (withheld.height,) * len(WITHHELD)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"), ("\tx", "'\tx"), ("\r=1", "'\n'=1"), ("\n=1", "'\n'=1"),
        (" =1", "' =1"), ("x;=1", "x;'=1"), ("x; ;-1", "x; ;'-1"), ("x\t@a", "x\t'@a"), ("x;y", "x;y"), ("\x1b[31mx\x9by\x00", "�[31mx�y�"), ("a\u202eb", "a�b"),
        ("＝1", "'＝1"), ("plain", "plain"), ("a=b", "a=b"), ("", ""), (None, None),
    ],
)  # fmt: skip
def test_a_cell_that_a_spreadsheet_would_run_is_only_text(text: str | None, safe: str | None, tmp_path: Path) -> None:
    frame = spreadsheet_safe(pl.DataFrame({"a": [text], "n": [-1]}, schema={"a": pl.String, "n": pl.Int64}))
    assert frame.row(0) == (safe, -1)
