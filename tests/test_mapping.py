"""Names nobody knows, by the rows they would rescue, and what they may stand for."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from idp_analytics import mapping
from idp_analytics.cli import cli
from idp_analytics.doctor import findings
from idp_analytics.organisation import load
from idp_analytics.tables.pseudonyms import KEY_VARIABLE, pseudonym

NAMES = {
    "checkout": "checkout",
    "Checkout page": "checkout",
    "search-index": "search-index",
    "payments-api": "payments-api",
    "payments-ui": "payments-ui",
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("checkout-prod", ("checkout", 1.0)),
        ("acme/Checkout", ("checkout", 1.0)),
        ("svc_checkout", ("checkout", 1.0)),
        ("CheckoutPage", ("checkout", 1.0)),
        ("searchIndex", ("search-index", 1.0)),
        ("velero", (None, 0.0)),
        ("", (None, 0.0)),
        ("payments", (None, 0.0)),  # as like one as the other
    ],
)
def test_the_closest_name(name, expected):
    assert mapping.closest(name, NAMES) == expected


def test_a_misspelt_name_is_alike_and_not_certain():
    ours, certainty = mapping.closest("serch-index", NAMES)
    assert ours == "search-index"
    assert mapping.LEAST_ALIKE <= certainty < 1


def test_a_name_that_two_things_bear_is_neither():
    assert mapping.closest("shop", {"shop-a": "a", "shop-b": "b"}) == (None, 0.0)


FILES = {
    "settings.toml": """
[organisation]
id = "acme"
as_of = 2026-04-01T00:00:00Z
[[source]]
name = "mapping"
kind = "canonical"
table = "aliases"
paths = ["aliases.csv"]
[[source]]
kind = "canonical"
table = "services"
paths = ["services.csv"]
[[source]]
kind = "canonical"
table = "operations"
paths = ["operations.csv"]
[[source]]
kind = "canonical"
table = "action_runs"
paths = ["runs.csv"]
[[source]]
name = "ci"
kind = "canonical"
table = "deployments"
paths = ["deployments.csv"]
columns = { environment = "target", environment_raw = "target" }
""",
    "aliases.csv": "kind,system,alias,canonical_id,valid_from,valid_to\n",
    "services.csv": "service_id,name,repo\ncheckout,Checkout,acme/shop-frontend\nsearch,Search,\n",
    "operations.csv": "operation_id,title,risk\ncreate-db,Create a database,dangerous\nrestart,Restart,\n",
    "runs.csv": "run_id,operation_id,requested_at\nr1,create-db,2026-03-01T00:00:00Z\nr2,restart,2026-03-01T00:00:00Z\nr3,create_db,2026-03-01T00:00:00Z\n",
    "deployments.csv": "deployment_id,service_id,target,outcome,finished_at,initiated_by\n"
    "d1,checkout-prod,eu-prod,success,2026-03-01T00:00:00Z,\nd2,checkout-prod,eu-prod,success,2026-03-02T00:00:00Z,\n"
    "d3,shop-frontend,mars,success,2026-03-03T00:00:00Z,\nd4,velero,production,success,2026-03-04T00:00:00Z,\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_what_is_unmapped_by_the_rows_it_would_rescue(folder):
    found = mapping.unmapped(load(folder))
    assert [(one.kind, one.system, one.name, one.rows, one.canonical_id) for one in found] == [
        ("environment", "ci", "eu-prod", 2, "production"), ("service", "ci", "checkout-prod", 2, "checkout"),
        ("environment", "ci", "mars", 1, None), ("operation", "canonical-action_runs", "create_db", 1, "create-db"),
        ("service", "ci", "shop-frontend", 1, "checkout"), ("service", "ci", "velero", 1, None),
    ]  # fmt: skip


def test_a_catalogue_that_knows_nothing_asks_nothing(folder):
    (folder / "services.csv").write_text("service_id,name,repo\n")
    assert {one.kind for one in mapping.unmapped(load(folder))} == {"environment", "operation"}


def test_unclassified_operations(folder):
    assert mapping.unclassified(load(folder)).rows() == [("create_db", 1), ("restart", 1)]


def test_the_proposals_rescue_what_they_say(folder):
    told = CliRunner().invoke(cli, ["doctor", "--data", str(folder), "--aliases", str(folder / "proposals.csv")])
    assert told.exit_code == 0, told.output
    assert (
        "4 row(s) name 3 service(s) the catalogue does not have: checkout-prod (2 by ci, is it checkout?), shop-frontend (1 by ci, is it checkout?), velero (1 by ci)."
        in told.output
    )
    assert "2 run(s) are of 2 operation(s) whose risk nobody has said: create_db (1), restart (1)." in told.output
    proposed = pl.read_csv(folder / "proposals.csv")
    assert tuple(proposed.columns) == mapping.COLUMNS
    proposed.filter(pl.col("canonical_id").is_not_null()).drop("rows", "certainty").write_csv(folder / "aliases.csv")
    after = load(folder)
    assert [(one.kind, one.name) for one in mapping.unmapped(after)] == [("environment", "mars"), ("service", "velero")]
    assert after.tables["deployments"]["service_id"].to_list() == ["checkout", "checkout", "checkout", "velero"]
    assert after.tables["deployments"]["environment"].to_list() == ["production", "production", None, "production"]


def test_no_proposal_is_a_formula(folder):
    """People look through them in a spreadsheet; a name with an apostrophe before it would map nothing."""
    with (folder / "deployments.csv").open("a") as rows:
        rows.write(
            "d5,=1+1,production,success,2026-03-05T00:00:00Z,\nd6,@acme/pay\x1b]0;x\x07,production,success,2026-03-05T00:00:00Z,\n"
        )
    told = CliRunner().invoke(cli, ["doctor", "--data", str(folder), "--aliases", str(folder / "proposals.csv")])
    assert "2 name(s) that a spreadsheet would run as a formula are not among them: write them by hand." in told.output
    assert "\\x1b]0;x\\x07" in told.output
    assert "\x1b" not in told.output
    assert not set(pl.read_csv(folder / "proposals.csv")["alias"]) & {"=1+1", "@acme/pay\x1b]0;x\x07"}


def test_pseudonyms_without_a_secret_are_told(folder, monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with (folder / "settings.toml").open("a") as settings:
        settings.write('[[source]]\nkind = "canonical"\ntable = "people"\npaths = ["people.csv"]\n')
    (folder / "people.csv").write_text(f"person_id\n{pseudonym('jane')}\n")
    assert any(KEY_VARIABLE in text for text in findings(load(folder)))
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    assert not any(KEY_VARIABLE in text for text in findings(load(folder)))
