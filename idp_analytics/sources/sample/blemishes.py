"""The rows spoilt on purpose, so that a reader of the sample sees what becomes of bad rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from idp_analytics.sources.sample.build import Company

SET_ASIDE = "set aside"


@dataclass(frozen=True)
class Blemish:
    """One spoilt row: its file, what it holds (the file's columns; the first row's where ``copies_first``), what is
    wrong with it in which column, and what should become of it."""

    file: str
    row: Mapping[str, Any]
    column: str
    kind: str
    expected: str = SET_ASIDE
    copies_first: bool = False

    def told(self, row: int) -> dict[str, Any]:
        """Its entry in ``truth.json``; ``row`` counts the rows of the file from 1, the header not among them."""
        return {
            "file": self.file, "row": row, "column": self.column, "kind": self.kind, "expected": self.expected,
        }  # fmt: skip


def blemishes(company: Company, pipelines: str, incidents: str, approvals: str) -> list[Blemish]:
    """The spoilt rows of the three files named."""
    start = date.fromisoformat(company.truth["company"]["from"])
    until = date.fromisoformat(company.truth["company"]["as_of"][:10])
    day = start + (until - start) // 2
    run = {
        "RUN_ID": "run-bad-1", "APP": "payment-gateway", "TARGET": "PROD", "RELEASE": "1.0.0", "COMMIT": "0" * 40,
        "STARTED": f"{day} 10:00:00", "ENDED": f"{day} 10:05:00", "STATUS": "SUCCESS", "ROLLBACK": "false", "RESYNC": "false",
    }  # fmt: skip
    found = [
        Blemish(pipelines, {**run, "ENDED": f"{day.year}-02-30 10:05:00"}, "ENDED", "a date that does not exist"),
        Blemish(pipelines, {**run, "RUN_ID": None}, "RUN_ID", "no id"),
        Blemish(pipelines, {**run, "RUN_ID": "run-bad-2", "ENDED": f"{day} 09:55:00"}, "ENDED", "finished before it started"),
        Blemish(pipelines, {}, "RUN_ID", "the same row twice", "one of the two is set aside", copies_first=True),
        Blemish(incidents, {"incident_id": "inc-bad-1", "opened_at": f"{day} 10:00:00"}, "opened_at", "a time without zone"),
        Blemish(incidents, {"incident_id": "inc-bad-2", "severity": 2}, "opened_at", "no time"),
        Blemish(approvals, {"approval_id": "appr-bad-1", "responders": "two"}, "responders", "not a number"),
    ]  # fmt: skip
    if (clocks_back := _clocks_back(start, until)) is not None:
        twice = {**run, "RUN_ID": "run-bad-3", "STARTED": f"{clocks_back} 02:30:00", "ENDED": f"{clocks_back} 02:40:00"}
        found.append(Blemish(pipelines, twice, "STARTED", "a local time that happened twice"))
    return found


def _clocks_back(start: date, until: date) -> date | None:
    """The last Sunday of an October in the data, when clocks in the European Union go back (Directive 2000/84/EC)."""
    for year in range(start.year, until.year + 1):
        last = date(year, 10, 31)
        sunday = last - timedelta(days=(last.weekday() + 1) % 7)
        if start <= sunday < until:
            return sunday
    return None
