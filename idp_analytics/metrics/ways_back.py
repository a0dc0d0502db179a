"""From a number back to its rows: of every metric its observations, of a study what it counts; never anybody's answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import polars as pl

from idp_analytics.errors import ReportError, nearest
from idp_analytics.metrics import behind, criterion_rows, observed, path_rows
from idp_analytics.metrics.boundary_rows import boundary_rows
from idp_analytics.metrics.breadth_rows import breadth_rows
from idp_analytics.metrics.catalogue import CATALOGUE
from idp_analytics.metrics.follow_through import action_rows
from idp_analytics.metrics.fragmentation_rows import fragmentation_rows
from idp_analytics.metrics.hatch_rows import hatch_rows
from idp_analytics.metrics.impact_rows import impact_rows
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.next_path_rows import next_path_rows
from idp_analytics.metrics.next_team_rows import next_team_rows
from idp_analytics.metrics.scorecard_study import scorecard_rows
from idp_analytics.metrics.stress_signals import stress_rows
from idp_analytics.metrics.studies import STUDIES
from idp_analytics.settings import Settings

WayBack = Callable[[Tables, Settings, datetime, str, str, str, str], pl.DataFrame]
"""Tables, settings, as-of time, name, scope, entity id, period → the rows, with whose each is (``team_id``)."""

WAYS_BACK: dict[str, WayBack] = {
    "adoption_breadth": breadth_rows,
    **dict.fromkeys(path_rows.STUDIES, path_rows.path_rows),
    "next_teams": next_team_rows,
    "next_paths": next_path_rows,
    "fragmentation": fragmentation_rows,
    "boundary": boundary_rows,
    "escape_hatches": hatch_rows,
    "impact": impact_rows,
    **dict.fromkeys(criterion_rows.STUDIES, criterion_rows.criterion_rows),
    "scorecard_rules": scorecard_rows,
    "stress_signals": stress_rows,
    "follow_through": action_rows,
}
"""Study → the function that lists the rows behind it, as the study counts them."""

_INTRODUCTION = """
## Back to the rows

`idp explain NAME --period P` lists the rows behind a number of the organisation, `--team` or `--service` those of one of them: of a metric its
observations, with file and row. NAME may also be one of these studies, whose rows add up to what it tells:

| study | of which one row tells |
|---|---|"""

_REST = """
`idp explain showback_cost --pool NAME` lists the charges in a pool of shared cost, `idp explain sprawl --component NAME` what was used of, paid for and asked about one
part of the platform. Answers to surveys, comments and self-assessments, and how soon a newcomer ships, are of single people: their rows are never listed."""


_PUBLISHED = """
Beside published pages the same rows lie as files (`rows/<metric or study>.csv` of the organisation, `teams/<team>.rows.csv`), but those of `stress_signals`, which are too many.
Their columns (`value` and `counted` are `x` and `hit` in the command):

| column | what it says |
|---|---|"""


def trace(
    tables: Tables, settings: Settings, as_of: datetime, name: str, scope: str, entity_id: str, period: str
) -> pl.DataFrame:
    """The rows behind the metric or study ``name``: the columns of :func:`.observed.trace`, or of the study's own function (:data:`WAYS_BACK`).

    Raises :class:`ReportError` where there is no such name, scope or period, and for what is told of people.
    """
    return way_back(name)(tables, settings, as_of, name, scope, entity_id, period)


def way_back(name: str) -> WayBack:
    """What lists the rows behind ``name``; raises :class:`ReportError` with the nearest known name, or of a study without rows those that have them."""
    if name in WAYS_BACK:
        return WAYS_BACK[name]
    metrics = [metric.name for metric in CATALOGUE]
    if name in metrics:
        return observed.trace
    if any(study.name == name for study in STUDIES):
        raise ReportError(f"The study {name!r} has no rows to list. These have: {', '.join(sorted(WAYS_BACK))}.")
    raise ReportError(f"There is no metric {name!r}, and no study of that name.{nearest(name, [*metrics, *WAYS_BACK])}")


def markdown() -> str:
    """The part of METRICS.md that says of what rows can be listed."""
    told = {study.name: study.doc for study in STUDIES}
    studies = (f"| `{name}` | {told[name]} |" for name in WAYS_BACK)
    columns = (f"| `{column.replace(', ', '`, `')}` | {says} |" for column, says in behind.SAYS.items())
    return "\n".join([_INTRODUCTION, *studies, _REST, _PUBLISHED, *columns]) + "\n"
