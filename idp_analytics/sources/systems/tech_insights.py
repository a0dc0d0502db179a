"""Backstage Tech Insights: results of checks on entities, with their ranks where the checks themselves were exported.

Results are of now only, and facts are kept for a while alone. A check whose facts are not there shows no result: such an entity has no row of
it. What facts say is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from idp_analytics.sources import members
from idp_analytics.sources.entity_refs import REFS, entity_ref
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.system import Gives, Option, Recipe, Row, Shape, System

_RANKS = ("Stone", "Bronze", "Silver", "Gold")
"""What the maturity plugin calls ranks 0 to 3."""


def scorecard_results(document: Document, export: Export) -> Iterator[Row]:
    """One row per check and entity. A result that is neither true nor false is kept as written, and its state is not known."""
    entity = document.text("entity")
    if entity is None:
        yield document.left_out("names no entity")
        return
    resource = entity_ref(entity, "component", export.options["refs"] == "short")
    kind = entity_ref(entity, "component", False).partition(":")[0]
    is_service = kind in [one.lower() for one in export.options["kinds"]]
    for one in document.every("results"):
        name = members.text(one, "check", "id")
        about = _about(one, export)
        rank = members.text(about, "rank")
        held = members.flag(one, "result")
        raw = members.text(one, "result") if held is None else str(held).lower()
        yield document.row(
            tool="backstage", scorecard=str(export.options["scorecard"]), rule=name, resource=resource, as_of=document.taken_at,
            service_id=resource if is_service else None, category=members.text(about, "category"), level=_called(rank), level_number=rank,
            state=None if held is None else ("failed", "passed")[held], state_raw=raw, weight=members.text(about, "exp"),
        )  # fmt: skip


def _about(result: Mapping[str, Any], export: Export) -> Any:
    """What is said of the check in the result, else where the checks were exported."""
    said = members.at(result, "check", "metadata")
    if isinstance(said, dict) and said:
        return said
    return export.once("checks", lambda: _checks(export)).get(members.text(result, "check", "id") or "")


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
        Gives("scorecard_results", scorecard_results, ("result", "nameless"), "now only", beside=("check", "config"), lost=("team_id", "score", "score_most"), is_state=True),
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
