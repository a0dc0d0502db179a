"""Do units follow their neighbours? By hand, nothing where there is nothing, and something where it was put in."""

from __future__ import annotations

import numpy as np
import pytest

from idp_analytics.estimates.neighbours import NEVER, Histories, exposure, following


def histories(joined, groups, entered=None, counted=None, left=None, steps=4) -> Histories:
    n = len(joined)
    return Histories(
        np.array(entered if entered is not None else [0] * n), np.array(joined), np.array(counted if counted is not None else [True] * n),
        np.array(left if left is not None else [steps] * n), (np.tile(np.array(groups), (steps, 1)),),
    )  # fmt: skip


def simulated(rng, teams: int, pull: float, steps: int = 12, size: int = 4, base: float = 0.05) -> Histories:
    """Teams of ``size``: each month a unit off joins with odds base, times exp(pull) beside one that is on."""
    group = np.repeat(np.arange(teams), size)
    joined = np.full(teams * size, NEVER)
    for step in range(steps):
        near = np.array([(joined[group == team] < step).any() for team in group])
        odds = base / (1 - base) * np.exp(pull * near)
        now = (joined == NEVER) & (rng.random(len(joined)) < odds / (1 + odds))
        joined[now] = step
    return histories(joined, group, steps=steps)


def test_cells_by_hand():
    """Two teams of two. Red: one joins in month 1, the other in 3. Blue: one was there before; the other's team-mate, so exposed at once."""
    found = exposure(histories([1, 3, -1, NEVER], [0, 0, 1, 1]))
    assert found.tolist() == [
        [0, 0, 2, 0], [0, 1, 1, 0],  # both of red unexposed, the one of blue exposed
        [1, 0, 2, 1], [1, 1, 1, 0],
        [2, 1, 2, 0],  # red's other is exposed now
        [3, 1, 2, 1],
    ]  # fmt: skip


def test_a_mandated_join_ends_the_waiting_and_is_none():
    found = exposure(histories([1, NEVER], [0, 0], counted=[False, True]))
    assert found[:, 3].sum() == 0
    assert found.tolist()[0] == [0, 0, 2, 0]
    assert [row for row in found.tolist() if row[0] == 2] == [[2, 1, 1, 0]]  # and the other is beside it all the same


def test_who_enters_later_or_is_followed_no_more_is_not_at_risk():
    found = exposure(histories([NEVER, NEVER], [0, 1], entered=[2, 0], left=[4, 1]))
    assert found.tolist() == [[0, 0, 1, 0], [2, 0, 1, 0], [3, 0, 1, 0]]


def test_a_unit_of_no_group_has_no_neighbours():
    found = exposure(histories([0, NEVER], [-1, -1]))
    assert found[:, 1].sum() == 0


@pytest.mark.parametrize(
    ("joined", "groups", "reason"),
    [
        ([1] * 5, range(5), "5 joins, and 10 are needed"),
        ([1] * 12, range(12), "no unit had a neighbour on it"),
        ([-1, *[1] * 12], [0] * 13, "every unit had a neighbour on it"),
        ([0, *[0] * 11, NEVER], [0] * 13, "none of the joins had a neighbour on it"),
    ],
)
def test_what_is_not_identified(joined, groups, reason):
    found = following([histories(joined, list(groups))], draws=9)
    assert found.reason == reason
    assert np.isnan([found.odds_ratio, found.p]).all()


def test_what_was_put_in_is_found():
    """Odds three times as high beside one that is on: within the interval, and no chance."""
    found = following([simulated(np.random.default_rng(4), 80, np.log(3))], draws=199)
    assert found.low <= 3 <= found.high
    assert found.p <= 0.01


def test_without_any_pull_it_rarely_cries_wolf():
    rng, low, held = np.random.default_rng(9), 0, 0
    for _ in range(60):
        found = following([simulated(rng, 20, 0.0)], draws=99)
        low += found.p <= 0.05
        held += found.low <= 1 <= found.high
    assert low <= 7  # 3 of 60 expected
    assert held >= 51


def test_the_same_seed_gives_the_same_p():
    kind = simulated(np.random.default_rng(1), 15, 0.5)
    assert following([kind], draws=99).p == following([kind], draws=99).p
