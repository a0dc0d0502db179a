"""What changed in the levels of maturity between then and now, and why: parts that add up to the whole, aspect by aspect.

The past is told five times, each time with one thing more as it is today, and each step is a part (:data:`PARTS`, in this order): first today's
data and kit on the moment that was published, then today's model, then its thresholds and exemptions; then what is known today, with every number
still where it was; last the numbers themselves. So *real* is what remains when all else is as it is now. Another order would give parts
of other sizes where two changes meet; the sum is the same.

Levels are intervals, so both bounds are split. What is not assessed may be any level, 1 to 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity import evidence
from idp_analytics.metrics.maturity.evidence import CRITERIA, passing, rescored, standing
from idp_analytics.metrics.maturity.history import earlier
from idp_analytics.metrics.maturity.levels import levels
from idp_analytics.metrics.maturity.measured import COUNTED
from idp_analytics.settings import Settings
from idp_analytics.settings.maturity_model import LEVELS

RESTATED, MODEL, THRESHOLDS, KNOWN, REAL = "restated", "model", "thresholds", "known", "real"

PARTS = {
    RESTATED: "the same moment, as today's data and today's kit tell it",
    MODEL: "criteria that came, went, or ask something else",
    THRESHOLDS: "thresholds and exemptions that were chosen otherwise",
    KNOWN: "what was unknown became known or the reverse, or is known more or less surely",
    REAL: "what is measured moved",
}
"""The parts, in the order in which they are taken → what each is."""

REPORT, QUARTER = "report", "quarter"
"""Against what: the report published before; the quarter before, as today's model, thresholds and data tell it."""

CHANGES: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "aspect": pl.String,
    "title": pl.String,
    "since": pl.String,  # REPORT | QUARTER
    "period": pl.String,  # of that report
    "then": pl.Datetime("us", "UTC"),  # up to when was known what is compared with
    "part": pl.String,  # of PARTS; against the quarter before only the last two
    "level_before": pl.Int64,  # as it stands before this part; null: not assessed, or anything is possible
    "low_before": pl.Int64,
    "high_before": pl.Int64,
    "level_after": pl.Int64,
    "low_after": pl.Int64,
    "high_after": pl.Int64,
    "low_change": pl.Int64,  # over the parts these add up to the whole change
    "high_change": pl.Int64,
    "criteria": pl.Int64,  # that stand otherwise because of it (study ``maturity_moved``)
}
"""The columns of the study ``maturity_changes``, in order."""

MOVED: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "aspect": pl.String,
    "since": pl.String,
    "period": pl.String,
    "part": pl.String,
    "level": pl.Int64,  # the level it is asked for
    "criterion": pl.String,
    "says": pl.String,
    "is_least": pl.Boolean,
    "unit": pl.String,
    "kind": pl.String,
    "state_before": pl.String,  # null: not asked
    "state_after": pl.String,
    "value_before": pl.Float64,
    "value_after": pl.Float64,
    "n_before": pl.Int64,
    "n_after": pl.Int64,
    "threshold_before": pl.Float64,
    "threshold_after": pl.Float64,
}
"""The columns of the study ``maturity_moved``, in order."""

_KEY = ["scope", "entity_id", "aspect"]
_ENTITY = ["scope", "entity_id"]
_CRITERION = [*_ENTITY, "criterion"]


@dataclass(frozen=True)
class Published:
    """What a report published before said of maturity: the studies ``maturity``, ``maturity_criteria`` and ``maturity_targets`` of its mart, and
    ``as_of`` when."""

    period: str
    as_of: datetime
    aspects: pl.DataFrame
    criteria: pl.DataFrame
    targets: pl.DataFrame


@dataclass(frozen=True)
class Chain:
    """The same entities told several times: ``start`` their levels then (:func:`levels.levels`), ``first`` the criteria then, and ``steps`` the
    criteria after each part."""

    since: str
    period: str | None
    then: datetime
    start: pl.DataFrame
    first: pl.DataFrame
    steps: Mapping[str, pl.DataFrame]


def maturity_changes(
    tables: Tables, settings: Settings, as_of: datetime, published: Published | None = None
) -> pl.DataFrame:
    """One row per part of the change of one aspect of everybody asked both then and now (:data:`CHANGES`)."""
    parts = [split(chain, settings) for chain in chains(tables, settings, as_of, published)]
    return pl.concat([pl.DataFrame(schema=CHANGES), *parts])


def maturity_moved(
    tables: Tables, settings: Settings, as_of: datetime, published: Published | None = None
) -> pl.DataFrame:
    """One row per criterion that stands otherwise after a part than before it (:data:`MOVED`)."""
    parts = [moved(chain) for chain in chains(tables, settings, as_of, published)]
    return pl.concat([pl.DataFrame(schema=MOVED), *parts])


def chains(tables: Tables, settings: Settings, as_of: datetime, published: Published | None) -> list[Chain]:
    """Against the report published before, where there is one that is not of later, and against the quarter before."""
    now = rescored(tables, settings, as_of, as_of)
    found = []
    if published is not None and published.as_of <= as_of:
        found.append(_since_report(tables, settings, as_of, published, now))
    then = earlier(as_of, settings)
    before = rescored(tables, settings, then, as_of)
    both = before.join(now.select(_ENTITY).unique(), on=_ENTITY, how="semi", maintain_order="left")
    found.append(Chain(QUARTER, None, then, levels(both), both, _to_now(both, now)))
    return found


def _since_report(
    tables: Tables, settings: Settings, as_of: datetime, published: Published, now: pl.DataFrame
) -> Chain:
    here = now.select(_ENTITY).unique(maintain_order=True)
    old = published.criteria.join(here, on=_ENTITY, how="semi", maintain_order="left")
    found = evidence.measured(tables, settings, published.as_of, old["source"].unique())
    excused = pl.col("excused_by").is_not_null() & ~pl.col("has_lapsed")
    grid = old.with_columns(
        pl.when(excused).then("state").alias("excuse"), pl.when(excused).then("why").alias("reason"),
    ).drop("kind", "value", "low", "high", "interval_level", "k", "n", "missing", "unit", "p", "state", "why")  # fmt: skip
    restated = evidence.against(found, grid)
    # What the kit does not measure any more cannot be told anew: it stands as it was published.
    lost = old.filter(~pl.col("source").is_in(sorted(evidence.measurable(settings))))
    restated = pl.concat([restated.join(lost, on=_CRITERION, how="anti"), lost.select(restated.columns)])
    asked = evidence.asked_of(old.select(_ENTITY).unique(maintain_order=True), settings, as_of)
    steps = {
        RESTATED: restated,
        MODEL: evidence.against(found, _with_old_choices(asked, grid)),
        THRESHOLDS: evidence.against(found, asked),
    }
    start = published.aspects.join(here, on=_ENTITY, how="semi").select(*_KEY, "level", "low", "high")
    to_now = _to_now(steps[THRESHOLDS], now)
    return Chain(REPORT, published.period, published.as_of, start, old, {**steps, **to_now})


def _with_old_choices(asked: pl.DataFrame, old: pl.DataFrame) -> pl.DataFrame:
    """``asked``, with the thresholds and exemptions then of criteria that asked the same."""
    same = [*_CRITERION, "source", "is_least"]
    chosen = ("threshold", "excuse", "reason", "excused_by", "excused_until", "has_lapsed")
    before = old.select(*same, *(pl.col(name).alias(f"{name}_then") for name in chosen), pl.lit(True).alias("_was"))
    both = asked.join(before, on=same, how="left", maintain_order="left")
    was = pl.col("_was").fill_null(False)
    # A new criterion brings its threshold with it, and nobody was excused of it yet.
    return both.with_columns(
        pl.when(was).then("threshold_then").otherwise("threshold").alias("threshold"),
        *(pl.when(was).then(f"{name}_then").alias(name) for name in chosen[1:]),
    ).select(asked.columns)


def _to_now(before: pl.DataFrame, now: pl.DataFrame) -> dict[str, pl.DataFrame]:
    here = now.join(before.select(_ENTITY).unique(), on=_ENTITY, how="semi", maintain_order="left")
    return {KNOWN: as_known(before, here), REAL: here}


def as_known(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """``now`` as if every number measured at both times were where it was, and known as surely as it is now: :data:`evidence.CRITERIA`.

    A share keeps its value and is counted over as many as now; a number with an interval takes as much of one, upwards and downwards, as now. What
    is told at one time only, or of too few, stands as now, for whether it moved is not known.
    """
    numbers = ("kind", "value", "low", "high", "k", "n", "p")
    then = before.select(*_CRITERION, *(pl.col(name).alias(f"{name}_then") for name in numbers))
    both = now.join(then, on=_CRITERION, how="left", maintain_order="left")
    value = pl.col("value_then")
    on_logs = pl.min_horizontal("value", "low", "value_then", "low_then") > 0
    moved = (
        pl.when(on_logs).then(value * pl.col(end) / pl.col("value")).otherwise(value + pl.col(end) - pl.col("value")).alias(end)
        for end in ("low", "high")
    )  # fmt: skip
    kept = both.with_columns(
        value.alias("value"), *moved, (pl.col("k_then") / pl.col("n_then") * pl.col("n")).alias("k")
    )
    # Why a criterion stands as it does, such as too near to its threshold, is no reason why it has no number.
    kept = kept.with_columns(passing(kept.with_columns(pl.lit(None, pl.String).alias("why"))))
    told_twice = pl.all_horizontal(pl.col("p", "p_then", "value", "value_then").is_not_null())
    twice = (told_twice & (pl.col("kind") == pl.col("kind_then"))).fill_null(False)
    is_counted = pl.col("kind") == COUNTED  # as sure as it was
    stands = pl.col("state").is_in([evidence.MET, evidence.NOT_MET, evidence.UNKNOWN])
    told = both.select(
        *(
            pl.when(twice & is_counted).then(f"{name}_then").when(twice).then(kept[name]).otherwise(name).alias(name)
            for name in numbers[1:]
        ),
        (twice & stands).alias("_judged"),
    )  # fmt: skip
    return (
        both.with_columns(told)
        .with_columns(pl.when("_judged").then(standing(pl.col("p"))).otherwise("state").alias("state"))
        .select(pl.col(name).cast(dtype) for name, dtype in CRITERIA.items())
    )


def split(chain: Chain, settings: Settings) -> pl.DataFrame:
    """The parts of one chain (:data:`CHANGES`)."""
    titles = pl.DataFrame(
        [(i, a.id, a.title) for i, a in enumerate(settings.maturity.aspects)], schema=["_at", "aspect", "title"], orient="row"
    )  # fmt: skip
    counts = moved(chain).group_by(*_KEY, "part").agg(pl.len().alias("criteria"))
    before, found = _open(chain.start), []
    for part, frame in chain.steps.items():
        after = _open(levels(frame))
        both = before.join(after, on=_KEY, suffix="_after", how="left", maintain_order="left")
        ends = (pl.coalesce(f"{name}_after", name).alias(f"{name}_after") for name in ("low", "high"))
        both = both.with_columns(pl.lit(part).alias("part"), *ends)
        found.append(both)
        before = both.select(*_KEY, *(pl.col(f"{name}_after").alias(name) for name in ("level", "low", "high")))
    order = pl.col("part").replace_strict({name: n for n, name in enumerate(PARTS)}, return_dtype=pl.Int64)
    return (
        pl.concat(found).join(titles, on="aspect").join(counts, on=[*_KEY, "part"], how="left")
        .with_columns(
            (pl.col(f"{name}_after") - pl.col(name)).alias(f"{name}_change") for name in ("low", "high")
        )
        .with_columns(
            pl.lit(chain.since).alias("since"), pl.lit(chain.period, pl.String).alias("period"), pl.lit(chain.then.astimezone(UTC)).alias("then"),
            pl.col("criteria").fill_null(0), *(pl.col(name).alias(f"{name}_before") for name in ("level", "low", "high")),
        )
        .sort("scope", "entity_id", "_at", order)
        .select(pl.col(name).cast(dtype) for name, dtype in CHANGES.items())
    )  # fmt: skip


def moved(chain: Chain) -> pl.DataFrame:
    """The criteria of one chain that stand otherwise after a part (:data:`MOVED`)."""
    before, found = chain.first, []
    for part, frame in chain.steps.items():
        told = ("state", "value", "n", "threshold")
        sides = [
            one.select(
                *_KEY, "criterion", "level", "says", "is_least", "unit", "kind", *(pl.col(name).alias(f"{name}_{side}") for name in told)
            )
            for side, one in (("before", before), ("after", frame))
        ]  # fmt: skip
        both = sides[0].join(sides[1], on=[*_KEY, "criterion"], how="full", coalesce=True, suffix="_now")
        other = both.filter(~pl.col("state_before").eq_missing(pl.col("state_after")))
        latest = (
            pl.coalesce(f"{name}_now", name).alias(name) for name in ("level", "says", "is_least", "unit", "kind")
        )
        found.append(other.with_columns(pl.lit(part).alias("part"), *latest))
        before = frame
    order = pl.col("part").replace_strict({name: n for n, name in enumerate(PARTS)}, return_dtype=pl.Int64)
    return (
        pl.concat(found)
        .with_columns(pl.lit(chain.since).alias("since"), pl.lit(chain.period, pl.String).alias("period"))
        .sort(*_KEY, order, "level", "criterion")
        .select(pl.col(name).cast(dtype) for name, dtype in MOVED.items())
    )


def _open(found: pl.DataFrame) -> pl.DataFrame:
    """Levels with what is not assessed told as what it may be: any."""
    return found.select(*_KEY, "level", pl.col("low").fill_null(min(LEVELS)), pl.col("high").fill_null(max(LEVELS)))
