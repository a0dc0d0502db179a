"""How other tools count, read from their own code or documents. Data only; :mod:`evaluate` does the counting.

The year is that of the version read. Where a tool has a fault of arithmetic (a median by text order, a division by the
wrong number of days), its rule is given here, not the fault.
"""

from __future__ import annotations

from dataclasses import replace

from idp_analytics.metrics.presets.definition import (
    Aggregation,
    Counted,
    Definition,
    FailRate,
    Frequency,
    LeadTime,
    Link,
    Recovery,
)

_FREQUENCY, _LEAD = "deployment_frequency", "change_lead_time"
_FAIL, _RECOVERY = "change_fail_rate", "failed_deployment_recovery_time"
_SHARE = "share of deployments"
_EVERYTHING = Counted(outcomes=(), resyncs=True, dated="last known")
_SYNCS = Counted(resyncs=True)

# --- Apache DevLake ---------------------------------------------------------------------------------------------------

_DEVLAKE = "Apache DevLake, DORA dashboard and plugin (commit 420e494, 2026-05)"
_DEVLAKE_LINK = Link(by="latest", reach="organisation", tie=False, hours=None, cause=False)
_DEVLAKE_LEAD = LeadTime(
    metric=_LEAD, unit="hours", counted=_SYNCS, unit_of_change="pull_request", pick="started_at", skip_first=True,
    sum_of_stages=True, whole="minutes", aggregation=Aggregation.LOWER_MEDIAN,
)  # fmt: skip
_DEVLAKE_DAYS = Frequency(
    metric=_FREQUENCY, unit="days with a deployment per week", counted=_SYNCS, of="days", per="week",
    aggregation=Aggregation.LOWER_MEDIAN, empty_is_zero=True,
)  # fmt: skip
_DEVLAKE_FAIL = FailRate(metric=_FAIL, unit=_SHARE, counted=_SYNCS, link=_DEVLAKE_LINK)

DEVLAKE_2023 = Definition(
    name="devlake_2023",
    title="Apache DevLake, 2023 rules",
    year="2026",
    source=_DEVLAKE,
    ownership="today",
    window="the range chosen in the dashboard; weeks cut by its ends are kept whole",
    note="A project is a chosen set of repositories; here it is the organisation.",
    measures=(
        _DEVLAKE_DAYS,
        replace(_DEVLAKE_DAYS, unit="days with a deployment per month", per="month", detail="per month"),
        _DEVLAKE_LEAD,
        _DEVLAKE_FAIL,
        Recovery(
            metric=_RECOVERY, unit="hours", counted=_SYNCS, link=_DEVLAKE_LINK, start="deployment", open="left out",
            dated="both", whole="minutes", aggregation=Aggregation.LOWER_MEDIAN,
        ),
    ),
)  # fmt: skip

DEVLAKE_2021 = replace(
    DEVLAKE_2023,
    name="devlake_2021",
    title="Apache DevLake, 2021 rules",
    measures=(
        *DEVLAKE_2023.measures[:-1],
        Recovery(
            metric=_RECOVERY, unit="hours", counted=_SYNCS, link=_DEVLAKE_LINK, linked=False, open="left out", dated="end",
            whole="minutes", aggregation=Aggregation.LOWER_MEDIAN,
        ),
    ),
)  # fmt: skip

DEVLAKE_DETAILS = replace(
    DEVLAKE_2023,
    name="devlake_details_2025",
    title="Apache DevLake, details dashboards before pull request 8890",
    source="Apache DevLake, details dashboards until 2026-05-30 (pull request 8890 mends them)",
    note="Incidents stand above the line, so that the share can be above 1. " + DEVLAKE_2023.note,
    measures=(
        replace(_DEVLAKE_FAIL, above="incidents", unit="incidents per deployment"),
        replace(_DEVLAKE_LEAD, aggregation=Aggregation.MEAN),
    ),
)

# --- Four Keys --------------------------------------------------------------------------------------------------------

_FOUR_KEYS_LINK = Link(by="recorded", cause=False)
FOUR_KEYS = Definition(
    name="four_keys",
    title="Four Keys",
    year="2024",
    source="Four Keys, queries and views (commit 6cc642e, 2024-01, archived)",
    ownership="today",
    window="the last three months before today, never another",
    note="Links come from a commit named in the incident's text; here from the deployment recorded on the incident.",
    measures=(
        Frequency(
            metric=_FREQUENCY, unit="days with a deployment per week", counted=_SYNCS, of="days", per="week",
            aggregation=Aggregation.MEDIAN, empty_is_zero=True,
        ),
        LeadTime(
            metric=_LEAD, unit="hours", counted=_SYNCS, each="every", negative="dropped",
            aggregation=Aggregation.MEDIAN, empty_is_zero=True,
        ),
        FailRate(metric=_FAIL, unit="incidents per deployment", counted=_SYNCS, link=_FOUR_KEYS_LINK, above="rows"),
        Recovery(
            metric=_RECOVERY, unit="hours", counted=_SYNCS, link=_FOUR_KEYS_LINK, linked=False, start="earlier",
            open="left out", whole="hours", aggregation=Aggregation.MEDIAN,
        ),
    ),
)  # fmt: skip

# --- Middleware -------------------------------------------------------------------------------------------------------

_RUNS = Frequency(
    metric=_FREQUENCY, unit="deployments per week", counted=replace(_SYNCS, dated="last known"), per="week",
    aggregation=Aggregation.FLOOR_MEAN, empty_is_zero=True,
)  # fmt: skip
MIDDLEWARE = Definition(
    name="middleware",
    title="Middleware",
    year="2025",
    source="Middleware open source (commit 5471e35, 2025-08)",
    ownership="today",
    window="the range chosen; weeks and months cut by its ends are kept whole",
    note="A team is a chosen set of repositories; here it is whoever is asked about.",
    measures=(
        _RUNS,
        replace(_RUNS, unit="deployments per day", per="day", detail="per day"),
        replace(_RUNS, unit="deployments per month", per="month", detail="per month"),
        LeadTime(
            metric=_LEAD, unit="hours", counted=_SYNCS, unit_of_change="pull_request", sum_of_stages=True, dated="merge",
            aggregation=Aggregation.MEAN, empty_is_zero=True,
        ),
        FailRate(
            metric=_FAIL, unit=_SHARE, counted=_EVERYTHING,
            link=Link(by="latest", reach="asked", hours=None, cause=False, inside=True), empty_is_zero=True,
        ),
        Recovery(
            metric=_RECOVERY, unit="hours", counted=_EVERYTHING, link=Link(by="nothing", cause=False), linked=False,
            open="left out", dated="end", aggregation=Aggregation.MEAN,
        ),
    ),
)  # fmt: skip

# --- Metrik -----------------------------------------------------------------------------------------------------------

_STAGE = Counted(outcomes=("success", "failure"), environment=False, resyncs=True)
_STAGE_SUCCESS = replace(_STAGE, outcomes=("success",))
_DAY = 24.0
_OFTEN = ((1 / 30, "LOW"), (1 / 7, "MEDIUM"), (1.0, "HIGH"), (float("inf"), "ELITE"))

METRIK = Definition(
    name="metrik",
    title="Metrik",
    year="2024",
    source="Metrik (commit def6a52, 2024-04)",
    ownership="today",
    window="fortnights counted back from the last day, or calendar months, in the server's time zone",
    note="A failed pipeline stage is a failed change; incidents are not looked at.",
    measures=(
        Frequency(
            metric=_FREQUENCY, unit="deployments per 30 days", counted=_STAGE_SUCCESS, scale=30.0, whole_days=True,
            decimals=2, empty_is_zero=True, tiers=_OFTEN,
        ),
        Frequency(
            metric=_FREQUENCY, unit="deployments per 14 days", counted=_STAGE_SUCCESS, scale=14.0, whole_days=True,
            decimals=2, empty_is_zero=True, tiers=_OFTEN, detail="per 14 days",
        ),
        Frequency(
            metric=_FREQUENCY, unit="deployments", counted=_STAGE_SUCCESS, per="period", empty_is_zero=True,
            detail="in all",
        ),
        LeadTime(
            metric=_LEAD, unit="hours", counted=_STAGE_SUCCESS, each="every", carry=True, negative="kept",
            aggregation=Aggregation.MEAN, tiers=((_DAY, "ELITE"), (7 * _DAY, "HIGH"), (30 * _DAY, "MEDIUM"), (float("inf"), "LOW")),
        ),
        FailRate(
            metric=_FAIL, unit=_SHARE, counted=_STAGE, link=Link(by="outcome", cause=False), tables=("deployments",),
            tiers=((0.15, "ELITE"), (0.30, "HIGH"), (0.45, "MEDIUM"), (float("inf"), "LOW")),
        ),
        Recovery(
            metric=_RECOVERY, unit="hours", counted=_STAGE, link=Link(by="outcome", cause=False), start="deployment",
            end="next success", open="left out", dated="end", tables=("deployments",), aggregation=Aggregation.MEAN,
            tiers=((1.0, "ELITE"), (24.0, "HIGH"), (168.0, "MEDIUM"), (float("inf"), "LOW")),
        ),
    ),
)  # fmt: skip

# --- Vendors' documents -----------------------------------------------------------------------------------------------

_REMEDIED = Link(by="remediation", cause=False)
DATADOG = Definition(
    name="datadog",
    title="Datadog style",
    year="2026",
    source="Datadog documents on change failure detection (2026): rollbacks, and repairs by label or title",
    note="No incident is needed. Rollbacks are left out of the denominator.",
    measures=(
        Frequency(metric=_FREQUENCY, unit="deployments", counted=_SYNCS, per="period", empty_is_zero=True),
        LeadTime(metric=_LEAD, unit="hours", counted=_SYNCS, skip_first=True, aggregation=Aggregation.MEAN),
        FailRate(
            metric=_FAIL, unit=_SHARE, counted=_SYNCS, below_counted=replace(_SYNCS, rollbacks=False), link=_REMEDIED,
            tables=("deployments",),
        ),
        Recovery(
            metric=_RECOVERY, unit="hours", counted=_SYNCS, link=_REMEDIED, start="deployment", end="remediation",
            open="left out", tables=("deployments",), aggregation=Aggregation.MEDIAN,
        ),
    ),
)  # fmt: skip

_NO_LINK = Link(by="nothing", cause=False)
_PLAIN_RATIO = FailRate(
    metric=_FAIL, unit="incidents per deployment", counted=_SYNCS, link=_NO_LINK, above="incidents", empty_is_zero=True
)
_PER_DAY = Frequency(metric=_FREQUENCY, unit="deployments per day", counted=_SYNCS, empty_is_zero=True)
_OPEN_FOR = Recovery(
    metric=_RECOVERY, unit="hours", counted=_SYNCS, link=_NO_LINK, linked=False, open="left out", dated="end",
    aggregation=Aggregation.MEDIAN,
)  # fmt: skip

RATIO = Definition(
    name="ratio",
    title="Plain ratio (GitLab, Faros)",
    year="2026",
    source="GitLab documents (DORA metrics API), Faros community edition: incidents ÷ deployments",
    note="Nothing is linked, so that the share can be above 1.",
    measures=(
        _PER_DAY,
        LeadTime(metric=_LEAD, unit="hours", counted=_SYNCS, start="merged_at", aggregation=Aggregation.MEDIAN),
        _PLAIN_RATIO,
        _OPEN_FOR,
    ),
)

LINEARB = Definition(
    name="linearb",
    title="LinearB style",
    year="2026",
    source="LinearB documents (2026): cycle time as average, median, P75 or P90; here P90",
    note=RATIO.note,
    measures=(
        _PER_DAY,
        LeadTime(metric=_LEAD, unit="hours", counted=_SYNCS, aggregation=Aggregation.P90),
        _PLAIN_RATIO,
        replace(_OPEN_FOR, aggregation=Aggregation.MEAN),
    ),
)

SLEUTH = Definition(
    name="sleuth",
    title="Sleuth style",
    year="2026",
    source="Sleuth documents (2026): weekends are left out of the days, lead time is an average",
    note="Its change fail rate needs the spans of unhealthy signals, which the tables do not hold.",
    measures=(
        replace(_PER_DAY, unit="deployments per weekday", per="weekday"),
        LeadTime(metric=_LEAD, unit="hours", counted=_SYNCS, aggregation=Aggregation.MEAN),
    ),
)

PELORUS = Definition(
    name="pelorus",
    title="Pelorus",
    year="2025",
    source="Pelorus (commit f0010df, 2025-10): failures per application ÷ commits deployed",
    note="Its figure for the whole is the mean of its applications' means; here the whole is counted as one.",
    measures=(
        LeadTime(metric=_LEAD, unit="hours", counted=_SYNCS, aggregation=Aggregation.MEAN),
        replace(_PLAIN_RATIO, below="commits", unit="incidents per commit deployed"),
        replace(_OPEN_FOR, aggregation=Aggregation.MEAN),
    ),
)

DORAMETRIX = Definition(
    name="dorametrix",
    title="dorametrix",
    year="2024",
    source="dorametrix (commit ea28d81, 2024-09)",
    measures=(
        _PER_DAY,
        LeadTime(metric=_LEAD, unit="hours", counted=_SYNCS, each="every", aggregation=Aggregation.MEDIAN),
        _PLAIN_RATIO,
        replace(_OPEN_FOR, open="until now", dated="start", aggregation=Aggregation.MEAN),
    ),
)

TOOLS: tuple[Definition, ...] = (
    DEVLAKE_2021, DEVLAKE_2023, DEVLAKE_DETAILS, FOUR_KEYS, MIDDLEWARE, METRIK, DATADOG, RATIO, LINEARB, SLEUTH, PELORUS,
    DORAMETRIX,
)  # fmt: skip
"""Every tool whose rules are known, in the order documents show them."""
