"""Which study reads rows that are people: seen when it collects them, not when it only has their table at hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import polars as pl
import pytest

from idp_analytics.organisation import Organisation
from idp_analytics.tables import OF_PEOPLE

Readers = Mapping[str, set[str]]


def watched(patch: pytest.MonkeyPatch, organisation: Organisation) -> Readers:
    """Study → the tables of people it collected rows of, filled as ``organisation`` computes studies. Such rows pass unchanged."""
    read: dict[str, set[str]] = defaultdict(set)
    at_work = [""]
    compute = Organisation.study

    def watching(name: str) -> pl.LazyFrame:
        def seen(rows: pl.DataFrame) -> pl.DataFrame:
            read[at_work[0]].add(name)
            return rows

        return organisation.tables[name].lazy().map_batches(seen, schema=organisation.tables[name].schema)

    def study(self: Organisation, name: str, period: str = "") -> pl.DataFrame:
        at_work[0] = name
        return compute(self, name, period)

    patch.setitem(organisation.__dict__, "lazy", {**organisation.lazy, **{name: watching(name) for name in OF_PEOPLE}})
    patch.setattr(Organisation, "study", study)
    return read
