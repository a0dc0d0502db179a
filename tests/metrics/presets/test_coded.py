"""Ids by number, and measures aggregated at once: the same rows and numbers as with texts, one after the other."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.metrics.grid import entities
from idp_analytics.metrics.presets import TOOLS
from idp_analytics.metrics.presets.coded import Coded
from idp_analytics.metrics.presets.evaluate import cell_values, collected, known, together
from idp_analytics.metrics.presets.windows import windows

AS_OF = datetime(2024, 4, 1, tzinfo=UTC)
SPANS = windows([("1mo", "2024-03", datetime(2024, 3, 1), datetime(2024, 4, 1))])
SCOPES = ("org", "team", "service")


def test_numbers_of_ids_are_in_the_order_of_their_texts(divergence):
    people = entities(divergence, SCOPES)
    coded = Coded.of(divergence, AS_OF, ["event"], people["entity_id"])
    deployments = known(divergence, AS_OF)["deployments"].collect()
    numbered = coded.seen["event"]["deployments"].collect()
    assert coded.rows.gather(numbered["deployment_id"]).to_list() == deployments["deployment_id"].to_list()
    assert coded.owners.gather(numbered["team_id"]).to_list() == deployments["team_id"].to_list()
    assert coded.rows.is_sorted() and coded.owners.is_sorted()
    assert ORG in coded.owners
    assert coded.owners.gather(coded.entity(people["entity_id"])).to_list() == people["entity_id"].to_list()


def test_what_is_aggregated_at_once_is_what_each_is_alone(divergence, settings):
    people, level = entities(divergence, SCOPES), settings().rules.level
    coded = Coded.of(divergence, AS_OF, {d.ownership for d in TOOLS}, people["entity_id"])
    numbered = people.with_columns(coded.entity(people["entity_id"]).alias("entity_id"))
    org = pl.lit(coded.entity(pl.Series([ORG])).item(), pl.UInt32)
    for ownership, seen in coded.seen.items():
        measures = [m for d in TOOLS for m in d.measures if d.ownership == ownership]
        at_once = together(measures, collected(measures, seen, settings(), SPANS, SCOPES), numbered, SPANS, org)
        at_once = at_once.with_columns(coded.owners.gather(at_once["entity_id"]).alias("entity_id"))
        texts = known(divergence, AS_OF, ownership)
        for place, measure in enumerate(measures):
            (rows,) = collected([measure], texts, settings(), SPANS, SCOPES)
            alone = cell_values(measure, rows, people, SPANS, level).drop(
                "metric", "detail", "unit", "tier", "low", "high", "interval"
            )
            key = ["scope", "entity_id", "every", "period"]
            same = at_once.filter(place=place).select(alone.columns).sort(key)
            assert same.equals(alone.sort(key)), measure
