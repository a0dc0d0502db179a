"""DORA's Quick Check: the scale of 0 to 10 its website shows, from answers of ours.

Scoring as DORA's own (dora.dev Quick Check, data service, 2026). What a person would have answered is read off our
numbers by the bounds of the answers themselves (:data:`STEPS`), share metrics as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from idp_analytics.metrics.editions import DURATIONS, HOURS, RATES, SHARES

Array = npt.NDArray[np.float64]

THROUGHPUT = ("change_lead_time", "deployment_frequency", "failed_deployment_recovery_time")
STABILITY = ("change_fail_rate", "deployment_rework_rate")
GROUPS: Mapping[str, tuple[str, ...]] = {
    "throughput": THROUGHPUT,
    "stability": STABILITY,
    "overall": (*THROUGHPUT, *STABILITY),
}
"""What is averaged, of the metrics that are answered. The 2024 edition did not ask for rework."""

STEPS = tuple(HOURS.values())
"""Of durations, in hours: under the first is the best answer, 6; each bound passed costs a step, down to 1."""

MAPPING = (
    "A median time is the answer whose bounds it lies in. A rate is read as the time between deployments; more than one a "
    "day is both “once per hour to once per day” and “on demand, several a day”, which counts alone do not tell apart, so "
    "the score takes the lower and its interval reaches to the higher. A share is the percentage."
)
"""How our numbers become Quick Check answers, for a reader."""


def score(answer: npt.ArrayLike, kind: str) -> Array:
    """0 to 10, 10 best, of an answer: ``categorical``, steps 1 to 6, or ``percentage``, 0 to 100. Beyond the ends: the end."""
    answer = np.asarray(answer, float)
    found: Array = (np.clip(answer, 1, 6) - 1) * 2 if kind == "categorical" else (100 - np.clip(answer, 0, 100)) / 10
    return found


def average(scores: Mapping[str, npt.ArrayLike], group: str, year: int) -> Array:
    """The mean of what is answered (not nan) of ``group``, elementwise; nan where nothing is."""
    names = [name for name in GROUPS[group] if name in scores and (year >= 2025 or name != "deployment_rework_rate")]
    if not names:
        return np.full(np.shape(next(iter(scores.values()), ())), np.nan)
    rows = np.stack([np.asarray(scores[name], float) for name in names])
    known = (~np.isnan(rows)).sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nansum(rows, axis=0) / np.where(known, known, np.nan))


def scored(metric: str, value: npt.ArrayLike, best: bool = False) -> Array:
    """The score of a metric's values in its own unit (hours, per day, share), nan for nan.

    ``best``: of a rate above one a day, the more favourable of the two answers it fits.
    """
    value = np.asarray(value, float)
    if metric in SHARES:
        return score(100 * value, "percentage")
    if metric in RATES:
        steps = 6.0 - np.sum(value[..., None] < 24 / np.array(STEPS), axis=-1, dtype=np.float64)
        steps = np.where((value > 1) & best, 6.0, steps)
    elif metric in DURATIONS:
        steps = 6.0 - np.sum(value[..., None] >= np.array(STEPS), axis=-1, dtype=np.float64)
    else:
        raise KeyError(metric)
    return np.where(np.isnan(value), np.nan, score(steps, "categorical"))
