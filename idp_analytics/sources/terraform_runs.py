"""Which documents of HCP Terraform belong together, what is called how, and when something last changed.

For the reader of Terraform, which is too long for one file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from idp_analytics.sources import members
from idp_analytics.sources.export import Document, Export

_ZULU = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

_FORM = "0000-00-00T00:00:00Z"
_DIGITS = dict.fromkeys(map(ord, "123456789"), "0")


def stamp(document: Document, name: str) -> str | None:
    """One of the times at which something became what its status tells."""
    return document.text("attributes", "status-timestamps", name)


def newest(document: Document) -> str | None:
    """When a document last changed, in UTC."""
    return last_stamp(document.at("attributes", "status-timestamps"))


def last_stamp(stamps: Any) -> str | None:
    """The last time in ``status-timestamps``. Nearly all are written in one way, which compares as it stands, and this runs for
    every run."""
    if not isinstance(stamps, dict):
        return None
    try:
        if stamps and all(map(_ZULU.fullmatch, stamps.values())):
            last: str = max(stamps.values())
            datetime.fromisoformat(last)
            return last[:-1] + "+00:00"
    except (TypeError, ValueError):
        pass
    return latest(map(members.text, stamps.values()))


def last_stamps(stamps: Sequence[Any]) -> list[str | None]:
    """:func:`last_stamp` of each. That all are written in the one way is looked at in all of them together."""
    with suppress(AttributeError, TypeError, ValueError):
        times = list(chain.from_iterable(one.values() for one in stamps))
        text = "".join(times)
        if set(map(len, times)) == {len(_FORM)} and text.isascii() and text.translate(_DIGITS) == _FORM * len(times):
            last = [max(one.values()) for one in stamps]
            for time in set(last):
                datetime.fromisoformat(time)
            return [time[:-1] + "+00:00" for time in last]
    return list(map(last_stamp, stamps))


def latest(times: Iterable[str | None]) -> str | None:
    """The last of several times, in UTC so that texts compare; they come with ``Z``, ``+00:00`` and ``+08:00``."""
    known = list(filter(None, times))
    found = []
    for time in known:
        with suppress(ValueError):
            moment = datetime.fromisoformat(time)
            found.append(moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))
    return max(found).isoformat() if found else None


def related(document: Document, name: str) -> str | None:
    """The id of what a document names as its ``name``."""
    return document.text("relationships", name, "data", "id")


def workspace(document: Document, export: Export) -> str | None:
    """The name of a run's workspace (:func:`workspace_called`)."""
    return workspace_called(related(document, "workspace"), export)


def workspace_called(native: str | None, export: Export) -> str | None:
    """The workspace's name where the dump has it, else its id."""
    names: dict[str | None, str | None] = export.once("workspaces", dict)
    if native not in names:
        known = [
            *export.by("workspace", "id").get(native or "", []),
            *export.by("explored", "attributes", "external-id").get(native or "", []),
        ]
        told = (one.text("attributes", "name") or one.text("attributes", "workspace-name") for one in known)
        names[native] = next(filter(None, told), None) or native
    return names[native]


def run_of(document: Document, export: Export) -> Document | None:
    """The newest known state of the run that a check, an evaluation or a stage belongs to."""
    if document.text("type") == "policy-evaluations":
        stage = _one(export, "evaluation", related(document, "policy-attachable")) or export.once("stages", lambda: {
            members.text(one, "id"): stage for stage in export.of["evaluation"] for one in stage.every("relationships", "policy-evaluations", "data")
        }).get(document.text("id"))  # fmt: skip
        return run_of(stage, export) if stage and stage.text("type") == "task-stages" else None
    return _one(export, "run", related(document, "run"))


def _one(export: Export, shape: str, native: str | None) -> Document | None:
    found = export.by(shape, "id").get(native or "", [])
    return max(found, key=lambda one: newest(one) or "", default=None)


def evaluated(outcome: Document, export: Export) -> tuple[Document | None, Document | None]:
    """The evaluation an outcome belongs to and its run, where the dump has them."""
    evaluation = _one(export, "evaluation", related(outcome, "policy-evaluation"))
    return evaluation, run_of(evaluation, export) if evaluation else None


def service_of_run(document: Document, export: Export) -> str | None:
    """The service of the run that a check, an evaluation or a stage belongs to."""
    run = run_of(document, export)
    return export.service(workspace(run, export)) if run else None


def person(document: Document, export: Export, name: str) -> str | None:
    """The pseudonym of whom a document names as its ``name``."""
    return person_of(related(document, name), export)


def person_of(native: str | None, export: Export) -> str | None:
    """The pseudonym of a user, by name where the dump has it, else by id."""
    known = next(iter(export.by("user", "id").get(native or "", [])), None)
    return export.person((known.text("attributes", "username") if known else None) or native)
