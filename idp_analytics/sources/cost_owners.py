"""Whose a charge is and where it ran: by its tags, else by the dated map of sub-accounts. One way for every kind of bill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from idp_analytics.sources.cost_tags import owners
from idp_analytics.sources.export import environment_word
from idp_analytics.sources.options import FIRST, LAST, account_key
from idp_analytics.sources.system import ENVIRONMENT_WORDS, ENVIRONMENTS, Option

OPTIONS = (
    Option("team_tags", "texts", "Tag keys that name the team; the first that is not blank counts.", default=("team", "owner")),
    Option("service_tags", "texts", "The same for the service.", default=("service", "app", "application")),
    Option("environment_tags", "texts", "The same for the environment.", default=("environment", "env")),
    ENVIRONMENTS,
    Option("accounts", "accounts", 'Whose a sub-account was, where no tag says it: [{ account = "…", team = "…", from = 2026-01-01, to = 2026-07-01 }], `to` not included.', default=()),
)  # fmt: skip
"""Options of every bill whose charges have tags and sub-accounts."""

_DEFAULTS = {option.name: option.default for option in OPTIONS}
_SHOWN = 5


def attributed(
    charges: pl.DataFrame, tags: pl.Series, allocated: pl.Series | None, options: Mapping[str, Any]
) -> pl.DataFrame:
    """One row per charge, in the order of ``charges``, which has ``account`` (text) and ``period_start`` (UTC; null: not known).

    ``tags``, ``allocated``: text or Parquet maps, structs, lists (:func:`cost_tags.owners`). Columns: what
    ``cost_tags.OWNERS`` lists, and ``team_id`` (the owner the tag names, else the team of the account on the day, in UTC,
    on which the charge began), ``service_id``, ``environment`` (canonical word; null where the tag's is none we know).
    """
    chosen = {**_DEFAULTS, **options}
    nothing = pl.repeat(None, len(tags), dtype=pl.String, eager=True)
    owned = owners(
        tags,
        nothing if allocated is None else allocated,
        chosen["team_tags"],
        chosen["service_tags"],
        chosen["environment_tags"],
    )
    words = _words(owned["environment_raw"], chosen["environments"] or {})
    named = not_blank(pl.col("owner_raw"))
    return owned.select(
        pl.coalesce(named, _of_account(charges, chosen["accounts"])).alias("team_id"),
        not_blank(pl.col("service_raw")).alias("service_id"),
        not_blank(pl.col("environment_raw")).replace_strict(words, default=None, return_dtype=pl.String).alias("environment"),
        pl.all(),
    )  # fmt: skip


def strange_environments(owned: pl.DataFrame) -> list[str]:
    """The sentence about tags that name an environment nobody knows: which, in how many charges."""
    strange = (
        owned.filter(pl.col("environment").is_null(), not_blank(pl.col("environment_raw")).is_not_null())
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


def _words(raw: pl.Series, patterns: Mapping[str, str]) -> dict[str, str | None]:
    """Each name of an environment → our word. There are few different ones."""
    names = [name.strip() for name in raw.unique().drop_nulls() if name.strip()]
    return {name: environment_word(name, patterns) for name in names} or {"": None}


def _of_account(charges: pl.DataFrame, accounts: Sequence[Mapping[str, Any]]) -> pl.Series:
    asked = charges.select(
        pl.col("account").cast(pl.String).str.strip_chars().str.to_lowercase().alias("account"),
        pl.col("period_start").dt.date().alias("day"),
    )
    spans = [(account_key(a["account"]), a["team"].strip(), a.get("from", FIRST), a.get("to", LAST)) for a in accounts]
    schema = {"account": pl.String, "team": pl.String, "from": pl.Date, "to": pl.Date}
    known = (
        asked.unique()
        .join(pl.DataFrame(spans, schema, orient="row"), on="account")
        .filter(pl.col("day") >= pl.col("from"), pl.col("day") < pl.col("to"))
        .select("account", "day", "team")
    )
    return asked.join(known, on=["account", "day"], how="left", maintain_order="left")["team"]
