"""The metrics: their definitions, their observations, and the one pass that makes all answers."""

from idp_analytics.metrics import definitions
from idp_analytics.metrics.allocation.explain import pool_charges
from idp_analytics.metrics.breadth_rows import breadth_rows
from idp_analytics.metrics.catalogue import CATALOGUE, HEADLINES, by_name
from idp_analytics.metrics.compute import compute
from idp_analytics.metrics.criterion_rows import STUDIES as _CRITERION_STUDIES
from idp_analytics.metrics.criterion_rows import criterion_rows
from idp_analytics.metrics.follow_through import action_rows
from idp_analytics.metrics.gathered import Exchange, exchanged
from idp_analytics.metrics.impact_rows import impact_rows
from idp_analytics.metrics.links import linked_incidents
from idp_analytics.metrics.observed import trace
from idp_analytics.metrics.path_rows import STUDIES as _PATH_STUDIES
from idp_analytics.metrics.path_rows import path_rows
from idp_analytics.metrics.presets import IDP, PRESETS, answered, preset
from idp_analytics.metrics.scorecard_study import scorecard_rows
from idp_analytics.metrics.sprawl_rows import component_rows
from idp_analytics.metrics.stress_signals import stress_rows
from idp_analytics.metrics.studies import STUDIES, SUBJECTS, Shown

__all__ = [
    "CATALOGUE",
    "HEADLINES",
    "IDP",
    "PRESETS",
    "STUDIES",
    "SUBJECTS",
    "WAYS_BACK",
    "Exchange",
    "Shown",
    "action_rows",
    "answered",
    "by_name",
    "component_rows",
    "compute",
    "definitions",
    "exchanged",
    "linked_incidents",
    "path_rows",
    "pool_charges",
    "preset",
    "scorecard_rows",
    "stress_rows",
    "trace",
]  # fmt: skip

WAYS_BACK = {
    **dict.fromkeys(_PATH_STUDIES, path_rows),
    "stress_signals": stress_rows,
    "scorecard_rules": scorecard_rows,
    "follow_through": action_rows,
    "adoption_breadth": breadth_rows,
    "impact": impact_rows,
    **dict.fromkeys(_CRITERION_STUDIES, criterion_rows),
}
"""Study → the function that lists the rows behind it."""
