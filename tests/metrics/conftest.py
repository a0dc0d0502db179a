"""Small companies made by hand: tables from lists of rows, settings without a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from idp_analytics.settings import Rules, Settings
from idp_analytics.tables import TABLES
from idp_analytics.tables.ownership import attribute

Rows = Sequence[Mapping[str, Any]]
Company = dict[str, pl.LazyFrame]

USUAL: dict[str, dict[str, Any]] = {
    "teams": {"kind": "team", "name": "Team"},
    "services": {"name": "Service"},
    "deployments": {"environment": "production", "outcome": "success", "service_id": "shop", "team_id": "red"},
    "changes": {"service_id": "shop", "team_id": "red"},
    "incidents": {"service_id": "shop", "team_id": "red"},
    "costs": {"basis": "effective", "currency": "USD", "category": "usage"},
}
"""What a row says unless told otherwise."""


def moment(text: str) -> datetime:
    """``2026-03-05`` or ``2026-03-05T10:00`` as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _value(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name.endswith("_at") or name in ("period_start", "period_end"):
        return moment(value)
    return date.fromisoformat(value) if name.endswith("_on") else value


@pytest.fixture(scope="session")
def company() -> Callable[..., Company]:
    """``company(deployments=[{…}, …], …)``: every canonical table, typed, lazy, with lineage; those not named empty."""

    def build(**tables: Rows) -> Company:
        made = {}
        for name, table in TABLES.items():
            schema = dict(table.schema)
            if table.owned:
                schema.setdefault("team_id", pl.String)
            lineage = {"source": "test", "load_id": "load-1"} if name != "loads" else {}
            rows = [
                {**lineage, "source_row": number, **USUAL.get(name, {}), **row}
                for number, row in enumerate(tables.get(name, ()), 1)
            ]
            kept = [{key: _value(key, row.get(key)) for key in schema} for row in rows]
            unknown = {key for row in tables.get(name, ()) for key in row} - set(schema)
            assert not unknown, f"{name} has no {unknown}"
            made[name] = pl.DataFrame(kept, schema=schema, orient="row").lazy()
        return made

    return build


@pytest.fixture(scope="session")
def settings() -> Callable[..., Settings]:
    """``settings(time_zone=…, link_hours=…)``: the defaults but for what is given."""

    def build(time_zone: str = "UTC", **rules: Any) -> Settings:
        return Settings("test", "Test", Path(), time_zone=time_zone, rules=Rules(**rules))

    return build


@pytest.fixture(scope="session")
def as_of() -> Callable[[str], datetime]:
    """``as_of("2026-04-01")``: that moment in UTC."""
    return moment


# --- the hand-made log on which tools disagree ---------------------------------------------------------------------------


@pytest.fixture(scope="session")
def log(cases):
    folder = cases / "dora" / "ours" / "divergence"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return {path.stem: pl.read_csv(path) for path in folder.glob("*.csv")} | {
        "expected": json.loads((folder / "expected.json").read_text())
    }


def time(name: str) -> pl.Expr:
    return pl.col(name).str.to_datetime(time_unit="us", time_zone="UTC")


@pytest.fixture(scope="session")
def divergence(log, company):
    """The log in our tables: a root cause commit is the deployment that brought it, a hotfix a change labelled so."""
    deployments = log["deployments"].select(
        "deployment_id", "version", service_id="service", environment=pl.lit("production"), sha="commit_sha",
        started_at=time("started_at"), finished_at=time("finished_at"), outcome=pl.col("result").str.to_lowercase(),
        is_rollback=pl.col("kind") == "rollback",
    )  # fmt: skip
    first = deployments.sort("finished_at").unique("sha", keep="first").select("sha", cause="deployment_id")
    hotfix = log["deployments"].filter(kind="hotfix")["commit_sha"]
    frames = {
        "ownership": log["service_ownership"].select(
            service_id="service", team_id="team",
            **{name: time(name).dt.date() for name in ("valid_from", "valid_to")},
        ),
        "deployments": deployments,
        "changes": log["commits"].select(
            change_id="commit_sha", service_id="service", first_commit_at=time("authored_at"),
            opened_at=time("authored_at"), merged_at=time("authored_at"),
            labels=pl.when(pl.col("commit_sha").is_in(hotfix.implode())).then(pl.lit(["hotfix"])),
        ),
        "deployment_changes": deployments.select("deployment_id", change_id="sha"),
        "incidents": log["incidents"].join(first, left_on="root_cause_commit", right_on="sha", how="left").select(
            "incident_id", service_id="service", opened_at=time("created_at"), resolved_at=time("resolved_at"),
            change_caused=pl.when(pl.col("truth") != "unknown").then(pl.col("truth") == "change"), deployment_id="cause",
        ),
    }  # fmt: skip
    made = company()
    for name, frame in frames.items():
        empty = made[name].collect()
        whole = pl.concat([empty, frame.select(pl.col(c).cast(empty.schema[c]) for c in frame.columns)], how="diagonal")
        if TABLES[name].owned:
            whole = attribute(TABLES[name], whole, frames["ownership"], "UTC")
        made[name] = whole.lazy()
    return made
