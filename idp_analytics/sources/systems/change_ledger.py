"""The change ledger that ``idp intervention`` keeps: what was registered before it was tried, and when units took it up.

What was decided after looking is an action that names the change and is done with the decision; why, and what was learnt, is read by people alone.
What was registered first stands: a second registration of the same change is left out. Of when a unit took it up, the last word counts;
a unit that nobody had registered and that took it up all the same has its row from the day that was written down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from idp_analytics.sources import ledger_entries, members
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.system import Gives, Recipe, Row, Shape, System

AGAIN = "is registered already: what was registered first stands"
UNNAMED = "names no change"
UNREGISTERED = "is about a change that is not registered"

_SAID = ("hypothesis", "metric", "direction", "smallest_effect", "component", "review_on", "unit_kind")


def registered(document: Document, export: Export) -> Iterator[Row]:
    """One row per unit that was registered, and per unit that took the change up without having been."""
    if _is_first(document, export):
        yield from _changed(document, export)
    name = document.text("intervention_id")
    if name is None:
        yield document.left_out(UNNAMED)
        return
    if _first(export)[name] is not document:
        yield document.left_out(AGAIN)
        return
    said = {column: document.text(column) for column in _SAID}
    days, joined = _adopted(export).get(name, ({}, {}))
    own = [unit for one in _units(document) if (unit := members.text(one))]
    for unit in dict.fromkeys([*own, *days]):
        at = document.text("at") if unit in own else joined[unit]
        yield document.row(intervention_id=name, unit_id=unit, adopted_on=days.get(unit), registered_at=at, **said)


def actions(document: Document, export: Export) -> Iterator[Row]:
    """One row per decision on a change that was looked at: resolved and done on the day it was written down."""
    name, at = document.text("intervention_id"), document.text("at") or ""
    if name not in _first(export):
        yield document.left_out(UNREGISTERED)
        return
    yield document.row(
        action_id=export.id(f"{name}/{at}"), team_id=document.text("team"), origin="retrospective", origin_id=name, opened_on=document.text("on"),
        closed_on=document.text("on"), outcome="done", carried_over="0",
    )  # fmt: skip


def of_nothing(document: Document, export: Export) -> Iterator[Row]:
    """Entries on when units took a change up that no entry registers."""
    if document.text("intervention_id") not in _first(export):
        yield document.left_out(UNREGISTERED)


def _units(document: Document) -> list[Any]:
    found = document.at("units")
    return found if isinstance(found, list) else []


def _first(export: Export) -> Mapping[str, Document]:
    """Change → the entry that registered it first."""

    def make() -> dict[str, Document]:
        found: dict[str, Document] = {}
        for document in export.of[ledger_entries.REGISTERED]:
            if (name := document.text("intervention_id")) is not None:
                found.setdefault(name, document)
        return found

    return export.once("first", make)


def _adopted(export: Export) -> Mapping[str, tuple[dict[str, str | None], dict[str, str | None]]]:
    """Change → per unit the day on which it took it up by the last word (null: not after all), and when that was first written down."""

    def make() -> dict[str, tuple[dict[str, str | None], dict[str, str | None]]]:
        found: dict[str, tuple[dict[str, str | None], dict[str, str | None]]] = {}
        for document in export.of[ledger_entries.ADOPTED]:
            days, joined = found.setdefault(document.text("intervention_id") or "", ({}, {}))
            units = document.at("units")
            for unit, day in units.items() if isinstance(units, dict) else ():
                days[str(unit)] = members.text(day)
                joined.setdefault(str(unit), document.text("at"))
        return found

    return export.once("adopted", make)


def _is_first(document: Document, export: Export) -> bool:
    """Whether it is the first of its file that registers a change."""

    def make() -> dict[str, int]:
        return {one.file.shown: one.number for one in reversed(export.of[ledger_entries.REGISTERED])}

    return export.once("files", make)[document.file.shown] == document.number


def _changed(document: Document, export: Export) -> Iterator[Row]:
    """A sentence where entries of this file are not as they were written."""
    every = (one for shape in SYSTEM.shapes for one in export.of[shape.name])
    mine = sorted((one for one in every if one.file.shown == document.file.shown), key=lambda one: one.number)
    places = [mine[place].number for place in ledger_entries.changed(one.body for one in mine)]
    if places:
        shown = ", ".join(map(str, places[:5])) + (", …" if len(places) > 5 else "")
        yield document.warning(
            f"entry {shown} of the change ledger does not follow from the one before: it, or what stood before it, was changed after it was written"
        )


def _is(word: str) -> Any:
    return lambda body: body.get("entry") == word and "intervention_id" in body


SYSTEM = System(
    kind="change_ledger",
    title="Change ledger",
    shapes=(
        Shape(ledger_entries.REGISTERED, "a registered change", _is(ledger_entries.REGISTERED)),
        Shape(ledger_entries.ADOPTED, "when units took a change up", _is(ledger_entries.ADOPTED)),
        Shape(ledger_entries.REVIEWED, "what was decided on a change", _is(ledger_entries.REVIEWED)),
    ),
    gives=(
        Gives("interventions", registered, (ledger_entries.REGISTERED,), "all entries", beside=(ledger_entries.ADOPTED,)),
        Gives("interventions", of_nothing, (ledger_entries.ADOPTED,), "all entries"),
        Gives("actions", actions, (ledger_entries.REVIEWED,), "all entries", beside=(ledger_entries.REGISTERED,), lost=("due_on",)),
    ),
    recipes=(
        Recipe(ledger_entries.FILE, "idp intervention add --data data/acme", "no permission: it is a file of your own data folder",
               "Lines are only added. Keep the file in version control; what was registered is not changed after the fact."),
    ),
)  # fmt: skip
