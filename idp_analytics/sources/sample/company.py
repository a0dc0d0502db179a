"""Who exists: teams of very different size, their people and services, and the day some of it moves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from idp_analytics.periods import following
from idp_analytics.sources.sample.draw import (
    DAY,
    NEVER,
    Bools,
    Ints,
    epoch,
    lognormal,
    masked,
    numbered,
    shaped,
    stream,
)

ORGANISATION = "larkspur"
TITLE = "Larkspur Works (synthetic)"
BOT = "p-0000"
"""The service account that machines deploy with."""

MOVED = ("checkout", "payment-links")
"""What the reorganisation moves from ``payments`` to ``storefront``."""
MOVERS = 3
"""How many people move with it."""
GIT_SERVICES = {"search-index": "lark-search", "basket": "lark-basket"}
"""Services whose deployments are the tags of a repository (service → repository)."""
PIPELINE_ALIASES = {"checkout": "shop-checkout"}
"""What the pipeline tool calls a service of ours."""
TEAM_ALIASES = {"payments": "pay"}
"""What cost tags call a team of ours."""
TEAM_ZONES = {"mobile": "Europe/Lisbon", "edge": "America/New_York"}
"""Teams that work elsewhere than the organisation counts its days."""
ABROAD, ABROAD_ZONE = 11, "Asia/Kolkata"
"""Every so many people somebody works from there, whatever their team."""
GIT_RATE = 0.22
"""Releases per day of a service released by tags."""
GROUP_SIZE = 12

_LATENT = ("team_id", "group", "kind", "people", "rate", "fail", "lead_hours", "recovery_hours", "content", "services")
_NAMED = (
    ("payments", "commerce", "team", 14, 2.00, 0.12, 30.0, 2.0, 2.4,
     ("checkout", "payment-links", "payment-gateway", "refunds", "fraud-check", "payouts")),
    ("storefront", "commerce", "team", 11, 1.50, 0.09, 20.0, 1.2, 3.7,
     ("basket", "product-pages", "promotions", "reviews", "gift-cards")),
    ("platform", "foundations", "platform", 8, 0.70, 0.05, 14.0, 0.8, 4.1,
     ("deploy-console", "build-cache", "service-catalogue")),
    ("search", "foundations", "team", 9, 1.00, 0.07, 16.0, 1.0, 3.9,
     ("search-index", "search-api", "suggestions", "ranking")),
    ("ledger", "commerce", "team", 8, 0.70, 0.04, 72.0, 3.0, 3.1,
     ("ledger-core", "invoicing", "reconciliation")),
    ("mobile", "commerce", "team", 7, 0.35, 0.15, 110.0, 6.0, 3.1,
     ("mobile-app", "mobile-gateway", "push-messages")),
    ("data", "foundations", "team", 6, 0.35, 0.10, 44.0, 8.0, 3.5,
     ("event-pipeline", "warehouse", "metrics-store")),
    ("identity", "foundations", "team", 4, 0.06, 0.06, 60.0, 2.0, 3.6,
     ("sign-in", "directory")),
    ("edge", "foundations", "team", 3, 0.16, 0.20, 26.0, 0.7, 4.2,
     ("edge-router",)),
)  # fmt: skip
"""Team, group, kind, people, deployments per day, change-fail probability, lead and recovery medians, contentment 1–5, services."""
_TREES = ("alder", "aspen", "birch", "cedar", "elder", "hazel", "juniper", "larch", "maple", "poplar", "rowan", "willow")  # fmt: skip
_KINDS = ("service", "service", "service", "website", "library")

QUIET = "identity"
"""The quiet team: few events, and in the second quarter of the data none."""


@dataclass(frozen=True)
class World:
    """The company before anything happens: what every other part of the generator starts from.

    ``teams``, ``people`` and ``services`` carry the planted parameters beside the ids, one row per index; ``_before``
    and ``_after`` are the indices of teams before and from the day of the reorganisation.
    """

    seed: int
    months: int
    start: date
    until: date
    reorganised_on: date
    teams: pl.DataFrame
    people: pl.DataFrame
    services: pl.DataFrame

    @property
    def days(self) -> int:
        """Days from ``start`` to ``until``."""
        return (self.until - self.start).days

    @property
    def opening(self) -> int:
        """The first second, since 1970."""
        return epoch(self.start)

    @property
    def end(self) -> int:
        """The as-of second; everything that happened is earlier."""
        return epoch(self.until)

    def month_starts(self) -> list[date]:
        """The first day of each month in the data."""
        days = [self.start]
        while (later := following(days[-1], "1mo")) < self.until:
            days.append(later)
        return days

    def quiet_days(self) -> tuple[int, int]:
        """The days (first, end) without any event of the quiet team: its second quarter."""
        third = min(3, max(1, self.months // 4))
        starts = [*self.month_starts(), self.until]
        return (starts[third] - self.start).days, (starts[2 * third] - self.start).days

    def is_quiet(self, team: Ints, seconds: Ints) -> Bools:
        """Whether it is the quiet team in its quiet quarter."""
        first, end = self.quiet_days()
        day = (seconds - self.opening) // DAY
        quiet: Bools = (self.teams["team_id"] == QUIET).to_numpy()[team] & (first <= day) & (day < end)
        return quiet

    def is_after(self, seconds: Ints) -> Bools:
        """Whether a moment is on or after the day of the reorganisation."""
        return seconds >= epoch(self.reorganised_on)

    def owner(self, service: Ints, seconds: Ints) -> Ints:
        """The index of the team that owns each service at each moment."""
        before, after = self.services["team_before"].to_numpy(), self.services["team_after"].to_numpy()
        return np.where(self.is_after(seconds), after[service], before[service])

    def member(self, rng: np.random.Generator, team: Ints, seconds: Ints) -> Ints:
        """A member of each team at each moment, at random; the longest-standing one in place of somebody not there."""
        chosen, steady = self._picked(self.people, "person", rng, team, seconds)
        day = (seconds - self.opening) // DAY
        started, ended = self.people["started_day"].to_numpy(), self.people["ended_day"].to_numpy()
        return np.where((started[chosen] <= day) & (day < ended[chosen]), chosen, steady)

    def service_of(self, rng: np.random.Generator, team: Ints, seconds: Ints) -> pl.Series:
        """The id of a service each team owns at each moment, at random; null where the one drawn is not in use then."""
        chosen, _ = self._picked(self.services, "service", rng, team, seconds)
        day = (seconds - self.opening) // DAY
        created, retired = self.services["created_day"].to_numpy(), self.services["retired_day"].to_numpy()
        return masked(self.services["service_id"].gather(chosen), (created[chosen] <= day) & (day < retired[chosen]))

    def person_ids(self, person: Ints) -> pl.Series:
        """The pseudonyms of people by index."""
        return self.people["person_id"].gather(pl.Series(person))

    def _picked(
        self, units: pl.DataFrame, index: str, rng: np.random.Generator, team: Ints, seconds: Ints
    ) -> tuple[Ints, Ints]:
        """One of each team's ``units`` at random, and its steadiest, by whose it was before or after the reorganisation."""
        after = self.is_after(seconds)
        lot = rng.random(len(team))
        chosen, steady = np.zeros(len(team), dtype=np.int64), np.zeros(len(team), dtype=np.int64)
        for column, era in (("team_before", ~after), ("team_after", after)):
            roster = units.sort(column, "is_steady", index, descending=[False, True, False])
            count = np.bincount(roster[column].to_numpy(), minlength=self.teams.height)
            order, offset = roster[index].to_numpy(), np.cumsum(count) - count
            mine = team[era]
            chosen[era] = order[offset[mine] + (lot[era] * count[mine]).astype(np.int64)]
            steady[era] = order[offset[mine]]
        return chosen, steady


def world(teams: int, services_per_team: float, months: int, until: date, seed: int) -> World:
    """The company of that size; ``until`` is the as-of day, ``months`` back from it the data begin."""
    start = until
    for _ in range(months):
        start = (start.replace(day=1) - timedelta(days=1)).replace(day=1)
    reorganised = start
    for _ in range(months // 2):
        reorganised = following(reorganised, "1mo")
    reorganised = reorganised.replace(day=15)
    latent = _teams(teams, stream(seed, "teams"))
    services = _services(latent, services_per_team, (until - start).days, stream(seed, "services"))
    people = _people(latent, (until - start).days, stream(seed, "people"))
    return World(seed, months, start, until, reorganised, latent, people, services)


def tables(world: World) -> dict[str, pl.DataFrame]:
    """``teams``, ``people``, ``memberships``, ``services``, ``ownership`` and ``aliases``."""
    return {
        "teams": _teams_table(world.teams),
        "people": _people_table(world),
        "memberships": _memberships(world),
        "services": _services_table(world),
        "ownership": _ownership(world),
        "aliases": _aliases(),
    }


def repositories(service_id: pl.Series) -> pl.Series:
    """The repository of each service, owner/name."""
    return "larkspur/" + service_id.replace(GIT_SERVICES)


def _teams(size: int, rng: np.random.Generator) -> pl.DataFrame:
    named = pl.DataFrame(_NAMED[:size], schema=_LATENT, orient="row").drop("services")
    more = max(0, size - len(_NAMED))
    index = np.arange(len(_NAMED), len(_NAMED) + more)
    people = np.clip(lognormal(rng, 8.0, 0.55, more), 3, 40).astype(np.int64)
    drawn = pl.DataFrame(
        {
            "team_id": [f"{_TREES[i % len(_TREES)]}-{i:03d}" for i in index],
            "group": [f"division-{(i - len(_NAMED)) // GROUP_SIZE + 1:02d}" for i in index],
            "kind": ["team"] * more,
            "people": people,
            "rate": np.round(0.12 * people * lognormal(rng, 1.0, 0.6, more), 3),
            "fail": np.round(np.clip(rng.beta(2.0, 18.0, more), 0.02, 0.3), 3),
            "lead_hours": np.round(lognormal(rng, 36.0, 0.7, more), 1),
            "recovery_hours": np.round(lognormal(rng, 2.0, 0.6, more), 2),
            "content": np.round(np.clip(rng.normal(3.5, 0.4, more), 2.2, 4.6), 2),
        },
        schema=named.schema,
    )
    return pl.concat([named, drawn]).with_row_index("team").with_columns(pl.col("team").cast(pl.Int64))


def _services(teams: pl.DataFrame, per_team: float, days: int, rng: np.random.Generator) -> pl.DataFrame:
    listed = {row[0]: row[-1] for row in _NAMED}
    usual = sum(len(row[-1]) for row in _NAMED) / len(_NAMED)
    drawn = 1 + rng.poisson(max(0.0, per_team - 1), teams.height)
    rows = []
    for team, (team_id, rate) in enumerate(teams.select("team_id", "rate").iter_rows()):
        names: tuple[str, ...] = listed.get(team_id, ())
        wanted = max(len(MOVED) + 1 if team_id == "payments" else 1, round(len(names) * per_team / usual))
        size = wanted if names else int(drawn[team])
        weights = np.arange(1, size + 1) ** -0.7
        by_tag = [name in GIT_SERVICES for name in names[:size]] + [False] * max(0, size - len(names))
        weights[by_tag] = 0.0
        share = weights / max(weights.sum(), 1e-12)
        for rank in range(size):
            name = names[rank] if rank < len(names) else f"{team_id}-{rank + 1:02d}"
            rows.append((name, team, rank, by_tag[rank], GIT_RATE if by_tag[rank] else rate * float(share[rank])))
    frame = pl.DataFrame(rows, schema=["service_id", "team_before", "rank", "is_git", "rate"], orient="row")
    n = frame.height
    storefront = teams.filter(pl.col("team_id") == "storefront")["team"].item()
    may_change = (frame["rank"].to_numpy() >= 2) & ~frame["service_id"].is_in(list(MOVED)).to_numpy()
    lot = rng.random(n)
    born = np.where(may_change & (lot < 0.2), rng.integers(days // 7, 2 * days // 3, n), -rng.integers(100, 2000, n))
    retired = np.where(may_change & (lot > 0.93), rng.integers(days // 2, days - 5, n), NEVER)
    return frame.with_row_index("service").with_columns(
        pl.col("service").cast(pl.Int64),
        pl.when(pl.col("service_id").is_in(list(MOVED))).then(storefront).otherwise("team_before").alias("team_after"),
        pl.Series("created_day", born),
        pl.Series("retired_day", retired),
        pl.Series("tier", np.clip(1 + rng.poisson(0.9, n), 1, 4)),
        pl.Series("kind", np.array(_KINDS)[rng.integers(0, len(_KINDS), n)]),
        (pl.col("rank") == 0).alias("is_steady"),
    )


def _people(teams: pl.DataFrame, days: int, rng: np.random.Generator) -> pl.DataFrame:
    team = np.repeat(np.arange(teams.height), teams["people"].to_numpy())
    first = np.concatenate([[True], team[1:] != team[:-1]])
    names = teams["team_id"].to_list()
    movers = np.flatnonzero((team == names.index("payments")) & ~first)[:MOVERS]
    moves = np.isin(np.arange(len(team)), movers)
    lot = rng.random(len(team))
    fixed = first | moves
    started = np.where(~fixed & (lot < 0.14), rng.integers(5, days - 10, len(team)), -rng.integers(30, 2200, len(team)))
    ended = np.where(~fixed & (lot > 0.92), rng.integers(10, days - 5, len(team)), NEVER)
    return pl.DataFrame(
        {
            "person": np.arange(len(team)),
            "person_id": numbered("p-", len(team), digits=4),
            "team_before": team,
            "team_after": np.where(moves, names.index("storefront"), team),
            "started_day": started,
            "ended_day": ended,
            "is_developer": fixed | (rng.random(len(team)) < 0.88),
            "is_steady": fixed,
        }
    )


def _teams_table(teams: pl.DataFrame) -> pl.DataFrame:
    groups = teams["group"].unique(maintain_order=True)
    above = pl.DataFrame(
        {
            "team_id": [ORGANISATION, *groups],
            "name": ["Larkspur Works", *(f"{g.replace('-', ' ').title()} group" for g in groups)],
            "parent_team_id": [None, *[ORGANISATION] * len(groups)],
            "kind": ["org", *["group"] * len(groups)],
        }
    )
    named = teams.select(
        "team_id",
        pl.col("team_id").str.replace_all("-", " ").str.to_titlecase().alias("name"),
        pl.col("group").alias("parent_team_id"),
        "kind",
        pl.col("team_id").replace_strict(TEAM_ZONES, default=None, return_dtype=pl.String).alias("time_zone"),
    )
    return shaped("teams", pl.concat([above, named], how="diagonal"))


def _dates(world: World, column: str) -> pl.Expr:
    """A column of days since the start → dates; null for a day that never comes."""
    return pl.when(pl.col(column) < NEVER).then(pl.lit(world.start) + pl.duration(days=pl.col(column))).cast(pl.Date)


def _people_table(world: World) -> pl.DataFrame:
    people = world.people.select(
        "person_id",
        _dates(world, "started_day").alias("started_on"),
        _dates(world, "ended_day").alias("ended_on"),
        "is_developer",
        pl.lit(False).alias("is_bot"),
        pl.when(pl.int_range(pl.len()) % ABROAD == ABROAD - 1).then(pl.lit(ABROAD_ZONE)).alias("time_zone"),
    )
    bot = pl.DataFrame({"person_id": [BOT], "is_developer": [False], "is_bot": [True]})
    return pl.concat([shaped("people", bot), shaped("people", people)])


def _memberships(world: World) -> pl.DataFrame:
    moved = pl.col("team_before") != pl.col("team_after")
    names = world.teams["team_id"]
    spans = world.people.select(
        "person_id", "team_before", "team_after",
        _dates(world, "started_day").alias("valid_from"),
        (_dates(world, "ended_day") + pl.duration(days=1)).cast(pl.Date).alias("valid_to"),
    )  # fmt: skip
    day = pl.lit(world.reorganised_on)
    before = spans.with_columns(
        pl.col("team_before").alias("team"), pl.when(moved).then(day).otherwise("valid_to").alias("valid_to")
    )
    after = spans.filter(moved).with_columns(pl.col("team_after").alias("team"), day.alias("valid_from"))
    both = pl.concat([before, after]).sort("person_id", "valid_from")
    return shaped("memberships", both.with_columns(names.gather(both["team"]).alias("team_id")))


def _services_table(world: World) -> pl.DataFrame:
    services, n = world.services, world.services.height
    owner = world.teams["team_id"].gather(services["team_before"])
    opening = pl.lit(world.opening) + pl.lit(9 * 3600)
    moment = {
        name: pl.from_epoch(opening + pl.col(name) * DAY).dt.replace_time_zone("UTC")
        for name in ("created_day", "retired_day")
    }
    experimental = (np.arange(n) % 11 == 10) & (services["retired_day"].to_numpy() == NEVER)
    return shaped(
        "services",
        services.with_columns(
            pl.col("service_id").str.replace_all("-", " ").str.to_titlecase().alias("name"),
            owner.alias("system"),
            pl.when(pl.col("retired_day") < NEVER).then(pl.lit("deprecated"))
            .when(pl.Series(experimental)).then(pl.lit("experimental"))
            .otherwise(pl.lit("production")).alias("lifecycle"),
            repositories(services["service_id"]).alias("repo"),
            moment["created_day"].alias("created_at"),
            pl.when(pl.col("retired_day") < NEVER).then(moment["retired_day"]).alias("retired_at"),
        ),
    )  # fmt: skip


def _ownership(world: World) -> pl.DataFrame:
    names, services = world.teams["team_id"], world.services
    moved = services["team_before"] != services["team_after"]
    day = pl.lit(world.reorganised_on)
    # A catalogue that knows nothing earlier leaves the beginning open.
    before = services.select(
        "service_id",
        names.gather(services["team_before"]).alias("team_id"),
        masked(pl.select(day.repeat_by(services.height).list.explode()).to_series(), moved).alias("valid_to"),
    )
    after = services.select(
        "service_id", names.gather(services["team_after"]).alias("team_id"), day.alias("valid_from")
    ).filter(moved)
    return pl.concat([shaped("ownership", before), shaped("ownership", after)]).sort("service_id", "valid_from")


def _aliases() -> pl.DataFrame:
    services = [("service", "pipelines", theirs, ours) for ours, theirs in PIPELINE_ALIASES.items()]
    teams = [("team", None, theirs, ours) for ours, theirs in TEAM_ALIASES.items()]
    return shaped(
        "aliases", pl.DataFrame(services + teams, schema=["kind", "system", "alias", "canonical_id"], orient="row")
    )
