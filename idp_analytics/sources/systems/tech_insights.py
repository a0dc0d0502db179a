"""Backstage Tech Insights: results of checks on entities, with their ranks where the checks themselves were exported.

Results are of now only, and facts are kept for a while alone. A check whose facts are not there shows no result: such an entity has no row of
it. What facts say is not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import not_
from typing import Any

from idp_analytics.sources import members
from idp_analytics.sources.batch import Batch, each
from idp_analytics.sources.entity_refs import REFS, entity_ref
from idp_analytics.sources.export import Export
from idp_analytics.sources.system import Gives, Option, Recipe, Row, Shape, System

_RANKS = ("Stone", "Bronze", "Silver", "Gold")
"""What the maturity plugin calls ranks 0 to 3."""


def scorecard_results(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per check and entity. A result that is neither true nor false is kept as written, and its state is not known."""
    entities = batch.texts("entity")
    yield from (one.left_out("names no entity") for one in batch.those(map(not_, entities)))
    batch, named = batch.where(entities), [entity for entity in entities if entity]
    is_short, kinds = export.options["refs"] == "short", [one.lower() for one in export.options["kinds"]]
    whole = [entity_ref(entity, "component", False) for entity in named]
    resources = [entity_ref(entity, "component", True) for entity in named] if is_short else whole
    is_service = [ref.partition(":")[0] in kinds for ref in whole]
    results, places = batch.every("results")
    about = _about(results, export)
    ranks, found = about.texts("rank"), results.at("result")
    held = [one if type(one) is bool else members.flag(one) for one in found]
    states = [None if one is None else "passed" if one else "failed" for one in held]
    raw = [("true" if one else "false") if one is not None else members.text(of) for one, of in zip(held, found, strict=True)]  # fmt: skip
    yield from batch.several(
        places,
        {"rule": results.texts("check", "id"), "category": about.texts("category"), "level": each(_called, ranks), "level_number": ranks,
         "state": states, "state_raw": raw, "weight": about.texts("exp")},
        tool="backstage", scorecard=str(export.options["scorecard"]), as_of=batch.documents[0].taken_at if len(batch) else None,
        resource=resources, service_id=[ref if is_one else None for ref, is_one in zip(resources, is_service, strict=True)],
    )  # fmt: skip


def _about(results: Batch, export: Export) -> Batch:
    """What is said of the check in each result, else where the checks were exported."""
    known = export.once("checks", lambda: _checks(export))
    told = [
        said if isinstance(said, dict) and said else known.get(name or "")
        for said, name in zip(results.at("check", "metadata"), results.texts("check", "id"), strict=True)
    ]
    return Batch(None, results.documents, told)


def _checks(export: Export) -> dict[str, Any]:
    """Id of a check → its metadata, from the list the API gives or the app's configuration."""
    found = {document.text("id") or "": document.at("metadata") for document in export.of["check"]}
    for document in export.of["config"]:
        declared = document.at("techInsights", "factChecker", "checks")
        for name, check in declared.items() if isinstance(declared, dict) else ():
            found[str(name)] = members.at(check, "metadata")
    return found


def _called(rank: str | None) -> str | None:
    return _RANKS[int(rank)] if rank is not None and rank.isdigit() and int(rank) < len(_RANKS) else None


_API = 'curl -fsS -H "Authorization: Bearer $TOKEN"'

SYSTEM = System(
    kind="tech_insights",
    title="Backstage Tech Insights",
    shapes=(
        Shape("result", "results of checks on an entity", lambda b: {"entity", "results"} <= b.keys()),
        Shape("nameless", "a result of a check", lambda b: {"check", "result", "facts"} <= b.keys()),
        Shape("check", "a check", lambda b: {"id", "type", "factIds"} <= b.keys()),
        Shape("config", "a configuration with checks", lambda b: members.at(b, "techInsights", "factChecker") is not None),
    ),
    gives=(
        Gives("scorecard_results", None, ("result", "nameless"), "now only", beside=("check", "config"), lost=("team_id", "score", "score_most"), is_state=True, at_once=scorecard_results),
    ),
    recipes=(
        Recipe("results.json", f"{_API} -H 'Content-Type: application/json' -d '{{\"entities\": '\"$ENTITIES\"'}}' \"$BACKSTAGE/api/tech-insights/checks/run\" > results.json", "tech-insights.check.execute",
               "$ENTITIES is a list of {kind, namespace, name}. Results of one entity alone do not say which: ask in bulk."),
        Recipe("checks.json", f'{_API} "$BACKSTAGE/api/tech-insights/checks" > checks.json', "tech-insights.check.read", "Rank and category of each check, where results do not say them; or app-config.yaml."),
    ),
    options=(
        REFS,
        Option("kinds", "texts", "Kinds of entity that are services.", ("Component", "API", "Resource", "System"), ("Component",)),
        Option("scorecard", "text", "What the checks together are called.", default="tech-insights"),
    ),
)  # fmt: skip
