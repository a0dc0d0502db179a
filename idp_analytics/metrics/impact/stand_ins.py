"""Units the ledger does not name, to compare with where it names none that had not taken a change up."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.metrics import golden_paths
from idp_analytics.metrics.impact.ledger import Entry
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings


def stand_ins(entry: Entry, units: pl.Series, tables: Tables, settings: Settings, as_of: datetime) -> list[str]:
    """Of all ``units`` of the entry's kind those that it does not name, the platform's own team left out, and whoever is known to have been on a golden path that
    the entry's component is, or has (``[[component]]``): services themselves, teams by what they ever owned. That the others did not take it up is supposed."""
    paths = {
        entry.component,
        *(path for part in settings.components if part.id == entry.component for path in part.golden_paths),
    }
    on = golden_paths.spells(golden_paths.evidence(tables, settings, as_of)).filter(
        pl.col("golden_path_id").is_in([p for p in paths if p])
    )
    services = on["service_id"].unique()
    if entry.kind == "team":
        known = (
            tables["ownership"]
            .filter(pl.col("service_id").is_in(services.implode()))
            .select("team_id")
            .unique()
            .collect()["team_id"]
            .to_list()
        )
    else:
        known = services.to_list()
    left_out = {*entry.adopted, *known, settings.platform_team if entry.kind == "team" else None}
    return sorted(unit for unit in units.unique().to_list() if unit not in left_out)
