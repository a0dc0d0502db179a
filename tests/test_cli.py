from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from idp_analytics.answers import COLUMNS
from idp_analytics.cli import cli

DEPLOYMENTS = "deployment_id,service_id,environment,outcome,finished_at\n" + "".join(
    f"d{i},shop,production,success,2026-0{1 + i % 3}-0{1 + i % 9}T10:00:00Z\n" for i in range(30)
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "d.csv").write_text(DEPLOYMENTS + "bad,shop,production,success,soon\n", encoding="utf-8")
    (folder / "t.csv").write_text("team_id,name\n=cmd|x,<script>alert(1)</script>\n", encoding="utf-8")
    (folder / "o.csv").write_text("service_id,team_id\nshop,=cmd|x\n", encoding="utf-8")
    (folder / "settings.toml").write_text(
        "".join(
            f'[[source]]\nkind = "canonical"\ntable = "{table}"\npaths = ["{file}"]\n'
            for table, file in (("deployments", "d.csv"), ("teams", "t.csv"), ("ownership", "o.csv"))
        ),
        encoding="utf-8",
    )
    return folder


def idp(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def test_check_says_what_was_set_aside(data: Path) -> None:
    result = idp("check", "--data", data)
    assert result.exit_code == 0, result.output
    assert "1 row(s) set aside" in result.output
    assert "not a time" in result.output


def test_check_for_a_machine(data: Path) -> None:
    told = json.loads(idp("check", "--data", data, "--json").output)
    assert [r["row"] for r in told["rejected"]] == [31]
    assert {load["rows_in"] - load["rows_out"] for load in told["loads"] if load["table"] == "deployments"} == {1}


def test_tables_are_written_as_parquet(data: Path, tmp_path: Path) -> None:
    assert idp("tables", "--data", data, "--out", tmp_path / "out").exit_code == 0
    assert pl.read_parquet(tmp_path / "out" / "deployments.parquet").height == 30


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_answers_in_three_forms(data: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / f"answers.{form}"
    result = idp(
        "answers", "--data", data, "--metric", "deployment_frequency", "--by", "team", "--format", form, "--out", out
    )
    assert result.exit_code == 0, result.output
    frame = {"csv": pl.read_csv, "json": pl.read_json, "parquet": pl.read_parquet}[form](out)
    assert frame.columns == list(COLUMNS)
    assert frame["n"].sum() == 60  # months and quarters


def test_a_spreadsheet_runs_nothing_from_the_answers(data: Path) -> None:
    assert "'=cmd|x" in idp("answers", "--data", data, "--by", "team").output


def test_explain_defines_and_shows_the_rows(data: Path) -> None:
    assert "formula:" in idp("explain", "change_fail_rate").output
    rows = idp("explain", "deployment_frequency", "--data", data, "--service", "shop", "--period", "2026-02").output
    assert "10 row(s) behind it" in rows
    assert "d.csv" in rows


def test_doctor_names_what_to_mend(data: Path) -> None:
    output = idp("doctor", "--data", data).output
    assert "set aside" in output
    assert "not measured in full" in output


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["check", "--data", "no/such"], 2, "no such folder"),
        (["explain", "change_fial_rate"], 2, "change_fail_rate"),
        (["report", "x"], 2, "--git"),
        (["report", "--git", "no/such/repo"], 2, "no such folder"),
        (["answers", "--format", "parquet"], 2, "--out"),
    ],
)
def test_what_cannot_be_done_is_said_with_an_exit_code(arguments: list[str], code: int, says: str) -> None:
    result = idp(*arguments)
    assert (result.exit_code, says in result.output) == (code, True), result.output


def test_sample_writes_a_company_and_never_over_something_else(tmp_path: Path) -> None:
    assert idp("sample", tmp_path / "new", "--months", 3, "--teams", 9).exit_code == 0
    assert (tmp_path / "new" / "truth.json").is_file()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious.txt").write_text("x", encoding="utf-8")
    assert idp("sample", tmp_path / "mine").exit_code == 2
