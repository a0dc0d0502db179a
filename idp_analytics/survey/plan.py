"""Before anybody is asked: how many answers say how much, for every team and the organisation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import numpy as np
import polars as pl
from scipy.optimize import brentq
from statsmodels.stats.proportion import power_proportions_2indep

from idp_analytics.estimates import shares
from idp_analytics.metrics.observed import day_of
from idp_analytics.metrics.survey_waves import WAVE, developers_there
from idp_analytics.settings import Rules, Settings
from idp_analytics.survey.forms import FACTORS

POWER = 0.8
BASE = 0.5
"""The share at which a difference is hardest to tell: what is planned for it holds for every other."""

ANSWERS_PER_PRICE = 30
"""Fewer answers at one price say next to nothing: ±17 points."""

NEVER, ALWAYS = "never: too few people", "from {n} answers"
_MOST = 0.499
"""A share of a half cannot rise by more than a half."""


def plan(
    tables: Mapping[str, pl.LazyFrame], settings: Settings, as_of: datetime, width: float, response: float
) -> pl.DataFrame:
    """One row for the organisation and each team, by name; headcounts are of the as-of day.

    ``who``, ``developers``, ``answers_needed`` (fewest whose interval at ``rules.level`` is no wider than ± ``width`` anywhere;
    everybody answering always is), ``response_needed`` (0–1), ``expected_answers`` (at ``response``), ``plus_minus`` (half width
    with so many), ``smallest_change`` (between two waves of so many answers, with a power of 80 %; null: not even the
    largest), ``prices`` (how many prices of the referendum can be shown), ``shown``.
    """
    day = day_of(as_of, settings.time_zone)
    opened = pl.LazyFrame({"survey_id": ["next"], "wave": ["next"], "opened_on": [day]})
    people = developers_there(tables, opened).drop(WAVE)
    names = tables["teams"].select("team_id", pl.coalesce("name", "team_id").alias("who")).unique("team_id").collect()
    whole = people["team_id"].is_null()
    frame = (
        people.with_columns(whole.alias("_whole"))
        .join(names, on="team_id", how="left")
        .with_columns(
            pl.when("_whole").then(pl.lit("organisation")).otherwise(pl.coalesce("who", "team_id")).alias("who")
        )
        .sort("_whole", "who", descending=[True, False])
    )
    developers = frame["headcount"].to_numpy()
    level, least = settings.rules.level, settings.rules.min_cohort
    expected = np.floor(developers * response).astype(int)
    needed = np.array([answers_needed(n, width, level) for n in developers.tolist()], dtype=int)
    change = {n: smallest_change(n, level) for n in set(expected.tolist())}
    return pl.DataFrame(
        {
            "who": frame["who"],
            "developers": developers,
            "answers_needed": needed,
            "response_needed": np.round(needed / np.maximum(1, developers), 2),
            "expected_answers": expected,
            "plus_minus": np.round(half_width(expected, developers, level), 3),
            "smallest_change": pl.Series([change[n] for n in expected.tolist()], dtype=pl.Float64).round(2),
            "prices": np.minimum(len(FACTORS), expected // ANSWERS_PER_PRICE),
            "shown": [NEVER if n < least else ALWAYS.format(n=least) for n in developers.tolist()],
        }
    )


def half_width(answers: np.ndarray, people: np.ndarray, level: float) -> np.ndarray:
    """Half the width of the interval of a share of a half among ``people`` of whom ``answers`` answered; nan of none."""
    low, high = shares.wilson_finite(BASE * answers, answers, people, level)
    return (high - low) / 2


def answers_needed(people: int, width: float, level: float) -> int:
    """The fewest answers of so many people whose interval is no wider than ± ``width``, at the share where it is widest."""
    answers = np.arange(1, people + 1)
    enough = half_width(answers, np.full(people, people), level) <= width
    return int(answers[enough][0]) if enough.any() else people


def smallest_change(answers: int, level: float) -> float | None:
    """The smallest rise from a half between two waves of ``answers`` each that a two-sided test at 1 − ``level`` finds with a
    power of 80 %; null: it would miss even the largest.

    The share is of whom would answer again, so the number of people corrects nothing. ``alpha`` is the two-sided one: statsmodels
    halves it itself, and giving it the half asks for a fifth more answers than are needed.
    """
    if answers < 2:
        return None

    def short(rise: float) -> float:
        found = power_proportions_2indep(rise, BASE, answers, ratio=1, alpha=1 - level, alternative="two-sided")
        return float(found.power) - POWER

    return None if short(_MOST) < 0 else float(brentq(short, 1e-4, _MOST, xtol=1e-6))


def said(found: pl.DataFrame, rules: Rules, width: float, response: float) -> Iterator[str]:
    """What follows from a plan, as sentences."""
    if found.is_empty():
        yield "Nobody is known to be in a team: give people and memberships, then ask again."
        return
    whole, teams = found.row(0, named=True), found.slice(1)
    yield (
        f"The organisation: {whole['answers_needed']:,} of {whole['developers']:,} developers must answer for ±{width:.0%}"
        f" at a level of {rules.level:.0%} ({whole['response_needed']:.0%}); at {response:.0%} it is ±{whole['plus_minus']:.0%}."
    )
    if whole["smallest_change"] is None:
        yield "No change between two waves is large enough to be told, even in the organisation."
    else:
        yield (
            f"From one wave to the next a change below {whole['smallest_change']:.0%} will mostly be missed (power {POWER:.0%}, "
            f"two-sided at {1 - rules.level:.0%}; statsmodels halves that itself, so it must not be halved before)."
        )
    hidden = teams.filter(pl.col("shown") == NEVER)["who"].to_list()
    if hidden:
        yield f"Never shown, with fewer than {rules.min_cohort} developers: {', '.join(hidden)}. They count in the organisation only."
    rare = teams.filter(pl.col("shown") != NEVER, pl.col("expected_answers") < rules.min_cohort)["who"].to_list()
    if rare:
        yield f"At {response:.0%} too few would answer to be shown: {', '.join(rare)}."
    blind = teams.filter(pl.col("shown") != NEVER, pl.col("smallest_change").is_null())["who"].to_list()
    if blind:
        yield f"Too small for any change to be told with such a test: {', '.join(blind)}. Compare years, or talk."
    prices = whole["prices"]
    if prices == 0:
        yield f"Too few answers to ask about a price: each price needs {ANSWERS_PER_PRICE}."
    else:
        yield (
            f"The referendum can show {prices} price{'s' if prices > 1 else ''} ({ANSWERS_PER_PRICE} answers each), for the organisation only"
            f"{'' if prices == len(FACTORS) else ': begin with what it really costs'}."
        )
