"""What can be seen of maturity, beside what is said of it: measures → criteria → cells → levels."""

from idp_analytics.metrics.maturity.changes import Published, maturity_changes, maturity_moved
from idp_analytics.metrics.maturity.evidence import CRITERIA, check
from idp_analytics.metrics.maturity.gaming import maturity_gaming
from idp_analytics.metrics.maturity.history import maturity_history
from idp_analytics.metrics.maturity.next_steps import maturity_steps
from idp_analytics.metrics.maturity.reached import maturity_reached
from idp_analytics.metrics.maturity.roles import maturity_roles
from idp_analytics.metrics.maturity.step_outcomes import maturity_step_outcomes
from idp_analytics.metrics.maturity.studies import (
    maturity,
    maturity_cells,
    maturity_criteria,
    maturity_items,
)
from idp_analytics.metrics.maturity.targets import maturity_targets
from idp_analytics.metrics.maturity.thresholds import maturity_thresholds

__all__ = [
    "CRITERIA",
    "Published",
    "check",
    "maturity",
    "maturity_cells",
    "maturity_changes",
    "maturity_criteria",
    "maturity_gaming",
    "maturity_history",
    "maturity_items",
    "maturity_moved",
    "maturity_reached",
    "maturity_roles",
    "maturity_step_outcomes",
    "maturity_steps",
    "maturity_targets",
    "maturity_thresholds",
]
