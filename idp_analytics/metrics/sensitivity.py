"""Does the answer depend on how incidents are linked? The same number under every link rule, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import polars as pl

from idp_analytics.metrics.cells import EVERY, Spans, lengths, of_spans
from idp_analytics.metrics.grid import entities
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.presets.answered import periods_of
from idp_analytics.metrics.presets.definition import Definition, FailRate, Link, Measure, Recovery
from idp_analytics.metrics.presets.evaluate import evaluated, known
from idp_analytics.metrics.presets.ours import FAIL_RATE, LINK_RULES, RECOVERY
from idp_analytics.metrics.presets.windows import calendar_windows
from idp_analytics.metrics.remembered import Shared
from idp_analytics.settings import Settings

OURS = "ours: recorded, else same service"
"""The default, as the answers have it (``rules.link_hours``)."""

RATIO = "no link at all"
"""Incidents ÷ deployments, and every incident's recovery: what many tools draw. The ratio has no interval, being no share."""

RULES: tuple[str, ...] = (OURS, *LINK_RULES, RATIO)
"""Every rule, in the order they are shown."""

JUDGED = tuple(name for name in RULES if name not in ("failed pipeline", RATIO))
"""Rules that answer our question, which deployment harmed users; a pipeline that failed has not reached them."""

DEPENDS, AGREES, TOO_FEW = "conclusion depends on rule", "same under every rule", "too few to say"
"""What may be said of one number."""

CUTS: Mapping[str, tuple[float, ...]] = {}
"""Metric → where a reader draws a line, such as an own target: values on both sides of one are two conclusions. None by
default, since DORA has published no tiers since 2025."""

_CELL = ["scope", "entity_id", "every", "period", "metric"]
COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "metric": pl.String,
    "rule": pl.String,
    "position": pl.Int64,  # of the rule in RULES
    "is_ours": pl.Boolean,
    "is_judged": pl.Boolean,  # takes part in the verdict
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "n": pl.Int64,
    "k": pl.Int64,
    "censored": pl.Int64,
    "unit": pl.String,
    "note": pl.String,  # why there is no value, null for nothing
    "verdict": pl.String,  # of the whole cell, the same in each of its rows
}
"""The columns of the study."""


def link_sensitivity(
    tables: Tables, settings: Settings, as_of: datetime, cuts: Mapping[str, Sequence[float]] = CUTS,
    scopes: Sequence[str] = ("org", "team"), every: Sequence[str] = EVERY, spans: Spans | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Change fail rate and recovery time under each of :data:`RULES`; all but the link is ours. In ``spans``, or else in all periods of ``every``.

    One row per entity, period, metric and rule, columns :data:`COLUMNS`; entities and periods in which no rule counts
    anything have none. ``value`` in the metric's unit, with Wilson's interval (share) or Kaplan–Meier's (hours); null, with
    a ``note``, where the company's data never say what the rule needs: a rule without its data is not known, not 0.

    Verdict, of all rules of :data:`JUDGED` that have a value and an interval:

    * *conclusion depends on rule*: two intervals do not overlap, or the values lie further apart than half the widest
      interval, or two lie on different sides of one of ``cuts``;
    * *same under every rule*: none of these; *too few to say*: fewer than two values with an interval.

    Why half an interval: every rule looks at the same deployments, so chance has treated all rules alike and cannot move
    one against the other; overlap of intervals, which is made for separate samples, would call almost nothing a difference.
    What a reader may ask is whether the choice of rule moves the number further than chance moves it anyway, and that is
    the half-width. Durations are compared by their ratio, on the log scale. A company in which the rules disagree this
    much should record the deployment on its incidents before it draws conclusions from either number.
    """
    scale = {FAIL_RATE.metric: _shares, RECOVERY.metric: _ratios}
    measures = [_under(m, rule) for m in (FAIL_RATE, RECOVERY) for rule in RULES]
    found, grids = [], periods_of((FAIL_RATE, RECOVERY), tables, settings, as_of, every if spans is None else lengths(spans))  # fmt: skip
    people = entities(tables, scopes)
    seen = Shared(known(tables, as_of))
    notes = _notes(seen)
    for (_, metric), grid in grids.items():
        own = Definition(
            name="link_sensitivity",
            title="",
            year="",
            source="",
            measures=tuple(m for m in measures if m.metric == metric),
        )
        measured = grid.filter("is_measured", of_spans(spans))
        numbers = evaluated(own, tables, settings, as_of, calendar_windows(measured), people, seen=seen)
        starts = measured.select("every", "period", "period_start")
        found.append(
            _judged(
                _with_notes(numbers, notes).join(starts, on=["every", "period"]), scale[metric], cuts.get(metric, ())
            )
        )
    frame = pl.concat(found).with_columns(pl.lit(settings.rules.level).alias("level"))
    return frame.select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items()).sort(
        "metric", "scope", "entity_id", "every", "period_start", "position"
    )


def _under(measure: FailRate | Recovery, rule: str) -> Measure:
    if rule == OURS:
        return replace(measure, detail=rule)
    if rule == RATIO:
        link = Link(by="nothing")
        if isinstance(measure, FailRate):
            return replace(measure, detail=rule, link=link, above="incidents")
        return replace(measure, detail=rule, link=link, linked=False)
    link = LINK_RULES[rule]
    if link.by == "outcome":
        every_end = replace(measure.counted, outcomes=("success", "failure"))
        if isinstance(measure, FailRate):
            return replace(measure, detail=rule, link=link, counted=every_end)
        return replace(measure, detail=rule, link=link, counted=every_end, start="deployment", end="next success")
    if link.by == "remediation" and isinstance(measure, Recovery):
        return replace(measure, detail=rule, link=link, start="deployment", end="remediation")
    return replace(measure, detail=rule, link=link)


def _notes(seen: Tables) -> dict[str, str]:
    """Rule → why the data cannot tell what it needs, anywhere."""
    deployments, incidents = seen["deployments"], seen["incidents"]
    has = pl.concat(
        [
            incidents.select(pl.col("deployment_id").is_not_null().any().alias("told")),
            deployments.select((pl.col("is_rollback").any() | pl.coalesce("version", "sha").is_not_null().any()).alias("told")),
            deployments.select((pl.col("outcome") == "failure").any().alias("told")),
        ]
    ).collect()["told"]  # fmt: skip
    recorded, versions, failures = (bool(told) for told in has)
    notes = {}
    if not recorded:
        notes["recorded"] = "no incident says which deployment caused it"
    if not versions:
        notes["rollback or repair"] = "no deployment says its version, commit or that it is a rollback"
    if not failures:
        notes["failed pipeline"] = "no deployment is said to have failed"
    return notes


def _with_notes(numbers: pl.DataFrame, notes: Mapping[str, str]) -> pl.DataFrame:
    rule = pl.col("detail")
    note = rule.replace_strict(notes, default=None, return_dtype=pl.String) if notes else pl.lit(None, pl.String)
    place = {name: number for number, name in enumerate(RULES)}
    unknown = pl.col("note").is_not_null()
    return (
        numbers.with_columns(note.alias("note"), rule.alias("rule"))
        .with_columns(pl.when(~unknown).then(pl.col("value", "low", "high", "k", "censored")))
        .with_columns(
            pl.when(unknown).then("note").when(pl.col("value").is_null()).then(pl.lit("too few for a value")).alias("note"),
            rule.replace_strict(place, return_dtype=pl.Int64).alias("position"),
            (rule == OURS).alias("is_ours"),
            rule.is_in(JUDGED).alias("is_judged"),
        )
    )  # fmt: skip


def _shares(name: str) -> pl.Expr:
    return pl.col(name)


def _ratios(name: str) -> pl.Expr:
    return pl.when(pl.col(name) > 0).then(pl.col(name).log())


def _judged(rows: pl.DataFrame, scaled: object, cuts: Sequence[float]) -> pl.DataFrame:
    """``rows`` of one metric with ``verdict``; cells in which no rule counts anything are left out."""
    scale = _ratios if scaled is _ratios else _shares
    usable = pl.col("is_judged") & pl.col("value").is_not_null() & pl.col("low").is_not_null()
    value, low, high = (pl.when(usable).then(scale(name)) for name in ("value", "low", "high"))
    high = pl.when(usable).then(pl.coalesce(scale("high"), pl.lit(float("inf"))))
    half = pl.max_horizontal(value - low, pl.when(high.is_finite()).then(high - value))
    apart = (low.max() > high.min()) | (value.max() - value.min() > half.max())
    for cut in cuts:
        above = pl.when(usable).then(pl.col("value") >= cut)
        apart = apart | (above.any() & ~above.all())
    verdict = (
        pl.when(value.count() < 2).then(pl.lit(TOO_FEW)).when(apart.fill_null(False)).then(pl.lit(DEPENDS)).otherwise(pl.lit(AGREES))
    )  # fmt: skip
    cells = rows.group_by(_CELL).agg(verdict.alias("verdict"), pl.col("n").max().alias("_most"))
    return rows.join(cells.filter(pl.col("_most") > 0).drop("_most"), on=_CELL)
