"""Every command of ``idp`` with every option: what it writes, what it says and how it ends."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result
from company_building import at_once
from folder_building import folder

from idp_analytics import __version__, errors, organisation
from idp_analytics import cli as commands
from idp_analytics.answers import COLUMNS
from idp_analytics.checks.gate import RESULTS
from idp_analytics.cli import cli
from idp_analytics.metrics import CATALOGUE
from idp_analytics.organisation import Organisation
from idp_analytics.publish import lease, run
from idp_analytics.publish.run import RunResult, publish
from idp_analytics.tables import TABLES

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


# --- what all commands share -------------------------------------------------------------------------------------------------


def test_importing_the_command_imports_nothing_heavy() -> None:
    code = "import sys, idp_analytics.cli; print(sorted({'polars', 'altair', 'pandas', 'numpy', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize("asked", [["-h"], ["--help"], *([name, "--help"] for name in cli.commands)])
def test_every_command_says_how_it_is_used(asked: list[str]) -> None:
    result = idp(*asked)
    assert (result.exit_code, result.output.startswith("Usage: ")) == (0, True)
    assert "--help" in result.output


def test_the_version_is_told_and_the_entry_point_is_called_idp(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["anything", "--version"])
    with pytest.raises(SystemExit) as end:
        commands.main()
    assert (end.value.code, capsys.readouterr().out) == (0, f"idp, version {__version__}\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.IdpError, 1), (errors.SettingsError, 2), (errors.SourceError, 2), (errors.ReportError, 2), (errors.GateError, 3),
        (lease.BusyError, 75),
    ],
)  # fmt: skip
def test_an_error_of_ours_is_one_message_with_its_exit_code(
    error: type[errors.IdpError], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error("no\x1b[31m \u202eway")

    monkeypatch.setattr(organisation, "load", fail)
    result = idp("doctor", "--data", "x")
    assert (result.exit_code, result.stderr) == (code, "idp: no\\x1b[31m \\u202eway\n")
    assert result.stdout == ""


def test_anything_else_is_a_bug_and_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(organisation, "load", lambda *_: 1 / 0)
    assert isinstance(idp("doctor", "--data", "x").exception, ZeroDivisionError)


def test_the_gate_is_closed_where_nothing_is_left(tmp_path: Path) -> None:
    result = idp(
        "check", "--data", folder(tmp_path, deployments="deployment_id,service_id,finished_at\nd1,shop,soon\n")
    )
    assert result.exit_code == 3
    assert "Nothing to report on" in result.stderr


@pytest.fixture
def loaded(sample: Organisation, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The sample company stands for whatever is asked for; gives what was."""
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(organisation, "load", lambda *given: asked.append(given) or sample)
    monkeypatch.setattr(organisation, "organise", lambda settings, gate: asked.append((settings, gate)) or sample)
    return asked


@pytest.mark.parametrize(
    "command",
    [["check", "--json"], ["tables", "--out", "tables"], ["answers", "--by", "org", "--metric", "deployment_days"]],
)
@pytest.mark.parametrize("gate", ["fast", "gx"])
def test_the_gate_asked_for_is_the_one_that_runs(
    command: list[str], gate: str, loaded: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert idp(*command, "--gate", gate).exit_code == 0
    assert loaded == [(Path("data/sample"), gate)]


@pytest.mark.parametrize("command", ["check", "doctor", "answers", "tables", "explain"])
def test_repositories_stand_for_a_folder_of_data(
    command: str, loaded: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    more = {
        "tables": ["--out", "x"], "answers": ["--metric", "deployment_days"],
        "explain": ["deployment_days", "--period", "2026-06"],
    }.get(command, [])  # fmt: skip
    assert idp(command, "--git", "one", "--git", "two", *more).exit_code == 0
    ((settings, gate),) = loaded
    assert (settings.repositories, gate) == (("one", "two"), "fast")


# --- check, tables, answers ------------------------------------------------------------------------------------------------------


def test_check_for_a_person_tells_files_cautions_and_rows_set_aside(data: Path) -> None:
    output = idp("check", "--data", data).output
    assert "caution: No as-of time in the settings" in output
    assert "d.csv" in output
    assert output.index("expectations, ") < output.index("not a time")
    assert "1 row(s) set aside:" in output


def test_check_with_nothing_set_aside_ends_there(tmp_path: Path) -> None:
    output = idp("check", "--data", folder(tmp_path)).output
    assert output.endswith("0 not met; 0 row(s) set aside.\n")


def test_check_tells_what_was_not_met_and_shows_control_codes(
    sample: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"table": "costs", "expectation": "expect_column_values_to_not_be_null", "column": "red", "success": False,
           "severity": "warning", "unexpected_count": 3, "element_count": 40, "unexpected_share": 0.075, "says": "\x1b[31mred must be known", "why": "why"}  # fmt: skip
    failed = pl.DataFrame([{**dict.fromkeys(RESULTS), **row}], schema=RESULTS)
    monkeypatch.setattr(organisation, "load", lambda *_: organisation.Organisation(
        sample.settings, sample.tables, sample.rejected, failed, sample.as_of, ("mind \x07this",)
    ))  # fmt: skip
    output = idp("check").output
    assert "1 expectations, 1 not met" in output
    assert "\nwarning: " in output
    assert "\\x1b[31mred must be known" in output
    assert "caution: mind \\x07this" in output


def test_check_for_a_machine_tells_all_there_is(data: Path) -> None:
    told = json.loads(idp("check", "--data", data, "--json").output)
    assert set(told) == {"as_of", "loads", "expectations", "rejected", "coverage", "cautions"}
    assert datetime.fromisoformat(told["as_of"]).tzinfo is not None
    assert told["coverage"][0]["rows"] == 30


def test_tables_writes_every_table_and_what_was_set_aside(data: Path, tmp_path: Path) -> None:
    result = idp("tables", "--data", data, "--out", tmp_path / "deep" / "out")
    assert result.output == f"{len(TABLES)} tables and the rows set aside in {tmp_path / 'deep' / 'out'}\n"
    assert {f.stem for f in (tmp_path / "deep" / "out").iterdir()} == {*TABLES, "rejected"}
    assert pl.read_parquet(tmp_path / "deep" / "out" / "rejected.parquet").height == 1


@pytest.mark.parametrize(
    ("asked", "column", "found"),
    [
        ([], "metric", {metric.name for metric in CATALOGUE}),
        (["--metric", "deployment_days", "--metric", "deployment_frequency"], "metric", {"deployment_days", "deployment_frequency"}),
        ([], "scope", {"org", "team", "service"}),
        (["--by", "org", "--by", "service"], "scope", {"org", "service"}),
        ([], "every", {"1mo", "1q"}),
        (["--every", "1w"], "every", {"1w"}),
        (["--every", "1w", "--every", "1q"], "every", {"1w", "1q"}),
        (["--definition", "four_keys", "--metric", "deployment_frequency"], "metric", {"deployment_frequency"}),
    ],
)  # fmt: skip
def test_answers_are_those_asked_for(asked: list[str], column: str, found: set[str], data: Path) -> None:
    result = idp("answers", "--data", data, *asked)
    assert result.exit_code == 0, result.output
    assert set(pl.read_csv(io.StringIO(result.stdout), infer_schema=False)[column]) == found


def test_answers_say_the_same_in_every_form_and_on_standard_output(data: Path, tmp_path: Path) -> None:
    asked = ("answers", "--data", data, "--metric", "deployment_frequency", "--by", "org")
    for form in ("csv", "json", "parquet"):
        assert idp(*asked, "--format", form, "--out", tmp_path / f"a.{form}").stdout == ""
    parquet = pl.read_parquet(tmp_path / "a.parquet")
    assert parquet.schema == pl.Schema(COLUMNS)
    told = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert [(row["period"], row["n"], row["value"], row["low"]) for row in told] == list(
        parquet.select("period", "n", "value", "low").iter_rows()
    )
    csv = pl.read_csv(tmp_path / "a.csv")
    assert csv.select("period", "n").equals(parquet.select("period", "n"))
    assert csv["value"].to_list() == pytest.approx(parquet["value"].to_list())
    for form in ("csv", "json"):
        text = (tmp_path / f"a.{form}").read_text(encoding="utf-8")
        assert idp(*asked, "--format", form).stdout == text


# --- doctor, sample ---------------------------------------------------------------------------------------------------------------


def test_doctor_counts_its_findings_the_one_that_helps_most_first(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from idp_analytics import doctor

    *found, last = idp("doctor", "--data", data).output.splitlines()
    assert [line.partition(". ")[0] for line in found] == [str(number) for number in range(1, len(found) + 1)]
    assert last == f"{len(found)} finding(s), the one that would help most first."
    monkeypatch.setattr(doctor, "findings", lambda _: [])
    assert idp("doctor", "--data", data).output == "Nothing to mend.\n"


def test_sample_is_the_same_for_the_same_seed_and_another_for_another(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        result = idp("sample", tmp_path / name, "--months", 3, "--teams", 4, "--seed", seed)
        assert result.exit_code == 0, result.output
        assert result.output.endswith(f"Next: idp report --data {tmp_path / name}\n")
    first, same, other = (
        {f.relative_to(tmp_path / name): f.read_bytes() for f in sorted((tmp_path / name).rglob("*")) if f.is_file()}
        for name in "abc"
    )
    assert first == same
    assert first != other
    assert (
        f"{len(first)} files in" in idp("sample", tmp_path / "a", "--months", 3, "--teams", 4, "--seed", 7).output
    )  # over its own


@pytest.mark.parametrize(("option", "value"), [("--teams", 3), ("--teams", 20_001), ("--months", 2), ("--months", 61)])
def test_sample_says_what_size_it_can_be(option: str, value: int, tmp_path: Path) -> None:
    assert idp("sample", tmp_path / "x", option, value).exit_code == 2


# --- demo, report -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def published_with(loaded: list[Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    """Nothing is published: gives what would have been, and the run ends as told."""

    def given(*failed: str) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = []
        ended = RunResult(Path("reports/acme/2026-06"), Path("reports/acme/2026-06/index.html"), "k", "2026-06", failed)
        monkeypatch.setattr(organisation, "settings_in", lambda folder: folder)
        monkeypatch.setattr(run, "publish", lambda load, **how: [load(), asked.append(how)] and ended)
        return asked

    return given


def test_demo_publishes_the_sample_and_prints_where(loaded: list[Any], published_with: Callable[..., Any]) -> None:
    asked = published_with()
    result = idp("demo", "--reports", "elsewhere", "--workers", 2)
    assert (result.exit_code, result.stdout) == (0, "reports/acme/2026-06/index.html\n")
    assert loaded == [(Path("data/sample"), "fast")]
    assert asked == [{"reports": Path("elsewhere"), "period": "", "teams": None, "workers": 2}]


def test_report_takes_folder_period_teams_reports_workers_and_gate(
    loaded: list[Any], published_with: Callable[..., Any]
) -> None:
    asked = published_with()
    result = idp("report", "--data", "d", "--period", "2026-Q2", "--team", "a", "--team", "b", "--reports", "r", "--workers", 3,
                 "--gate", "gx")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert loaded == [(Path("d"), "gx")]
    assert asked == [{"reports": Path("r"), "period": "2026-Q2", "teams": ("a", "b"), "workers": 3, "retries": 1, "keep": 3}]  # fmt: skip


def test_report_of_repositories_takes_several_after_one_git(
    loaded: list[Any], published_with: Callable[..., Any], tmp_path: Path
) -> None:
    published_with()
    for name in "abc":
        (tmp_path / name).mkdir()
    assert idp("report", "--git", tmp_path / "a", tmp_path / "b", "--git", tmp_path / "c").exit_code == 0
    assert sorted(loaded[0][0].repositories) == ["a", "b", "c"]


def test_a_failed_report_is_told_by_name_with_exit_code_4(published_with: Callable[..., Any]) -> None:
    published_with("Payments", "We\x1bb")
    result = idp("demo")
    assert (result.exit_code, result.stdout) == (4, "reports/acme/2026-06/index.html\n")
    assert result.stderr == "2 report(s) failed: Payments, We\\x1bb\n"


def test_a_repository_of_ones_own_becomes_reports(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "publish", partial(publish, engine=at_once()))
    bundle = next((repository / "data" / "sample" / "repos").glob("*.bundle"))
    result = idp("report", "--git", bundle, "--reports", tmp_path)
    assert result.exit_code == 0, result.output
    index = Path(result.stdout.splitlines()[-1])
    assert index.is_file()
    assert len(list(index.parent.glob("teams/*.html"))) == 1
