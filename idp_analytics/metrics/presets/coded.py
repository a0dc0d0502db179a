"""Ids as whole numbers in the order of their texts: rows are joined, sorted and grouped by them again and again, and numbers take a fraction of the time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.estimates import groups
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.presets.deployments import LABELLED, labelled
from idp_analytics.metrics.presets.evaluate import known
from idp_analytics.metrics.remembered import Shared

_ROWS = ("deployment_id", "change_id", "incident_id")
_OWNERS = ("service_id", "team_id")
_LOOKED_AT: Mapping[str, tuple[str, ...]] = {
    "deployments": (
        "deployment_id", *_OWNERS, "environment", "outcome", "is_resync", "is_rollback", "queued_at", "started_at", "finished_at",
        "version", "sha",
    ),
    "changes": ("change_id", *_OWNERS, "kind", "first_commit_at", "opened_at", "first_review_at", "merged_at"),
    "deployment_changes": ("deployment_id", "change_id"),
    "incidents": ("incident_id", *_OWNERS, "deployment_id", "opened_at", "resolved_at", "change_caused"),
    "ownership": (*_OWNERS, "valid_from", "valid_to"),
}  # fmt: skip
"""Table → the columns definitions look at, but for the words of a change (:func:`deployments.labelled`)."""


@dataclass(frozen=True)
class Coded:
    """``seen``: by ownership the tables as known at a moment (:func:`evaluate.known`), with ids by number, and what brings a repair found. ``rows``: the id
    of a deployment, change or incident by its number; ``owners``: of a service or team, and :data:`ORG`."""

    seen: Mapping[str, Shared]
    rows: pl.Series
    owners: pl.Series

    @classmethod
    def of(cls, tables: Tables, as_of: datetime, ownerships: Iterable[str], entities: pl.Series) -> Coded:
        """``tables``, and the texts ``entities``, with numbers for their ids; of ``tables`` only what definitions look at."""
        names = [*_LOOKED_AT, LABELLED]
        wanted = [*(tables[name].select(columns) for name, columns in _LOOKED_AT.items()), labelled(tables)]
        frames = dict(zip(names, pl.collect_all(wanted), strict=True))
        rows = _numbered(frames, _ROWS)
        owners = _numbered(frames, _OWNERS, entities, pl.Series([ORG]))
        numbered = {name: frame.lazy() for name, frame in frames.items()}
        seen = {}
        for ownership in ownerships:
            found = known(numbered, as_of, ownership)
            held = zip(found, pl.collect_all(found.values()), strict=True)
            seen[ownership] = Shared({**{name: frame.lazy() for name, frame in held}, LABELLED: numbered[LABELLED]})
        return cls(seen, rows, owners)

    def entity(self, texts: pl.Series) -> pl.Series:
        """The numbers of services, teams and the organisation."""
        return _numbers(texts, self.owners)


def _numbered(frames: dict[str, pl.DataFrame], names: Iterable[str], *more: pl.Series) -> pl.Series:
    """Every text in the columns ``names`` once, in order; in ``frames`` each is replaced by its place there."""
    columns = [(table, name) for table, frame in frames.items() for name in names if name in frame.columns]
    # All at once: each text is looked up once, and what there are is sorted once.
    every = pl.concat([*(frames[table][name] for table, name in columns), *more]).alias("text")
    texts, place = groups.numbered(every.to_frame(), ["text"])
    numbers, begins = (
        pl.select(pl.when(every.is_not_null()).then(pl.lit(pl.Series(place.astype(np.uint32))))).to_series(),
        0,
    )
    for table, name in columns:
        height = frames[table].height
        frames[table] = frames[table].with_columns(numbers.slice(begins, height).alias(name))
        begins += height
    return texts["text"].drop_nulls()


def _numbers(some: pl.Series, texts: pl.Series) -> pl.Series:
    return some.cast(pl.Enum(texts)).to_physical().cast(pl.UInt32)
