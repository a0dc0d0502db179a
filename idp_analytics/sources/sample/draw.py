"""Drawing at random, always from a named stream, so that adding one table never changes another."""

from __future__ import annotations

import zlib
from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from idp_analytics.tables import LINEAGE, TABLES

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DAY = 86_400
HOUR = 3_600
NEVER = 10**9
"""A day so late that it never comes."""

WEEKDAY_WEIGHTS = np.array([1.0, 1.05, 1.05, 1.0, 0.85, 0.08, 0.05])
"""How much happens on Monday … Sunday; used after division by the mean, so that a rate per day keeps its meaning."""


def stream(seed: int, name: str) -> np.random.Generator:
    """The random numbers of one subject: the same for one seed and name, unrelated to those of any other name."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def epoch(day: date) -> int:
    """Seconds from 1970 to the first moment (UTC) of ``day``."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def instants(seconds: npt.ArrayLike, known: npt.ArrayLike | None = None) -> pl.Series:
    """Seconds since 1970 → UTC timestamps (µs); null where ``known`` is false."""
    series = pl.Series(np.asarray(seconds, dtype=np.int64) * 1_000_000).cast(pl.Datetime("us", "UTC"))
    return series if known is None else masked(series, known)


def masked(values: pl.Series | npt.NDArray[np.generic] | list[str], known: npt.ArrayLike) -> pl.Series:
    """``values``, null where ``known`` is false."""
    series = values if isinstance(values, pl.Series) else pl.Series(values)
    mask = pl.Series(np.asarray(known, dtype=np.bool_))
    return pl.select(pl.when(mask).then(series)).to_series()


def lognormal(rng: np.random.Generator, median: npt.ArrayLike, sigma: float, size: int) -> Floats:
    """Log-normal draws with the given medians; ``sigma`` is the standard deviation of the logarithm.

    The last bits of an exponential depend on the processor; without them the same company comes out everywhere.
    """
    return np.asarray(median, dtype=np.float64) * np.round(np.exp(sigma * rng.standard_normal(size)), 9)


def working_seconds(rng: np.random.Generator, size: int) -> Ints:
    """Seconds after midnight UTC, mostly in the working day of central Europe, always between 06:00 and 20:00."""
    hours = np.clip(rng.normal(12.0, 2.4, size), 6.0, 19.99)
    return (hours * HOUR).astype(np.int64)


def weekday_weight(start: date, days: int) -> Floats:
    """For each of ``days`` days from ``start``: how busy it is, 1 on average over a week."""
    index = (start.weekday() + np.arange(days)) % 7
    weights: Floats = WEEKDAY_WEIGHTS[index] / WEEKDAY_WEIGHTS.mean()
    return weights


def events(
    rng: np.random.Generator, rates: Floats, start: date, span: int, per_unit: Floats | None = None
) -> tuple[Ints, Ints]:
    """A Poisson number of events per unit and day → (unit, second since 1970) of each event, ordered by unit and time.

    ``rates`` is events per day by unit; ``per_unit`` (unit × day) multiplies it where it changes over time.
    """
    expected = rates[:, None] * weekday_weight(start, span)[None, :]
    counts = rng.poisson(expected if per_unit is None else expected * per_unit)
    unit, day = np.nonzero(counts)
    unit, day = np.repeat(unit, counts[unit, day]), np.repeat(day, counts[unit, day])
    seconds = epoch(start) + day * DAY + working_seconds(rng, len(day))
    order = np.lexsort((seconds, unit))
    return unit[order], seconds[order]


def hexes(rng: np.random.Generator, size: int, digits: int = 40) -> list[str]:
    """``size`` random words of ``digits`` hexadecimal digits (commit ids)."""
    text = rng.bytes(size * digits // 2).hex()
    return [text[i * digits : (i + 1) * digits] for i in range(size)]


def numbered(prefix: str, size: int, first: int = 1, digits: int = 6) -> pl.Series:
    """``prefix`` and a running number: ``run-000001``, ``run-000002``, …"""
    return pl.select(prefix + pl.int_range(first, first + size).cast(pl.String).str.zfill(digits)).to_series()


def shaped(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` with exactly the columns of table ``name`` (no lineage), in order and type; what it lacks is null."""
    columns = [c for c in TABLES[name].columns if c not in LINEAGE]
    return frame.select(
        (pl.col(c.name) if c.name in frame.columns else pl.lit(None)).cast(c.dtype).alias(c.name) for c in columns
    )
