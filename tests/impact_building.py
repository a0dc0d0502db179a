"""Changes of the ledger made by hand: what can be said of each, whose units they are, and their course."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from answer_building import Row, answer, frame, mart

from idp_analytics.metrics.impact.columns import COLUMNS, COURSE_COLUMNS
from idp_analytics.metrics.interventions import COLUMNS as UNITS
from idp_analytics.report.mart import Mart

REGISTERED = datetime(2026, 1, 2, 9, tzinfo=UTC)


def change(name: str = "pipeline", **given: Any) -> Row:
    """One row of the study ``impact``: compared with others, better for certain, its day to look come."""
    known = {
        "scope": "org", "entity_id": "org", "intervention_id": name, "component": "delivery", "hypothesis": "Changes arrive sooner",
        "metric": "change_lead_time", "role": "primary", "direction": "down", "smallest_effect": 4.0, "unit": "hours", "state": "due",
        "registered_at": REGISTERED, "review_on": date(2026, 6, 1), "method": "group-time effects", "why": "12 units took it up and 9 had not.",
        "adopted": 12, "compared": 9, "periods_before": 6, "periods_after": 5, "effect": -9.0, "low": -14.0, "high": -4.0, "level": 0.95, "n": 1200,
        "missing": 3, "p": 0.0004, "detectable": 6.0, "pretrend_p": 0.42, "pretrend_detectable": 1.5, "placebo_p": 0.02, "robust_to": 0.8,
        "verdict": "improved", "would_change": "Others moving alike from now on.",
    }  # fmt: skip
    return {**known, **given}


def units(
    *names: str, took: date | None = date(2026, 2, 1), change: str = "pipeline", scope: str = "org", entity: str = "org", late: bool = False
) -> list[Row]:  # fmt: skip
    """Services that ``took`` a change up on one day (null: not yet)."""
    return [
        {
            "scope": scope, "entity_id": entity, "intervention_id": change, "component": "delivery", "hypothesis": "h", "metric": "change_lead_time",
            "direction": "down", "smallest_effect": 4.0, "unit_kind": "service", "unit_id": name, "adopted_on": took, "review_on": date(2026, 6, 1),
            "registered_at": REGISTERED, "is_late": late,
        }
        for name in names
    ]  # fmt: skip


def course(*points: tuple[Any, ...], change: str = "pipeline") -> list[Row]:
    """Months from taking up: month, effect, low, high, units."""
    return [
        {"scope": "org", "entity_id": "org", "intervention_id": change, "metric": "change_lead_time", "event_period": at, "effect": effect, "low": low,
         "high": high, "units": n}
        for at, effect, low, high, n in points
    ]  # fmt: skip


def company(*rows: Row, who: Any = (), points: Any = (), **studies: Any) -> Mart:
    """A mart of such a ledger and one answer."""
    made = {"impact": frame(rows, COLUMNS), "intervention_units": frame(who, UNITS), "impact_course": frame(points, COURSE_COLUMNS)}  # fmt: skip
    return mart([answer("change_lead_time", value=30.0, low=20.0, high=40.0, n=50)], {"red": "Red"}, studies={**made, **studies})  # fmt: skip
