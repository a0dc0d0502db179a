"""Studies of impact: did what was changed make the difference that was hoped for?"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.metrics.impact.columns import COLUMNS, COURSE_COLUMNS
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.studies.people import People
from idp_analytics.metrics.studies.study import Study
from idp_analytics.settings import Settings


def impact(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:  # noqa: ARG001
    """One row per intervention and metric: :data:`COLUMNS`."""
    return pl.DataFrame(schema=COLUMNS)


def impact_course(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:  # noqa: ARG001
    """One row per intervention, metric and period from taking up: :data:`COURSE_COLUMNS`."""
    return pl.DataFrame(schema=COURSE_COLUMNS)


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
)
