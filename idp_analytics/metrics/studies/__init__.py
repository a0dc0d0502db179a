"""Studies: what is computed beside the answers, once per run, because it has another shape than one number.

A control chart, the same rate under eight rules, a ledger of stages: each is a tidy frame of its own. A report slices it
as it slices the answers, so its first columns are ``scope`` (org, team, service) and ``entity_id``. A new one is entered in the
file of its subject, with how people are protected in it (:class:`People`).
"""

from idp_analytics.metrics.studies import adoption, approval, cost, delivery, impact, ledger, maturity, voice
from idp_analytics.metrics.studies.people import People
from idp_analytics.metrics.studies.study import Shown, Study

STUDIES: tuple[Study, ...] = (
    *delivery.STUDIES,
    *adoption.STUDIES,
    *approval.STUDIES,
    *cost.STUDIES,
    *voice.STUDIES,
    *maturity.STUDIES,
    *impact.STUDIES,
    *ledger.STUDIES,
)
"""Every study, in the order they are computed."""

__all__ = ["STUDIES", "People", "Shown", "Study"]
