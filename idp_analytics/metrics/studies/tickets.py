"""Studies of tickets: how many, how long they wait, and whether what the platform serves spares some."""

from __future__ import annotations

from idp_analytics.metrics.deflection import deflection, deflection_course
from idp_analytics.metrics.studies.people import People
from idp_analytics.metrics.studies.study import Shown, Study
from idp_analytics.metrics.ticket_volume import ticket_reasons, tickets
from idp_analytics.metrics.ticket_waits import ticket_waits

STUDIES: tuple[Study, ...] = (
    Study(
        "deflection",
        "one part of the platform that serves what tickets ask for: tickets after its first use, against before and against others; time",
        deflection,
        People.HEADS,
    ),
    Study(
        "deflection_course",
        "the tickets of teams that took up one part of the platform, in one month from their first use",
        deflection_course,
        People.HEADS,
    ),
    Study(
        "tickets",
        "the tickets of one category, or all, in one month or quarter of one entity: per developer and per service, opened again, about the platform",
        tickets,
        People.HEADS,
        Shown.PERIOD,
    ),
    Study(
        "ticket_waits",
        "one wait (answer, settled) of the tickets of one category, or all, in clock or in working hours, in one month or quarter of one entity",
        ticket_waits,
        People.NONE,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "ticket_reasons",
        "one category asked again and again about one golden path or service, in one month or quarter of one entity",
        ticket_reasons,
        People.NONE,
        Shown.PERIOD,
    ),
)
