"""Published Kaplan–Meier numbers, agreement with statsmodels and R's rules, coverage, and laws."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.duration.survfunc import SurvfuncRight

from idp_analytics.estimates import medians, survival

Rows = list[tuple[str, float, bool]]
TIMES = st.integers(1, 12).map(float) | st.floats(0.5, 12.5)
ONE = st.lists(st.tuples(st.just("a"), TIMES, st.booleans()), min_size=1, max_size=40)
MANY = st.lists(
    st.tuples(st.sampled_from(["a", "b", None]), TIMES | st.none(), st.booleans() | st.none()), min_size=1, max_size=60
)
SCHEMA = {"g": pl.String, "x": pl.Float64, "event": pl.Boolean}


def frame_of(rows: Rows) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def median_of(rows: list[tuple[float, bool]], level: float = 0.95) -> tuple[float | None, ...]:
    frame = frame_of([("a", x, event) for x, event in rows])
    return survival.grouped_median(frame, ["g"], "x", "event", level).row(0)[4:]


def leukaemia() -> pl.DataFrame:
    """Remission times in weeks of Freireich 1963 (Gehan 1965): small published facts."""
    treated = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
    return frame_of([("6MP", t, i < 9) for i, t in enumerate(treated)] + [("placebo", t, True) for t in placebo])


def test_curve_published() -> None:
    """Kleinbaum & Klein, the treated group."""
    steps = survival.curve(leukaemia(), ["g"], "x", "event").filter(g="6MP")
    expected = {6: 0.8571, 7: 0.8067, 10: 0.7529, 13: 0.6902, 16: 0.6275, 22: 0.5378, 23: 0.4482}
    assert steps["time"].to_list() == list(expected)
    assert steps["at_risk"].to_list() == [21, 17, 15, 12, 11, 7, 6]
    assert np.allclose(steps["survival"], list(expected.values()), atol=5e-5)
    # R survfit with conf.type="log-log" prints 0.620 to 0.952 at 6 weeks and 0.188 to 0.680 at 23.
    assert np.allclose(steps.select("low", "high").row(0), (0.620, 0.952), atol=5e-4)
    assert np.allclose(steps.select("low", "high").row(-1), (0.188, 0.680), atol=5e-4)


def test_medians_published() -> None:
    """SAS LIFETEST, and R survfit with conf.type="log-log", on the same data: 23 (13, NA) and 8 (4, 11)."""
    got = survival.grouped_median(leukaemia(), ["g"], "x", "event")
    assert got.rows() == [("6MP", 21, 9, 12, 23.0, 13.0, None), ("placebo", 21, 21, 0, 8.0, 4.0, 11.0)]


def fitted(rows: Rows, level: float = 0.95) -> tuple[SurvfuncRight, np.ndarray, np.ndarray]:
    """statsmodels' curve, and limits on the log-log scale from its standard errors; nan at the step to zero."""
    with np.errstate(all="ignore"):
        other = SurvfuncRight([x for _, x, _ in rows], [int(event) for *_, event in rows])
        height = np.asarray(other.surv_prob)
        reach = norm.ppf((1 + level) / 2) * np.asarray(other.surv_prob_se) / (height * np.abs(np.log(height)))
        defined = np.where(height > 0, 1.0, np.nan)
        return other, height ** np.exp(reach) * defined, height ** np.exp(-reach) * defined


@given(ONE, st.sampled_from([0.8, 0.95, 0.99]))
def test_the_curve_agrees_with_statsmodels(rows: Rows, level: float) -> None:
    got = survival.curve(frame_of(rows), ["g"], "x", "event", level)
    if not any(event for *_, event in rows):
        assert got.is_empty()
        return
    other, low, high = fitted(rows, level)
    assert got["time"].to_list() == list(other.surv_times)
    assert got["at_risk"].to_list() == list(other.n_risk)
    assert got["events"].to_list() == list(other.n_events)
    for name, values in {"survival": other.surv_prob, "low": low, "high": high}.items():
        assert np.allclose(got[name].to_numpy(), values, atol=1e-9, equal_nan=True), name


def first_below_half(times: np.ndarray, heights: np.ndarray) -> float | None:
    """The rule of R's print.survfit, written plainly."""
    reached = [(t, h) for t, h in zip(times, heights, strict=True) if h < 0.5 + 1e-8]
    if not reached:
        return None
    first, height = reached[0]
    below = [t for t, h in reached if h < height]
    return (first + below[0]) / 2 if abs(height - 0.5) < 1e-8 and below else first


@given(ONE)
def test_the_median_and_its_ends_follow_rs_rule_on_statsmodels_curve(rows: Rows) -> None:
    assume(any(event for *_, event in rows))
    other, low, high = fitted(rows)
    expected = [first_below_half(other.surv_times, line) for line in (other.surv_prob, low, high)]
    assert list(survival.grouped_median(frame_of(rows), ["g"], "x", "event").row(0)[4:]) == expected


@given(ONE)
def test_the_ends_are_statsmodels_own_where_both_define_them(rows: Rows) -> None:
    """They part where the curve reaches zero, jumps past one half in one certain step, or its upper limit rises again."""
    assume(any(event for *_, event in rows))
    other, low, high = fitted(rows)
    assume(other.surv_prob[-1] > 0)
    assume(((low <= 0.5) & (high >= 0.5)).any())
    assume((np.diff(high) <= 0).all())
    with np.errstate(all="ignore"):
        expected = other.quantile_ci(0.5, method="cloglog")
    _, got_low, got_high = median_of([row[1:] for row in rows])
    assert (got_low, math.inf if got_high is None else got_high) == expected


@pytest.mark.parametrize(
    ("rows", "median"),
    [
        ([(1, True), (2, True)], 1.5),  # at one half from 1 to 2: midway
        ([(1, True), (2, False), (3, True)], 3.0),
        ([(1, True), (1, True), (2, False), (3, False)], 1.0),  # rests on one half for ever: where the rest began
        ([(1, True), (2, False), (3, False)], None),
        ([(5, True)], 5.0),
        ([(5, False)], None),
        ([(0, True)] * 3 + [(4, False)], 0.0),
        ([(float(t), True) for t in range(1, 101)], 50.5),  # the product of the steps misses one half by rounding
    ],
)
def test_where_the_curve_comes_to_one_half(rows: list[tuple[float, bool]], median: float | None) -> None:
    assert median_of(rows)[0] == median


@pytest.mark.parametrize("rows", [[(5, True)], [(1, True), (1, True)], [(3, False)] * 4])
def test_no_interval_is_made_up_where_the_variance_is_not_defined(rows: list[tuple[float, bool]]) -> None:
    assert median_of(rows)[1:] == (None, None)


@given(st.lists(TIMES, min_size=1, max_size=40))
def test_with_nothing_open_it_is_the_plain_median(times: list[float]) -> None:
    plain = medians.grouped(frame_of([("a", t, True) for t in times]), ["g"], "x")["value"]
    assert np.allclose(median_of([(t, True) for t in times])[0], plain)


@given(ONE, st.floats(0.01, 20))
def test_a_thing_still_open_at_the_last_look_never_shortens_the_median(rows: Rows, later: float) -> None:
    last = max(x for _, x, _ in rows)
    before = survival.grouped_median(frame_of(rows), ["g"], "x", "event")["value"].item()
    after = survival.grouped_median(frame_of([*rows, ("a", last + later, False)]), ["g"], "x", "event")["value"].item()
    assert (math.inf if after is None else after) >= (math.inf if before is None else before)


@given(ONE)
def test_ends_are_in_order_and_wider_levels_hold_narrower_ones(rows: Rows) -> None:
    bare = [row[1:] for row in rows]
    value, low, high = median_of(bare)
    _, wide_low, wide_high = median_of(bare, 0.99)
    bounds = [math.inf if end is None else end for end in (wide_low, low, value, high, wide_high)]
    if low is not None:
        assert bounds == sorted(bounds)


@given(MANY, st.randoms(use_true_random=False))
def test_a_group_alone_is_the_group_among_many_in_any_order(rows: Rows, random: Random) -> None:
    frame, shuffled = frame_of(rows), frame_of(random.sample(rows, len(rows)))
    one = pl.col("g").eq_missing(pl.lit(rows[0][0], pl.String))
    for statistic in (survival.grouped_median, survival.curve):
        got = statistic(shuffled, ["g"], "x", "event")
        assert got.equals(statistic(frame.lazy(), ["g"], "x", "event"))
        assert got.filter(one).equals(statistic(frame.filter(one), ["g"], "x", "event"))


def test_what_is_not_known_is_not_counted_and_an_empty_group_keeps_its_row() -> None:
    frame = frame_of([("b", None, True), ("b", 1.0, None), ("a", math.nan, True), ("a", 2.0, False), (None, 3.0, True)])
    got = survival.grouped_median(frame, ["g"], "x", "event")
    assert got.rows() == [
        ("a", 1, 0, 1, None, None, None),
        ("b", 0, 0, 0, None, None, None),
        (None, 1, 1, 0, 3.0, None, None),
    ]
    assert survival.grouped_median(frame.clear(), ["g"], "x", "event").schema == got.schema


def test_open_items_kept_recover_the_true_median_and_dropping_them_does_not() -> None:
    """Log-normal times, median 20, looked at after random spans: Kaplan–Meier is near 20, the naive median is not."""
    rng = np.random.default_rng(11)
    kept, naive, _ = looked_at(rng.lognormal(math.log(20), 0.8, (2000, 60)), rng.uniform(5, 60, (2000, 60)))
    assert abs(kept["value"].median() - 20) < 1.2
    assert naive["value"].median() < 17
    unbounded = pl.col("high").is_null()
    covered = ((pl.col("low") <= 20) & (unbounded | (pl.col("high") >= 20))).mean()
    assert 0.935 <= kept.select(covered).item() <= 0.975


def looked_at(times: np.ndarray, looks: np.ndarray) -> tuple[pl.DataFrame, pl.DataFrame, float]:
    """One group per row: Kaplan–Meier medians, plain medians of what had ended, and the share still open."""
    group = np.repeat(np.arange(len(times)), times.shape[1])
    ended = times <= looks
    frame = pl.DataFrame({"g": group, "x": np.minimum(times, looks).ravel(), "event": ended.ravel()})
    kept = survival.grouped_median(frame, ["g"], "x", "event")
    return kept, medians.grouped(frame.filter("event"), ["g"], "x"), 1 - ended.mean()


def test_reference_case_of_remission_times(cases: Path) -> None:
    given_ = cases / "stats" / "given"
    expected = json.loads((given_ / "T10g_km_6mp.json").read_text())["expected"]
    with (given_ / "T10g_km_6mp.csv").open() as file:
        frame = frame_of([(row["group"], float(row["time"]), row["event"] == "1") for row in csv.DictReader(file)])
    curve = survival.curve(frame, ["g"], "x", "event").filter(g="6MP")
    got = {f"S{time:.0f}": height for time, height in curve.select("time", "survival").iter_rows()}
    for group, value in survival.grouped_median(frame, ["g"], "x", "event").select("g", "value").iter_rows():
        got[f"median_{group}"] = value
    assert expected.keys() - got.keys() == {"logrank_chi2", "logrank_p"}
    for name, value in got.items():
        assert math.isclose(value, expected[name]["value"], rel_tol=0, abs_tol=expected[name]["atol"]), name


def test_reference_case_of_censoring_bias(cases: Path) -> None:
    document = json.loads((cases / "stats" / "given" / "T18g_censoring_bias.json").read_text())
    given_, rng = document["params"], np.random.default_rng(3)
    shape = (3000, given_["n"])
    times = rng.lognormal(math.log(given_["median"]), given_["sigma"], shape)
    kept, naive, still_open = looked_at(times, rng.uniform(0, given_["window"], shape))
    got = {
        "km_median": kept["value"].median(),
        "naive_median_of_completed": naive["value"].median(),
        "share_still_open": still_open,
    }
    for name, spec in document["expected"].items():
        assert math.isclose(got[name], spec["value"], abs_tol=spec["atol"]), (name, got[name])


def test_other_quantiles_agree_with_statsmodels():
    """Away from steps at which the curve rests exactly, where R takes the middle and statsmodels the end."""
    rng = np.random.default_rng(5)
    x, event = rng.exponential(30, 40), rng.random(40) < 0.8
    frame = pl.DataFrame({"g": ["a"] * 40, "x": x, "event": event})
    for share in (0.25, 0.61, 0.83):
        row = survival.grouped_quantile(frame, ["g"], "x", "event", share).row(0, named=True)
        assert row["value"] == pytest.approx(SurvfuncRight(x, event.astype(int)).quantile(share))
        assert row["low"] < row["value"]
    assert survival.grouped_quantile(frame, ["g"], "x", "event", 0.5).equals(
        survival.grouped_median(frame, ["g"], "x", "event")
    )
