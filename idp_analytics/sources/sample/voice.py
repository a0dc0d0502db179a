"""What people say and resolve: surveys, support tickets, actions, self-assessments, and the ledger of changes."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from idp_analytics.periods import floor, label
from idp_analytics.sources.sample.company import World
from idp_analytics.sources.sample.draw import (
    DAY,
    HOUR,
    NEVER,
    Bools,
    Floats,
    Ints,
    epoch,
    events,
    instants,
    lognormal,
    masked,
    numbered,
    shaped,
    stream,
)
from idp_analytics.sources.sample.golden import BASE, DATABASE, PIPELINE, Adoption

SURVEY = "developer-experience"
RESPONSE_AT_3, RESPONSE_SLOPE = -0.25, 0.7
"""Log-odds that somebody who would answer 3 responds, and how much more for each point of satisfaction."""
PATH_LIFT, WAVE_LIFT = 0.35, 0.06
"""What having all services on the delivery pipeline adds to a team's contentment, and what each wave adds."""
LINKABLE = 0.7
"""Share of people who let their answers be linked across waves."""
ITEM_MISSING = 0.03
TICKETS = 0.014
"""Support tickets per person and day before any is saved by a golden path."""
DEFLECTED = 0.6
"""Share of a team's database tickets that vanish once a service of it is on ``postgres-module``."""

_QUESTIONS = (
    # question, lowest, highest, weight of satisfaction, shift
    ("satisfaction@1", 1, 5, 1.0, 0.0), ("ease-of-deployment@1", 1, 5, 0.8, 0.2), ("documentation@1", 1, 5, 0.5, -0.3),
    ("approval-wait@1", 1, 5, 0.4, -0.6), ("recommend@1", 0, 10, 2.4, 0.0),
)  # fmt: skip
_BLOCKERS = ("slow approvals", "flaky builds", "missing documentation", "slow environments", "unclear ownership")
_CATEGORIES = ("access", "database", "pipeline", "network", "question", "quota")
_CATEGORY_SHARES = (0.24, 0.22, 0.20, 0.10, 0.18, 0.06)
_ITEMS = ("investment-1", "investment-2", "adoption-1", "adoption-2", "interfaces-1", "interfaces-2",
          "operations-1", "operations-2", "measurement-1", "measurement-2")  # fmt: skip


def tables(
    world: World, adopted: Adoption, incidents: pl.DataFrame
) -> tuple[dict[str, pl.DataFrame], list[dict[str, object]], dict[str, int]]:
    """``survey_responses``, ``tickets``, ``actions``, ``assessments`` and ``interventions``; and two truths: per wave
    what everybody would have said, and how many database tickets the golden path saved."""
    surveys, waves = _surveys(world, adopted)
    tickets, saved = _tickets(world, adopted)
    return (
        {
            "survey_responses": surveys,
            "tickets": tickets,
            "actions": _actions(world, incidents),
            "assessments": _assessments(world),
            "interventions": _interventions(world, adopted),
        },
        waves,
        saved,
    )


def wave_days(world: World) -> list[date]:
    """The 15th of every third month."""
    return [day + timedelta(days=14) for day in world.month_starts()[2::3]]


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


def _surveys(world: World, adopted: Adoption) -> tuple[pl.DataFrame, list[dict[str, object]]]:
    """Waves in which the contented answer more readily, so that the mean of the answers is too high."""
    rng = stream(world.seed, "surveys")
    mood = 0.5 * rng.standard_normal(world.people.height)
    linkable = rng.random(world.people.height) < LINKABLE
    parts, truths = [], []
    for number, day in enumerate(wave_days(world)):
        person, team = _present(world, day)
        n = len(person)
        content = world.teams["content"].to_numpy()[team] + mood[person] + WAVE_LIFT * number
        content = content + PATH_LIFT * _on_path(world, adopted, day)[team] + 0.5 * rng.standard_normal(n)
        answers = {
            q: np.clip(np.round((low + high) / 2 + weight * (content - 3.0) + shift + 0.4 * rng.standard_normal(n) * (q != "satisfaction@1")), low, high)
            for q, low, high, weight, shift in _QUESTIONS
        }  # fmt: skip
        said = answers["satisfaction@1"]
        responds = rng.random(n) < 1 / (1 + np.exp(-(RESPONSE_AT_3 + RESPONSE_SLOPE * (said - 3.0))))
        wave = label(floor(day, "1q"), "1q")
        at = epoch(day) + rng.integers(0, min(10, (world.until - day).days) * DAY - 60, n)
        who = pl.DataFrame(
            {
                "response_id": [f"{wave}-{number:04d}" for number in rng.permutation(n)],
                "team_id": world.teams["team_id"].gather(team),
                "person_id": masked(world.person_ids(person), linkable[person]),
                "submitted_at": instants(at),
            }
        ).with_columns(pl.lit(SURVEY).alias("survey_id"), pl.lit(wave).alias("wave"))
        parts += _answers(who, answers, responds, rng)
        truths.append(
            {
                "wave": wave, "invited": n, "responded": int(responds.sum()),
                "satisfaction_of_all": round(float(said.mean()), 6),
                "satisfaction_of_respondents": round(float(said[responds].mean()), 6) if responds.any() else None,
            }
        )  # fmt: skip
    frame = pl.concat(parts, how="diagonal_relaxed")
    return shaped("survey_responses", frame).sort("wave", "response_id", "question_id", "value_index"), truths


def _answers(
    who: pl.DataFrame, answers: dict[str, Floats], responds: Bools, rng: np.random.Generator
) -> list[pl.DataFrame]:
    """One frame per question, of those who answered it."""
    parts = []
    for question, low, high, _, _ in _QUESTIONS:
        given = responds & ((question == "satisfaction@1") | (rng.random(len(responds)) >= ITEM_MISSING))
        parts.append(
            who.with_columns(
                pl.lit(question).alias("question_id"), pl.lit(0).alias("value_index"), pl.Series("value", answers[question]),
                pl.lit(float(low)).alias("scale_min"), pl.lit(float(high)).alias("scale_max"),
            ).filter(pl.Series(given))
        )  # fmt: skip
    # Several answers to one question: the place in the list is the index.
    chosen = (rng.random((len(responds), len(_BLOCKERS))) < 0.3) & responds[:, None]
    row, which = np.nonzero(chosen)
    place = np.cumsum(chosen, axis=1)[row, which] - 1
    parts.append(
        who.select(pl.all().gather(row)).with_columns(
            pl.lit("blockers@1").alias("question_id"),
            pl.Series("value_index", place),
            pl.Series("label", np.array(_BLOCKERS)[which]),
        )
    )
    return parts


def _tickets(world: World, adopted: Adoption) -> tuple[pl.DataFrame, dict[str, int]]:
    rng = stream(world.seed, "tickets")
    team, at = events(rng, TICKETS * world.teams["people"].to_numpy(), world.start, world.days)
    category = np.array(_CATEGORIES)[rng.choice(len(_CATEGORIES), len(at), p=_CATEGORY_SHARES)]
    day = (at - world.opening) // DAY
    served = _first_database_day(world, adopted)[team] <= day
    saved = served & (category == "database") & (rng.random(len(at)) < DEFLECTED)
    quiet = world.is_quiet(team, at)
    keep = ~saved & ~quiet
    order = np.lexsort((team[keep], at[keep]))
    drawn, team, at, category = category, team[keep][order], at[keep][order], category[keep][order]
    n = len(at)
    answered = at + np.maximum(60, lognormal(rng, 2.0 * HOUR, 1.2, n)).astype(np.int64)
    resolved = answered + np.maximum(120, lognormal(rng, 18.0 * HOUR, 1.3, n)).astype(np.int64)
    done = (resolved < world.end) & (rng.random(n) < 0.97)
    frame = pl.DataFrame(
        {
            "ticket_id": numbered("tick-", n, digits=5),
            "team_id": world.teams["team_id"].gather(team),
            "service_id": masked(world.service_of(rng, team, at), rng.random(n) < 0.5),
            "category": category,
            "priority": rng.choice(["P1", "P2", "P3", "P4"], n, p=[0.05, 0.2, 0.5, 0.25]),
            "channel": rng.choice(["chat", "portal", "mail"], n, p=[0.55, 0.35, 0.1]),
            "created_at": instants(at),
            "first_response_at": instants(answered, answered < world.end),
            "resolved_at": instants(resolved, done),
            "reopens": rng.poisson(0.08, n),
            "status": np.where(done, "done", "open"),
        }
    ).with_columns(pl.when(pl.col("category") == "pipeline").then(pl.lit(PIPELINE)).alias("golden_path_id"))
    asked = served & (drawn == "database") & ~quiet
    counts = {"database_tickets_without_path": int(asked.sum()), "database_tickets_saved": int((asked & saved).sum())}
    return shaped("tickets", frame), counts


def _first_database_day(world: World, adopted: Adoption) -> Ints:
    """Per team, the first day on which one of its services is on ``postgres-module``."""
    days = np.full(world.teams.height, NEVER)
    np.minimum.at(days, world.services["team_before"].to_numpy(), adopted.days[DATABASE])
    return days


def _dated(world: World, days: Ints, known: Bools | None = None) -> pl.Series:
    """Days since the start → dates, null where not known."""
    frame = pl.DataFrame({"day": np.where(np.abs(days) < NEVER, days, 0)})
    dates = frame.select((pl.lit(world.start) + pl.duration(days="day")).cast(pl.Date)).to_series()
    return dates if known is None else masked(dates, known)


def _actions(world: World, incidents: pl.DataFrame) -> pl.DataFrame:
    """What retrospectives (every other week) and postmortems resolved, and whether it was done."""
    rng = stream(world.seed, "actions")
    held = np.arange(10, world.days - 1, 14)
    team, place = np.repeat(np.arange(world.teams.height), len(held)), np.tile(held, world.teams.height)
    quiet = world.is_quiet(team, world.opening + place * DAY)
    count = np.where(quiet, 0, rng.poisson(0.9, len(team)))
    retro = pl.DataFrame(
        {
            "team_id": world.teams["team_id"].gather(np.repeat(team, count)),
            "day": np.repeat(place, count),
            "origin_id": pl.Series([f"retro-{d:03d}" for d in range(world.days)]).gather(np.repeat(place, count)),
        }
    ).with_columns(pl.lit("retrospective").alias("origin"))
    names = world.teams["team_id"]
    later = incidents.filter(pl.col("postmortem_on").is_not_null() & pl.col("service_id").is_not_null())
    service = later["service_id"].replace_strict(
        world.services["service_id"], world.services["service"], return_dtype=pl.Int64
    )
    opened = (later["postmortem_on"] - world.start).dt.total_days().to_numpy()
    owner = world.owner(service.to_numpy(), world.opening + opened * DAY)
    after = pl.DataFrame(
        {"team_id": names.gather(owner), "day": opened, "origin_id": later["incident_id"]}
    ).with_columns(pl.lit("postmortem").alias("origin"))
    frame = pl.concat([retro, after], how="diagonal_relaxed").sort("day", "team_id", "origin_id")
    n, day = frame.height, frame["day"].to_numpy()
    took = np.maximum(1, lognormal(rng, 16.0, 0.9, n)).astype(np.int64)
    lot = rng.random(n)
    closed = (lot < 0.8) & (day + took < world.days)
    return shaped(
        "actions",
        frame.with_columns(
            numbered("todo-", n, digits=5).alias("action_id"),
            _dated(world, day).alias("opened_on"),
            _dated(world, day + rng.choice([14, 28], n), rng.random(n) < 0.85).alias("due_on"),
            _dated(world, day + took, closed).alias("closed_on"),
            masked(pl.Series(np.where(lot < 0.68, "done", "dropped")), closed).alias("outcome"),
            pl.Series("carried_over", np.minimum(took // 14, 6)),
        ),
    )


def _assessments(world: World) -> pl.DataFrame:
    """Two rounds of self-assessment: two or three people of each team, and now and then they disagree."""
    rng = stream(world.seed, "assessments")
    parts = []
    for number, share in enumerate((0.4, 0.92), 1):
        day = int(share * world.days)
        team = np.repeat(np.arange(world.teams.height), np.where(world.teams["people"].to_numpy() >= 6, 3, 2))
        at = np.full(len(team), world.opening + day * DAY) + rng.integers(8 * HOUR, 17 * HOUR, len(team))
        nth = np.arange(len(team)) - np.searchsorted(team, team)
        respondents = world.person_ids(world.member(rng, team, at))
        level = world.teams["content"].to_numpy()[team] - 1.1 + 0.25 * number
        row, item = np.divmod(np.arange(len(team) * len(_ITEMS)), len(_ITEMS))
        drift = 0.5 * rng.standard_normal((world.teams.height, len(_ITEMS)))[team[row], item]
        answer = np.clip(np.round(level[row] + drift + 0.45 * rng.standard_normal(len(row))), 1, 4).astype(int)
        lot = rng.random(len(row))
        text = np.select([lot < 0.05, lot < 0.08], ["unknown", "not_applicable"], answer.astype(str))
        parts.append(
            pl.DataFrame(
                {
                    "assessment_id": pl.Series([f"form-{number}-{i:04d}" for i in range(len(team))]).gather(row),
                    "item_id": np.array(_ITEMS)[item],
                    "team_id": world.teams["team_id"].gather(team[row]),
                    "respondent_id": respondents.gather(row),
                    "role": np.array(["user", "leader", "user"])[nth[row]],
                    "answer": text,
                    "reason": masked(pl.Series(["outside our remit"] * len(row)), text == "not_applicable"),
                    "confidence": rng.integers(1, 4, len(row)),
                    "submitted_at": instants(at[row]),
                }
            ).with_columns(pl.lit(f"round-{number}").alias("wave"), pl.lit("1.0.0").alias("model_version"))
        )
    frame = pl.concat(parts).with_columns(
        pl.when((pl.col("team_id") == "platform") & (pl.col("role") == "user")).then(pl.lit("platform")).otherwise("role").alias("role")
    )  # fmt: skip
    return shaped("assessments", frame)


def _interventions(world: World, adopted: Adoption) -> pl.DataFrame:
    """The ledger: what was changed in the hope of what, for whom, and when they took it up."""
    planned = (
        ("pipeline-rollout", PIPELINE, "Changes reach production sooner", "change_lead_time", 4.0),
        ("secure-base-rollout", BASE, "Deployments fail less often", "change_fail_rate", 0.02),
    )
    parts = []
    for name, path, hope, metric, effect in planned:
        days = adopted.days[path]
        announced = max(0, min(adopted.announced[path], world.days - 30))
        unit = np.flatnonzero((days > announced) & ~world.services["is_git"].to_numpy())
        joined = days[unit]
        parts.append(
            pl.DataFrame(
                {
                    "unit_id": world.services["service_id"].gather(unit),
                    "adopted_on": _dated(world, joined, joined < NEVER),
                    "registered_at": instants(np.full(len(unit), world.opening + announced * DAY + 9 * HOUR)),
                    "review_on": _dated(world, np.full(len(unit), world.days - 1)),
                }
            ).with_columns(
                pl.lit(name).alias("intervention_id"), pl.lit("service").alias("unit_kind"), pl.lit(hope).alias("hypothesis"),
                pl.lit(metric).alias("metric"), pl.lit("down").alias("direction"), pl.lit(effect).alias("smallest_effect"),
                pl.lit(path).alias("component"),
            )
        )  # fmt: skip
    return shaped("interventions", pl.concat(parts)).sort("intervention_id", "unit_id")
