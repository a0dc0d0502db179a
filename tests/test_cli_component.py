"""``idp explain sprawl``: from a part of the platform to the uses, charges and tickets that are counted of it."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner
from folder_building import folder

from idp_analytics.cli import cli

PART = '[[component]]\nid = "net"\nusage = ["net"]\ntake = { account = "shared" }\n\n'
BILLED = (
    "cost_id,period_start,period_end,account,category,amount,currency,basis\n"
    "k1,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,shared,usage,3.00,EUR,effective\n"
    "k2,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,own,tax,1.50,EUR,effective\n"
)
USED = "event_id,component,action,team_id,at\nu1,net,open,pay,2026-03-02T10:00:00Z\nu2,other,open,pay,2026-03-02T10:00:00Z\n"


def test_explain_lists_what_was_used_of_a_component_and_paid_for_it(tmp_path: Path) -> None:
    data = str(folder(tmp_path, PART, costs=BILLED, usage=USED))
    shown = CliRunner().invoke(cli, ["explain", "sprawl", "--data", data, "--component", "net", "--period", "2026-03"])
    assert shown.exit_code == 0, shown.output
    assert "2 row(s) of net in the 90 days before the end of 2026-03:" in shown.output
    assert "usage.csv" in shown.output
    assert "costs.csv" in shown.output
    assert "k2" not in shown.output


def test_explain_refuses_what_does_not_go_together() -> None:
    alone = ["showback_cost", "--component", "net", "--period", "2026-03"]
    for options in (["sprawl"], ["sprawl", "--component", "net"], alone):
        refused = CliRunner().invoke(cli, ["explain", *options])
        assert refused.exit_code == 2
        assert "sprawl goes with --component and --period alone" in refused.output
