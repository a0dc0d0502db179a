"""The company's changes as ``idp intervention`` writes them down: one entry that registers each, one with the days on which services took it up."""

from __future__ import annotations

from typing import Any

from idp_analytics.sources.ledger_entries import ADOPTED, REGISTERED, line, seal
from idp_analytics.sources.sample.native import Tables, stamp

OPTIONS: dict[str, Any] = {}
OTHERWISE: dict[str, frozenset[str]] = {}


def files(tables: Tables) -> dict[str, Any]:
    """``interventions.jsonl``, entries in the order in which they were made."""
    text, before = "", ""
    for (name,), rows in (
        tables["interventions"].partition_by("intervention_id", as_dict=True, maintain_order=True).items()
    ):
        row = rows.row(0, named=True)
        about = {column: row[column] for column in ("unit_kind", "hypothesis", "metric", "direction", "component")}
        days = dict(rows.drop_nulls("adopted_on").select("unit_id", "adopted_on").iter_rows())
        entries = (
            {
                "entry": REGISTERED, "at": stamp(row["registered_at"]), "intervention_id": name, **about,
                "smallest_effect": str(row["smallest_effect"]), "review_on": str(row["review_on"]), "units": rows["unit_id"].to_list(),
            },
            {
                "entry": ADOPTED, "at": stamp(row["registered_at"]), "intervention_id": name,
                "units": {unit: str(day) for unit, day in days.items()},
            },
        )  # fmt: skip
        for entry in entries:
            text += line(entry, before)
            before = seal(entry, before)
    return {"interventions.jsonl": text}


def told(tables: Tables) -> dict[str, Any]:
    """Every change and every unit of it."""
    return {"interventions": tables["interventions"].drop("source", "load_id", "source_row", strict=False)}
