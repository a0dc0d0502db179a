"""The metrics: their definitions, their observations, and the one pass that makes all answers."""

from idp_analytics.metrics import behind, definitions
from idp_analytics.metrics.allocation.explain import pool_charges
from idp_analytics.metrics.catalogue import CATALOGUE, HEADLINES, by_name
from idp_analytics.metrics.compute import compute
from idp_analytics.metrics.gathered import Aside, Exchange, exchanged
from idp_analytics.metrics.links import linked_incidents
from idp_analytics.metrics.presets import IDP, PRESETS, answered, preset
from idp_analytics.metrics.sprawl_rows import component_rows
from idp_analytics.metrics.studies import STUDIES, SUBJECTS, Shown
from idp_analytics.metrics.ways_back import WAYS_BACK, trace, way_back

__all__ = [
    "CATALOGUE",
    "HEADLINES",
    "IDP",
    "PRESETS",
    "STUDIES",
    "SUBJECTS",
    "WAYS_BACK",
    "Aside",
    "Exchange",
    "Shown",
    "answered",
    "behind",
    "by_name",
    "component_rows",
    "compute",
    "definitions",
    "exchanged",
    "linked_incidents",
    "pool_charges",
    "preset",
    "trace",
    "way_back",
]  # fmt: skip
