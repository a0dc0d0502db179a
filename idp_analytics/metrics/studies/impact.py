"""Studies of impact: did what was changed make the difference that was hoped for?"""

from __future__ import annotations

from idp_analytics.metrics.impact.judged import impact, impact_course, impact_weeks
from idp_analytics.metrics.studies.people import People
from idp_analytics.metrics.studies.study import Study

STUDIES: tuple[Study, ...] = (
    Study(
        "impact",
        "one metric of one intervention of the ledger: how it is judged, the effect, what speaks against it, and the verdict",
        impact,
        People.WORK,
    ),
    Study(
        "impact_course",
        "one metric of one intervention in one period from when units took it up: the effect",
        impact_course,
        People.WORK,
    ),
    Study(
        "impact_weeks",
        "one week of units that took up an intervention of the ledger and are compared with nobody: what was seen, and what there was to expect",
        impact_weeks,
        People.WORK,
    ),
)
