"""A change is seen in one series that has none as seldom as METRICS.md says, however much its weeks resemble each other: counted, and counted again."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from idp_analytics.metrics.impact import series_proof
from idp_analytics.metrics.impact.series_proof import COUNTS, DURATIONS, MEAN, bunched, drawn, measured
from idp_analytics.metrics.simulated import Simulated, margin


def kept(told: Simulated, room: float) -> None:
    """Of no kind more than the stated share of all, by more than so few series may be off."""
    rest = 1 - told.level
    for (kind, alike), rows in told.counts.filter(pl.col("told") > 0).group_by("series", "resembling"):
        seen, number = rows["seen"].sum(), rows["drawn"].sum()
        assert seen / number <= rest + 2 * margin(rest, number), (kind, alike)
    for row in told.counts.to_dicts():
        assert row["seen"] / row["drawn"] <= rest + room, row


def test_what_is_stored_keeps_what_is_promised():
    told = series_proof.proof()
    assert (told.seed, told.seeds, told.level) == (series_proof.SEED, series_proof.SEEDS, series_proof.LEVEL)
    assert told.counts.height == sum(map(len, series_proof.DISPERSIONS.values())) * len(series_proof.SPLITS) * len(
        series_proof.RESEMBLING
    )
    kept(told, 1.5 * margin(1 - told.level, told.seeds))
    short = told.counts.filter(pl.col("before") < 12)
    assert short.height
    assert short.select(pl.sum_horizontal("told", "seen", "found").sum()).item() == 0, (
        "twelve weeks in all tell nothing"
    )
    # A week without a deployment has no median, which may leave fewer than twelve.
    enough = told.counts.filter(pl.col("before") >= 12, pl.col("series") == COUNTS)
    assert (enough["told"] == told.seeds).all()
    clear = told.counts.filter(series=COUNTS, dispersion=1, before=28, resembling=0.0).row(0, named=True)
    assert clear["found"] / clear["drawn"] > 0.7


@pytest.mark.slow
def test_other_series_say_the_same():
    again = measured(seed=78, seeds=40, splits=((12, 4), (18, 18)))
    kept(again, 5 * margin(0.05, 40) / 2)


def test_series_are_drawn_as_said():
    """So many a week, that much bunched, neighbours that much alike; afterwards as much as is planted."""
    share = np.random.default_rng(0).random(40_000)
    for dispersion in (1, 4):
        counts = bunched(share, np.full(len(share), 20.0), dispersion)
        assert counts.mean() == pytest.approx(20, rel=0.02)
        assert counts.var() / counts.mean() == pytest.approx(dispersion, rel=0.05)
    rng = np.random.default_rng(1)
    many = np.stack([drawn(rng, COUNTS, 20, 20, 0.6, 1, 1.5).values for _ in range(400)])
    assert many[:, :20].mean() == pytest.approx(MEAN[COUNTS], rel=0.02)
    assert many[:, 21:].mean() == pytest.approx(1.5 * MEAN[COUNTS], rel=0.02)
    assert np.corrcoef(many[:, 5], many[:, 6])[0, 1] == pytest.approx(0.6, abs=0.1)
    long = drawn(rng, DURATIONS, 30, 30, 0.0, 4, 0.6)
    assert long.is_ratio and np.nanmean(long.values[31:]) < np.nanmean(long.values[:30])
    assert (np.isnan(long.values) == (long.n == 0)).all()


def test_one_seed_is_the_same_each_time_and_what_is_written_is_read_again(tmp_path, monkeypatch):
    one, other = (measured(seed=5, seeds=2, splits=((12, 4),), series=(COUNTS,)) for _ in range(2))
    assert one.counts.equals(other.counts)
    monkeypatch.setattr(series_proof, "FILE", tmp_path / "series_proof.toml")
    monkeypatch.setattr(series_proof, "measured", lambda: one)
    series_proof.main()
    read = series_proof.proof.__wrapped__()
    assert read.counts.equals(one.counts)
    monkeypatch.setattr(series_proof, "proof", lambda: read)
    last = list(series_proof.lines())[-1]
    assert last.startswith(f"| {COUNTS} | 4 | 12 + 4 | ")
    assert last.count("·") == 4
