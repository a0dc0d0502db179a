"""Study ``maturity_steps``: what to do next, at most two things at a time, and what was resolved before and is still open.

Only what stands between an aspect and its next level is a step: criteria of the adjacent level, and of those below as far as it rests on
them. Never of a level beyond. Nor is there anything to do where the number is where it should be and only too few observations leave it
unknown. Among the rest the rule is: what somebody has set out to reach, the widest gap first; then what is not kept under stress, since it
caps the level; then what is nearest to being met, what is not in the data last; then the order of the model.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import beta

from idp_analytics.answers import ORG
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity.evidence import NOT_MET, SURE, UNKNOWN, criteria
from idp_analytics.metrics.maturity.levels import FULLY, LARGELY, cells, levels
from idp_analytics.metrics.maturity.measured import ABSENT, SHARE
from idp_analytics.metrics.maturity.targets import gaps
from idp_analytics.periods import floor, label, preceding
from idp_analytics.settings import Settings

AT_ONCE = 2
"""So many steps a team, or the organisation, has at a time: more at once are seldom done."""
RESTS = 365
"""Days for which a criterion is not proposed again after its step was dropped on purpose."""

PROPOSED, TAKEN = "proposed", "open"
TARGET, STRESS, NEAREST = "a target", "not kept under stress", "nearest to being met"
"""Why this one."""

RECOMMENDED = "recommendation"
_ID = r"^maturity/([^/]+)/(org|team)/"
"""How an action's id begins that is a step: the quarter it was proposed for, and whose it is."""

_SHOWN: dict[str, pl.DataType | type[pl.DataType]] = {
    "aspect": pl.String, "title": pl.String, "criterion": pl.String, "says": pl.String, "source": pl.String, "is_stress": pl.Boolean, "is_least": pl.Boolean,
    "threshold": pl.Float64, "kind": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "interval_level": pl.Float64,
    "k": pl.Float64, "n": pl.Int64, "missing": pl.Int64, "unit": pl.String, "p": pl.Float64, "state": pl.String,
    "why": pl.String,
}  # fmt: skip

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "rank": pl.Int64,  # 1 or 2; those open come first
    "status": pl.String,  # TAKEN: an action of it is open; PROPOSED
    "action_id": pl.String,  # of what is open
    "from_level": pl.Int64,  # reached for certain
    "to_level": pl.Int64,  # the next
    "at_level": pl.Int64,  # whose criterion it is
    "because": pl.String,  # TARGET …
    "target": pl.Int64,
    "by": pl.Date,
    "earlier": pl.Int64,  # steps of the same criterion before this one
    "wanted_k": pl.Int64,  # of a share: how many of n would meet it; null: n is too small for that
    **_SHOWN,
}
"""The columns of the study, in order; the last of them as in :data:`evidence.CRITERIA`."""

_ENTITY = ["scope", "entity_id"]


def action_id(period: str, scope: str, entity: str, criterion: str) -> str:
    """The id of the action that one step becomes."""
    return f"maturity/{period}/{scope}/{entity}/{criterion}"


def maturity_steps(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """At most :data:`AT_ONCE` steps of the organisation and every team (:data:`COLUMNS`)."""
    seen = criteria(tables, settings, as_of)
    return chosen(seen, taken(tables, settings, as_of), settings, as_of)


def taken(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Actions that are steps, oldest first: ``scope``, ``entity_id``, ``criterion``, ``action_id``, ``proposed_for`` (a quarter), ``opened_on``, ``due_on``,
    ``closed_on`` (null: open), ``outcome``, ``carried_over``, ``earlier`` (steps of the same criterion before), as known at ``as_of``."""
    today = _today(settings, as_of)
    told = pl.col("action_id")
    is_closed = (pl.col("closed_on") <= today).fill_null(False)
    return (
        tables["actions"]
        .filter(pl.col("origin") == RECOMMENDED, told.str.contains(_ID), told.str.ends_with(pl.col("origin_id")), pl.col("opened_on") <= today)
        .select(
            told.str.extract(_ID, 2).alias("scope"), "team_id", pl.col("origin_id").alias("criterion"), "action_id",
            told.str.extract(_ID, 1).alias("proposed_for"), "opened_on", "due_on",
            *(pl.when(is_closed).then(name).alias(name) for name in ("closed_on", "outcome")), "carried_over",
        )
        .with_columns(pl.when(pl.col("scope") == "org").then(pl.lit(ORG)).otherwise("team_id").alias("entity_id"))
        .sort(*_ENTITY, "opened_on", "action_id")
        .with_columns((pl.int_range(pl.len()).over(*_ENTITY, "criterion")).cast(pl.Int64).alias("earlier"))
        .select(*_ENTITY, "criterion", "action_id", "proposed_for", "opened_on", "due_on", "closed_on", "outcome", "carried_over", "earlier")
        .collect()
    )  # fmt: skip


def chosen(seen: pl.DataFrame, actions: pl.DataFrame, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """The same of a frame of :data:`evidence.CRITERIA` and of :func:`taken` actions."""
    titles = {aspect.id: aspect.title for aspect in settings.maturity.aspects}
    order = {criterion.id: number for number, criterion in enumerate(settings.maturity.criteria)}
    whole = seen.with_columns(
        pl.col("aspect").replace_strict(titles, default=None, return_dtype=pl.String).alias("title"),
        pl.col("criterion").replace_strict(order, default=None, return_dtype=pl.Int64).alias("_order"),
        pl.col("level").alias("at_level"),
        pl.coalesce("unit", pl.col("unit").drop_nulls().first().over("criterion")).alias("unit"),
        # A metric that is too few to be told has no value; what was counted is known all the same.
        pl.coalesce("value", pl.when(pl.col("kind") == SHARE).then(pl.col("k") / pl.col("n")).fill_nan(None)).alias(
            "value"
        ),
    )
    reached = levels(seen).filter("is_assessed").select(*_ENTITY, "aspect", pl.col("low").alias("from_level"))
    whole = whole.join(reached, on=[*_ENTITY, "aspect"], how="left", maintain_order="left").with_columns(
        (pl.col("from_level") + 1).alias("to_level")
    )
    wanted = gaps(seen, settings, as_of).filter(pl.col("gap_high") > 0)
    whole = whole.join(
        wanted.select(*_ENTITY, "aspect", "target", "by", pl.col("gap_high").alias("_gap")),
        on=[*_ENTITY, "aspect"], how="left", maintain_order="left",
    ).with_columns(_reason().alias("because"))  # fmt: skip
    latest = actions.unique([*_ENTITY, "criterion"], keep="last", maintain_order=True)
    held = latest.filter(pl.col("closed_on").is_null()).select(*_ENTITY, "criterion", "action_id", "earlier")
    is_open = whole.join(held, on=[*_ENTITY, "criterion"]).with_columns(pl.lit(TAKEN).alias("status"))
    today = _today(settings, as_of)
    # A step that is closed has had its place until the quarter after is over.
    now = label(preceding(floor(today, "1q"), "1q"), "1q")
    closed = actions.filter(pl.col("closed_on").is_not_null(), pl.col("proposed_for") == now)
    had = closed.group_by(_ENTITY).agg(pl.len().cast(pl.Int64).alias("_had"))
    return _ranked(is_open, _proposed(whole, seen, latest, held, today), had)


def _reason() -> pl.Expr:
    return (
        pl.when(pl.col("_gap") > 0).then(pl.lit(TARGET))
        .when(pl.col("is_stress") & (pl.col("state") == NOT_MET)).then(pl.lit(STRESS)).otherwise(pl.lit(NEAREST))
    )  # fmt: skip


def _proposed(
    whole: pl.DataFrame, seen: pl.DataFrame, latest: pl.DataFrame, held: pl.DataFrame, today: date
) -> pl.DataFrame:
    """What stands in the way of the next level, in the order of the rule, and is not open or dropped of late."""
    cell = cells(seen).select(*_ENTITY, "aspect", pl.col("level").alias("at_level"), "lowest", "critical_low")
    enough = pl.when(pl.col("at_level") == pl.col("to_level")).then(LARGELY).otherwise(FULLY)
    is_short = ~((pl.col("lowest") > enough) & pl.col("critical_low"))
    dropped = latest.filter(pl.col("outcome") == "dropped", pl.col("closed_on") > today - timedelta(days=RESTS))
    before = latest.select(*_ENTITY, "criterion", (pl.col("earlier") + 1).alias("earlier"))
    return (
        whole.filter(pl.col("at_level") <= pl.col("to_level"), pl.col("state").is_in([NOT_MET, UNKNOWN]), _can_be_done())
        .join(cell, on=[*_ENTITY, "aspect", "at_level"], how="left", maintain_order="left")
        .filter(pl.col("is_stress") | is_short)
        .join(held, on=[*_ENTITY, "criterion"], how="anti", maintain_order="left")
        .join(dropped, on=[*_ENTITY, "criterion"], how="anti", maintain_order="left")
        .join(before, on=[*_ENTITY, "criterion"], how="left", maintain_order="left")
        .sort(
            *_ENTITY, pl.col("_gap").fill_null(0), pl.col("is_stress") & (pl.col("state") == NOT_MET), pl.col("p").fill_null(-1.0), "_order",
            descending=[False, False, True, True, True, False],
        )
        # Of two criteria that look at one number the next is met on the way to the other.
        .unique([*_ENTITY, "source"], keep="first", maintain_order=True)
        .with_columns(
            pl.lit(PROPOSED).alias("status"), pl.lit(None, pl.String).alias("action_id"), pl.col("earlier").fill_null(0)
        )
    )  # fmt: skip


def _can_be_done() -> pl.Expr:
    """Measured and short of the threshold; or nowhere in the data, so that it could be recorded. What is seldom can only be waited for."""
    value, threshold = pl.col("value"), pl.col("threshold")
    short = pl.when("is_least").then(value < threshold).otherwise(value > threshold)
    # A median that was not reached has no value and may be judged all the same.
    return (pl.col("p").is_not_null() & short.fill_null(True)) | (pl.col("why") == ABSENT).fill_null(False)


def _ranked(is_open: pl.DataFrame, proposed: pl.DataFrame, had: pl.DataFrame) -> pl.DataFrame:
    kept = ["status", "action_id", "from_level", "to_level", "at_level", "because", "target", "by", "earlier", *_SHOWN]
    both = pl.concat([is_open.select(*_ENTITY, *kept), proposed.select(*_ENTITY, *kept)])
    rank = pl.int_range(1, pl.len() + 1).over(_ENTITY).cast(pl.Int64)
    places = AT_ONCE - pl.col("_had").fill_null(0)
    found = (
        both.with_columns(rank.alias("rank"))
        .join(had, on=_ENTITY, how="left", maintain_order="left")
        .filter((pl.col("rank") <= places) | (pl.col("status") == TAKEN))
    )
    return (
        found.with_columns(_wanted(found))
        .sort(*_ENTITY, "rank")
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def _wanted(frame: pl.DataFrame) -> pl.Series:
    """How many of ``n`` a share needs to be met for certain: the fewest (at most: the most) that pass with probability :data:`SURE`."""
    n, threshold = (frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in ("n", "threshold"))
    is_least = frame["is_least"].to_numpy()
    is_share = (frame["kind"] == SHARE).fill_null(False).to_numpy() & (n > 0)
    whole = np.where(is_share, n, 0.0)
    # At most so many that are, is at least so many that are not.
    at_least = np.where(is_least, threshold, 1 - threshold)

    def sure(k: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        return beta.sf(np.clip(at_least, 0, 1), k + 0.5, whole - k + 0.5) >= SURE  # type: ignore[no-any-return]

    fewest, most = np.zeros_like(whole), whole
    for _ in range(64):
        middle = np.floor((fewest + most) / 2)
        passes = sure(middle)
        most, fewest = np.where(passes, middle, most), np.where(passes, fewest, np.minimum(middle + 1, most))
    told = np.where(is_least, most, whole - most)
    return pl.Series("wanted_k", np.where(is_share & sure(most), told, np.nan), pl.Float64).fill_nan(None)


def _today(settings: Settings, as_of: datetime) -> date:
    return as_of.astimezone(UTC).astimezone(ZoneInfo(settings.time_zone)).date()
