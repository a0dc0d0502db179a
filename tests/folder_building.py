"""Small data folders of canonical CSV files: one service that changes hands on 15 March."""

from __future__ import annotations

import json
from pathlib import Path

from idp_analytics.organisation import Organisation

DEPLOYMENTS = """deployment_id,service_id,environment,outcome,finished_at
d1,shop,production,success,2026-03-01T10:00:00Z
d2,shop,production,failure,2026-03-02T10:00:00Z
d3,shop,production,success,2026-03-20T10:00:00Z
"""
TEAMS = "team_id,name,kind\npay,Payments,team\nweb,Web,team\n"
SERVICES = "service_id,name\nshop,Shop\n"
OWNERSHIP = "service_id,team_id,valid_from,valid_to\nshop,pay,,2026-03-15\nshop,web,2026-03-15,\n"


def folder(tmp_path: Path, settings: str = "", **files: str) -> Path:
    """Write the four tables, changed or added to as ``files`` says, and settings that name them all."""
    content = {"deployments": DEPLOYMENTS, "teams": TEAMS, "services": SERVICES, "ownership": OWNERSHIP} | files
    blocks = [f'[[source]]\nkind = "canonical"\ntable = "{name}"\npaths = ["{name}.csv"]\n' for name in content]
    for name, text in content.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8", newline="")
    (tmp_path / "settings.toml").write_text(settings + "\n".join(blocks), encoding="utf-8")
    return tmp_path


def adds_up(org: Organisation) -> bool:
    """For every file: rows in = rows out + rows dropped."""
    return all(
        row["rows_in"] == row["rows_out"] + sum(json.loads(row["dropped"]).values())
        for row in org.tables["loads"].iter_rows(named=True)
    )
