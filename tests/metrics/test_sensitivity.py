"""The same number under every link rule, and whether the rule decides what it says."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from idp_analytics.metrics import compute
from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.presets.ours import FAIL_RATE
from idp_analytics.metrics.sensitivity import (
    AGREES,
    COLUMNS,
    DEPENDS,
    JUDGED,
    OURS,
    RATIO,
    RULES,
    TOO_FEW,
    link_sensitivity,
)

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
FAIL, RECOVERY = "change_fail_rate", "failed_deployment_recovery_time"


def deployment(name: str, at: str, **more) -> dict:
    return {"deployment_id": name, "finished_at": at, "version": name, **more}


def busy(days: range, **more) -> list[dict]:
    return [deployment(f"{more.get('service_id', 'shop')}-{d}", f"2026-03-{d:02}T08:00", **more) for d in days]


def incidents(hours_after: int, days: range, **more) -> list[dict]:
    return [
        {"incident_id": f"i{d}", "opened_at": datetime(2026, 3, d, 8 + hours_after, tzinfo=UTC),
         "resolved_at": datetime(2026, 3, d, 9 + hours_after, tzinfo=UTC), **more}
        for d in days
    ]  # fmt: skip


def found(company, settings, **tables) -> pl.DataFrame:
    frame = link_sensitivity(company(**tables), settings(), AS_OF, every=("1mo",), scopes=("org",))
    assert dict(frame.schema) == COLUMNS
    return frame


def values(frame: pl.DataFrame, metric: str = FAIL) -> dict[str, float | None]:
    return dict(frame.filter(metric=metric).select("rule", "value").rows())


def verdict(frame: pl.DataFrame, metric: str = FAIL) -> str:
    (said,) = frame.filter(metric=metric)["verdict"].unique().to_list()
    return said


def test_incidents_two_hours_after_every_second_deployment(company, settings):
    """Within 1 h none, within 4 h half: no rule of thumb, but the whole conclusion."""
    frame = found(company, settings, deployments=busy(range(1, 29)), incidents=incidents(2, range(2, 29, 2)))
    said = values(frame)
    assert said["same service within 1 h"] == 0
    assert said["same service within 4 h"] == said["same service, no limit"] == said[OURS] == said[RATIO] == 0.5
    assert said["recorded"] is None  # nobody recorded any: not known, not 0
    assert said["failed pipeline"] is None
    assert said["rollback or repair"] == 0
    notes = dict(frame.filter(metric=FAIL).select("rule", "note").rows())
    assert notes["recorded"] == "no incident says which deployment caused it"
    assert notes["failed pipeline"] == "no deployment is said to have failed"
    assert verdict(frame) == DEPENDS


def test_incidents_at_once_are_found_by_every_rule(company, settings):
    made = incidents(0, range(2, 29, 2))
    recorded = [{**i, "deployment_id": f"shop-{n}"} for i, n in zip(made, range(2, 29, 2), strict=True)]
    undone = [deployment(f"back-{n}", f"2026-03-{n:02}T08:20", is_rollback=True) for n in range(2, 29, 2)]
    tables = {"deployments": [*busy(range(1, 29)), *undone], "incidents": recorded}
    frame = found(company, settings, **tables)
    said = values(frame)
    assert {said[rule] for rule in JUDGED} == {14 / 42}
    assert verdict(frame) == AGREES
    assert {
        values(frame, RECOVERY)[rule] for rule in RULES if rule not in ("failed pipeline", "rollback or repair")
    } == {1.0}
    cut = link_sensitivity(company(**tables), settings(), AS_OF, {FAIL: [0.3]}, ("org",), ("1mo",))
    assert verdict(cut) == AGREES  # all on the same side of it


def test_a_cut_between_two_values_is_two_conclusions(company, settings):
    tables = {
        "deployments": busy(range(1, 29)),
        "incidents": [*incidents(0, range(2, 10)), *incidents(2, range(10, 11))],
    }
    near, with_cut = (
        link_sensitivity(company(**tables), settings(), AS_OF, cuts, ("org",), ("1mo",))
        for cuts in ({}, {FAIL: [0.30]})
    )
    said = values(near)
    assert (said["same service within 1 h"], said["same service within 4 h"]) == (8 / 28, 9 / 28)
    few = pl.col("rule") != "rollback or repair"
    assert near.filter(few, metric=FAIL)["value"].drop_nulls().max() - 8 / 28 < 0.05
    assert verdict(with_cut) == DEPENDS


@pytest.mark.parametrize("deployments", [busy(range(1, 4)), []])
def test_too_few_to_say(company, settings, deployments):
    frame = found(company, settings, deployments=deployments, incidents=incidents(0, range(2, 4)))
    assert frame.is_empty() or set(frame["verdict"]) == {TOO_FEW}
    assert frame["value"].null_count() == frame.filter(pl.col("rule") != RATIO).height + frame.filter(rule=RATIO).height


def test_project_wide_blames_another_service(company, settings):
    tables = {
        "deployments": [*busy(range(1, 29)), *busy(range(1, 29), service_id="till")],
        "incidents": incidents(1, range(1, 29), service_id="mail"),
    }
    said = values(found(company, settings, **tables))
    assert said["same service, no limit"] == said[OURS] == 0
    assert said["project-wide, no limit"] == 0.5


def test_our_rule_has_the_number_of_the_answers(divergence, settings):
    tables, as_of = divergence, datetime(2024, 4, 1, tzinfo=UTC)
    frame = link_sensitivity(tables, settings(), as_of)
    answers = compute(tables, settings(), as_of, (by_name(FAIL), by_name(RECOVERY)), ("org", "team"))
    key = ["scope", "entity_id", "every", "period", "metric"]
    both = frame.filter(rule=OURS).join(answers, on=key, suffix="_answer")
    assert both.height
    for name in ("value", "low", "high", "n", "k"):
        assert both[name].equals(both[f"{name}_answer"], null_equal=True), name


def test_the_log_on_which_tools_disagree(divergence, settings, log):
    """Its numbers where no incident says what caused it, as tools without that field see it."""
    tables, as_of = divergence, datetime(2024, 4, 1, tzinfo=UTC)
    blind = {**tables, "incidents": tables["incidents"].with_columns(change_caused=pl.lit(None, pl.Boolean))}
    within = log["expected"]["results"]["change_failure_rate"]
    frame = link_sensitivity(blind, settings(), as_of).filter(scope="org", period="2024-03", metric=FAIL)
    k = dict(frame.select("rule", "k").rows())
    for hours in (1, 4, 24, 72):
        assert k[f"same service within {hours} h"] == within[f"same_service_within_{hours}h"]["numerator"]
    assert k["recorded"] == within["explicit_root_cause_distinct_deploys"]["numerator"]
    assert k["rollback or repair"] == within["datadog_change_failure_detection"]["numerator"]
    assert k["failed pipeline"] == within["metrik_konflux_failed_pipeline"]["numerator"]
    assert k[RATIO] == within["gitlab_faros_linearb_incident_ratio"]["numerator"]
    assert set(frame["verdict"]) == {DEPENDS}


def test_what_is_ours_is_said_to_be():
    assert RULES[0] == OURS
    assert set(JUDGED) < set(RULES)
    assert FAIL_RATE.link.hours == "rules"
