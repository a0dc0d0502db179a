"""Surveys of one wave of a company made by hand, as their studies say them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.metrics.survey_results import survey_answers, survey_results
from idp_analytics.report import disclosure
from idp_analytics.settings import Rules, Settings
from idp_analytics.tables import TABLES

DAY = datetime(2026, 3, 2, tzinfo=UTC)
LINEAGE = {"source": pl.String, "load_id": pl.String, "source_row": pl.Int64}
CHOICE = "keep-at-price@1"
"""A question to which one of two answers is given: yes or no."""

Studies = dict[str, pl.DataFrame]


def surveyed(
    rated: Mapping[str, Sequence[int]],
    *,
    earlier: Mapping[str, Sequence[int]] | None = None,
    chosen: Mapping[str, Sequence[str]] | None = None,
    heads: Mapping[str, int] | None = None,
    least: int = 5,
) -> Studies:
    """Both studies of one wave, and of the one a quarter before. ``rated``: team → satisfaction of each who answered; ``earlier``: the same of the wave
    before; ``chosen``: team → what those gave to :data:`CHOICE`
    (empty: nothing); ``heads``: team → how many could have answered (default: nobody knows); ``least``: the fewest that are shown."""
    rows: list[dict[str, Any]] = []
    waves = (("w1", DAY, rated), ("w0", DAY - timedelta(days=91), earlier or {}))
    for wave, day, team, values in ((wave, day, *one) for wave, day, of in waves for one in of.items()):
        for n, value in enumerate(values):
            row = {
                "response_id": f"{wave}-{team}-{n}",
                "value_index": 0,
                "survey_id": "devex",
                "wave": wave,
                "team_id": team,
                "submitted_at": day,
            }
            rows.append(
                {**row, "question_id": "satisfaction@1", "value": float(value), "scale_min": 1.0, "scale_max": 5.0}
            )
            label = ((chosen or {}).get(team) or [])[n : n + 1]
            rows += [{**row, "question_id": CHOICE, "label": one} for one in label if one]
    people = [(team, f"{team}-{n}") for team, count in (heads or {}).items() for n in range(count)]
    given: dict[str, list[dict[str, Any]]] = {
        "survey_responses": rows,
        "teams": [{"team_id": team} for team in dict.fromkeys([*rated, *(earlier or {}), *(heads or {})])],
        "people": [{"person_id": name, "is_developer": True, "is_bot": False} for _, name in people],
        "memberships": [{"person_id": name, "team_id": team} for team, name in people],
    }  # fmt: skip
    tables = {
        name: pl.DataFrame(
            [{key: row.get(key) for key in (*table.schema, *LINEAGE)} for row in given.get(name, [])],
            schema={**table.schema, **LINEAGE},
        ).lazy()
        for name, table in TABLES.items()
    }
    made = (tables, Settings("t", "T", Path(), rules=Rules(min_cohort=least)), DAY + timedelta(days=90))
    return {disclosure.RESULTS: survey_results(*made), disclosure.ANSWERS: survey_answers(*made)}
