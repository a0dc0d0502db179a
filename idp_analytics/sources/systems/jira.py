"""Jira: issues as search results, their changelogs, and users.

Names of statuses are in the language of whoever exported them: the category's key counts, and a resolution date before it.
"""

from __future__ import annotations

from collections.abc import Iterator

from idp_analytics.sources import members
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.system import Gives, Option, Recipe, Row, Shape, System, having

_CATEGORIES = {"new": "open", "indeterminate": "open", "done": "done"}


def tickets(document: Document, export: Export) -> Iterator[Row]:
    """One row per issue. ``category`` is the first component, label or the type, as the settings say; ``reopens`` how often
    its changelog takes a resolution away (null where there is no changelog)."""
    if "fields" not in document.body:
        yield document.left_out(
            "is a changelog entry, which does not name its issue: export issues with expand=changelog"
        )
        return
    fields = document.at("fields")
    resolved, status = members.text(fields, "resolutiondate"), members.text(fields, "status", "name")
    category = members.text(fields, "status", "statusCategory", "key")
    team_field, service_field = export.options["team_field"], export.options["service_field"]
    yield document.row(
        newest=members.text(fields, "updated"), ticket_id=export.id(document.text("key") or document.text("id")),
        team_id=_named(fields, team_field), service_id=_named(fields, service_field), category=_category(fields, export.options["category"]),
        priority=members.text(fields, "priority", "name"), channel=_named(fields, export.options["channel_field"]),
        created_at=members.text(fields, "created"), first_response_at=_first_answer(fields), resolved_at=resolved,
        reopens=_reopened(document), status="done" if resolved else _CATEGORIES.get(category or "", category), status_raw=status,
    )  # fmt: skip


def people(document: Document, export: Export) -> Iterator[Row]:
    """One row per account; apps are bots. A closed account keeps its id."""
    kind = document.text("accountType")
    yield document.row(
        person_id=export.person(document.text("accountId")),
        is_bot=kind == "app" if kind else None,
        time_zone=document.text("timeZone"),
    )


def _named(fields: object, name: str | None) -> str | None:
    """A field as text: itself, or the value, name or key of what it holds (the first of several)."""
    if not name:
        return None
    found = members.at(fields, name)
    if isinstance(found, list):
        found = found[0] if found else None
    if isinstance(found, dict):
        return members.text(found, "value") or members.text(found, "name") or members.text(found, "key")
    return members.text(found)


def _category(fields: object, by: str) -> str | None:
    if by == "label":
        return next(iter(members.words(fields, "labels")), None)
    return _named(fields, {"component": "components", "type": "issuetype"}.get(by, by))


def _first_answer(fields: object) -> str | None:
    """The first comment of somebody else than who reported it."""
    reporter = members.text(fields, "reporter", "accountId")
    said = [
        members.text(comment, "created") for comment in members.every(fields, "comment", "comments")
        if reporter is None or members.text(comment, "author", "accountId") != reporter
    ]  # fmt: skip
    return min(filter(None, said), default=None)


def _reopened(document: Document) -> int | None:
    if document.at("changelog", "histories") is None:
        return None
    items = [item for history in document.every("changelog", "histories") for item in members.every(history, "items")]
    return sum(
        members.text(item, "field") == "resolution" and bool(item.get("from")) and not item.get("to") for item in items
    )


_API = 'curl -fsS -u "$JIRA_USER:$TOKEN"'

SYSTEM = System(
    kind="jira",
    title="Jira",
    shapes=(
        Shape("issue", "an issue", lambda b: "key" in b and isinstance(b.get("fields"), dict) and "status" in b["fields"]),
        Shape("history", "a changelog entry", lambda b: {"author", "created", "items"} <= b.keys() and "id" in b),
        Shape("user", "a user", having("accountId", "accountType", "active")),
    ),
    gives=(
        Gives("tickets", tickets, ("issue", "history"), "all", lost=("golden_path_id",)),
        Gives("people", people, ("user",), "now only", lost=("started_on", "ended_on", "is_developer")),
    ),
    recipes=(
        Recipe("issues.json", f'{_API} "$JIRA/rest/api/3/search/jql?jql=project=$PROJECT&fields=*all&expand=changelog&maxResults=100" > issues.json',
               "browse the project", "Follow nextPageToken until isLast; the older search says total instead. Only the changelog tells how often an issue was reopened."),
        Recipe("users.json", f'{_API} "$JIRA/rest/api/3/users/search?maxResults=1000" > users.json', "browse users"),
    ),
    options=(
        Option("category", "text", "What an issue is about: component, label, type, or the id of a field such as customfield_10010.", default="component"),
        Option("team_field", "text", "The field that names the team that asked, e.g. customfield_10011."),
        Option("service_field", "text", "The field that names the service."),
        Option("channel_field", "text", "The field that says where it was asked."),
    ),
)  # fmt: skip
