"""What people of the company answer: quarterly waves with planted weights, demand and themes, and interviews of those who leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from idp_analytics.periods import floor, label
from idp_analytics.settings.questions import CLOSES_AFTER_DAYS
from idp_analytics.sources.sample.answers import labels, numbers
from idp_analytics.sources.sample.coding import codes
from idp_analytics.sources.sample.comments import NAMES, THEMES, comments
from idp_analytics.sources.sample.company import World
from idp_analytics.sources.sample.draw import DAY, NEVER, Bools, Floats, Ints, epoch, instants, masked, shaped, stream
from idp_analytics.sources.sample.exits import exits
from idp_analytics.sources.sample.golden import PIPELINE, Adoption
from idp_analytics.sources.sample.respondents import QUESTIONS, REWORDED, SURVEY

RESPONSE_AT_3, RESPONSE_SLOPE = 0.7, 0.7
"""Log-odds that somebody who would answer 3 responds, and how much more for each point of satisfaction."""
PATH_LIFT, WAVE_LIFT = 0.35, 0.06
"""What having all services on the delivery pipeline adds to a team's contentment, and what each wave adds."""
LINKABLE = 0.7
"""Share of people who let their answers be linked across waves."""
ITEM_MISSING = 0.03
LATE = 2
"""Respondents of a wave who answer after it has been closed."""

DRIVERS = {
    # question: what a point more adds to satisfaction, and how much better than the rest it is answered
    "ease-of-deployment@1": (0.10, 0.3), "documentation@1": (0.45, -0.4), "approval-wait@1": (0.60, -0.7), "golden-paths@1": (0.05, 0.2),
    "environments@1": (0.10, 0.0), "on-call-load@1": (0.05, 0.1), "self-service@1": (0.10, 0.2),
}  # fmt: skip
AREA_SD = 0.8
"""How much people differ about one area, beside what they think of all of it (standard deviation)."""
REWORDING_LIFT = 0.5
"""How much higher the same opinion is answered since ``documentation`` is asked in other words."""

PRICE, FACTORS = 60.0, (0.5, 1.0, 2.0)
"""What the platform costs per developer and month (EUR; that of the company of usual size), and which prices are shown."""
WORTH, WORTH_SPREAD, OVERSTATED = 1.1, 0.5, 0.2
"""Median of what it is worth to somebody, in prices, its log standard deviation, and by how much (log) a stated yes overstates."""

COMMENTS = 0.55


@dataclass
class Said:
    """What the surveys gave: ``rows`` (survey_responses), per wave what everybody would have said, what is true of all of
    it, and comments as two people coded them (``codes``)."""

    rows: pl.DataFrame
    waves: list[dict[str, object]]
    truth: dict[str, Any]
    codes: pl.DataFrame


def surveys(world: World, adopted: Adoption) -> Said:
    """Waves in which the contented answer more readily, so that the mean of the answers is too high."""
    rng = stream(world.seed, "surveys")
    mood = 0.5 * rng.standard_normal(world.people.height)
    linkable = rng.random(world.people.height) < LINKABLE
    days = wave_days(world)
    parts: list[pl.DataFrame] = []
    waves: list[dict[str, object]] = []
    demand: list[tuple[float, bool, bool, bool]] = []
    written: list[tuple[str, str, tuple[str, ...]]] = []
    for number, day in enumerate(days):
        person, team = _present(world, day)
        base = world.teams["content"].to_numpy()[team] + mood[person] + WAVE_LIFT * number
        base = base + PATH_LIFT * _on_path(world, adopted, day)[team] + 0.5 * rng.standard_normal(len(person))
        is_reworded = number >= max(1, len(days) // 2)
        ratings, satisfied = _ratings(base, is_reworded, rng)
        said = np.clip(np.round(satisfied), 1, 5)
        responds = rng.random(len(person)) < 1 / (1 + np.exp(-(RESPONSE_AT_3 + RESPONSE_SLOPE * (said - 3.0))))
        at, is_late = _times(world, day, responds, rng)
        wave = label(floor(day, "1q"), "1q")
        who = pl.DataFrame(
            {
                "response_id": [f"{wave}-{number:04d}" for number in rng.permutation(len(person))],
                "team_id": world.teams["team_id"].gather(team),
                "person_id": masked(world.person_ids(person), linkable[person]),
                "submitted_at": instants(at),
            }
        ).with_columns(pl.lit(SURVEY).alias("survey_id"), pl.lit(wave).alias("wave"))
        parts += _rated(who, ratings, satisfied, said, responds, rng)
        parts += _chosen(who, ratings, responds, rng)
        parts += _priced(who, satisfied, responds, demand, day == days[-1], rng)
        parts.append(_commented(who, ratings, responds, written, rng))
        waves.append(_wave(wave, said, responds, is_late))
    left, reasons = exits(world)
    rows = shaped("survey_responses", pl.concat([*parts, left], how="diagonal_relaxed"))
    coded, agreement = codes(written, [str(one["wave"]) for one in waves[-2:]], world)
    truth = {**_planted(world, len(days)), "demand": _demand(demand), "exit_interviews": reasons,
             "themes": {response: "; ".join(themes) for response, _, themes in written}, "coding": agreement}  # fmt: skip
    return Said(rows.sort("survey_id", "wave", "response_id", "question_id", "value_index"), waves, truth, coded)


def wave_days(world: World) -> list[date]:
    """The 3rd of every third month: early enough for the wave to be closed before the quarter ends."""
    return [day + timedelta(days=2) for day in world.month_starts()[2::3]]


def _present(world: World, day: date) -> tuple[Ints, Ints]:
    """The developers there on a day, and their teams."""
    number = (day - world.start).days
    here = world.people.filter(
        pl.col("is_developer") & (pl.col("started_day") <= number) & (pl.col("ended_day") > number)
    )
    team = "team_after" if day >= world.reorganised_on else "team_before"
    return here["person"].to_numpy(), here[team].to_numpy()


def _on_path(world: World, adopted: Adoption, day: date) -> Floats:
    """Per team, the share of its services that are on the delivery pipeline on a day."""
    number = (day - world.start).days
    owner = world.services["team_after" if day >= world.reorganised_on else "team_before"].to_numpy()
    joined = np.bincount(owner, weights=adopted.days[PIPELINE] <= number, minlength=world.teams.height)
    share: Floats = joined / np.maximum(1, np.bincount(owner, minlength=world.teams.height))
    return share


def _times(world: World, day: date, responds: Bools, rng: np.random.Generator) -> tuple[Ints, Bools]:
    """When each answers: within ten days, but for the last two, who are late where there is time left to be."""
    at = epoch(day) + rng.integers(0, min(10, (world.until - day).days) * DAY - 60, len(responds))
    is_late = np.zeros(len(responds), dtype=np.bool_)
    last = np.flatnonzero(responds)[-LATE:]
    closed = at[responds].min(initial=NEVER * 10) + int(CLOSES_AFTER_DAYS * DAY)
    if responds.sum() > 4 * LATE and closed + DAY < world.end:
        is_late[last] = True
        at[last] = np.minimum(closed + np.arange(1, LATE + 1) * DAY // 2, world.end - 60)
    return at, is_late


def _ratings(base: Floats, is_reworded: bool, rng: np.random.Generator) -> tuple[dict[str, Floats], Floats]:
    """What each would answer to every driver, and how satisfied each is, not rounded."""
    satisfied, ratings = base.copy(), {}
    for question, (weight, shift) in DRIVERS.items():
        apart = AREA_SD * rng.standard_normal(len(base))
        satisfied = satisfied + weight * apart
        is_new = is_reworded and question == "documentation@1"
        opinion = 3.0 + 0.4 * (base - 3.0) + shift + apart + (REWORDING_LIFT if is_new else 0.0)
        ratings[REWORDED.id if is_new else question] = np.clip(np.round(opinion), 1, 5)
    return ratings, satisfied


def _rated(
    who: pl.DataFrame,
    ratings: Mapping[str, Floats],
    satisfied: Floats,
    said: Floats,
    responds: Bools,
    rng: np.random.Generator,
) -> list[pl.DataFrame]:
    """One frame per rating, of those who gave it; satisfaction nobody leaves out."""
    would = np.clip(np.round(5 + 2.4 * (satisfied - 3.0) + 0.4 * rng.standard_normal(len(satisfied))), 0, 10)
    parts = [numbers(who, "satisfaction@1", said, responds)]
    for question, answers in (*ratings.items(), ("recommend@1", would)):
        parts.append(numbers(who, question, answers, responds & (rng.random(len(responds)) >= ITEM_MISSING)))
    return parts


def _by_subject(ratings: Mapping[str, Floats], rows: int) -> dict[str | None, Floats]:
    """Area → how it is rated; what is not rated is neither good nor bad."""
    found = {QUESTIONS[question].subject: answers for question, answers in ratings.items()}
    return {**found, None: np.full(rows, 3.0)}


def _chosen(
    who: pl.DataFrame, ratings: Mapping[str, Floats], responds: Bools, rng: np.random.Generator
) -> list[pl.DataFrame]:
    """What held people up, and up to two votes: the worse an area is rated and the more it weighs, the more votes."""
    rated = _by_subject(ratings, who.height)
    blockers, votes = QUESTIONS["blockers@1"], QUESTIONS["improve-first@1"]
    held = np.column_stack([rated[blockers.subjects.get(choice)] for choice in blockers.choices])
    up = (rng.random(held.shape) < 1 / (1 + np.exp(1.2 * (held - 1.9)))) & responds[:, None]
    weight = {QUESTIONS[question].subject: weight for question, (weight, _) in DRIVERS.items()}
    areas = [votes.subjects[choice] for choice in votes.choices]
    pull = np.column_stack([3.0 * weight[area] - 0.5 * rated[area] for area in areas])
    order = np.argsort(-(pull + rng.gumbel(size=pull.shape)), axis=1)
    number = np.where(responds, rng.choice([0, 1, 2], len(responds), p=[0.1, 0.2, 0.7]), 0)
    voted = np.zeros(pull.shape, dtype=np.bool_)
    for place in range(2):
        voted[np.arange(len(order)), order[:, place]] |= number > place
    return [labels(who, blockers, up), labels(who, votes, voted)]


def _priced(
    who: pl.DataFrame, satisfied: Floats, responds: Bools, demand: list[tuple[float, bool, bool, bool]], with_range: bool,
    rng: np.random.Generator,
) -> list[pl.DataFrame]:  # fmt: skip
    """The referendum at a price drawn for each, and in the last wave four prices; ``demand`` collects price, true yes, said yes, responded."""
    n = len(responds)
    worth = np.log(WORTH) + 0.35 * (satisfied - 3.4) + WORTH_SPREAD * rng.standard_normal(n)
    price = PRICE * np.array(FACTORS)[rng.integers(0, len(FACTORS), n)]
    margin = worth - np.log(price / PRICE)
    stated = margin + OVERSTATED
    sure = np.clip(np.round(5.5 + 5.0 * np.abs(stated) + rng.standard_normal(n)), 0, 10)
    demand += zip(price.tolist(), (margin > 0).tolist(), (stated > 0).tolist(), responds.tolist(), strict=True)
    yes = np.column_stack([stated > 0, stated <= 0]) & responds[:, None]
    parts = [
        numbers(who, "price-shown@1", price, responds),
        labels(who, QUESTIONS["keep-at-price@1"], yes),
        numbers(who, "price-certainty@1", sure, responds),
    ]
    if with_range:
        for question, share in (
            ("price-too-low@1", 0.3),
            ("price-bargain@1", 0.6),
            ("price-dear@1", 1.0),
            ("price-too-high@1", 1.5),
        ):
            each = PRICE * share * np.exp(worth + 0.25 * rng.standard_normal(n))
            parts.append(
                numbers(who, question, np.maximum(5, 5 * np.round(each / 5)), responds & (rng.random(n) < 0.8))
            )
    return parts


def _commented(
    who: pl.DataFrame,
    ratings: Mapping[str, Floats],
    responds: Bools,
    written: list[tuple[str, str, tuple[str, ...]]],
    rng: np.random.Generator,
) -> pl.DataFrame:
    rated = _by_subject(ratings, who.height)
    writes = np.flatnonzero(responds & (rng.random(len(responds)) < COMMENTS))
    by_theme = np.column_stack([rated.get(theme, rated[None]) for theme in THEMES])[writes]
    texts, themes = comments(by_theme, rng)
    rows = who.select(pl.all().gather(writes)).with_columns(
        pl.lit("comment@1").alias("question_id"),
        pl.lit(0).alias("value_index"),
        pl.Series("text", texts, dtype=pl.String),
    )
    written += zip(rows["response_id"], rows["wave"], themes, strict=True)
    return rows


# --- what is true -----------------------------------------------------------------------------------------------------


def _wave(wave: str, said: Floats, responds: Bools, is_late: Bools) -> dict[str, object]:
    in_time = responds & ~is_late
    return {
        "wave": wave, "invited": len(said), "responded": int(responds.sum()), "late": int(is_late.sum()),
        "satisfaction_of_all": round(float(said.mean()), 6),
        "satisfaction_of_respondents": round(float(said[responds].mean()), 6) if responds.any() else None,
        "satisfaction_in_time": round(float(said[in_time].mean()), 6) if in_time.any() else None,
    }  # fmt: skip


def _planted(world: World, waves: int) -> dict[str, Any]:
    by_weight = sorted(DRIVERS, key=lambda question: -DRIVERS[question][0])
    teams = world.teams.select("team_id", "people", "content")
    return {
        "driver_weights": {question: weight for question, (weight, _) in DRIVERS.items()},
        "top_two": by_weight[:2],
        "rewording": {
            "from": "documentation@1", "to": REWORDED.id, "from_wave": min(max(1, waves // 2), waves) + 1, "lift": REWORDING_LIFT,
            "note": "Opinions did not change with the words: joining the two series shows an improvement that never was.",
        },
        "closes_after_days": CLOSES_AFTER_DAYS,
        "least_content_team": teams.filter(pl.col("people") >= 5).sort("content")["team_id"][0],
        "teams_of_fewer_than_five": teams.filter(pl.col("people") < 5)["team_id"].to_list(),
        "price": {"per_developer_month": PRICE, "currency": "EUR", "shown": [PRICE * factor for factor in FACTORS]},
        "never_shown": [*NAMES, *(f"{name.lower().replace(' ', '.')}@larkspur.invalid" for name in NAMES)],
    }  # fmt: skip


def _demand(found: Sequence[tuple[float, bool, bool, bool]]) -> dict[str, dict[str, float]]:
    """Per price: how many of all developers it is worth it to, how many of them would say so, and what respondents said."""
    frame = pl.DataFrame(found, schema=["price", "worth", "says", "responds"], orient="row")
    table = frame.group_by("price").agg(
        pl.len().alias("asked"),
        pl.col("worth").mean().round(6).alias("worth_it_share"),
        pl.col("says").mean().round(6).alias("would_say_yes_share"),
        pl.col("responds").sum().alias("responded"),
        (pl.col("responds") & pl.col("says")).sum().alias("said_yes"),
    )
    return {f"{row.pop('price'):g}": row for row in table.sort("price").to_dicts()}
