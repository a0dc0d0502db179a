"""The columns of the studies ``impact`` and ``impact_course``, and the words in them."""

from __future__ import annotations

from enum import StrEnum

import polars as pl


class Method(StrEnum):
    """How an effect was estimated: the rungs of the ladder. A closed list."""

    PROCESS_BEHAVIOUR = "process behaviour"
    INTERRUPTED = "interrupted time series"
    GROUP_TIME = "group-time effects"
    SYNTHETIC = "synthetic control"
    NONE = "none"


class State(StrEnum):
    """How far an intervention is. Due from its day of review on, until something resolved names it as its origin. A closed list."""

    PLANNED = "planned"
    RUNNING = "running"
    DUE = "due"
    REVIEWED = "reviewed"


PRIMARY, EXPLORATORY = "primary", "exploratory"

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "intervention_id": pl.String,
    "component": pl.String,
    "hypothesis": pl.String,
    "metric": pl.String,
    "role": pl.String,  # primary: the one it is judged by | exploratory
    "direction": pl.String,  # up | down: which way is hoped for; of exploratory metrics the better one
    "smallest_effect": pl.Float64,  # that would matter, in the metric's unit; null for exploratory metrics
    "unit": pl.String,
    "state": pl.String,  # planned | running | due | reviewed
    "registered_at": pl.Datetime("us", "UTC"),
    "review_on": pl.Date,
    "method": pl.String,
    "why": pl.String,  # this method
    "adopted": pl.Int64,  # units that took it up and were seen before and after
    "compared": pl.Int64,  # units they are compared with
    "periods_before": pl.Int64,
    "periods_after": pl.Int64,
    "effect": pl.Float64,  # in the metric's unit
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "n": pl.Int64,  # usable observations
    "missing": pl.Int64,
    "p": pl.Float64,
    "p_adjusted": pl.Float64,  # of exploratory metrics, with all of them counted in
    "detectable": pl.Float64,  # smallest effect that would be seen four times in five, in the metric's unit
    "pretrend_p": pl.Float64,
    "pretrend_detectable": pl.Float64,  # drift per period before that would be seen four times in five
    "placebo_p": pl.Float64,  # by randomisation: dates, or units, given out anew
    "robust_to": pl.Float64,  # violation, in the largest one before, that would overturn it
    "expected_by_chance": pl.Float64,  # change from regression to the mean; null: not chosen for being worse
    "overlaps": pl.String,  # ids, comma separated
    "verdict": pl.String,
    "caution": pl.String,
    "would_change": pl.String,  # what would change our mind
}
"""The columns of the study ``impact``, in order."""

COURSE_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "intervention_id": pl.String,
    "metric": pl.String,
    "event_period": pl.Int64,  # from the period of taking up
    "effect": pl.Float64,  # in the metric's unit
    "low": pl.Float64,
    "high": pl.Float64,
    "units": pl.Int64,
}
"""The columns of the study ``impact_course``, in order."""

BEFORE, BETWEEN, AFTER = "before", "while it was taken up", "after"

WEEKS_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "intervention_id": pl.String,
    "metric": pl.String,
    "period_start": pl.Date,
    "side": pl.String,  # before | while it was taken up | after
    "value": pl.Float64,  # of all units that took it up, in the metric's unit
    "n": pl.Int64,
    "fitted": pl.Float64,  # level as it was before and is after; null while it was taken up
    "without": pl.Float64,  # level to expect without the change, after
    "low": pl.Float64,  # of that level its interval; of a process behaviour chart the natural process limits, of every week
    "high": pl.Float64,
}
"""The columns of the study ``impact_weeks``, in order."""

NOT_TAKEN_UP, NOT_COUNTED = "not taken up", "not counted"
TOOK_UP, COMPARED, BOTH, NEITHER = (
    "took it up",
    "compared with",
    "took it up, and compared with until then",
    "not compared",
)

CELL_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "intervention_id": pl.String,
    "metric": pl.String,
    "role": pl.String,  # primary | exploratory
    "unit_kind": pl.String,  # team | service
    "unit_id": pl.String,
    "unit_is": pl.String,  # TOOK_UP | COMPARED | BOTH | NEITHER
    "every": pl.String,  # 1mo | 1w
    "period_start": pl.Date,
    "side": pl.String,  # BEFORE | BETWEEN | AFTER | NOT_TAKEN_UP (by the end) | NOT_COUNTED
    "value": pl.Float64,  # the unit's answer in that period
    "unit": pl.String,
    "n": pl.Int64,  # usable observations
    "missing": pl.Int64,
}
"""The columns of :func:`.judged.impact_cells`, in order."""
