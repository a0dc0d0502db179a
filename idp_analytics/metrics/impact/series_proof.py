"""Is a change seen in one series where there is none? Counted on drawn series whose weeks resemble each other as much as is said.

``python -m idp_analytics.metrics.impact.series_proof`` draws them, has each judged as the study judges units that nobody is compared with
(:func:`estimated.alone`), and writes what it counted to ``series_proof.toml``, from which METRICS.md tells it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.signal import lfilter
from scipy.stats import nbinom, norm, poisson

from idp_analytics.metrics.impact import estimated
from idp_analytics.metrics.impact.columns import Method
from idp_analytics.metrics.impact.finding import Finding
from idp_analytics.metrics.impact.panel import Panel
from idp_analytics.metrics.simulated import Simulated, margin, read, text

Array = npt.NDArray[np.float64]

FILE = Path(__file__).with_name("series_proof.toml")
SEED, SEEDS, LEVEL = 20_261_128, 120, 0.95

COUNTS, DURATIONS = "deployments in a week", "weekly median durations"
PLANTED = {COUNTS: 1.5, DURATIONS: 0.6}
"""What both become by the change where one is planted."""
MEAN = {COUNTS: 20.0, DURATIONS: 8.0}
"""Deployments in a week; of durations, those behind each median."""
STRAYS = 0.35
"""How far weekly medians stray, on the log scale."""
SPLITS = ((8, 4), (12, 4), (16, 8), (12, 12), (28, 8), (18, 18), (52, 52))
"""Weeks before and after."""
RESEMBLING = (0.0, 0.3, 0.6, 0.8)
DISPERSIONS = {COUNTS: (1, 2, 4), DURATIONS: (4,)}
"""Variance ÷ mean of the deployments in a week."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "series": pl.String,
    "dispersion": pl.Int64,
    "before": pl.Int64,
    "after": pl.Int64,
    "resembling": pl.Float64,
    "drawn": pl.Int64,
    "told": pl.Int64,  # have an effect with an interval
    "seen": pl.Int64,  # a change where there is none
    "found": pl.Int64,  # the planted change
}


class Drawn(NamedTuple):
    """One series by week: of counts ``n`` are they; of durations ``values`` are logarithms of medians of ``n``."""

    values: Array
    n: Array
    is_ratio: bool


@cache
def proof() -> Simulated:
    """What :data:`FILE` holds."""
    return read(FILE, COLUMNS)


def measured(
    seed: int = SEED, seeds: int = SEEDS, splits: Sequence[tuple[int, int]] = SPLITS, series: Sequence[str] = (COUNTS, DURATIONS)
) -> Simulated:  # fmt: skip
    """The proof over ``seeds`` series of each kind, without the change and with it."""
    rows = []
    for kind in series:
        for dispersion in DISPERSIONS[kind]:
            for before, after in splits:
                for alike in RESEMBLING:
                    counted = np.zeros(3, dtype=int)
                    for at in range(seeds):
                        nothing, planted = (
                            judged(
                                drawn(
                                    np.random.default_rng([seed, at, before, after, dispersion, int(10 * alike)]), kind, before, after, alike, dispersion, by
                                ), before
                            ) for by in (1.0, PLANTED[kind])
                        )  # fmt: skip
                        is_told = nothing.method is not Method.NONE
                        counted += (is_told, nothing.is_signal, planted.is_signal)
                    rows.append((kind, dispersion, before, after, alike, seeds, *counted.tolist()))
    return Simulated(LEVEL, seed, seeds, 1, pl.DataFrame(rows, schema=COLUMNS, orient="row"))


def drawn(
    rng: np.random.Generator, kind: str, before: int, after: int, alike: float, dispersion: int, by: float
) -> Drawn:
    """A series of so many weeks ``before`` and ``after``, one more between them in which it is taken up, whose weeks resemble each other by ``alike``
    (first order, on the normal scale) and which afterwards is ``by`` times what it was."""
    weeks = before + 1 + after
    factor = np.where(np.arange(weeks) > before, by, 1.0)
    chance = rng.standard_normal(weeks)
    chance[1:] *= np.sqrt(1 - alike**2)
    wander = lfilter([1.0], [1.0, -alike], chance)
    if kind == COUNTS:
        return Drawn(bunched(norm.cdf(wander), MEAN[kind] * factor, dispersion), np.ones(weeks), False)
    behind = bunched(rng.random(weeks), np.full(weeks, MEAN[kind]), dispersion)
    # Half of a median's variance is the week's own, half is chance in the deployments behind it.
    spread = STRAYS * np.sqrt(0.5 + 0.5 * MEAN[kind] / np.maximum(behind, 1))
    return Drawn(np.where(behind > 0, spread * wander + np.log(factor), np.nan), behind, True)


def bunched(share: Array, mean: Array, dispersion: int) -> Array:
    """The counts below which these shares lie, of that mean and of ``dispersion`` times its variance: Poisson's, or the negative binomial's."""
    made: Array = (
        poisson.ppf(share, mean) if dispersion == 1 else nbinom.ppf(share, mean / (dispersion - 1), 1 / dispersion)
    )
    return made


def judged(one: Drawn, before: int) -> Finding:
    """What is found of the series, taken up in the week after those ``before``."""
    weeks = len(one.values)
    starts = tuple(date(2023, 1, 2) + timedelta(7 * at) for at in range(weeks))
    values = one.values if one.is_ratio else one.values / 7
    n = (one.n if one.is_ratio else one.values).astype(np.int64)[None]
    panel = Panel(("it",), starts, values[None], one.n[None], n, np.zeros_like(n), one.is_ratio)
    counts = None if one.is_ratio else (one.values[None], np.full((1, weeks), 7.0))
    return estimated.alone(panel, np.array([before]), -1, LEVEL, counts)


def lines() -> Iterator[str]:
    """The lines of METRICS.md that tell the proof."""
    told = proof()
    rest = 1 - told.level
    yield _INTRODUCTION.format(
        seeds=told.seeds, rest=f"{100 * rest:g}", margin=f"{100 * margin(rest, told.seeds):.1f}", counts=f"{PLANTED[COUNTS]:g}", durations=f"{PLANTED[DURATIONS]:g}",
        mean=f"{MEAN[COUNTS]:g}", behind=f"{MEAN[DURATIONS]:g}", strays=f"{STRAYS:g}", slope=estimated.SLOPE_WEEKS,
    )  # fmt: skip
    yield f"| series | variance ÷ mean | weeks before + after | {' | '.join(f'{alike:g}' for alike in RESEMBLING)} |"
    yield f"|---|---|---|{'---|' * len(RESEMBLING)}"
    by = ("series", "dispersion", "before", "after")
    for (kind, dispersion, before, after), rows in told.counts.group_by(by, maintain_order=True):
        shares = [
            f"{100 * row['seen'] / row['drawn']:.1f} · {100 * row['found'] / row['drawn']:.0f}" if row["told"] else "not told" for row in rows.iter_rows(named=True)
        ]  # fmt: skip
        yield f"| {kind} | {dispersion} | {before} + {after} | {' | '.join(shares)} |"


_INTRODUCTION = """
## Is a change seen in one series that has none?

Where nobody can be compared with, weeks before are all there is, and weeks resemble their neighbours. Measured on {seeds} drawn series of each kind: {mean} deployments in a week, their
variance as many times Poisson's as is said, or medians that stray by {strays} on the log scale, from {behind} deployments with that variance. Columns: how much
neighbouring weeks resemble each other (autocorrelation of first order). First number: series in which nothing changes and a change is said to be seen, %; at most {rest} should
be, by chance of the simulation up to {margin} points more. Second: the planted change (deployments × {counts}, durations × {durations}) is seen, %. Up to 11 weeks after, these are process behaviour
charts, from 12 on interrupted series with a trend, from {slope} on either side with a change of it: what is fitted has to be told apart from the change, which then must be larger to be seen.
Most are seen at 0.8, of medians from uneven numbers of deployments: 6 to 7 of 100 in 500 further series; beyond 0.8 it was not counted.
"""

_HEAD = """\
# How often a change is seen in one series, counted on drawn ones whose weeks resemble each other.
# Made by `python -m idp_analytics.metrics.impact.series_proof`; do not edit.
"""


def main() -> None:
    """Run the proof and write :data:`FILE`; some minutes."""
    FILE.write_text(text(measured(), _HEAD), encoding="utf-8")


if __name__ == "__main__":
    main()
