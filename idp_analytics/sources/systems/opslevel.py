"""OpsLevel: results of the rubric's checks on services, and the level each service has.

All is of now only. A check that is pending, or not enabled yet, was neither passed nor failed. Checks of scorecards outside the rubric do not count
for the level and are not read; messages are not read either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from idp_analytics.sources import members
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.system import Gives, Recipe, Row, Shape, System
from idp_analytics.tables.facts import LEVEL_SAID

CARD = "rubric"
_STATES = {"passed": "passed", "failed": "failed", "pending": None}


def of_answers(document: Document, export: Export) -> Iterator[Row]:
    """One row per check and service of an answer to a query of the GraphQL API, and the level it says each service has."""
    account = document.at("data", "account") or document.at("account")
    services = members.every(account, "services", "nodes")
    one = members.at(account, "service")
    yield from _truncated(document, account, export)
    ladder = _ladder(members.every(account, "rubric", "levels", "nodes"))
    for service in services or ([one] if isinstance(one, dict) else []):
        yield from _rows(document, service, ladder, export)


def of_services(document: Document, export: Export) -> Iterator[Row]:
    """The same of services one after another, as ``opslevel list service maturity -o json`` writes them too."""
    yield from _rows(document, document.body, {}, export)


def of_table(document: Document, export: Export) -> Iterator[Row]:
    """The level of each service from the table that ``opslevel list service maturity -o csv`` writes. Levels by category are not read."""
    del export
    if (name := document.text("Name")) is None:
        yield document.left_out("names no service")
    elif level := document.text("Overall"):
        yield _said(document, name, level, None)


def _rows(document: Document, service: Mapping[str, Any], ladder: Mapping[str, str], export: Export) -> Iterator[Row]:
    name = next(iter(members.words(service, "aliases")), None) or members.text(service, "name") or members.text(service, "Name")  # fmt: skip
    if name is None:
        yield document.left_out("names no service")
        return
    overall = members.at(service, "maturityReport", "overallLevel") or members.at(service, "MaturityReport", "OverallLevel")  # fmt: skip
    if said := members.text(overall, "name") or members.text(overall, "Name"):
        yield _said(document, name, said, members.text(overall, "index") or members.text(overall, "Index") or ladder.get(said))  # fmt: skip
    for level in members.every(service, "serviceStats", "rubric", "checkResults", "byLevel", "nodes"):
        for one in members.every(level, "items", "nodes"):
            raw, name_of = members.text(one, "status"), members.text(one, "check", "name")
            declared = export.by("check", "spec", "name").get(name_of or "", [])
            yield document.row(
                tool="opslevel", scorecard=CARD, rule=name_of or members.text(one, "check", "id"), resource=name, service_id=name,
                as_of=document.taken_at or members.text(one, "createdAt"), category=members.text(one, "check", "category", "name") or (declared[-1].text("spec", "category") if declared else None),
                level=members.text(level, "level", "name"), level_number=members.text(level, "level", "index"),
                state=_STATES.get((raw or "").lower(), raw), state_raw=raw,
            )  # fmt: skip


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
        Gives("scorecard_results", of_answers, ("answer",), "now only", beside=("check",), lost=("team_id", "score", "score_most", "weight"), is_state=True),
        Gives("scorecard_results", of_services, ("service",), "now only", beside=("check",), lost=("team_id", "score", "score_most", "weight"), is_state=True),
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
