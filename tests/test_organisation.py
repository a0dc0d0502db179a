"""From files to trusted tables and answers: the whole lower half, on small folders and on the published log."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from folder_building import DEPLOYMENTS, OWNERSHIP, SERVICES, adds_up, folder

from idp_analytics import organisation
from idp_analytics.checks import gate
from idp_analytics.errors import GateError, IdpError, ReportError, SettingsError, SourceError
from idp_analytics.metrics.allocation.charges import bill
from idp_analytics.metrics.studies import People, Study
from idp_analytics.organisation import Organisation, from_repositories, load, organise
from idp_analytics.paths import resource
from idp_analytics.settings import Settings
from idp_analytics.tables import TABLES, Extract, empty
from idp_analytics.tables.numbered import as_text


def test_facts_belong_to_the_owner_of_the_day(tmp_path: Path) -> None:
    org = load(folder(tmp_path))
    assert org.tables["deployments"].select("deployment_id", "team_id").rows() == [
        ("d1", "pay"),
        ("d2", "pay"),
        ("d3", "web"),
    ]
    assert org.rejected.is_empty()
    assert adds_up(org)
    assert org.as_of.isoformat() == "2026-03-21T00:00:00+00:00"


@pytest.mark.parametrize(
    ("row", "column", "says"),
    [
        ("x,shop,production,success,soon", "finished_at", "not a time"),
        ("x,shop,production,success,2026-03-05 10:00:00", "finished_at", "time zone"),
        (",shop,production,success,2026-03-05T10:00:00Z", "deployment_id", "must be known"),
        ("d1,shop,production,success,2026-03-05T10:00:00Z", "deployment_id", "comes again later"),
    ],
)
def test_a_bad_row_is_set_aside_and_the_rest_goes_on(tmp_path: Path, row: str, column: str, says: str) -> None:
    org = load(folder(tmp_path, deployments=DEPLOYMENTS + row + "\n"))
    (aside,) = org.rejected.rows(named=True)
    assert aside["file"] == "deployments.csv"
    assert column in aside["column"]
    assert says in aside["reason"]
    assert org.tables["deployments"].height == 3
    assert adds_up(org)


def test_facts_after_the_as_of_time_are_not_known_yet(tmp_path: Path) -> None:
    org = load(folder(tmp_path, "[organisation]\nas_of = 2026-03-10T00:00:00Z\n"))
    assert org.tables["deployments"]["deployment_id"].to_list() == ["d1", "d2"]
    assert "after the as-of time" in org.rejected["reason"][0]
    assert adds_up(org)


def test_an_empty_file_is_no_rows_and_a_missing_one_is_said_before_anything_is_read(tmp_path: Path) -> None:
    org = load(folder(tmp_path, incidents=""))
    assert org.tables["incidents"].is_empty()
    (tmp_path / "teams.csv").unlink()
    (tmp_path / "services.csv").unlink()
    with pytest.raises(SettingsError, match=r"2 problem\(s\)[\s\S]*teams.csv[\s\S]*services.csv"):
        load(tmp_path)


def test_a_wrong_column_says_what_was_found_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"deployments\.csv.*deployment_id.*Found: run, service_id"):
        load(folder(tmp_path, deployments="run,service_id\n1,shop\n"))


@pytest.mark.parametrize("text", ["deployment_id,service_id\n", ""])
def test_nothing_essential_left_closes_the_gate(tmp_path: Path, text: str) -> None:
    with pytest.raises(GateError, match="Nothing to report on"):
        load(folder(tmp_path, deployments=text))


@pytest.mark.parametrize("what", ["no-such-folder", "."])
def test_a_folder_that_is_none(tmp_path: Path, what: str) -> None:
    with pytest.raises(SettingsError, match=r"no such folder|no settings\.toml"):
        load(tmp_path / what)


def test_every_error_is_one_of_ours(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('[[source]]\nkind = "canonicle"\n', encoding="utf-8")
    with pytest.raises(IdpError, match="canonicle"):
        load(tmp_path)


def test_coverage_says_per_team_what_the_numbers_rest_on(tmp_path: Path) -> None:
    incidents = "incident_id,service_id,opened_at\ni1,shop,2026-03-01T12:00:00Z\ni2,shop,2026-03-10T12:00:00Z\n"
    coverage = load(folder(tmp_path, incidents=incidents)).coverage()
    rows = {(r["team_id"], r["table"]): r for r in coverage.iter_rows(named=True)}
    assert (rows["pay", "deployments"]["rows"], rows["web", "deployments"]["rows"]) == (2, 1)
    assert rows["pay", "incidents"]["linked_share"] == 0.5
    assert rows["pay", "deployments"]["usable_share"] == 1.0


INCIDENTS = "incident_id,service_id,opened_at\ni1,shop,2026-03-01T12:00:00Z\n"


def test_coverage_of_nothing_is_a_typed_empty_table(tmp_path: Path) -> None:
    org = load(folder(tmp_path))
    nothing = Organisation(
        org.settings, {name: empty(name) for name in org.tables}, org.rejected, org.checks, org.as_of
    )
    assert nothing.coverage().schema == org.coverage().schema
    assert nothing.coverage().is_empty()


@pytest.mark.parametrize(
    ("expectation", "says"),
    [
        (
            {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 2}},
            r"The gate is closed; nothing is published:\n  - incidents: the number of rows must be at least 2, and the table of 1 rows",
        ),
        (
            {"type": "expect_column_to_exist", "kwargs": {"column": "blame"}},
            r"The gate is closed; nothing is published:\n  - incidents: blame must be there, and the table of 1 rows",
        ),
    ],
)
@pytest.mark.parametrize("severity", ["critical", "warning"])
def test_a_critical_fact_about_a_whole_table_closes_the_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expectation: dict[str, object], says: str, severity: str
) -> None:
    suites = tmp_path / "expectations"
    shutil.copytree(resource("expectations"), suites)
    document = json.loads((suites / "incidents.json").read_text(encoding="utf-8"))
    document["expectations"].append({**expectation, "severity": severity, "meta": {"why": "Because."}})
    (suites / "incidents.json").write_text(json.dumps(document), encoding="utf-8")
    monkeypatch.setattr(gate, "resource", lambda _: suites)
    (tmp_path / "acme").mkdir()
    root = folder(tmp_path / "acme", incidents=INCIDENTS)
    if severity == "warning":
        assert load(root).checks.filter(~pl.col("success") & pl.col("unexpected_count").is_null()).height == 1
        return
    with pytest.raises(GateError, match=says):
        load(root)


def test_rows_that_say_no_time_cannot_be_dated(tmp_path: Path) -> None:
    undated = "deployment_id,service_id\nd1,shop\n"
    with pytest.raises(GateError, match=r"Nothing can be dated: .*Map the column with the time .* or give as_of"):
        load(folder(tmp_path, deployments=undated))
    org = load(folder(tmp_path, "[organisation]\nas_of = 2026-03-10T00:00:00Z\n", deployments=undated))
    assert org.tables["deployments"]["deployment_id"].to_list() == ["d1"]


def test_no_source_is_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no \[\[source\]\]: nothing to read\. See CONTRIBUTING\.md"):
        organise(Settings("acme", "Acme", tmp_path))


def test_repositories_that_are_not_there_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"--git: 2 problem\(s\)[\s\S]*one: no such folder or bundle[\s\S]*two: no such"
    ):
        from_repositories([tmp_path / "one", tmp_path, tmp_path / "two"])


def test_repositories_are_settings_of_their_own(tmp_path: Path) -> None:
    given = from_repositories([tmp_path], org="mine", title="Mine")
    assert (given.org, given.title, given.repositories) == ("mine", "Mine", (tmp_path.name,))
    (source,) = given.sources
    assert (source.kind, source.paths) == ("git", (str(tmp_path.resolve()),))
    assert given.sha256 == from_repositories([tmp_path], title="Mine", org="mine").sha256
    assert given.sha256 != from_repositories([tmp_path], org="other").sha256


def test_a_table_a_reader_makes_up_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up = Extract("deploymentz", pl.DataFrame({"_row": []}), "x.csv", "")
    monkeypatch.setattr(organisation.sources, "read", lambda *_: [made_up])
    with pytest.raises(
        SourceError, match=r"source 'canonical-deployments': no table 'deploymentz'\. Did you mean 'deployments'"
    ):
        load(folder(tmp_path))


def test_a_pattern_gives_every_file_once_in_name_order(tmp_path: Path) -> None:
    head, *lines = DEPLOYMENTS.splitlines(keepends=True)
    for number, line in enumerate(lines):
        (tmp_path / f"log-{number}.csv").write_text(head + line, encoding="utf-8")
    paths = [str(tmp_path / "log-1.csv"), "log-*.csv", str(tmp_path / "log-[12].csv")]
    (tmp_path / "settings.toml").write_text(
        f'[[source]]\nkind = "canonical"\ntable = "deployments"\npaths = {json.dumps(paths)}\n', encoding="utf-8"
    )
    org = load(tmp_path)
    assert org.tables["loads"]["path"].to_list() == ["log-1.csv", "log-0.csv", "log-2.csv"]
    assert org.tables["deployments"].height == 3


def test_the_home_folder_may_be_written_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    (tmp_path / "me").mkdir()
    (tmp_path / "me" / "log.csv").write_text(DEPLOYMENTS, encoding="utf-8")
    for pattern in ("~/log.csv", "~/l*.csv"):
        (tmp_path / "settings.toml").write_text(
            f'[[source]]\nkind = "canonical"\ntable = "deployments"\npaths = ["{pattern}"]\n', encoding="utf-8"
        )
        assert load(tmp_path).tables["deployments"].height == 3


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("log**.csv", r"log\*\*\.csv: (no such file in|is no path that can be looked up \(Invalid pattern)"),
        ("x" * 5000, r"xxx: is no path that can be looked up \(File name too long\)"),
        ("~nobody-of-this-name/x.csv", r"~nobody-of-this-name/x\.csv: is no path that can be looked up"),
        ("../*.csv", r"\.\./\*\.csv: no such file in"),
    ],
)
def test_a_path_that_cannot_be_looked_up_is_a_problem_like_any_other(tmp_path: Path, pattern: str, says: str) -> None:
    root = tmp_path / "data" / "acme"
    root.mkdir(parents=True)
    (root / "settings.toml").write_text(
        f'[[source]]\nkind = "canonical"\ntable = "deployments"\npaths = ["{pattern}", "gone.csv"]\n', encoding="utf-8"
    )
    with pytest.raises(SettingsError, match=r"2 problem\(s\)[\s\S]*" + says + r"[\s\S]*gone\.csv: no such file"):
        load(root)


def test_two_systems_that_know_one_service_are_no_fault_of_a_row(tmp_path: Path) -> None:
    extra = '\n[[source]]\nkind = "canonical"\nname = "other"\ntable = "services"\npaths = ["more.csv"]\n'
    (tmp_path / "more.csv").write_text("service_id,name\nshop,The shop\nshop,Old\nshop,The shop\n", encoding="utf-8")
    root = folder(tmp_path)
    with (root / "settings.toml").open("a", encoding="utf-8") as file:
        file.write(extra)
    org = load(root)
    assert org.tables["services"].select("name", "source").rows() == [("The shop", "other")]
    assert org.rejected.select("table", "row", "reason").rows() == [
        ("services", 1, "the same key comes again later; the later row is used"),
        ("services", 2, "the same key comes again later; the later row is used"),
    ]
    dropped = dict(org.tables["loads"].filter(table="services").select("source", "dropped").rows())
    assert json.loads(dropped["canonical-services"]) == {"another source, read later, describes it too": 1}
    assert adds_up(org)


def test_two_catalogues_may_call_one_service_otherwise(tmp_path: Path) -> None:
    extra = '\n[[source]]\nkind = "canonical"\nname = "other"\ntable = "services"\npaths = ["more.csv"]\n'
    (tmp_path / "more.csv").write_text("service_id,name,repo\ncomponent:shop,The shop,acme/shop\n", encoding="utf-8")
    aliases = "kind,alias,canonical_id\nservice,component:shop,shop\nperson,jane@example.invalid,jane\n"
    root = folder(tmp_path, aliases=aliases)
    with (root / "settings.toml").open("a", encoding="utf-8") as file:
        file.write(extra)
    org = load(root)
    assert org.tables["services"].select("service_id", "name", "repo").rows() == [("shop", "The shop", "acme/shop")]
    assert org.rejected.is_empty()
    assert org.checks["success"].all()
    assert adds_up(org)
    assert "jane@" not in repr(org.tables["aliases"].to_dicts())


@pytest.mark.parametrize(
    ("files", "settings", "caution"),
    [
        ({"aliases": "kind,alias,canonical_id,valid_from\nservice,web,shop,2026-01-01\nservice,web,x,2026-03-01\n"}, "",
         "1 name(s) in the aliases stand for two things at one time (service): there the one that begins later counts. Give the other a valid_to."),
        ({}, "", "No as-of time in the settings: the day after the last fact is used."),
        ({"ownership": OWNERSHIP + "shop,ops,2026-03-10,\n"}, "", "1 span(s) of ownership overlap a later one of the same service; from then on the later owner counts."),
        ({"ownership": "service_id,team_id\nshop,pay\n"}, "", "The ownership table knows only today's owners: a reorganisation would rewrite history."),
    ],
)  # fmt: skip
def test_what_a_reader_should_know_is_said(tmp_path: Path, files: dict[str, str], settings: str, caution: str) -> None:
    assert caution in load(folder(tmp_path, settings, **files)).cautions


def test_with_an_as_of_time_and_whole_ownership_there_is_no_caution(tmp_path: Path) -> None:
    assert load(folder(tmp_path, "[organisation]\nas_of = 2026-04-01T00:00:00Z\n")).cautions == ()


def test_an_export_that_is_incomplete_is_a_caution_and_is_shown_in_the_coverage(tmp_path: Path) -> None:
    root = folder(tmp_path)
    page = {
        "items": [{"incident_id": "i1", "service_id": "shop", "opened_at": "2026-03-01T12:00:00Z"}],
        "has_more": True,
    }
    (root / "incidents.json").write_text(json.dumps(page), encoding="utf-8")
    with (root / "settings.toml").open("a", encoding="utf-8") as file:
        file.write('\n[[source]]\nkind = "canonical"\ntable = "incidents"\npaths = ["incidents.json"]\n')
    org = load(root)
    assert "What rests on incidents is a lower bound: incidents.json is incomplete by its own account." in org.cautions
    assert dict(org.coverage().select("table", "truncated").unique().rows()) == {
        "incidents": True,
        "deployments": False,
    }


def test_answers_are_asked_for_by_name(tmp_path: Path) -> None:
    org = load(folder(tmp_path, services=SERVICES))
    one = org.answers("deployment_frequency", by="service", every="1mo")
    assert set(one["metric"]) == {"deployment_frequency"}
    assert set(one["scope"]) == {"service"}
    with pytest.raises(ReportError, match="deployment_frequenzy"):
        org.answers("deployment_frequenzy")


def test_a_study_is_asked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    org = load(folder(tmp_path))

    def count(tables: Any, settings: Settings, as_of: datetime) -> pl.DataFrame:
        return tables["deployments"].select(pl.len()).collect().with_columns(org=pl.lit(settings.org), at=as_of)

    studies = (Study("how_many", "how many there are", count, People.NONE),)
    monkeypatch.setattr(organisation.metrics, "STUDIES", studies)
    assert org.study("how_many").rows() == [(3, tmp_path.name, org.as_of)]
    with pytest.raises(ReportError, match=r"There is no study 'howmany'\. Did you mean 'how_many'\?"):
        org.study("howmany")


def published_log(cases: Path, root: Path, time_zone: str = "UTC") -> Organisation:
    """The 28-day log of two services (our own hand-made case), read with column and value mapping."""
    log = cases / "dora" / "ours" / "divergence"
    settings = f"""
[organisation]
id = "divergence"
time_zone = "{time_zone}"
as_of = 2024-04-01T00:00:00Z
[[source]]
kind = "canonical"
table = "deployments"
paths = ["{log}/deployments.csv"]
columns = {{ service_id = "service", sha = "commit_sha", outcome = "result", is_rollback = "kind" }}
values = {{ is_rollback = {{ rollback = "true", normal = "false", hotfix = "false", redeploy = "false" }} }}
constants = {{ environment = "production" }}
[[source]]
kind = "canonical"
table = "incidents"
paths = ["{log}/incidents.csv"]
columns = {{ service_id = "service", opened_at = "created_at", change_caused = "truth" }}
values = {{ change_caused = {{ change = "true", cloud_outage = "false", expired_certificate = "false", unknown = "" }} }}
[[source]]
kind = "canonical"
table = "ownership"
paths = ["{log}/service_ownership.csv"]
columns = {{ service_id = "service", team_id = "team" }}
[[source]]
kind = "canonical"
table = "changes"
paths = ["{log}/commits.csv"]
columns = {{ change_id = "commit_sha", service_id = "service", first_commit_at = "authored_at" }}
[[source]]
kind = "canonical"
table = "deployment_changes"
paths = ["{log}/deployments.csv"]
columns = {{ change_id = "commit_sha" }}
"""
    (root / "settings.toml").write_text(settings, encoding="utf-8")
    return load(root)


def test_the_published_log(cases: Path, tmp_path: Path) -> None:
    """Of 28 days from 4 March 2024: 18 deployments, payments 8 and storefront 4 as of the event, change fail rate 5/18."""
    org = published_log(cases, tmp_path)
    answers = org.answers(every="1w")
    weeks = answers.filter(answers["period"].is_in(["2024-W10", "2024-W11", "2024-W12", "2024-W13"]))
    by_team = weeks.filter(metric="deployment_frequency", scope="team").group_by("entity_id").agg(pl.col("n").sum())
    assert dict(by_team.rows()) == {"payments": 8, "storefront": 4, "discovery": 6}
    fail = weeks.filter(metric="change_fail_rate", scope="org")
    assert (fail["k"].sum(), fail["n"].sum()) == (5, 18)
    rework = weeks.filter(metric="deployment_rework_rate", scope="org")
    assert (rework["k"].sum(), rework["n"].sum()) == (3, 18)
    days = weeks.filter(metric="deployment_days", scope="org")
    assert days["k"].to_list() == [4, 3, 3, 2]
    expected = json.loads((cases / "dora/ours/divergence/expected.json").read_text())["results"]
    assert days["k"].sum() == expected["deployment_frequency"]["deployment_days_utc"]
    lead = weeks.filter(metric="change_lead_time", scope="org")
    assert lead["n"].sum() == expected["change_lead_time"]["n"]


def test_the_rows_behind_a_number_are_one_call_away(tmp_path: Path) -> None:
    org = load(folder(tmp_path, services=SERVICES, ownership=OWNERSHIP))
    service = org.tables["deployments"]["service_id"].drop_nulls()[0]
    month = f"{org.tables['deployments']['finished_at'].drop_nulls()[0]:%Y-%m}"
    rows = org.trace("deployment_frequency", month, service=service)
    assert rows.height
    assert set(rows["service_id"]) == {service}
    assert org.trace("deployment_frequency", month).height >= rows.height
    with pytest.raises(ReportError, match="not both"):
        org.trace("deployment_frequency", month, team="red", service=service)
    with pytest.raises(ReportError, match=f"There is no service '{service}s' .* Did you mean '{service}'"):
        org.trace("deployment_frequency", month, service=f"{service}s")


def test_what_repeats_is_held_by_number_and_read_as_text(sample: Organisation) -> None:
    held, read = sample.tables["costs"], sample.lazy["costs"].collect_schema()
    assert isinstance(held.schema["provider"], pl.Enum)
    assert (read["source"], read["load_id"]) == (
        pl.String,
        pl.String,
    )  # as in every table, so that rows of several stand together
    rows = bill(sample.lazy, sample.settings).collect()
    assert rows.schema == TABLES["costs"].schema
    assert rows.equals(as_text(held).filter(pl.col("cost_id").is_in(rows["cost_id"].implode())))
