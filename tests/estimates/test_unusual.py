"""Days unlike those before them: spikes, changes, weekends and quiet noise."""

from __future__ import annotations

import numpy as np
import pytest

from idp_analytics.estimates.unusual import HISTORY, _before, unusual

DAYS = 140


def noise(series: int, seed: int = 1, days: int = DAYS) -> np.ndarray:
    return 100 * np.exp(0.05 * np.random.default_rng(seed).normal(size=(series, days)))


def test_a_spike_is_found_and_only_it():
    y = noise(20)
    y[3, 120] *= 2
    y[7, 130] /= 2
    found = unusual(y)
    assert list(zip(*np.nonzero(found.alarm), strict=True)) == [(3, 120), (7, 130)]
    assert found.expected[3, 120] == pytest.approx(100, rel=0.1)


def test_a_change_that_stays_is_one_run_until_it_is_usual():
    y = noise(20, seed=2)
    y[5, 100:] *= 1.8
    alarm = unusual(y).alarm
    assert alarm[5, 100:110].all()
    assert not alarm[5, 130:].any()
    assert alarm.sum() == alarm[5].sum()


def test_weekends_are_no_anomaly():
    y = noise(20, seed=3)
    y[:, np.arange(DAYS) % 7 > 4] *= 0.3
    assert not unusual(y).alarm.any()
    y[2, 119] = 100.0  # a weekend like a working day is
    assert 119 % 7 > 4 or unusual(y).alarm.sum() == 0
    y[2, 118] = 100.0
    found = np.nonzero(unusual(y).alarm[2])[0]
    assert set(found) <= {118, 119}
    assert 118 in found


def test_a_flat_subscription_is_not_alarmed_by_cents():
    y = np.full((1, DAYS), 10.0)
    y[0, 120] = 10.05
    assert not unusual(y).alarm.any()
    y[0, 120] = 12.0
    assert unusual(y).alarm.sum() == 1


def test_nothing_is_tested_before_there_is_history():
    p = unusual(noise(1)).p[0]
    assert np.isnan(p[:HISTORY]).all()
    assert np.isfinite(p[HISTORY:]).all()
    late = noise(1)
    late[0, :30] = np.nan
    assert np.isnan(unusual(late).p[0, : HISTORY + 30]).all()


def test_series_that_reach_zero_are_taken_as_they_are():
    y = noise(5) - 100
    y[1, 120] = 90
    alarm = unusual(y).alarm
    assert alarm[1, 120]
    assert alarm.sum() == 1
    assert not unusual(np.zeros((2, DAYS))).alarm.any()


def test_days_that_are_not_known_are_not_tested():
    y = noise(3)
    y[:, 100] = np.nan
    found = unusual(y)
    assert np.isnan(found.p[:, 100]).all()
    assert np.isfinite(found.p[:, 101]).all()
    assert unusual(np.empty((0, 10))).p.shape == (0, 10)
    assert unusual(np.empty((3, 0))).p.shape == (3, 0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["normal", "lognormal", "weekly", "resembling"])
def test_false_alarms_are_held_down(kind):
    """Companies of 30 series in which nothing ever happens: an alarm in at most 5 % of them."""
    alarmed = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        e = rng.normal(size=(30, 200))
        if kind == "normal":
            y = 100 + 10 * e
        elif kind == "lognormal":
            y = 100 * np.exp(0.3 * e)
        elif kind == "weekly":
            y = 100 + 30 * (np.arange(200) % 7 > 4) + 8 * e
        else:
            for day in range(1, 200):
                e[:, day] += 0.5 * e[:, day - 1]
            y = 100 + 8 * e
        alarmed += bool(unusual(y).alarm.any())
    assert alarmed <= 8  # of 100; above 10 with probability 1 % if it were 5 %


@pytest.mark.parametrize("window", [7, 8, 28])
def test_the_median_of_the_days_before_is_that_of_numpy(window):
    y = noise(3, seed=5)
    y[np.random.default_rng(6).random(y.shape) < 0.3] = np.nan
    found = _before(y, window)
    for series, day in np.ndindex(*y.shape):
        before = y[series, max(0, day - window) : day]
        known = before[np.isfinite(before)]
        wanted = np.median(known) if 2 * len(known) >= window else np.nan
        assert np.array_equal(found[series, day], wanted, equal_nan=True)
