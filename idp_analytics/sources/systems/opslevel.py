"""OpsLevel: results of the rubric's checks on services, and the level each service has.

All is of now only. A check that is pending, or not enabled yet, was neither passed nor failed. Checks of scorecards outside the rubric do not count
for the level and are not read; messages are not read either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from operator import not_
from typing import Any

from idp_analytics.sources import members
from idp_analytics.sources.batch import Batch, each, either
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.system import Gives, Recipe, Row, Shape, System
from idp_analytics.tables.facts import LEVEL_SAID

CARD = "rubric"
_STATES = {"passed": "passed", "failed": "failed", "pending": None}


def of_answers(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per check and service of an answer to a query of the GraphQL API, and the level it says each service has."""
    accounts = Batch(batch.table, batch.documents, either(batch.at("data", "account"), batch.at("account")))
    for document, account in zip(accounts.documents, accounts.bodies, strict=True):
        yield from _truncated(document, account, export)
    services, places = accounts.every("services", "nodes")
    ladders = [_ladder(members.every(account, "rubric", "levels", "nodes")) for account in accounts.bodies]
    yield from _rows(services, [ladders[place] for place in places], export)
    listed = set(places)
    is_one = [place not in listed and isinstance(one, dict) for place, one in enumerate(accounts.at("service"))]
    single = accounts.where(is_one)
    yield from _rows(
        Batch(batch.table, single.documents, single.at("service")), list(compress(ladders, is_one)), export
    )


def of_services(batch: Batch, export: Export) -> Iterator[Row]:
    """The same of services one after another, as ``opslevel list service maturity -o json`` writes them too."""
    yield from _rows(batch, [{}] * len(batch), export)


def of_table(document: Document, export: Export) -> Iterator[Row]:
    """The level of each service from the table that ``opslevel list service maturity -o csv`` writes. Levels by category are not read."""
    del export
    if (name := document.text("Name")) is None:
        yield document.left_out("names no service")
    elif level := document.text("Overall"):
        yield _said(document, name, level, None)


def _rows(services: Batch, ladders: Sequence[Mapping[str, str]], export: Export) -> Iterator[Row]:
    names = either([next(iter(members.words(one)), None) for one in services.at("aliases")], services.texts("name"), services.texts("Name"))  # fmt: skip
    yield from (one.left_out("names no service") for one in services.those(map(not_, names)))
    services, ladders = services.where(names), list(compress(ladders, names))
    names = [name for name in names if name]
    if not len(services):
        return
    shared: dict[str, Any] = {"tool": "opslevel", "scorecard": CARD}
    at = services.documents[0].taken_at
    overall = either(services.at("maturityReport", "overallLevel"), services.at("MaturityReport", "OverallLevel"))
    whole = Batch(services.table, services.documents, overall)
    said = either(whole.texts("name"), whole.texts("Name"))
    numbers = either(whole.texts("index"), whole.texts("Index"), [of.get(word or "") for of, word in zip(ladders, said, strict=True)])  # fmt: skip
    named = list(compress(names, said))
    yield from services.where(said).rows(
        **shared, rule=LEVEL_SAID, resource=named, service_id=named, as_of=at, level=list(filter(None, said)), level_number=list(compress(numbers, said)),
    )  # fmt: skip
    levels, of_service = services.every("serviceStats", "rubric", "checkResults", "byLevel", "nodes")
    checks, of_level = levels.every("items", "nodes")
    level, number = levels.texts("level", "name"), levels.texts("level", "index")
    raws, called = checks.texts("status"), checks.texts("check", "name")
    own = {
        "rule": either(called, checks.texts("check", "id")), "category": either(checks.texts("check", "category", "name"), each(lambda name: _category(name, export), called)),
        "level": [level[place] for place in of_level], "level_number": [number[place] for place in of_level],
        "state": each(lambda raw: _STATES.get((raw or "").lower(), raw), raws), "state_raw": raws, "as_of": [at] * len(checks) if at else checks.texts("createdAt"),
    }  # fmt: skip
    yield from services.several([of_service[place] for place in of_level], own, **shared, resource=names, service_id=names)  # fmt: skip


def _category(name: str | None, export: Export) -> str | None:
    """The category of a check as it is declared, where it was exported as code."""
    declared = export.by("check", "spec", "name").get(name or "", [])
    return declared[-1].text("spec", "category") if declared else None


def _said(document: Document, service: str, level: str, number: str | None) -> Row:
    return document.row(
        tool="opslevel", scorecard=CARD, rule=LEVEL_SAID, resource=service, service_id=service, as_of=document.taken_at, level=level, level_number=number,
    )  # fmt: skip


def _ladder(levels: list[dict[str, Any]]) -> dict[str, str]:
    return {
        name: index
        for one in levels
        if (name := members.text(one, "name")) is not None and (index := members.text(one, "index")) is not None
    }


def _truncated(document: Document, account: Any, export: Export) -> Iterator[Row]:
    """The last page of an export says that there are more."""
    pages = [one for one in export.of["answer"] if one.file.line == document.file.line and one.day == document.day]
    more = members.at(account, "services", "pageInfo", "hasNextPage") is True
    if more and pages[-1] is document:
        yield document.truncated("hasNextPage: there is a next page of services")


_QUERY = (
    "query ($endCursor: String) { account { services(after: $endCursor) { pageInfo { hasNextPage endCursor } nodes { name aliases maturityReport { overallLevel { index name } } "
    "serviceStats { rubric { checkResults { byLevel { nodes { level { index name } items { nodes { status createdAt check { id name category { name } } } } } } } } } } } } }"
)

SYSTEM = System(
    kind="opslevel",
    title="OpsLevel",
    shapes=(
        Shape("answer", "an answer with services and their checks", lambda b: _is_account(b.get("data")) or _is_account(b)),
        Shape("service", "a service with its checks", lambda b: ({"name", "serviceStats"} <= b.keys() or {"name", "maturityReport"} <= b.keys() or {"Name", "MaturityReport"} <= b.keys())),
        Shape("check", "a check as code", lambda b: {"version", "kind", "spec"} <= b.keys() and members.text(b, "spec", "name") is not None and "apiVersion" not in b),
        Shape("maturity", "a service and its level", lambda b: {"Name", "Overall"} <= b.keys()),
    ),
    gives=(
        Gives("scorecard_results", None, ("answer",), "now only", beside=("check",), lost=("team_id", "score", "score_most", "weight"), is_state=True, at_once=of_answers),
        Gives("scorecard_results", None, ("service",), "now only", beside=("check",), lost=("team_id", "score", "score_most", "weight"), is_state=True, at_once=of_services),
        Gives("scorecard_results", of_table, ("maturity",), "now only", lost=("team_id", "category", "level_number", "state", "score", "score_most", "weight"), is_state=True),
    ),
    recipes=(
        Recipe("services.json", f"opslevel graphql --paginate -a '.account.services.nodes[]' -q '{_QUERY}' > services.json", "API token (read)",
               "Or the same query sent to https://api.opslevel.com/graphql, page by page. Checks as code beside it say their category where results do not."),
        Recipe("maturity.csv", "opslevel list service maturity -o csv > maturity.csv", "API token (read)", "Levels alone, without the checks they rest on."),
    ),
)  # fmt: skip


def _is_account(found: Any) -> bool:
    return (
        members.at(found, "account", "services", "nodes") is not None
        or members.at(found, "account", "service") is not None
    )
