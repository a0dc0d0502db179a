"""The table of false alarms is what the simulation gives."""

from __future__ import annotations

import numpy as np
import pytest

from idp_analytics.estimates import false_alarms


def test_nothing_is_said_below_twelve_points_and_more_points_raise_more_alarms() -> None:
    assert np.isnan(false_alarms.probability([0, 11, np.nan])).all()
    chance = false_alarms.probability(np.arange(12, 400))
    assert ((chance > 0) & (chance < 1)).all()
    assert (np.diff(chance[12:]) >= 0).all()
    assert false_alarms.probability(25) == pytest.approx(
        (false_alarms.probability(24) + false_alarms.probability(26)) / 2
    )


def test_one_length_again_with_another_seed() -> None:
    again = false_alarms.simulated(24, 4_000, seed=1)
    assert again == pytest.approx(float(false_alarms.probability(24)), abs=4 * np.sqrt(0.08 * 0.92 / 4_000))


@pytest.mark.slow
def test_the_whole_table_again() -> None:
    """Within what two simulations of that size may differ by (the stream of random numbers may change with numpy)."""
    for points, stored in zip(false_alarms.POINTS, false_alarms.ALARMS, strict=True):
        spread = np.sqrt(2 * stored * (1 - stored) / false_alarms.REPETITIONS)
        assert false_alarms.simulated(points) == pytest.approx(stored, abs=4 * spread + 0.0005), points
