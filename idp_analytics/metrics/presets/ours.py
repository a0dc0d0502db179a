"""The kit's own definition, and the same with one choice made otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from idp_analytics.metrics.presets.definition import (
    Aggregation,
    Counted,
    Definition,
    FailRate,
    Frequency,
    IncidentTime,
    LeadTime,
    Link,
    Recovery,
    Rework,
)

_SOURCE = "this kit; the choices are argued in METRICS.md"

FREQUENCY = Frequency(
    metric="deployment_frequency", unit="deployments per day", covered=True,
)  # fmt: skip
DAYS = Frequency(metric="deployment_days", unit="share of days", of="days", covered=True, min_n=5)
LEAD_TIME = LeadTime(metric="change_lead_time", unit="hours", min_n=6)
FAIL_RATE = FailRate(metric="change_fail_rate", unit="share of deployments", min_n=5)
RECOVERY = Recovery(metric="failed_deployment_recovery_time", unit="hours", min_n=5)
REWORK = Rework(metric="deployment_rework_rate", unit="share of deployments", min_n=5, in_clusters=True)
INCIDENT_TIME = IncidentTime(metric="incident_hours", unit="hours")

IDP = Definition(
    name="idp",
    title="This kit",
    year="2026",
    source=_SOURCE,
    measures=(FREQUENCY, DAYS, LEAD_TIME, FAIL_RATE, RECOVERY, REWORK, INCIDENT_TIME),
)
"""Our own default: what every report shows."""

_NEW_CODE = Counted(rollbacks=False, redeploys=False)

_ANY = Link(cause=False)

LINK_RULES: Mapping[str, Link] = {
    "recorded": Link(by="recorded"),
    "same service within 1 h": Link(by="latest", hours=1.0),
    "same service within 4 h": Link(by="latest", hours=4.0),
    "same service within 24 h": Link(by="latest", hours=24.0),
    "same service within 72 h": Link(by="latest", hours=72.0),
    "same service, no limit": Link(by="latest", hours=None),
    "project-wide, no limit": Link(by="latest", reach="organisation", hours=None),
    "rollback or repair": Link(by="remediation"),
    "failed pipeline": Link(by="outcome"),
}
"""The rules whose effect the link sensitivity shows; all else is ours. Incidents said not to be change-caused stay out."""


def _same_service(hours: float | None) -> Definition:
    """Ours with the one link rule *last deployment of the same service*, whatever the incident says of its cause.

    Without a limit it is DevLake's rule kept to one service: strictly before the incident.
    """
    name = "same_service_unbounded" if hours is None else f"same_service_{hours:g}h"
    limit = "without a limit" if hours is None else f"at most {hours:g} h before"
    link = Link(by="latest", hours=hours, cause=False, tie=hours is not None)
    return Definition(
        name=name,
        title=f"This kit, every incident blamed on the last deployment of the same service {limit}",
        year="2026",
        source=_SOURCE,
        measures=(replace(FAIL_RATE, link=link, min_n=1), replace(RECOVERY, link=link, min_n=1)),
    )


VARIANTS: tuple[Definition, ...] = (
    *(_same_service(hours) for hours in (1, 4, 24, 72, None)),
    Definition(
        name="recorded_only",
        title="This kit, only deployments recorded on the incident",
        year="2026",
        source=_SOURCE,
        measures=(
            replace(FAIL_RATE, link=Link(by="recorded", cause=False), min_n=1),
            replace(RECOVERY, link=Link(by="recorded", cause=False), min_n=1),
        ),
    ),
    Definition(
        name="new_code_only",
        title="This kit, rollbacks and redeploys of the same commit left out",
        year="2026",
        source=_SOURCE,
        measures=(
            replace(FREQUENCY, counted=_NEW_CODE),
            replace(FAIL_RATE, below_counted=_NEW_CODE),
        ),
    ),
    Definition(
        name="any_incident",
        title="This kit, every incident, whatever caused it",
        year="2026",
        source=_SOURCE,
        measures=(
            replace(RECOVERY, link=_ANY, linked=False, min_n=1),
            replace(INCIDENT_TIME, aggregation=Aggregation.SUM),
        ),
    ),
    Definition(
        name="labelled_repairs",
        title="This kit, rework told by the title or label of the change",
        year="2026",
        source=_SOURCE,
        measures=(replace(REWORK, by="label", min_n=1),),
    ),
)
"""Ours with one choice made otherwise."""
