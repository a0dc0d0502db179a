"""One hand-made log, many answers: each tool's published rule gives the number worked out for it by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from idp_analytics.metrics.presets import PRESETS, evaluated, preset
from idp_analytics.metrics.presets.evaluate import known, placed_rows
from idp_analytics.metrics.presets.windows import windows

START, END = datetime(2024, 3, 4), datetime(2024, 4, 1)
AS_OF = END.replace(tzinfo=UTC)
WINDOW = windows([("log", "28 days", START, END)])
EVERYONE = pl.DataFrame(
    [("org", "org"), *(("team", t) for t in ("payments", "storefront", "discovery")), ("service", "checkout"),
     ("service", "search")],
    schema=["scope", "entity_id"], orient="row",
)  # fmt: skip


@pytest.fixture(scope="module")
def numbers(divergence, settings):
    """(definition, metric, detail, entity) → the one row of the window."""
    found = {}
    for definition in PRESETS:
        for row in evaluated(definition, divergence, settings(), AS_OF, WINDOW, EVERYONE).to_dicts():
            found[definition.name, row["metric"], row["detail"], row["entity_id"]] = row
    return found


@pytest.fixture
def row(numbers):
    def get(definition: str, metric: str, detail: str | None = None, entity: str = "org") -> dict:
        return numbers[definition, metric, detail, entity]

    return get


def members(definition: str, metric: str, divergence, settings, window=WINDOW) -> pl.DataFrame:
    """What stands behind the organisation's number, in order of time."""
    chosen = preset(definition)
    measure = next(m for m in chosen.measures if m.metric == metric)
    rows = placed_rows(measure, known(divergence, AS_OF, chosen.ownership), settings(), window, "org")
    return rows.sort("at", "source_key").collect()


def hits(definition: str, divergence, settings) -> list[str]:
    return sorted(
        set(members(definition, "change_fail_rate", divergence, settings).filter(pl.col("k") > 0)["source_key"])
    )


FREQUENCY = "deployment_frequency"


@pytest.mark.parametrize(
    ("definition", "detail", "column", "key"),
    [
        ("idp", None, "n", "successful_deployments"),
        ("new_code_only", None, "n", "excluding_rollback_and_redeploy"),
        ("devlake_2023", None, "value", "devlake_lower_median_days_per_week"),
        ("devlake_2021", None, "value", "devlake_lower_median_days_per_week"),
        ("four_keys", None, "value", "fourkeys_interpolated_median_days_per_week"),
        ("ratio", None, "value", "gitlab_avg_per_day"),
        ("idp", None, "value", "gitlab_avg_per_day"),
        ("sleuth", None, "value", "sleuth_avg_per_weekday"),
        ("datadog", None, "value", "successful_deployments"),
    ],
)
def test_deployment_frequency(row, log, definition, detail, column, key):
    expected = log["expected"]["results"]["deployment_frequency"][key]
    assert row(definition, FREQUENCY, detail)[column] == pytest.approx(expected, abs=5e-5)


def test_middleware_rounds_its_averages_down(row, log):
    expected = log["expected"]["results"]["deployment_frequency"]["middleware_floor_avg"]
    details = {"daily": "per day", "weekly": None, "monthly": "per month"}
    assert {name: row("middleware", FREQUENCY, detail)["value"] for name, detail in details.items()} == expected


def test_other_denominators(row, log):
    expected = log["expected"]["results"]["deployment_frequency"]
    assert (
        row("middleware", "change_fail_rate")["n"] == row("metrik", "change_fail_rate")["n"] == expected["all_attempts"]
    )
    assert row("pelorus", "change_fail_rate")["n"] == expected["distinct_commits_deployed"]


@pytest.mark.parametrize(
    ("zone", "key"),
    [
        ("UTC", "deployment_days_utc"),
        ("America/Los_Angeles", "deployment_days_los_angeles"),
        ("Asia/Tokyo", "deployment_days_tokyo"),
    ],
)
def test_days_with_a_deployment_in_each_zone(divergence, settings, log, zone, key):
    """The window stays the one of the log, in UTC; the days are those of the zone."""
    offset = {"UTC": 0, "America/Los_Angeles": -8, "Asia/Tokyo": 9}[zone]
    summer = -7 if zone == "America/Los_Angeles" else offset
    local = windows([("log", "w", START.replace(hour=0), END)])
    if offset:
        shift = pl.duration(hours=offset), pl.duration(hours=summer)
        local = local.with_columns(pl.col("start") + shift[0], pl.col("end") + shift[1])
    found = evaluated(preset("idp"), divergence, settings(zone), AS_OF, local, EVERYONE, ["deployment_days"])
    assert found.filter(scope="org")["k"].to_list() == [log["expected"]["results"]["deployment_frequency"][key]]


def test_days_per_week(divergence, settings, log):
    weeks = windows(
        [
            ("1w", f"w{n}", datetime(2024, 3, 4 + 7 * n), datetime(2024, 3, 11 + 7 * n) if n < 3 else END)
            for n in range(4)
        ]
    )
    found = evaluated(preset("devlake_2023"), divergence, settings(), AS_OF, weeks, EVERYONE, [FREQUENCY])
    found = found.filter(scope="org", unit="days with a deployment per week").sort("period")
    assert found["value"].to_list() == log["expected"]["results"]["deployment_frequency"]["days_per_week"]


FAIL_RATES = {
    "devlake_2023": "devlake_dora_json",
    "devlake_2021": "devlake_dora_json",
    "devlake_details_2025": "devlake_details_pre_8890_incidents_over_deploys",
    "middleware": "middleware",
    "ratio": "gitlab_faros_linearb_incident_ratio",
    "linearb": "gitlab_faros_linearb_incident_ratio",
    "metrik": "metrik_konflux_failed_pipeline",
    "same_service_unbounded": "same_service_unbounded",
    "same_service_1h": "same_service_within_1h",
    "same_service_4h": "same_service_within_4h",
    "same_service_24h": "same_service_within_24h",
    "same_service_72h": "same_service_within_72h",
    "datadog": "datadog_change_failure_detection",
    "four_keys": "fourkeys_explicit_root_cause",
    "recorded_only": "explicit_root_cause_distinct_deploys",
    "idp": "ground_truth",
    "new_code_only": "ground_truth_excl_rollback_redeploy_in_denominator",
}


@pytest.mark.parametrize(("definition", "key"), FAIL_RATES.items())
def test_change_fail_rate(row, divergence, settings, log, definition, key):
    expected = log["expected"]["results"]["change_failure_rate"][key]
    found = row(definition, "change_fail_rate")
    assert (found["k"], found["n"]) == (expected["numerator"], expected["denominator"])
    assert found["value"] == pytest.approx(expected["rate"], abs=5e-5)
    if "failed" in expected:
        assert hits(definition, divergence, settings) == expected["failed"]


def test_every_fail_rate_of_the_log_is_produced(log):
    assert set(FAIL_RATES.values()) == set(log["expected"]["results"]["change_failure_rate"])


def test_datadog_leaves_the_rollback_out(divergence, settings, log):
    below = members("datadog", "change_fail_rate", divergence, settings).filter(pl.col("n") > 0)["source_key"]
    everything = members("devlake_2023", "change_fail_rate", divergence, settings).filter(pl.col("n") > 0)["source_key"]
    rollbacks = log["expected"]["results"]["change_failure_rate"]["datadog_change_failure_detection"]["rollbacks"]
    assert sorted(set(everything) - set(below)) == rollbacks


def test_interval_of_our_own_rate(row, log):
    found = row("idp", "change_fail_rate")
    assert [found["low"], found["high"]] == pytest.approx(
        log["expected"]["results"]["ground_truth_cfr_wilson95"], abs=5e-5
    )


RECOVERY = "failed_deployment_recovery_time"


@pytest.mark.parametrize(
    ("definition", "metric", "entity", "factor", "key"),
    [
        ("devlake_2023", RECOVERY, "org", 60, "devlake_fdrt_2023_minutes_lower_median"),
        ("devlake_2021", RECOVERY, "org", 60, "devlake_mttr_2021_minutes_lower_median"),
        ("ratio", RECOVERY, "org", 60, "true_median_created_to_resolved_minutes"),
        ("middleware", RECOVERY, "org", 1, "middleware_mean_hours"),
        ("four_keys", RECOVERY, "org", 1, "fourkeys_hours_trunc_median"),
        ("dorametrix", RECOVERY, "org", 1, "dorametrix_mean_hours_open_counted_to_now"),
        ("metrik", RECOVERY, "org", 1, "metrik_failed_pipeline_to_next_success_mean_hours"),
        ("datadog", RECOVERY, "org", 60, "datadog_failed_deploy_to_remediation_median_minutes"),
        ("idp", RECOVERY, "org", 60, "change_caused_only_median_minutes"),
        ("any_incident", RECOVERY, "org", 60, "kaplan_meier_median_minutes_open_censored"),
        ("any_incident", "incident_hours", "checkout", 60, "checkout_sum_incident_minutes"),
        ("idp", "incident_hours", "checkout", 60, "checkout_union_downtime_minutes"),
    ],
)
def test_recovery(row, log, definition, metric, entity, factor, key):
    expected = log["expected"]["results"]["recovery"][key]
    assert row(definition, metric, entity=entity)["value"] * factor == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize(
    ("definition", "key"), [("devlake_2023", "devlake_fdrt_values"), ("devlake_2021", "created_to_resolved_minutes")]
)
def test_spans_of_recovery(divergence, settings, log, definition, key):
    spans = members(definition, RECOVERY, divergence, settings)["x"] * 60
    assert sorted(spans.round(6)) == log["expected"]["results"]["recovery"][key]


def test_rework(row, log):
    expected = log["expected"]["results"]["deployment_rework_rate"]
    found = row("idp", "deployment_rework_rate")
    assert (found["k"], found["n"]) == (expected["numerator"], expected["denominator"])
    assert found["value"] == pytest.approx(expected["rate"], abs=5e-5)
    assert row("labelled_repairs", "deployment_rework_rate")["value"] == pytest.approx(
        expected["hotfix_only"], abs=5e-5
    )


LEAD = "change_lead_time"


@pytest.mark.parametrize(
    ("definition", "value", "n"),
    [
        ("idp", "first_deploy_per_commit_median_h", "n"),
        ("sleuth", "mean_h", "n"),
        ("linearb", "p90_h_linear", "n"),
        ("four_keys", "every_deploy_recounts_rollback_redeploy_median_h", "n_every"),
        ("devlake_2023", "skip_first_deploy_of_each_service_median_h", "n_skip_first"),
    ],
)
def test_lead_time(row, log, definition, value, n):
    expected = log["expected"]["results"]["change_lead_time"]
    found = row(definition, LEAD)
    assert found["value"] == pytest.approx(expected[value], abs=5e-4)
    assert found["n"] == expected[n]


@pytest.mark.parametrize(("definition", "key"), [("idp", "as_of_event"), ("devlake_2023", "as_of_today")])
def test_ownership(numbers, log, definition, key):
    """Deployments per team: DevLake knows only who owns a service now."""
    counted = {e: r["n"] for (d, m, _, e), r in numbers.items() if d == definition and m == "change_fail_rate"}
    teams = {team: counted[team] for team in ("payments", "storefront", "discovery") if counted[team]}
    assert teams == log["expected"]["results"]["ownership"][key]


def test_every_expected_group_is_covered(log):
    assert set(log["expected"]["results"]) == {
        "deployment_frequency", "change_failure_rate", "recovery", "deployment_rework_rate", "change_lead_time", "ownership",
        "ground_truth_cfr_wilson95",
    }  # fmt: skip
