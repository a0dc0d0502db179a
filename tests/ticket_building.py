"""Tickets of one Monday morning, and four developers of two teams who ask them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

MONDAY = datetime(2026, 3, 2, 9)
MONTH = 365.25 / 12


def asked(n: int, response: float | None = 1, resolution: float | None = 4, **given_: object) -> dict[str, object]:
    """Ticket ``n`` of Monday morning, answered and settled so many hours later; null: not yet."""
    after = {"first_response_at": response, "resolved_at": resolution}
    usual = {
        "ticket_id": f"t{n:03d}", "team_id": "red", "category": "access", "created_at": MONDAY.isoformat(), "reopens": 0,
        "status": "open" if resolution is None else "done",
        **{name: None if h is None else (MONDAY + timedelta(hours=h)).isoformat() for name, h in after.items()},
    }  # fmt: skip
    return {**usual, **given_}


PEOPLE = [{"person_id": f"p{n}", "started_on": "2025-01-01"} for n in range(4)]
MEMBERS = [{"person_id": f"p{n}", "team_id": "red" if n < 3 else "blue"} for n in range(4)]


def tables(company: Callable[..., Any], *rows: dict[str, object], **others: object) -> Any:
    """A company of two teams, a service and those developers with these tickets."""
    usual = {
        "teams": [{"team_id": "red"}, {"team_id": "blue"}], "services": [{"service_id": "shop"}], "people": PEOPLE,
        "memberships": MEMBERS,
    }  # fmt: skip
    return company(**{**usual, "tickets": rows, **others})
