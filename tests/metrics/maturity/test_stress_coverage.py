"""How often the interval of a ratio under stress holds the truth, and how often it caps whom it should not: measured over teams drawn at random."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from idp_analytics.metrics.maturity.evidence import SURE
from idp_analytics.metrics.maturity.from_stress import LEAST_IN_STRESS, against_calm
from idp_analytics.metrics.maturity.measured import INTERVAL, chance

TEAMS, CALM_WINDOWS, THRESHOLD = 4000, 4, 0.9


def drawn(seed, ratio, windows, usual=0.8, together=0.3, deployments=3.0):
    """Teams with ``windows`` of stress and four calm ones beside each; deployments of one window go together (correlation ``together``)."""
    rng = np.random.default_rng(seed)

    def side(share, size):
        n = rng.poisson(deployments, size)
        own = rng.beta(share * (1 / together - 1), (1 - share) * (1 / together - 1), size)
        return rng.binomial(n, own), n

    x1, n1 = side(usual * ratio, (TEAMS, windows))
    x0, n0 = (part.sum(axis=2) for part in side(usual, (TEAMS, windows, CALM_WINDOWS)))
    team, window = np.indices((TEAMS, windows))
    return pl.DataFrame(
        {"scope": "team", "entity_id": team.ravel(), "window": window.ravel(), "x1": x1.ravel(), "n1": n1.ravel(), "x0": x0.ravel(), "n0": n0.ravel()}
    ).cast({"entity_id": pl.String})  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ratio", "windows", "deployments", "capped", "let_off"),
    # At most so often a team is capped, and let off; of the rest it cannot be told.
    [(1.0, 5, 6.0, 0.04, 1.0), (1.0, 10, 3.0, 0.03, 1.0), (1.0, 25, 3.0, 0.02, 1.0), (0.6, 10, 3.0, 1.0, 0.01), (0.6, 25, 3.0, 1.0, 0.01), (THRESHOLD, 25, 3.0, 0.12, 0.12)],
)  # fmt: skip
def test_the_stress_cap_is_hardly_ever_wrong(ratio, windows, deployments, capped, let_off):
    """The 95 % interval holds the truth in 94 to 95 % of teams, in 92 % with 5 windows. Who does under stress what it does in calm is capped in 2 to 3 % of teams with 5 or 10 windows and in fewer than
    1 % with 25; who is on a path 0.6 times as often is capped in 67 % and 94 %, and let off in 0.1 % at most."""
    drew = drawn(20260702, ratio, windows, deployments=deployments)
    found = against_calm(drew, 0.95, of_shares=True).filter(pl.col("n") >= LEAST_IN_STRESS)
    inside = found.select(((pl.col("low") <= ratio) & (pl.col("high").fill_null(np.inf) >= ratio)).mean()).item()
    p = chance(
        found.with_columns(
            pl.lit(INTERVAL).alias("kind"), pl.lit(0.95).alias("level"), pl.lit(None, pl.Float64).alias("k"), pl.lit(THRESHOLD).alias("threshold"),
            pl.lit(True).alias("is_least"), pl.lit(None, pl.String).alias("why"),
        )
    )  # fmt: skip
    not_met, met = float((p <= 1 - SURE).mean()), float((p >= SURE).mean())
    print(
        f"ratio {ratio}, {windows} windows, {found.height} teams: inside {inside:.3f}, not met {not_met:.3f}, met {met:.3f}"
    )
    assert 0.92 <= inside <= 0.98
    assert not_met <= capped
    assert met <= let_off
