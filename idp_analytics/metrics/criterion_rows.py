"""The way back from the levels of maturity: every criterion a level follows from, how it stands and why, and whose rows tell more."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

from idp_analytics import periods
from idp_analytics.errors import ReportError, nearest
from idp_analytics.metrics.catalogue import CATALOGUE
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity.evidence import CRITERIA, rescored
from idp_analytics.metrics.maturity.history import LOOKS, earlier
from idp_analytics.settings import Settings

STUDIES = {"maturity_criteria": 1, "maturity_history": LOOKS}
"""Study → at how many ends of quarters, the last of them now, its criteria are looked at."""

ROWS_OF = {
    "services_on_a_path": "path_coverage", "joins_by_choice": "adoption_kinds", "still_on_the_path": "path_retention", "uses_far_behind": "drift",
    "versions_known": "drift", "releases_taken_up": "upgrade_lag", "new_services_on_a_path": "new_service_path_share",
    "path_share_under_stress": "stress_signals", "rules_kept_under_stress": "stress_signals", "tickets_under_stress": "stress_signals",
    "postmortem_actions_in_time": "follow_through", "retrospective_actions_in_time": "follow_through",
    "tickets_per_service_month": "tickets_per_service_month", "months_with_platform_cost": "showback_cost", "cost_with_an_owner": "showback_cost",
    "quarters_with_unit_cost": "showback_cost",
}  # fmt: skip
"""Measure → the metric or study whose rows it is counted from. What is in none of them is counted from people, or whole tables."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "team_id": pl.String,  # null: asked of the organisation
    "at": pl.Date,  # nothing of that day or later is used
    **{name: CRITERIA[name] for name in ("aspect", "level", "is_stress", "criterion", "says", "source")},
    "rows": pl.String,  # the metric or study whose rows it is counted from: `idp explain ROWS --period …`
    **{name: CRITERIA[name] for name in ("is_least", "threshold", "is_critical", "weight", "capability", "kind", "value", "low", "high", "n", "missing", "unit", "p", "state", "why")},
}  # fmt: skip
"""The columns of :func:`criterion_rows`, in order."""


def criterion_rows(
    tables: Tables, settings: Settings, as_of: datetime, study: str, scope: str, entity_id: str, period: str
) -> pl.DataFrame:
    """What the levels of one entity follow from (``study``, of :data:`STUDIES`): one row per criterion it is asked, as of the end of the data, and of
    ``maturity_history`` as of the quarters before too, by the model and thresholds of now.

    A level is no matter of a month, so ``period`` changes nothing. What somebody wrote to excuse a criterion is in none. Columns:
    :data:`COLUMNS`. Raises :class:`ReportError` for another study, scope or what is no period; services have no rows.
    """
    if study not in STUDIES:
        raise ReportError(f"There is no way back from {study!r} to criteria.{nearest(study, STUDIES)}")
    if scope not in ("org", "team"):
        raise ReportError(f"There is no {study} of a {scope}; there is of the organisation and of teams.")
    periods.parse(period)
    zone = ZoneInfo(settings.time_zone)
    looks = [earlier(as_of, settings, back) for back in reversed(range(STUDIES[study]))]
    found = pl.concat(
        rescored(tables, settings, then, as_of)
        .filter(scope=scope, entity_id=entity_id)
        .with_columns(pl.lit(then.astimezone(zone).date()).alias("at"))
        for then in looks
    )
    metrics = {metric.name: metric.name for metric in CATALOGUE if not metric.about_people}
    cards = {c.source: "scorecard_rules" for c in settings.maturity.criteria if c.card is not None}
    whose = pl.col("source").replace_strict({**metrics, **ROWS_OF, **cards}, default=None, return_dtype=pl.String)
    team = pl.when(pl.col("scope") == "team").then("entity_id")
    excused = pl.col("excused_by").is_not_null() & pl.col("state").is_in(["exempt", "not applicable"])
    return found.with_columns(
        team.alias("team_id"), whose.alias("rows"), pl.when(~excused).then("why").alias("why")
    ).select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
