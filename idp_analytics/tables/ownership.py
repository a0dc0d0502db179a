"""Who owned a service on a day, and which of our ids a system's name stands for."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from idp_analytics.tables import TABLES
from idp_analytics.tables.declare import Table
from idp_analytics.tables.pseudonyms import pseudonym

_KINDS = {
    "service": ("service_id",),
    "team": ("team_id", "owner_team_id", "parent_team_id"),
    "person": (
        "person_id",
        "author_id",
        "initiated_by",
        "requestor_id",
        "responder_id",
        "approver_id",
        "respondent_id",
    ),
    "operation": ("operation_id",),
    "environment": ("environment",),
}
"""Which columns of the tables a kind of alias speaks for."""


def event_time(table: Table) -> pl.Expr:
    """When a fact of ``table`` happened: the first of its time columns that is known, as a UTC timestamp."""
    return pl.coalesce(pl.col(name).cast(pl.Datetime("us", "UTC")) for name in table.time)


def attribute(table: Table, facts: pl.DataFrame, ownership: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """``facts`` with ``team_id``: the team the source names, else the owner of ``service_id`` on the day of the event.

    The day is the event's day in ``time_zone``, because people write "from 15 March" in their own calendar. An event
    on ``valid_from`` belongs to the new owner, one on ``valid_to`` no longer to the old. Reorganising therefore never
    rewrites history. No owner that day, no service or no time: null.
    """
    if not table.owned:
        return facts
    named = (
        pl.col("team_id").cast(pl.String) if "team_id" in facts.columns else pl.lit(None, pl.String).alias("team_id")
    )
    if ownership.is_empty():
        return facts.with_columns(named)
    day = event_time(table).dt.convert_time_zone(time_zone).dt.date().alias("_day")
    spans = ownership.select(
        pl.col("service_id"),
        pl.col("team_id").alias("_owner"),
        pl.col("valid_from").fill_null(pl.date(1, 1, 1)).alias("_day"),
        pl.col("valid_to").alias("_until"),
    ).sort("service_id", "_day")
    # Many facts are of one service on one day, which is looked up once; the rest of the rows is not touched.
    asked = facts.select("service_id", day)
    owners = (
        asked.drop_nulls().unique().with_columns(pl.col("service_id").cast(pl.String)).sort("_day")
        .join_asof(spans.sort("_day"), on="_day", by="service_id", strategy="backward", check_sortedness=False)
        .filter(pl.col("_until").is_null() | (pl.col("_day") < pl.col("_until")))
        .with_columns(pl.col("service_id").cast(asked.schema["service_id"]))
    )  # fmt: skip
    owner = asked.join(owners, on=["service_id", "_day"], how="left", maintain_order="left")["_owner"]
    return facts.with_columns(pl.coalesce(named, owner).alias("team_id"))


def overlaps(ownership: pl.DataFrame) -> pl.DataFrame:
    """The spans of ``ownership`` that are cut short because a later one of the same service starts inside them.

    An open-ended span followed by another is how many catalogues write a move and is no overlap.
    """
    starts = pl.col("valid_from").fill_null(pl.date(1, 1, 1))
    return (
        ownership.with_columns(starts.alias("_from"))
        .sort("service_id", "_from")
        .with_columns(pl.col("_from").shift(-1).over("service_id").alias("_next"))
        .filter(pl.col("valid_to") > pl.col("_next"))
        .drop("_from", "_next")
    )


def resolve(table: Table, frame: pl.DataFrame, aliases: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """``frame`` with every name for which an alias is valid that day replaced by our id.

    ``aliases`` is :func:`by_kind`. An alias of the row's own source wins over one for any source, and of two that are valid
    the one that begins later; names without an
    alias stay as they are, so that nothing is lost and unmapped names can be counted. The environment is looked up by
    the source's own word (``environment_raw``) where the table keeps it.
    """
    for kind, names in _KINDS.items():
        known = aliases.get(kind)
        if known is None or known.is_empty():
            continue
        for name in (n for n in names if n in frame.columns):
            look_up = f"{name}_raw" if f"{name}_raw" in frame.columns else name
            frame = _replaced(table, frame, known, name, look_up)
    return frame


def by_kind(aliases: pl.DataFrame, people: Collection[str] = ()) -> dict[str, pl.DataFrame]:
    """Aliases split by kind, ready for :func:`resolve`; matching ignores case and surrounding space.

    A person may be written as a login in the mapping file though rows have pseudonyms: both are looked for, and the id is
    the pseudonym where only that is one of ``people``, or where it is an address.
    """
    ready = aliases.select(
        "kind",
        "system",
        pl.col("alias").str.strip_chars().str.to_lowercase().alias("_alias"),
        "canonical_id",
        "valid_from",
        "valid_to",
    )
    parts = {str(kind): part.drop("kind") for (kind,), part in ready.partition_by("kind", as_dict=True).items()}
    if "person" in parts:
        parts["person"] = _people(parts["person"], frozenset(people))
    return parts


def _people(known: pl.DataFrame, people: frozenset[str]) -> pl.DataFrame:
    named = known.with_columns(pl.col("canonical_id").replace(_ids(known, people)))
    hashed = named.with_columns(pl.Series("_alias", [pseudonym(alias) for alias in named["_alias"]], dtype=pl.String))
    return pl.concat([named, hashed]).unique(maintain_order=True)


def _ids(known: pl.DataFrame, people: frozenset[str]) -> dict[str, str]:
    """Person as the mapping file has it → their id."""
    return {
        told: pseudonym(told) if told not in people and (pseudonym(told) in people or "@" in told) else told
        for told in known["canonical_id"]
    }


def without_logins(aliases: pl.DataFrame, people: Collection[str] = ()) -> pl.DataFrame:
    """``aliases`` with the logins and addresses of people as pseudonyms, as they stand in every other table."""
    known = frozenset(people)
    persons = aliases.filter(kind="person")
    hashed = {alias: alias if alias in known else pseudonym(alias) for alias in persons["alias"]}
    is_person = pl.col("kind") == "person"
    return aliases.with_columns(
        pl.when(is_person).then(pl.col("alias").replace(hashed)).otherwise("alias").alias("alias"),
        pl.when(is_person).then(pl.col("canonical_id").replace(_ids(persons, known))).otherwise("canonical_id").alias("canonical_id"),
    )  # fmt: skip


def ambiguous(aliases: pl.DataFrame) -> list[str]:
    """The kind of each alias that stands for two things at one time: one begins before the other ends."""
    name = ("kind", "system", "_alias")
    begins = pl.col("valid_from").fill_null(pl.date(1, 1, 1))
    found = (
        aliases.with_columns(
            pl.col("alias").str.strip_chars().str.to_lowercase().alias("_alias"), begins.alias("_from")
        )
        .sort(*name, "_from", maintain_order=True)
        .with_columns(pl.col("_from", "canonical_id").shift(-1).over(name).name.suffix("_next"))
        .filter(
            pl.col("canonical_id") != pl.col("canonical_id_next"),
            pl.col("valid_to").is_null() | (pl.col("valid_to") > pl.col("_from_next")),
        )
    )
    return found.unique(name)["kind"].to_list()


def _replaced(table: Table, frame: pl.DataFrame, known: pl.DataFrame, name: str, look_up: str) -> pl.DataFrame:
    # A name comes again and again, so that each is looked up once, and the rows themselves are not touched where none has an alias.
    spelt = pl.col("_name").cast(pl.String).str.strip_chars().str.to_lowercase().alias("_alias")
    names = frame.select(pl.col(look_up).alias("_name")).unique().with_columns(spelt)
    names = names.join(known, on="_alias", how="semi")
    if names.is_empty():
        return frame
    is_dated = (
        table.time and known.select(pl.any_horizontal(pl.col("valid_from", "valid_to").is_not_null()).any()).item()
    )
    dated = event_time(table).dt.date() if is_dated else pl.lit(None, pl.Date)
    asked = frame.select(pl.col(look_up).alias("_name"), pl.col("source").alias("_source"), dated.alias("_day"))
    matches = (
        asked.join(names.select("_name"), on="_name", how="semi")
        .unique()
        .with_columns(spelt)
        .with_row_index("_order")
        .join(known, on="_alias", how="inner")
        .filter(
            pl.col("system").is_null() | (pl.col("system") == pl.col("_source").cast(pl.String)),
            pl.col("valid_from").is_null() | pl.col("_day").is_null() | (pl.col("_day") >= pl.col("valid_from")),
            pl.col("valid_to").is_null() | pl.col("_day").is_null() | (pl.col("_day") < pl.col("valid_to")),
        )
        .sort(
            "_order",
            pl.col("system").is_null(),
            "valid_from",
            descending=[False, False, True],
            nulls_last=True,
            maintain_order=True,
        )
        .unique("_order", keep="first", maintain_order=True)
        .select(*asked.columns, "canonical_id")
    )
    found = asked.join(matches, on=asked.columns, how="left", nulls_equal=True, maintain_order="left")["canonical_id"]
    return frame.with_columns(pl.coalesce(found, pl.col(name).cast(pl.String)).alias(name))


def latest(name: str, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One row per key: of several, the one read last (newest export, then last in file) stays; the others come second.

    Where several sources describe one thing (a dimension), what the last one does not say is taken from those before it:
    the catalogue has the owner, the mapping file the risk. Within one source only its last word counts.
    """
    table = TABLES[name]
    if frame.select(table.key).hash_rows().n_unique() == frame.height:  # different keys for sure, and the least work
        return frame, frame.clear()
    last = frame.select(pl.struct(table.key).is_last_distinct()).to_series()
    kept, replaced = frame.filter(last), frame.filter(~last)
    if table.is_fact or replaced.is_empty():
        return kept, replaced
    told = frame.filter(pl.struct(*table.key, "source").is_last_distinct())
    filled = told.group_by(table.key).agg(pl.all().drop_nulls().last())
    key = list(table.key)
    return kept.select(key).join(filled, on=key, how="left", nulls_equal=True, maintain_order="left").select(
        frame.columns
    ), replaced
