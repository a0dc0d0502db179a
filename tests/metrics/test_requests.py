"""Runs that try the same thing again are one request."""

from __future__ import annotations

import polars as pl
import pytest

from idp_analytics.metrics import by_name, compute
from idp_analytics.metrics.observed import observed
from idp_analytics.metrics.requests import chained


def run(run_id: str, at: str, outcome: str | None = "failure", **given: object) -> dict[str, object]:
    usual = {"operation_id": "database", "requestor_id": "ada", "service_id": "shop"}
    return {**usual, "run_id": run_id, "requested_at": at, "outcome": outcome, **given}


CASES = {
    "three failures and a success are one": (
        [run("a", "2026-03-01T08:00"), run("b", "2026-03-01T09:00"), run("c", "2026-03-02T08:30"), run("d", "2026-03-02T09:00", "success")],
        [{"a", "b", "c", "d"}],
    ),
    "two successes are two": ([run("a", "2026-03-01T08:00", "success"), run("b", "2026-03-01T09:00", "success")], [{"a"}, {"b"}]),
    "24 hours after the end still count": (
        [run("a", "2026-03-01T08:00", finished_at="2026-03-01T10:00"), run("b", "2026-03-02T10:00")], [{"a", "b"}],
    ),
    "a second later they do not": (
        [run("a", "2026-03-01T08:00", finished_at="2026-03-01T10:00"), run("b", "2026-03-02T10:00:01")], [{"a"}, {"b"}],
    ),
    "what has not ended may still succeed": ([run("a", "2026-03-01T08:00", None), run("b", "2026-03-01T09:00")], [{"a"}, {"b"}]),
    "another requestor": ([run("a", "2026-03-01T08:00"), run("b", "2026-03-01T09:00", requestor_id="bo")], [{"a"}, {"b"}]),
    "nobody known is nobody": (
        [run("a", "2026-03-01T08:00", requestor_id=None), run("b", "2026-03-01T09:00", requestor_id=None)], [{"a"}, {"b"}],
    ),
    "another operation": ([run("a", "2026-03-01T08:00"), run("b", "2026-03-01T09:00", operation_id="queue")], [{"a"}, {"b"}]),
    "two services in turn": (
        [run("a", "2026-03-01T08:00"), run("b", "2026-03-01T08:10", service_id="till"), run("c", "2026-03-01T08:20"),
         run("d", "2026-03-01T08:30", "success", service_id="till")],
        [{"a", "c"}, {"b", "d"}],
    ),
    "the service is there only once it was made": (
        [run("a", "2026-03-01T08:00", service_id=None), run("b", "2026-03-01T09:00", "success"), run("c", "2026-03-01T10:00", service_id="till")],
        [{"a", "b"}, {"c"}],
    ),
    "said to be the same, however late and whoever asks": (
        [run("a", "2026-03-01T08:00", "success"), run("b", "2026-04-01T08:00", previous_run_id="a", requestor_id="bo")], [{"a", "b"}],
    ),
    "named, but not in the data": ([run("b", "2026-04-01T08:00", previous_run_id="a")], [{"b"}]),
    "named in a circle": (
        [run("a", "2026-03-01T08:00", previous_run_id="b"), run("b", "2026-03-09T08:00", previous_run_id="a")], [{"a", "b"}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_runs_of_one_request(company, name):
    runs, expected = CASES[name]
    found = chained(company(action_runs=runs)).collect()
    groups = found.group_by("request_id").agg("run_id")["run_id"].to_list()
    assert sorted(map(sorted, groups)) == sorted(map(sorted, expected))
    assert found.height == len(runs)
    firsts = found.sort("requested_at").group_by("request_id").agg(pl.col("run_id").first())
    assert (firsts["request_id"] == firsts["run_id"]).all()


def test_no_runs_no_requests(company):
    found = chained(company()).collect()
    assert found.is_empty()
    assert "request_id" in found.columns


def test_retries_of_the_sample_are_found_without_being_told(sample):
    tables = {name: frame.lazy() for name, frame in sample.tables.items()}
    runs = sample.tables["action_runs"]
    told = runs.drop_nulls("previous_run_id").filter(pl.col("requestor_id").is_not_null())
    blind = {**tables, "action_runs": runs.with_columns(pl.lit(None, pl.String).alias("previous_run_id")).lazy()}
    request = dict(chained(blind).collect().select("run_id", "request_id").iter_rows())
    pairs = [(a, b) for a, b in told.select("run_id", "previous_run_id").iter_rows() if b in request]
    assert len(pairs) > 50
    assert sum(request[a] == request[b] for a, b in pairs) == len(pairs)


# --- what rests on it -----------------------------------------------------------------------------------------------------------

TRIED = [  # three failures and a success; a success at once; one given up; one still going; a withdrawn one
    run("a", "2026-03-01T08:00", finished_at="2026-03-01T08:10"), run("b", "2026-03-01T09:00", "error", finished_at="2026-03-01T09:10"),
    run("c", "2026-03-01T10:00", finished_at="2026-03-01T10:10"),
    run("d", "2026-03-01T11:00", "success", finished_at="2026-03-01T11:10", usable_at="2026-03-01T12:00"),
    run("e", "2026-03-03T08:00", "success", service_id="till", finished_at="2026-03-03T08:10", usable_at="2026-03-03T09:00"),
    run("f", "2026-03-05T08:00", service_id="pay", finished_at="2026-03-05T10:00"),
    run("g", "2026-03-07T08:00", None, service_id="mail"), run("h", "2026-03-08T08:00", "cancel", service_id="log"),
    run("i", "2026-03-09T08:00", "success", operation_id="restart", finished_at="2026-03-09T08:01"),
]  # fmt: skip


def test_three_failures_and_a_success_took_as_long_as_they_took(company, settings, as_of):
    rows = observed(
        by_name("provisioning_time"), company(action_runs=TRIED), settings(), as_of("2026-03-10T08:00")
    ).collect()
    told = {row["source_key"]: (row["x"], row["hit"], row["usable"]) for row in rows.to_dicts()}
    assert {key: told[key] for key in "aefg"} == {
        "a": (4.0, True, True),  # from the first asking, not the last
        "e": (1.0, True, True),
        "f": (2.0, False, True),  # given up: no fast success
        "g": (72.0, False, True),  # not there yet
    }
    assert told["h"][2] is False  # withdrawn, not told when
    assert set(told) == set("aefgh")  # a restart gives nothing to use


@pytest.mark.parametrize(("metric", "k", "n"), [("run_success_share", 3, 7), ("first_try_share", 2, 4)])
def test_shares_that_work(company, settings, as_of, metric, k, n):
    found = compute(company(action_runs=TRIED), settings(), as_of("2026-04-01"), (by_name(metric),), ("org",), ("1mo",))
    row = found.row(0, named=True)
    assert (row["k"], row["n"]) == (k, n)
