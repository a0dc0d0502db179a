"""What people say of their own teams: two rounds of self-assessment, in which most claim about what can be seen of them and a few do not."""

from __future__ import annotations

import numpy as np
import polars as pl

from idp_analytics.settings.maturity_model import shipped
from idp_analytics.sources.sample.company import World
from idp_analytics.sources.sample.draw import DAY, HOUR, instants, masked, numbered, shaped, stream

OVER_CLAIMERS, UNDER_CLAIMERS = ("mobile",), ("storefront",)
"""Teams whose members see themselves far above, or far below, what can be seen of them. Of few people it is never told that all say the lowest level,
so those who claim too little are many."""
_FAR = {**dict.fromkeys(OVER_CLAIMERS, 4.0), **dict.fromkeys(UNDER_CLAIMERS, 1.0)}

SEEN = {"investment": 2.0, "adoption": 3.0, "interfaces": 2.0, "operations": 2.0, "measurement": 2.0}
"""Where all others see each aspect, give or take what follows; about where the company's data show it."""
_SEEN_OTHERWISE = {("platform", "interfaces"): 1.0}
"""The platform's own team asks for help as much as the others and has hardly any services to ask about."""
MOOD, LATER = 0.3, 0.25
"""Levels by which people see more per point of contentment, and in the second round."""
_USUAL_MOOD = 3.5
_TEAM, _PERSON = 0.3, 0.45
"""Standard deviations of an item: what a team sees otherwise as a whole, and what one person does."""

ROUNDS = ((0.4, 0.0), (0.92, 0.8))
"""When each round was, as a part of the time covered, and which share of a team answered; of the first one person each."""


def table(world: World) -> pl.DataFrame:
    """Table ``assessments``: at first one form of each team, then of four in five people; people of one team now and then disagree."""
    rng = stream(world.seed, "assessments")
    frame = pl.concat([_round(world, rng, number, *when) for number, when in enumerate(ROUNDS, 1)])
    is_leader = pl.col("nth") == 0
    role = pl.when(is_leader).then(pl.lit("leader")).when(pl.col("team_id") == "platform").then(pl.lit("platform")).otherwise(pl.lit("user"))  # fmt: skip
    return shaped("assessments", frame.with_columns(role.alias("role")))


def _round(world: World, rng: np.random.Generator, number: int, at_share: float, share: float) -> pl.DataFrame:
    model = shipped()
    day = int(at_share * world.days)
    who = _respondents(world, rng, day, share)
    team = who["team"].to_numpy()
    item_ids, aspects = np.array([i.id for i in model.items]), np.array([i.aspect for i in model.items])
    row, item = np.divmod(np.arange(len(team) * len(item_ids)), len(item_ids))
    level = _levels(world, number)[team[row]][:, [list(SEEN).index(aspect) for aspect in aspects]][
        np.arange(len(row)), item
    ]
    drift = _TEAM * rng.standard_normal((world.teams.height, len(item_ids)))[team[row], item]
    answer = np.clip(np.round(level + drift + _PERSON * rng.standard_normal(len(row))), 1, 4).astype(int)
    lot = rng.random(len(row))
    text = np.select([lot < 0.05, lot < 0.08], ["unknown", "not_applicable"], answer.astype(str))
    at = world.opening + day * DAY + rng.integers(8 * HOUR, 17 * HOUR, len(team))
    return pl.DataFrame(
        {
            "assessment_id": numbered(f"form-{number}-", len(team), digits=4).gather(row),
            "item_id": item_ids[item],
            "team_id": world.teams["team_id"].gather(team[row]),
            "respondent_id": who["person_id"].gather(row),
            "nth": who["nth"].gather(row),
            "answer": text,
            "reason": masked(pl.Series(["outside our remit"] * len(row)), text == "not_applicable"),
            "confidence": rng.integers(1, 4, len(row)),
            "submitted_at": instants(at[row]),
        }
    ).with_columns(pl.lit(f"round-{number}").alias("wave"), pl.lit(model.version).alias("model_version"))


def _levels(world: World, number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """(team × aspect) where its people see it."""
    names, mood = world.teams["team_id"].to_list(), world.teams["content"].to_numpy()
    seen = np.array([[_SEEN_OTHERWISE.get((name, aspect), level) for aspect, level in SEEN.items()] for name in names])
    usual = seen + MOOD * (mood - _USUAL_MOOD)[:, None] - LATER * (len(ROUNDS) - number)
    far = np.array([_FAR.get(name, np.nan) for name in names])[:, None]
    return np.where(np.isnan(far), usual, far)


def _respondents(world: World, rng: np.random.Generator, day: int, share: float) -> pl.DataFrame:
    """Who answers: ``person_id``, ``team`` (index), ``nth`` of it; of people there that day as large a share as said, one at least."""
    is_after = world.is_after(np.array([world.opening + day * DAY]))[0]
    there = world.people.filter(pl.col("started_day") <= day, pl.col("ended_day") > day)
    return (
        there.select("person_id", pl.col("team_after" if is_after else "team_before").alias("team"), pl.Series("lot", rng.random(there.height)))
        .sort("team", "lot")
        .with_columns((pl.col("lot").cum_count() - 1).over("team").alias("nth"), pl.len().over("team").alias("people"))
        .filter(pl.col("nth") < (share * pl.col("people")).round().clip(lower_bound=1))
    )  # fmt: skip
