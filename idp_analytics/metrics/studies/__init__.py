"""Studies: what is computed beside the answers, once per run, because it has another shape than one number.

A control chart, the same rate under eight rules, a ledger of stages: each is a tidy frame of its own. A report slices it
as it slices the answers, so its first columns are ``scope`` (org, team, service) and ``entity_id``. A new one is entered in the
file of its subject, with how people are protected in it (:class:`People`).
"""

from idp_analytics.metrics.studies import adoption, approval, cost, delivery, impact, ledger, maturity, tickets, voice
from idp_analytics.metrics.studies.people import People
from idp_analytics.metrics.studies.study import Shown, Study

SUBJECTS: tuple[tuple[Study, ...], ...] = tuple(
    subject.STUDIES for subject in (delivery, adoption, approval, cost, tickets, voice, maturity, impact, ledger)
)
"""Every study by subject, in the order they are computed; those of a subject share some of their work."""

STUDIES: tuple[Study, ...] = tuple(study for subject in SUBJECTS for study in subject)
"""Every study, in the order they are computed."""

__all__ = ["STUDIES", "SUBJECTS", "People", "Shown", "Study"]
