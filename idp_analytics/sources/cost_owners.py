"""Whose a charge is and where it ran: by its tags, else by the dated map of sub-accounts. One way for every kind of bill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from idp_analytics.sources.cost_tags import OWNERS, of_each, owners
from idp_analytics.sources.export import environment_word
from idp_analytics.sources.options import FIRST, LAST, account_key
from idp_analytics.sources.system import ENVIRONMENT_WORDS, ENVIRONMENTS, Option
from idp_analytics.tables.numbered import at, first_enum, numbered

OPTIONS = (
    Option("team_tags", "texts", "Tag keys that name the team; the first that is not blank counts.", default=("team", "owner")),
    Option("service_tags", "texts", "The same for the service.", default=("service", "app", "application")),
    Option("environment_tags", "texts", "The same for the environment.", default=("environment", "env")),
    ENVIRONMENTS,
    Option("accounts", "accounts", 'Whose a sub-account was, where no tag says it: [{ account = "…", team = "…", from = 2026-01-01, to = 2026-07-01 }], `to` not included.', default=()),
)  # fmt: skip
"""Options of every bill whose charges have tags and sub-accounts."""

ATTRIBUTED = ("team_id", "service_id", "environment", *OWNERS)
"""What :func:`attributed` says of a charge."""

OF_A_CHARGE = ("service_id", "team_id", "owner_raw", "environment", "environment_raw")
"""What of it is kept of a charge."""

_DEFAULTS = {option.name: option.default for option in OPTIONS}
_SHOWN = 5


def attributed(
    charges: pl.DataFrame,
    tags: pl.Series | None,
    allocated: pl.Series | None,
    options: Mapping[str, Any],
    columns: Sequence[str] = ATTRIBUTED,
) -> pl.DataFrame:
    """One row per charge, in the order of ``charges``, which has ``account`` (text) and ``period_start`` (UTC; null: not known).

    ``tags``, ``allocated``: text or Parquet maps, structs, lists (:func:`cost_tags.owners`); null: the bill has none. ``columns``: of
    ``team_id`` (the owner the tag names, else the team of the account on the day, in UTC, on which the charge began),
    ``service_id``, ``environment`` (canonical word; null where the tag's is none we know) and what ``cost_tags.OWNERS`` lists.
    Texts are Enums: tags are read once per different text, an account is looked up once per time between two changes.
    """
    chosen = {**_DEFAULTS, **options}
    if tags is None:
        tags = pl.Series([None], dtype=pl.String).new_from_index(0, charges.height)
    found, place = owners(tags, allocated, chosen["team_tags"], chosen["service_tags"], chosen["environment_tags"])
    patterns = chosen["environments"] or {}
    words = [environment_word(name, patterns) for name in stripped(found["environment_raw"])]
    found = found.with_columns(
        stripped(found["owner_raw"]).alias("team_id"), stripped(found["service_raw"]).alias("service_id"),
        pl.Series("environment", words, dtype=pl.String),
    )  # fmt: skip
    if not chosen["accounts"] or "team_id" not in columns:
        return of_each(found.select(columns), place)
    team = first_enum([(place, found["team_id"]), _of_account(charges, chosen["accounts"])])
    owned = of_each(found.select(name for name in columns if name != "team_id"), place)
    return owned.with_columns(team).select(columns)


def strange_environments(owned: pl.DataFrame) -> list[str]:
    """The sentence about tags that name an environment nobody knows: which, in how many charges."""
    strange = (
        owned.filter(pl.col("environment").is_null() & pl.col("environment_raw").is_not_null())
        .select(pl.col("environment_raw").cast(pl.String)).filter(not_blank(pl.col("environment_raw")).is_not_null())
        .group_by("environment_raw").len().sort("len", "environment_raw", descending=[True, False])
    )  # fmt: skip
    if strange.is_empty():
        return []
    shown = ", ".join(f"{word!r} ({n:,})" for word, n in strange.head(_SHOWN).iter_rows())
    more = f" and {strange.height - _SHOWN} more" if strange.height > _SHOWN else ""
    return [
        f"{strange['len'].sum():,} charge(s) are tagged with an environment that is none of {', '.join(ENVIRONMENT_WORDS)} "
        f"and count as not known: {shown}{more}; say what they are in environments, or in aliases.csv"
    ]


def not_blank(text: pl.Expr) -> pl.Expr:
    """The text without outer spaces; null where nothing is left."""
    plain = text.str.strip_chars()
    return pl.when(plain != "").then(plain)


def stripped(texts: pl.Series) -> pl.Series:
    """The texts without outer spaces; null where nothing is left."""
    return texts.to_frame("text").select(not_blank(pl.col("text"))).to_series().alias(texts.name)


def _of_account(charges: pl.DataFrame, accounts: Sequence[Mapping[str, Any]]) -> tuple[pl.Series, pl.Series]:
    """Numbers and words of the team of each charge's account on the day it began; null: none, or the day is not known."""
    spans = [(account_key(a["account"]), a["team"].strip(), a.get("from", FIRST), a.get("to", LAST)) for a in accounts]
    cuts = sorted({day for _, _, *days in spans for day in days})
    times, since = len(cuts) - 1, {day: time for time, day in enumerate(cuts)}
    team_of: dict[str, list[str | None]] = {}
    for account, team, begins, ends in spans:
        teams = team_of.setdefault(account, [None] * times)
        teams[since[begins] : since[ends]] = [team] * (since[ends] - since[begins])
    numbers, words = numbered(charges["account"])
    keys = words.str.strip_chars().str.to_lowercase()
    found = [team for key in keys for team in team_of.get(key, [None] * times)]
    time = _time(charges["period_start"], cuts)
    return numbers if time is None else numbers.cast(pl.UInt32) * times + time, pl.Series(found, dtype=pl.String)


def _time(start: pl.Series, cuts: Sequence[date]) -> pl.Series | None:
    """Between which two of ``cuts`` each charge began: the place of the first of them; null: between none, or it is not known
    when. None where all is one time."""
    if list(cuts) == [FIRST, LAST] and not start.null_count():
        return None
    days = start.dt.date()
    first, last, numbers = days.min(), days.max(), days.to_physical()
    if not isinstance(first, date) or not isinstance(last, date):
        return numbers
    place = pl.Series(cuts, dtype=pl.Date).search_sorted(pl.date_range(first, last, eager=True), side="right")
    place = place.cast(pl.Int64) - 1
    within = place.set((place < 0) | (place >= len(cuts) - 1), None).cast(pl.UInt32)
    return at(within, numbers - numbers.min())
