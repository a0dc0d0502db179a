"""Published numbers, cross-checks against statsmodels, and laws."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from idp_analytics.estimates import changes, medians, rates, shares, survival

COUNTS = st.tuples(st.integers(0, 200), st.integers(1, 200)).map(lambda t: (min(t), max(t)))


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (5, 18, 0.1250, 0.5087),
    ],
)
def test_wilson_published(k: int, n: int, low: float, high: float) -> None:
    """Newcombe 1998, Stat Med 17:857, table I method 3; the last is the change fail rate of our own log."""
    assert np.allclose(shares.wilson(k, n), (low, high), atol=6e-5)


def test_jeffreys_agrees_with_statsmodels_inside_and_is_exact_at_the_ends() -> None:
    assert np.allclose(shares.jeffreys(5, 18), proportion_confint(5, 18, method="jeffreys"))
    low, high = shares.jeffreys([0, 20], [20, 20])
    assert (low[0], high[1]) == (0.0, 1.0)


def test_no_observations_is_not_a_number_and_not_an_error() -> None:
    for interval in (shares.wilson([0], [0]), shares.jeffreys([0], [0]), rates.exact_poisson([0], [0])):
        assert np.isnan(interval).all()


def test_exact_poisson_published() -> None:
    """R ?poisson.test: 137 events in 24.19893; and the upper 97.5 % bound of nothing seen, 3.689 (Garwood 1936)."""
    assert np.allclose(rates.exact_poisson(137, 24.19893), (4.753125, 6.692709), atol=1e-6)
    assert np.allclose(rates.exact_poisson(0, 1), (0, 3.688879), atol=1e-6)


@pytest.mark.parametrize(("n", "ranks"), [(5, (0, 0)), (6, (1, 6)), (9, (2, 8)), (12, (3, 10)), (0, (0, 0))])
def test_order_statistic_ranks_published(n: int, ranks: tuple[int, int]) -> None:
    lower, upper, coverage = medians.order_statistic_ranks([n])
    assert (int(lower[0]), int(upper[0])) == ranks
    assert math.isnan(coverage[0]) if ranks == (0, 0) else coverage[0] >= 0.95


def test_newcombe_difference_published() -> None:
    """Newcombe 1998b, table II method 10, case (a): 56/70 against 48/80."""
    assert np.allclose(changes.newcombe_difference(56, 70, 48, 80), (0.2, 0.0524, 0.3339), atol=5e-5)


def test_rate_ratio_published() -> None:
    """R ?poisson.test, two samples: 11 in 800 against 21 in 3011."""
    assert np.allclose(changes.rate_ratio(11, 800, 21, 3011), (1.971488, 0.8584264, 4.2772659), atol=5e-6)
    assert changes.rate_ratio(3, 1, 0, 1)[2] == np.inf
    assert np.isnan(changes.rate_ratio(0, 1, 0, 1)[0])


def leukaemia(group: str) -> tuple[list[int], list[int]]:
    """Remission times in weeks of Freireich 1963 (Gehan 1965): small published facts."""
    if group == "6MP":
        return [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35], [1] * 9 + [0] * 12
    return [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23], [1] * 21


def both_groups() -> pl.DataFrame:
    rows = [(g, float(t), bool(e)) for g in ("6MP", "placebo") for t, e in zip(*leukaemia(g), strict=True)]
    return pl.DataFrame(rows, schema=["g", "x", "event"], orient="row")


def test_kaplan_meier_published() -> None:
    steps = survival.curve(both_groups(), ["g"], "x", "event").filter(g="6MP")
    expected = {6: 0.8571, 7: 0.8067, 10: 0.7529, 13: 0.6902, 16: 0.6275, 22: 0.5378, 23: 0.4482}
    assert steps["time"].to_list() == list(expected)
    assert np.allclose(steps["survival"], list(expected.values()), atol=5e-5)
    got = survival.grouped_median(both_groups(), ["g"], "x", "event").sort("g")
    assert got["value"].to_list() == [23, 8]
    assert got["censored"].to_list() == [12, 0]
    assert got["high"].to_list()[0] is None  # the interval has no upper end, and says so


@given(st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=40))
def test_kaplan_meier_agrees_with_statsmodels(rows: list[tuple[int, bool]]) -> None:
    frame = pl.DataFrame([(1, float(t), e) for t, e in rows], schema=["g", "x", "event"], orient="row")
    got = survival.curve(frame, ["g"], "x", "event")
    if not any(e for _, e in rows):
        assert got.is_empty()
        return
    with np.errstate(all="ignore"):
        other = SurvfuncRight([t for t, _ in rows], [int(e) for _, e in rows])
    kept = np.asarray(other.n_events) > 0
    assert np.allclose(got["survival"], other.surv_prob[kept])
    assert got["time"].to_list() == list(np.asarray(other.surv_times)[kept])


@given(COUNTS, COUNTS)
def test_newcombe_agrees_with_statsmodels(now: tuple[int, int], before: tuple[int, int]) -> None:
    got = changes.newcombe_difference(*now, *before)[1:]
    assert np.allclose(got, confint_proportions_2indep(*now, *before, method="newcomb", compare="diff"), atol=1e-9)


@given(COUNTS)
def test_intervals_hold_the_share_and_wider_levels_hold_narrower_ones(kn: tuple[int, int]) -> None:
    k, n = kn
    for method in (shares.wilson, shares.jeffreys):
        low, high = method(k, n, 0.95)
        wide_low, wide_high = method(k, n, 0.99)
        assert wide_low <= low <= k / n + 1e-12
        assert k / n - 1e-12 <= high <= wide_high


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.1, 1e3), st.booleans()), min_size=1, max_size=60),
    st.randoms(),
)
def test_a_group_alone_is_the_group_among_many_in_any_order(
    rows: list[tuple[str, float, bool]], random: object
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    frame = pl.DataFrame(shuffled, schema=["g", "x", "event"], orient="row")
    alone = pl.DataFrame([r for r in rows if r[0] == rows[0][0]], schema=["g", "x", "event"], orient="row")
    for of in (lambda f: medians.grouped(f, ["g"], "x"), lambda f: survival.grouped_median(f, ["g"], "x", "event")):
        assert of(frame).filter(g=rows[0][0]).equals(of(alone))


def test_median_of_an_even_number_is_the_mean_of_the_middle_two() -> None:
    frame = pl.DataFrame({"g": [1] * 6, "x": [1.0, 2, 3, 5, 8, 13]})
    assert medians.grouped(frame, ["g"], "x").row(0) == (1, 6, 4.0, 1.0, 13.0)


def test_wilson_covers_as_it_says() -> None:
    draws = np.random.default_rng(7).binomial(40, 0.12, 20_000)
    low, high = shares.wilson(draws, 40)
    assert 0.93 <= np.mean((low <= 0.12) & (high >= 0.12)) <= 0.98


def test_open_items_kept_recover_the_true_median_and_dropping_them_does_not() -> None:
    """Log-normal times, median 20, looked at after random spans: Kaplan–Meier is near 20, the naive median is not."""
    rng = np.random.default_rng(11)
    times, looks = rng.lognormal(math.log(20), 0.8, (400, 60)), rng.uniform(5, 60, (400, 60))
    frame = pl.DataFrame(
        {"g": np.repeat(np.arange(400), 60), "x": np.minimum(times, looks).ravel(), "event": (times <= looks).ravel()}
    )
    kept = survival.grouped_median(frame, ["g"], "x", "event")
    naive = medians.grouped(frame.filter("event"), ["g"], "x")
    assert abs(kept["value"].median() - 20) < 1.2
    assert naive["value"].median() < 17
    covered = ((pl.col("low") <= 20) & (pl.col("high").is_null() | (pl.col("high") >= 20))).mean()
    assert 0.92 <= kept.select(covered).item() <= 0.99


@pytest.mark.parametrize(
    ("now", "before", "ratio", "side"),
    [
        ((4, 3, 5), (8, 7, 9), 0.5, "below"),
        ((8, 2, 30), (8, 2, 30), 1.0, "both"),
        ((8, 7, math.nan), (2, 1, 3), 4.0, "unbounded"),
    ],
)
def test_ratio_from_intervals(now: tuple[float, ...], before: tuple[float, ...], ratio: float, side: str) -> None:
    got, low, high = changes.ratio_from_intervals(*now, *before)
    assert math.isclose(got, ratio)
    assert {"below": high < 1, "both": low < 1 < high, "unbounded": low > 1 and math.isinf(high)}[side]


def test_verdicts() -> None:
    low, high = [0.1, -0.3, -0.1, np.nan, 0.1], [0.2, -0.1, 0.1, np.nan, 0.2]
    lower_is_better = changes.verdict(low, high, 0.0, ["lower"] * 4 + [""])
    assert lower_is_better.tolist() == [
        "worsened",
        "improved",
        "no detectable change",
        "not identified",
        "not identified",
    ]


@pytest.mark.parametrize(
    "case", ["S01g_wilson", "S02g_newcombe_diff", "T10g_km_6mp", "T12g_median_ci", "T16g_poisson_rate"]
)
def test_reference_cases(cases: Path, case: str) -> None:
    given_ = cases / "stats" / "given"
    document = json.loads((given_ / f"{case}.json").read_text())
    expected = {name: spec["value"] for name, spec in document["expected"].items()}
    data = document["data"]
    match case:
        case "S01g_wilson":
            for k, n in data:
                low, high = shares.wilson(k, n)
                assert np.allclose((low, high), (expected[f"{k}/{n}_lo"], expected[f"{k}/{n}_hi"]), atol=5e-5)
        case "S02g_newcombe_diff":
            (k1, n1), (k0, n0) = data
            assert np.allclose(
                changes.newcombe_difference(k1, n1, k0, n0)[1:], (expected["lo"], expected["hi"]), atol=5e-5
            )
        case "T12g_median_ci":
            for n in data:
                lower, upper, coverage = (v.item() for v in medians.order_statistic_ranks(n))
                assert (None if not lower else [lower, upper, pytest.approx(coverage)]) == expected[f"n{n}"]
        case "T16g_poisson_rate":
            assert np.allclose(rates.exact_poisson(*data), (expected["lo"], expected["hi"]), atol=1e-6)
        case "T10g_km_6mp":
            with (given_ / "T10g_km_6mp.csv").open() as file:
                rows = [(r["group"], float(r["time"]), r["event"] == "1") for r in csv.DictReader(file)]
            got = survival.grouped_median(
                pl.DataFrame(rows, schema=["g", "x", "event"], orient="row"), ["g"], "x", "event"
            )
            assert dict(got.select("g", "value").iter_rows()) == {
                "6MP": expected["median_6MP"], "placebo": expected["median_placebo"],
            }  # fmt: skip
