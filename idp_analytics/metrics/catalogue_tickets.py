"""The part of the catalogue about tickets: how much is asked of the platform's team, and how long people wait for it."""

from __future__ import annotations

from idp_analytics.answers import Estimator, Metric
from idp_analytics.metrics import exposure, tickets

_ASKED = "Support requests to the platform, dated by when they were asked; a ticket belongs to the team that asked. "
_EVERY = "Every ticket counts, a duplicate too: somebody asked. "
_WAITING = (
    "Clock hours, nights and weekends included; the study ticket_waits has working hours of the team that asked beside. Tickets "
    "closed without having been settled, by their own word (duplicate, not planned, won't do, cancelled, …) or ten and more of one "
    "source in one minute, count as waiting longer than until then. "
)
_OPEN = "Open tickets count as taking longer (censored): left out, the slowest would be missing. "
_KM = "Kaplan & Meier 1958; interval: Brookmeyer & Crowley 1982, log-log"

ENTRIES: tuple[Metric, ...] = (
    Metric(
        name="tickets_per_developer_month",
        title="Tickets per developer and month",
        question="How often do people have to ask the platform's team?",
        formula="tickets ÷ months of developers covered",
        unit="tickets per developer and month",
        better="lower",
        tables=("tickets", "people"),
        estimator=Estimator.EXPOSURE,
        population=_ASKED + _EVERY + "Months of developers: people from their first day to their last, bots and those said to be no "
        "developers excepted, whether they shipped or not (365.25 ÷ 12 days); a team has its members while they are. Counted from the "
        "first known ticket to the as-of time.",
        link_rule="memberships: whose a developer is; people.started_on and ended_on: from when to when.",
        null_policy="A ticket of no known team counts for the organisation only. A team of which no developers are known has no rate. No "
        "ticket is no rate: no value, but the upper bound that so many quiet months allow. What is asked in chat leaves no ticket.",
        min_n=1,
        source="own definition; interval: Garwood 1936",
        observations=tickets.tickets_per_developer_month,
        exposure=exposure.developer_months,
        scopes=("org", "team"),
    ),
    Metric(
        name="tickets_per_service_month",
        title="Tickets per service and month",
        question="How much support does a service need?",
        formula="tickets ÷ months of services covered",
        unit="tickets per service and month",
        better="lower",
        tables=("tickets", "services"),
        estimator=Estimator.EXPOSURE,
        population=_ASKED + _EVERY + "Months of services (365.25 ÷ 12 days): every service of the catalogue from its creation to its "
        "retirement, also one nobody asked about; a team has those it owns, while it does.",
        link_rule=None,
        null_policy="A ticket that names no service counts for its team and the organisation, and for no service: of a service the rate is "
        "a lower bound. No ticket is no rate: no value, but the upper bound that so many quiet months allow.",
        min_n=1,
        source="own definition; interval: Garwood 1936",
        observations=tickets.tickets_per_service_month,
        exposure=exposure.service_months,
    ),
    Metric(
        name="ticket_response_time",
        title="Time to first response",
        question="How long do people wait until somebody answers?",
        formula="Kaplan–Meier median over tickets of: first answer − asked",
        unit="hours",
        better="lower",
        tables=("tickets",),
        estimator=Estimator.SURVIVAL_MEDIAN,
        population=_ASKED + _WAITING,
        link_rule=None,
        null_policy="Tickets nobody has answered count as waiting longer (censored), those closed without an answer until then. Missing: the "
        "source never tells of an answer; over, but not known when; answered before it was asked; how it stands is not told.",
        min_n=5,
        source=_KM,
        observations=tickets.ticket_response_time,
    ),
    Metric(
        name="ticket_resolution_time",
        title="Time to resolution",
        question="How long until what was asked for is settled?",
        formula="Kaplan–Meier median over tickets of: settled − asked",
        unit="hours",
        better="lower",
        tables=("tickets",),
        estimator=Estimator.SURVIVAL_MEDIAN,
        population=_ASKED + _WAITING + "Settled is the last time it was: a ticket opened again takes until it is settled again.",
        link_rule=None,
        null_policy=_OPEN + "Missing: done, but not known when; settled before it was asked; how it stands is not told.",
        min_n=5,
        source=_KM,
        observations=tickets.ticket_resolution_time,
    ),
    Metric(
        name="ticket_reopen_share",
        title="Tickets opened again",
        question="How often is what was settled not settled?",
        formula="tickets opened again at least once ÷ tickets that were ever done",
        unit="share of tickets",
        better="lower",
        tables=("tickets",),
        estimator=Estimator.SHARE,
        population=_ASKED + "Only those that were ever done.",
        link_rule=None,
        null_policy="Missing: the source does not tell how often a ticket was opened again. Tickets done lately may still be opened again. Who "
        "asks anew instead has a new ticket, and none opened again.",
        min_n=5,
        source="own definition; interval: Wilson 1927",
        observations=tickets.ticket_reopen_share,
    ),
    Metric(
        name="platform_ticket_share",
        title="Tickets about the platform itself",
        question="How much of what is asked is about, or caused by, the platform itself?",
        formula="tickets that name a golden path, or of a category a [[component]] names ÷ tickets of which that is told",
        unit="share of tickets",
        better=None,
        tables=("tickets",),
        estimator=Estimator.SHARE,
        population=_ASKED + "Neither more nor less is better in itself: the share falls too when people ask more about all else.",
        link_rule="tickets.golden_path_id, else tickets.category among [[component]] tickets; only the company knows which category is about "
        "which part.",
        null_policy="Missing: no golden path named, and no category told; or no category is said to be any component's and the source never "
        "names a golden path. Whether the platform caused it or somebody asked how it works is not told.",
        min_n=5,
        source="own definition; interval: Wilson 1927",
        observations=tickets.platform_ticket_share,
    ),
)  # fmt: skip
"""The entries, in the order documents show them."""
