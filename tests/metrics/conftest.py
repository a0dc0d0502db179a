"""Small companies made by hand: tables from lists of rows, settings without a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from idp_analytics.settings import Rules, Settings
from idp_analytics.tables import TABLES

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
