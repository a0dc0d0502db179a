"""``idp explain``: from a number to the rows behind it and to the bill; what ``idp doctor`` says of rules of sharing."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result
from folder_building import folder

from idp_analytics.cli import cli
from idp_analytics.metrics import CATALOGUE

POOLED = """
[[pool]]
id = "net"
title = "Network"
take = { account = "shared" }
[[pool]]
id = "lost"
take = { account = "nobody" }
[[pool]]
id = "all"
take = { category = "usage" }
by = "fixed"
shares = { pay = 60 }
"""
BILLED = (
    "cost_id,period_start,period_end,team_id,account,category,amount,currency,basis\n"
    "k1,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,,shared,usage,3.00,EUR,effective\n"
    "k2,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,pay,own,tax,1.50,EUR,effective\n"
    "k3,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,,other,usage,2.50,EUR,effective\n"
)


def idp(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def test_explain_goes_from_a_share_to_its_rule_and_from_there_to_the_bill(tmp_path: Path) -> None:
    data = folder(tmp_path, POOLED, costs=BILLED)
    shown = idp("explain", "showback_cost", "--data", data, "--team", "pay", "--period", "2026-03").output
    assert "\n3 row(s) behind it:\n" in shown
    assert "Network is shared evenly. Its charges: idp explain showback_cost --pool net --period 2026-03" in shown
    charges = idp("explain", "showback_cost", "--data", data, "--pool", "net", "--period", "2026-03").output
    assert "\n1 row(s) behind it:\n" in charges
    assert "costs.csv" in charges
    for options in (["--team", "pay"], []):
        refused = idp("explain", "showback_cost", "--pool", "net", *options)
        assert refused.exit_code == 2
        assert "--pool goes with --period alone" in refused.output


def test_doctor_looks_at_rules_of_sharing(tmp_path: Path) -> None:
    told = idp("doctor", "--data", folder(tmp_path, POOLED, costs=BILLED)).output
    assert "The pool 'lost' takes no charge: nothing fits its take." in told
    assert "1 charge(s), EUR 3.00, fit the pools 'net' and 'all': 'net' takes them, being written first." in told
    assert (
        "The pool 'all' is in part unallocated, rule residual: The fixed shares of a pool do not come to 100 percent"
        in told
    )


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_explain_defines_every_metric_without_reading_anything(metric: Any) -> None:
    output = idp("explain", metric.name, "--data", "no/such").output
    assert output.startswith(f"{metric.title} ({metric.name})\n{metric.question}\n")


@pytest.mark.parametrize(
    ("whose", "period", "rows"),
    [
        ([], "2026-03", 2), (["--team", "pay"], "2026-03", 1), (["--team", "web"], "2026-03", 1), (["--service", "shop"], "2026-03", 2),
        (["--service", "shop"], "2026-Q1", 2), (["--team", "pay"], "2026-W10", 0), (["--team", "web"], "2026-W12", 1),
    ],
)  # fmt: skip
def test_explain_shows_the_rows_behind_a_number(whose: list[str], period: str, rows: int, tmp_path: Path) -> None:
    data = folder(tmp_path)
    result = idp("explain", "deployment_frequency", "--data", data, *whose, "--period", period)
    assert result.exit_code == 0, result.output
    assert f"\n{rows} row(s) behind it:\n" in result.output
    assert result.output.count("deployments.csv") == rows
    answers = idp(
        "answers",
        "--data",
        data,
        "--metric",
        "deployment_frequency",
        "--every",
        "1w",
        "--every",
        "1mo",
        "--every",
        "1q",
    )
    scope, entity = (whose[0].strip("-"), whose[1]) if whose else ("org", "org")
    told = pl.read_csv(io.StringIO(answers.stdout), infer_schema=False).filter(
        scope=scope, entity_id=entity, period=period
    )
    assert told["n"].to_list() == [str(rows)]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["deployment_frequency", "--period", "March"], "is not a period"),
        (["deployment_frequency", "--period", "2026-03", "--team", "pya"], "Did you mean 'pay'?"),
        (["deployment_frequency", "--period", "2026-03", "--service", "shp"], "Did you mean 'shop'?"),
        (["deployment_frequency", "--period", "2026-03", "--service", "shop", "--team", "pay"], "not both"),
        (["time_to_first_deploy", "--period", "2026-Q1"], "single people"),
    ],
)
def test_explain_says_what_cannot_be_shown(asked: list[str], says: str, tmp_path: Path) -> None:
    result = idp("explain", *asked, "--data", folder(tmp_path))
    assert (result.exit_code, says in result.stderr) == (2, True), result.output
