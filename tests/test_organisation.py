"""From files to trusted tables and answers: the whole lower half, on small folders and on the published log."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from idp_analytics.errors import GateError, IdpError, SettingsError, SourceError
from idp_analytics.organisation import Organisation, load

DEPLOYMENTS = """deployment_id,service_id,environment,outcome,finished_at
d1,shop,production,success,2026-03-01T10:00:00Z
d2,shop,production,failure,2026-03-02T10:00:00Z
d3,shop,production,success,2026-03-20T10:00:00Z
"""
TEAMS = "team_id,name,kind\npay,Payments,team\nweb,Web,team\n"
SERVICES = "service_id,name\nshop,Shop\n"
OWNERSHIP = "service_id,team_id,valid_from,valid_to\nshop,pay,,2026-03-15\nshop,web,2026-03-15,\n"


def folder(tmp_path: Path, settings: str = "", **files: str) -> Path:
    content = {"deployments": DEPLOYMENTS, "teams": TEAMS, "services": SERVICES, "ownership": OWNERSHIP} | files
    blocks = [f'[[source]]\nkind = "canonical"\ntable = "{name}"\npaths = ["{name}.csv"]\n' for name in content]
    for name, text in content.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    (tmp_path / "settings.toml").write_text(settings + "\n".join(blocks), encoding="utf-8")
    return tmp_path


def adds_up(org: Organisation) -> bool:
    return all(
        row["rows_in"] == row["rows_out"] + sum(json.loads(row["dropped"]).values())
        for row in org.tables["loads"].iter_rows(named=True)
    )


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
