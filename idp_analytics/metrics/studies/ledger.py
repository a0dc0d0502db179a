"""Studies of the change ledger: what is registered, of which units, and whose they are."""

from __future__ import annotations

from idp_analytics.metrics.follow_through import follow_through_linked
from idp_analytics.metrics.interventions import intervention_units
from idp_analytics.metrics.studies.people import People
from idp_analytics.metrics.studies.study import Shown, Study

STUDIES: tuple[Study, ...] = (
    Study(
        "intervention_units",
        "one unit of one registered change, and when it took it up, of the organisation and of the team whose unit it is",
        intervention_units,
        People.NONE,
    ),
    Study(
        "follow_through_linked",
        "the actions of one entity that name one registered change, of the year to the end of one month or quarter",
        follow_through_linked,
        People.NONE,
        Shown.PERIOD,
    ),
)
