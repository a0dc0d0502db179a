"""The way of a change, worked out by hand: its stages, which changes count, and what waits, is repeated or is left out."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.metrics import by_name
from idp_analytics.metrics.lead_time import (
    FIRST_LEFT_OUT,
    NEVER_LINKED,
    NO_CHANGE,
    STAGES,
    batch_size,
    counted_changes,
    first_deployed,
    staged,
)
from idp_analytics.metrics.observed import observed

TIMES = ("first_commit_at", "opened_at", "first_review_at", "merged_at")
_ = None


def on_the_second(hour: float | None) -> str | None:
    return None if hour is None else f"2026-03-02T{hour:02d}:00"


def holding(deployment: str, *changes: str) -> list[dict]:
    return [{"deployment_id": deployment, "change_id": change} for change in changes]


def hours(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds() / 3600


# --- stages ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "total", "stages", "not_split", "reason"),
    [
        # first commit, opened, first review, merged (hours); deployed at 12 → total; coding, pickup, review, delivery
        ((0, 2, 3, 7), 12, (2, 1, 4, 5), 0, _),
        ((12, 12, 12, 12), 0, (0, 0, 0, 0), 0, _),
        ((4, 2, 5, 7), 8, (_, _, 2, 5), 1, "opened before its first commit"),  # rebased
        ((0, 3, 2, 7), 12, (3, _, _, 5), 4, "reviewed before it was opened"),
        ((0, 2, 9, 7), 12, (2, _, _, 5), 5, "merged before its first review"),
        ((0, 2, 3, 13), 12, (2, 1, _, _), 9, "deployed before it was merged"),
        ((8, 2, 3, 7), 4, (_, _, _, _), 4, "merged before its first commit"),
        ((0, 8, 9, 7), 12, (_, _, _, 5), 7, "merged before it was opened"),
        ((4, _, 3, 7), 8, (_, _, _, 5), 3, "reviewed before its first commit"),
        ((0, 13, 14, _), 12, (_, _, _, _), 12, "opened or reviewed after its deployment"),
        ((0, 2, _, 7), 12, (2, _, _, 5), 5, "no review known"),
        ((0, _, 3, 7), 12, (_, _, 4, 5), 3, "opening not known"),
        ((0, 2, 3, _), 12, (2, 1, _, _), 9, "merge not known"),
        ((0, _, _, _), 12, (_, _, _, _), 12, "merge not known"),
        ((_, 2, 3, 7), _, (_, 1, 4, 5), _, _),
        ((14, 2, 3, 7), _, (_, 1, 4, 5), _, _),  # first commit after the deployment: no lead time
    ],
)
def test_stages_of_one_change(company, settings, at, total, stages, not_split, reason):
    times = dict(zip(TIMES, map(on_the_second, at), strict=True))
    tables = company(
        deployments=[{"deployment_id": "d", "finished_at": "2026-03-02T12:00"}],
        changes=[{"change_id": "c", **times}],
        deployment_changes=holding("d", "c"),
    )
    row = staged(tables, settings()).collect().row(0, named=True)
    assert hours(row["total"]) == total
    assert tuple(hours(row[stage]) for stage in STAGES) == stages
    assert (hours(row["not_split"]), row["reason"]) == (not_split, reason)


def test_the_raw_spans_keep_what_runs_backwards(company, settings):
    """First commit at 14, opened 11, reviewed 10, merged 13, deployed 12: −3, −1, +3, −1 and −2 in all."""
    tables = company(
        deployments=[{"deployment_id": "d", "finished_at": "2026-03-02T12:00"}],
        changes=[{"change_id": "c", **dict(zip(TIMES, map(on_the_second, (14, 11, 10, 13)), strict=True))}],
        deployment_changes=holding("d", "c"),
    )
    row = staged(tables, settings()).collect().row(0, named=True)
    assert [hours(row[f"raw_{stage}"]) for stage in (*STAGES, "total")] == [-3, -1, 3, -1, -2]


def test_a_commit_without_a_pull_request_says_so(company, settings):
    tables = company(
        deployments=[{"deployment_id": "d", "finished_at": "2026-03-02T12:00"}],
        changes=[{"change_id": "c", "kind": "commit", "first_commit_at": "2026-03-02", "merged_at": "2026-03-02T07:00"}],
        deployment_changes=holding("d", "c"),
    )  # fmt: skip
    row = staged(tables, settings()).collect().row(0, named=True)
    assert (hours(row["delivery"]), hours(row["not_split"])) == (5, 7)
    assert row["reason"] == "a commit without a pull request"


MOMENTS = st.none() | st.integers(0, 10) | st.integers(0, 10**13)
"""Microseconds; small ones so that some coincide."""


@given(st.lists(st.tuples(MOMENTS, MOMENTS, MOMENTS, MOMENTS), min_size=1, max_size=6), st.integers(0, 10**13))
def test_parts_sum_to_the_total_whatever_the_times(company, settings, drawn, deployed):
    """To the microsecond, and no stage that is told is negative or anything but the difference of its two times."""
    base = "2026-01-01"
    tables = company(
        deployments=[{"deployment_id": "d", "finished_at": base}],
        changes=[{"change_id": f"c{n}"} for n in range(len(drawn))],
        deployment_changes=holding("d", *(f"c{n}" for n in range(len(drawn)))),
    )
    start = pl.datetime(2026, 1, 1, time_zone="UTC")
    columns = {
        name: pl.Series([row[i] for row in drawn], dtype=pl.Int64).cast(pl.Duration("us")) for i, name in enumerate(TIMES)
    }  # fmt: skip
    tables["changes"] = tables["changes"].with_columns(**{n: (start + pl.lit(s)) for n, s in columns.items()})
    tables["deployments"] = tables["deployments"].with_columns(finished_at=start + pl.duration(microseconds=deployed))
    for row in staged(tables, settings()).collect().to_dicts():
        told = [row[stage] for stage in STAGES if row[stage] is not None]
        assert all(span >= timedelta() for span in told)
        assert all(row[stage] in (None, row[f"raw_{stage}"]) for stage in STAGES)
        if row["total"] is None:
            assert row["not_split"] is None
            continue
        assert sum(told, row["not_split"]) == row["total"]
        assert row["not_split"] >= timedelta()
        assert (row["reason"] is None) == (len(told) == len(STAGES))


# --- which changes, and by which deployment -------------------------------------------------------------------------------


MIXED = [
    {"change_id": "pr", "kind": "pull_request", "repo": "r", "sha": "s"},
    {"change_id": "s", "kind": "commit", "repo": "r", "sha": "s"},  # what the pull request became
    {"change_id": "c", "kind": "commit", "repo": "r", "sha": "c"},
    {"change_id": "elsewhere", "kind": "commit", "repo": "other", "sha": "s"},
    {"change_id": "unsaid"},
]


@pytest.mark.parametrize(
    ("unit", "counted", "brought"),
    [
        ("mixed", {"pr", "c", "elsewhere", "unsaid"}, {"pr", "c", "elsewhere", "unsaid", "only linked"}),
        ("pull_request", {"pr"}, {"pr"}),
        ("commit", {"s", "c", "elsewhere"}, {"s", "c", "elsewhere"}),
    ],
)
@pytest.mark.parametrize("named", [("pr", "s"), ("s",)])
def test_what_is_a_change(company, settings, unit, counted, brought, named):
    """Whether the deployment names the pull request and its commit or, as git history does, the commit only."""
    tables = company(
        deployments=[{"deployment_id": "d", "finished_at": "2026-03-02"}],
        changes=MIXED,
        deployment_changes=holding("d", *named, "c", "elsewhere", "unsaid", "only linked"),
    )
    rules = settings(lead_time_unit=unit)
    assert set(counted_changes(tables, rules).collect()["change_id"]) == counted
    assert sorted(first_deployed(tables, rules).collect()["change_id"]) == sorted(brought)
    sizes = batch_size(tables, rules).filter("usable").collect()["x"].to_list()
    assert sizes == [len(counted)]


def test_of_two_pull_requests_that_became_one_commit_the_least_id_is_brought(company, settings):
    again = [{"change_id": "pr0", "kind": "pull_request", "repo": "r", "sha": "s"}]
    tables = company(
        deployments=[{"deployment_id": "d", "finished_at": "2026-03-02"}],
        changes=[*MIXED, *again],
        deployment_changes=holding("d", "s"),
    )
    assert first_deployed(tables, settings()).collect()["change_id"].to_list() == ["pr"]


WAY = {
    "deployments": [
        {"deployment_id": "failed", "finished_at": "2026-03-01", "outcome": "failure"},
        {"deployment_id": "staging", "finished_at": "2026-03-01", "environment": "staging"},
        {"deployment_id": "d1", "finished_at": "2026-03-02"},
        {"deployment_id": "d2", "finished_at": "2026-03-03"},
        {"deployment_id": "d3", "finished_at": "2026-03-04"},
        {"deployment_id": "till", "finished_at": "2026-03-05", "service_id": "till"},
        {"deployment_id": "nobody", "finished_at": "2026-03-01", "service_id": None},
    ],
    "changes": [{"change_id": name, "first_commit_at": "2026-02-28", "merged_at": "2026-03-01"} for name in "abcn"],
    "deployment_changes": [
        *holding("failed", "a"), *holding("staging", "a"), *holding("d1", "a"), *holding("d2", "a", "b"),
        *holding("d3", "b"), *holding("till", "c"), *holding("nobody", "n"),
    ],
}  # fmt: skip
"""a and b first reach production with d1 and d2 of shop, and are deployed again; c with the first of till; n of no service."""


@pytest.mark.parametrize(
    ("rule", "brought"),
    [("count", {"a": "d1", "b": "d2", "c": "till", "n": "nobody"}), ("leave out", {"b": "d2", "n": "nobody"})],
)
def test_each_change_once_with_what_brought_it_first(company, settings, rule, brought):
    found = staged(company(**WAY), settings(first_deployment=rule)).collect()
    assert dict(found.select("change_id", "deployment_id").iter_rows()) == brought
    assert found.height == len(brought)


def test_no_rows_at_all(company, settings, as_of):
    assert staged(company(), settings()).collect().is_empty()
    for name in ("merge_to_deploy_time", "batch_size", "time_between_deployments", *(f"{s}_time" for s in STAGES)):
        assert observed(by_name(name), company(), settings(), as_of("2026-04-01")).collect().is_empty()


# --- from merge to production ---------------------------------------------------------------------------------------------


def seen(tables, rules, as_of, metric) -> dict[str, tuple]:
    """Row key → hours, whether they are over, whether they can be used."""
    rows = observed(by_name(metric), tables, rules, as_of).filter(pl.col("detail").is_null()).collect()
    return {key: found for key, *found in rows.select("source_key", "x", "hit", "usable").iter_rows()}


def details(tables, rules, as_of, metric) -> list[tuple]:
    rows = observed(by_name(metric), tables, rules, as_of).filter(pl.col("detail").is_not_null()).collect()
    return sorted(rows.select("source_key", "detail", "usable").iter_rows())


WAITING = {
    "deployments": [
        {"deployment_id": "d1", "finished_at": "2026-03-02"},
        {"deployment_id": "d2", "finished_at": "2026-03-03"},
        {"deployment_id": "t1", "finished_at": "2026-03-02", "service_id": "till"},
    ],
    "changes": [
        {"change_id": "one day", "merged_at": "2026-03-01"},
        {"change_id": "two days", "merged_at": "2026-03-01"},
        {"change_id": "open", "merged_at": "2026-03-01"},
        {"change_id": "late", "merged_at": "2026-03-03T01:00"},
        {"change_id": "not merged"},
        {"change_id": "till", "merged_at": "2026-03-01", "service_id": "till"},
    ],
    "deployment_changes": [*holding("d1", "one day"), *holding("d2", "two days", "late", "not merged")],
}


def test_what_is_not_deployed_waits_until_the_as_of_time(company, settings, as_of):
    tables = company(**WAITING)
    assert seen(tables, settings(), as_of("2026-03-04"), "merge_to_deploy_time") == {
        "one day": [24, True, True], "two days": [48, True, True], "open": [72, False, True],
        "late": [-1, True, False],  # merged an hour after its deployment: missing, not zero
    }  # fmt: skip
    assert details(tables, settings(), as_of("2026-03-04"), "merge_to_deploy_time") == [("till", NEVER_LINKED, False)]


def test_at_an_earlier_time_a_later_deployment_is_not_known(company, settings, as_of):
    found = seen(company(**WAITING), settings(), as_of("2026-03-02T12:00"), "merge_to_deploy_time")
    assert found == {"one day": [24, True, True], "two days": [36, False, True], "open": [36, False, True]}


def test_what_came_with_the_first_deployment_is_left_out_and_counted(company, settings, as_of):
    rules = settings(first_deployment="leave out")
    found = seen(company(**WAITING), rules, as_of("2026-03-04"), "merge_to_deploy_time")
    assert set(found) == {"two days", "open", "late"}
    assert ("one day", FIRST_LEFT_OUT, False) in details(company(**WAITING), rules, as_of("2026-03-04"), "merge_to_deploy_time")  # fmt: skip


# --- batch size, time between ---------------------------------------------------------------------------------------------


def test_batch_size_counts_again_what_is_brought_again(company, settings, as_of):
    tables = company(**WAY)
    found = seen(tables, settings(), as_of("2026-04-01"), "batch_size")
    assert {key: x for key, (x, *_rest) in found.items()} == {"d1": 1, "d2": 2, "d3": 1, "till": 1, "nobody": 1}
    none = company(**{**WAY, "deployment_changes": holding("d1", "a")})
    assert [(key, detail) for key, detail, _usable in details(none, settings(), as_of("2026-04-01"), "batch_size")] == [
        (key, NO_CHANGE) for key in ("d2", "d3", "nobody", "till")
    ]


def test_the_time_to_the_next_deployment_and_what_has_none(company, settings, as_of):
    """shop deploys on the 1st, 3rd and 8th and retires on the 10th; till on the 2nd; one of no service has no next."""
    tables = company(
        services=[{"service_id": "shop", "retired_at": "2026-03-10"}, {"service_id": "till"}],
        deployments=[
            {"deployment_id": "s2", "finished_at": "2026-03-03"},
            {"deployment_id": "s1", "finished_at": "2026-03-01"},
            {"deployment_id": "s3", "finished_at": "2026-03-08"},
            {"deployment_id": "t1", "finished_at": "2026-03-02", "service_id": "till"},
            {"deployment_id": "x1", "finished_at": "2026-03-04", "service_id": None},
            {"deployment_id": "x2", "finished_at": "2026-03-05", "service_id": None},
        ],
    )
    found = seen(tables, settings(), as_of("2026-03-12"), "time_between_deployments")
    assert {key: row for key, row in found.items() if key[0] != "x"} == {
        "s1": [48, True, True], "s2": [120, True, True], "s3": [48, False, True], "t1": [240, False, True],
    }  # fmt: skip
    assert [found[key][1:] for key in ("x1", "x2")] == [[False, False]] * 2
    earlier = seen(tables, settings(), as_of("2026-03-05"), "time_between_deployments")
    assert earlier["s2"] == [48, False, True]


def test_a_deployment_after_retirement_waits_for_nothing(company, settings, as_of):
    tables = company(
        services=[{"service_id": "shop", "retired_at": "2026-03-01"}],
        deployments=[{"deployment_id": "d", "finished_at": "2026-03-02"}],
    )
    assert seen(tables, settings(), as_of("2026-03-12"), "time_between_deployments") == {"d": [0, False, True]}
