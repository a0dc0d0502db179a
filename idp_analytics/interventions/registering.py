"""A change to be tried → entries of the ledger: what must be right about it, what is to be said of it, and when units took it up."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from idp_analytics import metrics
from idp_analytics.answers import Estimator, Metric
from idp_analytics.charts.wording import count, is_share
from idp_analytics.errors import ReportError, SettingsError, nearest
from idp_analytics.metrics.interventions import overlapping
from idp_analytics.metrics.observed import day_of
from idp_analytics.organisation import Organisation
from idp_analytics.sources.ledger_entries import ADOPTED, FILE, REGISTERED, REVIEWED

LEAST_DAYS = 28
"""Days from taking a change up to its review at least: fewer than four weeks show nothing by any method."""

WAYS = {"higher": "up", "lower": "down"}
"""Which way is better, as the catalogue of metrics says it → as the ledger does."""

DECISIONS = ("keep", "change", "end")
"""What may be decided on a change that was looked at."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_SHOWN = 5


@dataclass(frozen=True)
class Draft:
    """What somebody wants to register. ``direction`` is null where the metric says which way is better; ``adopted_on``: of all units, null: not
    yet; ``at``: when it is registered (UTC)."""

    intervention_id: str
    hypothesis: str
    metric: str
    direction: str | None
    smallest_effect: str
    unit_kind: str | None
    units: tuple[str, ...]
    component: str | None
    adopted_on: date | None
    review_on: date
    at: datetime


@dataclass(frozen=True)
class Registration:
    """A draft that can be registered: its ``metric``, ``direction``, ``smallest_effect`` in the metric's unit, and ``unit_kind``."""

    draft: Draft
    metric: Metric
    direction: str
    smallest_effect: float
    unit_kind: str

    @property
    def rows(self) -> pl.DataFrame:
        """It as rows of ``interventions``, without where they come from."""
        draft = self.draft
        return pl.DataFrame(
            {
                "intervention_id": draft.intervention_id, "unit_id": list(draft.units), "unit_kind": self.unit_kind, "hypothesis": draft.hypothesis,
                "metric": self.metric.name, "direction": self.direction, "smallest_effect": self.smallest_effect, "component": draft.component,
                "adopted_on": draft.adopted_on, "review_on": draft.review_on, "registered_at": draft.at,
            },
            schema_overrides={"component": pl.String, "adopted_on": pl.Date, "registered_at": pl.Datetime("us", "UTC")},
        )  # fmt: skip

    def entries(self, foreseen: Mapping[str, str]) -> list[dict[str, Any]]:
        """It as entries of the ledger, with what could be ``foreseen`` to be seen of it."""
        draft = self.draft
        said = {
            "entry": REGISTERED, "at": _stamp(draft.at), "intervention_id": draft.intervention_id, "hypothesis": draft.hypothesis,
            "metric": self.metric.name, "direction": self.direction, "smallest_effect": repr(self.smallest_effect), "component": draft.component,
            "unit_kind": self.unit_kind, "units": list(draft.units), "review_on": draft.review_on.isoformat(),
            "foreseen": dict(foreseen),
        }  # fmt: skip
        return [said, *([_adopted(self.draft, draft.units, draft.adopted_on)] if draft.adopted_on else [])]


def registration(draft: Draft, known: pl.DataFrame, organisation: Organisation) -> Registration:
    """The draft once nothing is wrong with it; ``known`` are the rows of ``interventions`` there are.

    Raises :class:`SettingsError` that lists all that is wrong.
    """
    settings = organisation.settings
    metric, wrong = _metric(draft.metric)
    if not _ID.fullmatch(draft.intervention_id):
        wrong.append(f"id {draft.intervention_id!r}: letters, digits, dots and dashes, 80 at most, e.g. auto-approve")
    elif draft.intervention_id in set(known["intervention_id"]):
        wrong.append(
            f"id {draft.intervention_id!r}: is registered already, and what was registered is not changed. Give another id, or `idp intervention adopt` it"
        )
    if not draft.hypothesis.strip():
        wrong.append("no hypothesis: say what it is hoped to do, in a sentence")
    effect, problem = _effect(draft.smallest_effect, metric)
    wrong += [problem] if problem else []
    direction, problem = _direction(draft.direction, metric)
    wrong += [problem] if problem else []
    today = day_of(draft.at, settings.time_zone)
    kind, problems = _units(draft.units, draft.unit_kind, draft.adopted_on or today, organisation)
    wrong += [*problems, *_scope(kind, metric), *_days(draft, today)]
    if wrong:
        raise SettingsError.listing(f"intervention {draft.intervention_id}", wrong, "written")
    assert metric is not None and direction is not None and effect is not None and kind is not None
    return Registration(draft, metric, direction, effect, kind)


def remarks(made: Registration, known: pl.DataFrame, organisation: Organisation) -> Iterator[str]:
    """What does not stop it and should be known: registered after the fact, other changes at the same units, when reports will tell of it."""
    draft, settings = made.draft, organisation.settings
    today = day_of(draft.at, settings.time_zone)
    if draft.adopted_on is not None and draft.adopted_on < today:
        yield (
            f"Registered after the fact: taken up on {_day(draft.adopted_on)}, written down on {_day(today)}. Its page says so, because who chooses metric and "
            "units after having seen the numbers finds what chance put there."
        )
    planned = made.rows.with_columns(pl.coalesce("adopted_on", pl.lit(today)).alias("adopted_on"))
    columns = planned.columns
    pairs = overlapping(pl.concat([known.select(columns), planned], how="vertical_relaxed"))
    for pair in pairs.filter(
        (pl.col("intervention_id") == draft.intervention_id) | (pl.col("other") == draft.intervention_id)
    ).to_dicts():
        other = pair["other"] if pair["intervention_id"] == draft.intervention_id else pair["intervention_id"]
        yield (
            f"{other} is at {count(pair['units'], 'of the same units', 'of the same units')} until its review: what moves there can be put down to neither alone. "
            "Choose other units, or another time."
        )
    if settings.as_of is not None and draft.at >= settings.as_of:
        yield (
            f"The as-of time in settings.toml is {settings.as_of:%Y-%m-%dT%H:%M:%SZ}: reports know of it once that is later than {_stamp(draft.at)}."
        )


def adoption(
    name: str, units: Sequence[str], day: date | None, at: datetime, known: pl.DataFrame, own: pl.DataFrame, organisation: Organisation
) -> tuple[dict[str, Any] | None, list[str]]:  # fmt: skip
    """The entry that says that ``units`` took the change ``name`` up on ``day`` (null: not after all), and what is to be said of it; no entry
    where that is known already. ``known`` are all rows of ``interventions``, ``own`` those of the ledger.

    Raises :class:`SettingsError` that lists all that is wrong.
    """
    today = day_of(at, organisation.settings.time_zone)
    mine = own.filter(intervention_id=name)
    wrong, said = [], []
    if mine.is_empty():
        elsewhere = name in set(known["intervention_id"])
        wrong.append(
            f"{name!r}: is kept in another file than {FILE}; write adopted_on there" if elsewhere
            else f"{name!r}: is not registered.{nearest(name, own['intervention_id'].unique())}"
        )  # fmt: skip
    if day is not None and day > today:
        wrong.append(f"--on {day}: is ahead; write it down once they have taken it up")
    kind = None if mine.is_empty() else mine["unit_kind"][0]
    _, problems = _units(tuple(units), kind, day or today, organisation)
    wrong += problems
    if wrong:
        raise SettingsError.listing(f"intervention {name}", wrong, "written")
    review = mine["review_on"][0]
    if day is not None and review < day + timedelta(days=LEAST_DAYS):
        said.append(
            f"It is to be reviewed on {_day(review)}, less than {LEAST_DAYS} days later: these units will say nothing by then."
        )
    before = dict(mine.select("unit_id", "adopted_on").iter_rows())
    registered = dict(mine.select("unit_id", "registered_at").iter_rows())
    changed = [unit for unit in dict.fromkeys(units) if unit not in before or before[unit] != day]
    for unit in changed:
        if before.get(unit) is not None:
            said.append(f"{unit}: {_day(before[unit])} until now. Both stay in the ledger, the last word counts.")
        if unit not in before:
            said.append(f"{unit}: was not registered with it, and has its row from today.")
    first = min((registered[unit] for unit in changed if unit in registered), default=at)
    if day is not None and day < day_of(first, organisation.settings.time_zone):
        said.append("Registered after the fact: they had taken it up before it was registered, and its page says so.")
    if not changed:
        return None, ["That is known already; nothing was added."]
    return {"entry": ADOPTED, "at": _stamp(at), "intervention_id": name, "units": {u: day.isoformat() if day else "" for u in changed}}, said  # fmt: skip


def review(
    name: str, team: str | None, decision: str, learnt: str, at: datetime, own: pl.DataFrame, organisation: Organisation
) -> dict[str, Any]:
    """The entry that says what was decided on the change ``name`` (:data:`DECISIONS`) once it was looked at, by the ``team`` whose it is (null: the
    platform team), and what was ``learnt``.

    Raises :class:`SettingsError` that lists all that is wrong.
    """
    settings = organisation.settings
    today = day_of(at, settings.time_zone)
    mine, whose = own.filter(intervention_id=name), team or settings.platform_team
    wrong = []
    if mine.is_empty():
        wrong.append(f"{name!r}: is not registered in {FILE}.{nearest(name, own['intervention_id'].unique())}")
    elif today < mine["review_on"][0]:
        wrong.append(f"it is to be looked at on {_day(mine['review_on'][0])}: what is seen before then is no answer")
    if whose is None:
        wrong.append("no team: say whose decision it is with --team, or name a platform_team in settings.toml")
    elif whose not in (there := existing("team", today, organisation)):
        wrong.append(f"team {whose!r}: there is no such team.{nearest(whose, there)}")
    if wrong:
        raise SettingsError.listing(f"intervention {name}", wrong, "written")
    return {
        "entry": REVIEWED, "at": _stamp(at), "intervention_id": name, "on": today.isoformat(), "team": whose, "decision": decision, "learnt": learnt,
    }  # fmt: skip


def known_rows(organisation: Organisation, own: pl.DataFrame) -> pl.DataFrame:
    """All rows of ``interventions``: of the ledger, also where the settings do not read it or the as-of time is before, and of other files."""
    table = organisation.tables["interventions"].select(own.columns)
    return pl.concat([own, table.join(own, on=["intervention_id", "unit_id"], how="anti")]).sort(
        "registered_at", "intervention_id", "unit_id"
    )


# --- what must be right ------------------------------------------------------------------------------------------------


def _metric(name: str) -> tuple[Metric | None, list[str]]:
    several = [one.strip() for one in re.split(r"[,;\s]+", name) if one.strip()]
    if len(several) > 1:
        return None, [
            f"metric {name!r}: name one. It is judged by that; the others stand beside, and are told to be looked at without having been named"
        ]
    try:
        return metrics.by_name(name), []
    except ReportError as error:
        return None, [f"metric: {error}"]


def _effect(text: str, metric: Metric | None) -> tuple[float | None, str | None]:
    """The smallest effect that matters, in the metric's unit: ``4``, of shares also ``2 %``, which are two points."""
    plain = text.strip()
    percent = plain.endswith("%")
    try:
        value = float(plain.removesuffix("%").replace(",", ""))
    except ValueError:
        return None, f"smallest effect {text!r}: must be a number{_in_unit(metric)}"
    if not (math.isfinite(value) and value > 0):
        return None, f"smallest effect {text!r}: must be above zero; which way it is to go is said by the direction"
    if metric is None:
        return value, None
    if percent and not is_share(metric.unit):
        return None, f"smallest effect {text!r}: {metric.title} is no share; say it{_in_unit(metric)}"
    value = value / 100 if percent else value
    if is_share(metric.unit) and value >= 1:
        return None, f"smallest effect {text!r}: of a share less than 1 is wanted; 0.02, or 2 %, are two points"
    return value, None


def _in_unit(metric: Metric | None) -> str:
    return f" in {metric.unit}" if metric else " in the metric's unit"


def _direction(given: str | None, metric: Metric | None) -> tuple[str | None, str | None]:
    if metric is None:
        return given, None
    better = WAYS.get(metric.better or "")
    if given is None:
        return better, None if better else f"direction: {metric.title} is better neither way; say up or down"
    if better and given != better:
        return None, f"direction {given!r}: {metric.title} is better {metric.better}; leave the direction out, or name another metric"  # fmt: skip
    return given, None


def _scope(kind: str | None, metric: Metric | None) -> Iterator[str]:
    if metric is not None and (metric.about_people or metric.estimator is Estimator.TOTAL):
        what = (
            "is told of groups of people only"
            if metric.about_people
            else "is a sum of money, of which no effect is estimated"
        )
        yield f"metric {metric.name}: {what}; name another"
        return
    if kind is not None and metric is not None and kind not in metric.scopes:
        yield f"metric {metric.name}: is not measured of a {kind}; name teams as units, or another metric"


def _units(
    units: tuple[str, ...], kind: str | None, day: date, organisation: Organisation
) -> tuple[str | None, list[str]]:
    """What the units are, and what is wrong with them on that day."""
    if not units:
        return kind, ["no unit: name the teams or services it is for"]
    there = {one: set(existing(one, day, organisation)) for one in ("service", "team")}
    if kind is None:
        fitting = [one for one, names in there.items() if set(units) <= names]
        if len(fitting) > 1:
            return None, ["units: there are services and teams of these names; say --unit-kind"]
        kind = fitting[0] if fitting else max(there, key=lambda one: len(set(units) & there[one]))
    strange = [unit for unit in dict.fromkeys(units) if unit not in there[kind]]
    wrong = [
        f"unit {unit!r}: there is no such {kind} on {_day(day)}.{nearest(unit, there[kind])}" for unit in strange[:_SHOWN]
    ]  # fmt: skip
    if len(strange) > _SHOWN:
        wrong.append(f"and {len(strange) - _SHOWN} more units that are not there on {_day(day)}")
    return kind, wrong


def existing(kind: str, day: date, organisation: Organisation) -> list[str]:
    """The services, or teams, that there are on that day, by name."""
    if kind == "service":
        zone = organisation.settings.time_zone
        begin, end = (pl.col(name).dt.convert_time_zone(zone).dt.date() for name in ("created_at", "retired_at"))
        names = organisation.tables["services"]
    else:
        begin, end = pl.col("valid_from"), pl.col("valid_to")
        names = organisation.tables["teams"].filter((pl.col("kind") != "group").fill_null(True), (pl.col("kind") != "org").fill_null(True))  # fmt: skip
    is_there = (begin <= day).fill_null(True) & (end > day).fill_null(True)
    return sorted(names.filter(is_there)[f"{kind}_id"])


def _days(draft: Draft, today: date) -> Iterator[str]:
    begins = draft.adopted_on or today
    if draft.adopted_on is not None and draft.adopted_on > today:
        yield f"adopted on {draft.adopted_on}: is ahead; leave it out, and say it with `idp intervention adopt` once it has happened"
    elif draft.review_on <= begins:
        word = "taken up" if draft.adopted_on else "registered"
        yield f"review on {draft.review_on}: is not after {begins}, when it is {word}; there would be nothing to see"
    elif draft.review_on < begins + timedelta(days=LEAST_DAYS):
        yield f"review on {draft.review_on}: is {(draft.review_on - begins).days} days after {begins}; at least {LEAST_DAYS} are needed before anything can be seen"


def _adopted(draft: Draft, units: Sequence[str], day: date) -> dict[str, Any]:
    return {
        "entry": ADOPTED,
        "at": _stamp(draft.at),
        "intervention_id": draft.intervention_id,
        "units": {unit: day.isoformat() for unit in units},
    }


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
