"""What a run does, told to a log on standard error: one line per event, as JSON for machines or as text. Nothing is told unless it is asked for.

An event has a name and facts: keys of runs, periods, file names of reports, counts, seconds, classes of errors. Never a message, a value or
a name out of the data: those are for who runs the command, not for a store of logs.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")

VARIABLE = "IDP_LOG"
"""The environment variable that says the same as the options: ``json``, ``text:warning``."""

_LOG = logging.getLogger("idp_analytics")
_LOG.addHandler(logging.NullHandler())
_LOG.propagate = False


def tell(event: str, level: int = logging.INFO, **facts: str | float | None) -> None:
    """Tell an event; facts that are None are left out."""
    _LOG.log(level, event, extra={"facts": {name: fact for name, fact in facts.items() if fact is not None}})


def listen(form: str, level: str) -> None:
    """Write events of ``level`` (:data:`LEVELS`) and above to standard error in the form of :data:`FORMATS`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    _LOG.handlers[:] = [handler]
    _LOG.setLevel(level.upper())


def chosen(form: str | None, level: str | None, variable: str) -> tuple[str, str] | None:
    """Form and level by the options, where they are silent by the environment's ``variable``; None where nobody asks for events.

    Raises ``ValueError`` for a variable that is none of these words.
    """
    said_form, _, said_level = variable.strip().lower().partition(":")
    if (said_form and said_form not in FORMATS) or (said_level and said_level not in LEVELS):
        raise ValueError(f"{VARIABLE}={variable}: say {' or '.join(FORMATS)}, and after a colon {', '.join(LEVELS)}.")
    if not (form or level or said_form):
        return None
    return form or said_form or "text", level or said_level or "info"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {"time": _time(record), "level": record.levelname.lower(), "event": record.msg, **_facts(record)}
        )


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{name}={json.dumps(fact)}" for name, fact in _facts(record).items())
        return f"{_time(record)} {record.levelname.lower()} {record.msg} {facts}".rstrip()


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    return getattr(record, "facts", {})


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
