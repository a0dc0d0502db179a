"""Where a number lies among what DORA published, year by year, and whether it reaches a target of one's own.

Never a grade: a tier is the description of a cluster of survey respondents, answered from memory about one application;
ours is counted. It is named only where a number's whole interval lies in one description, and never for a year whose
clusters are in no order or that has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from idp_analytics.errors import SettingsError, nearest
from idp_analytics.estimates.adding import averaged
from idp_analytics.metrics import quick_check
from idp_analytics.metrics.catalogue import CATALOGUE
from idp_analytics.metrics.compute import compute
from idp_analytics.metrics.editions import MEASURED, SHARES, Edition, Published, Range, editions, quick_checks
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.series import FOLLOWED, SCOPES, answered
from idp_analytics.settings import Settings, Target

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]

INSIDE, TOUCHED, WORSE, BETTER = 0, 1, 2, 3
"""How an interval lies to one range: within it, partly in it, wholly on its worse side, wholly on its better side."""

MET, NOT_MET, NOT_DECIDED = "met", "not met", "not decided"

_ENTITY = ("scope", "entity_id", "every", "period", "period_start")
COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String, "entity_id": pl.String, "every": pl.String, "period": pl.String, "period_start": pl.Date,
    "metric": pl.String, "kind": pl.String, "year": pl.Int64, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "unit": pl.String, "n": pl.Int64, "place": pl.String, "tier": pl.String, "ahead_low": pl.Float64, "ahead_high": pl.Float64,
    "reference": pl.Float64, "spread": pl.Float64, "verified": pl.Boolean, "where": pl.String,
}  # fmt: skip
"""The columns of :func:`placed`, in order."""


def benchmarks(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """:func:`placed` for the organisation and every team, in the latest complete month and the latest complete quarter."""
    followed = answered(tables, settings, as_of).filter(pl.col("every") != "1w")
    others = tuple(
        m for m in CATALOGUE if m not in FOLLOWED and m.name in {target.metric for target in settings.targets}
    )
    asked = [followed, compute(tables, settings, as_of, others, SCOPES, ("1mo", "1q"))] if others else [followed]
    answers = pl.concat(asked).filter(~pl.col("is_partial"))
    latest = answers.filter(pl.col("period_start") == pl.col("period_start").max().over("every"))
    return placed(latest, settings.targets)


def placed(answers: pl.DataFrame, targets: Sequence[Target] = ()) -> pl.DataFrame:
    """One row per answer with a value and per thing to set it beside; columns :data:`COLUMNS`.

    ``answers``: rows of the answer table; metrics DORA published nothing of are left out (but for targets, which also
    have a row where there is no value). ``kind``: ``tiers``,
    ``distribution``, ``quick check`` (scores of 0–10, also of the groups throughput, stability and overall), ``target``.
    ``value``, ``low``, ``high`` are in ``unit``, scores in ``unit`` "score 0–10"; the bounds of a group's score are the
    means of its members' bounds, which is wider than an interval of the mean. ``place``: words. ``tier``: only as the
    module says. ``ahead_low``, ``ahead_high``: at least and at most this share (0–1) of respondents chose a better answer;
    null where not all answers are known. ``reference``: DORA's mean, with ``spread``, or the target. ``verified``: read
    in DORA's own publication; null for targets. Sorted by scope, entity, period, metric, kind and year.
    """
    known = answers.filter(
        pl.col("metric").is_in(list(MEASURED)), pl.col("value").is_not_null(), pl.col("detail").is_null()
    ).select(*_ENTITY, "metric", "value", "low", "high", "unit", "n")
    parts = [pl.DataFrame(schema=COLUMNS)]
    for metric in MEASURED:
        rows = known.filter(pl.col("metric") == metric)
        if not rows.height:
            continue
        parts += [
            _beside(rows, edition, one) for edition in editions() for one in edition.metrics if one.metric == metric
        ]
    parts += [_quick_checked(known, year) for year in range(len(quick_checks()))]
    parts += [_judged(known, answers, target) for target in targets]
    return pl.concat(_shaped(part) for part in parts).sort(
        *_ENTITY, "metric", "kind", "year", "reference", nulls_last=True
    )


def check(settings: Settings) -> None:
    """Raises :class:`SettingsError` listing the targets of metrics that do not exist or have no better side."""
    better = {metric.name: metric.better for metric in CATALOGUE}
    problems = [
        f"[[target]] metric = {t.metric!r}: there is no such metric.{nearest(t.metric, better)}"
        if t.metric not in better
        else f"[[target]] metric = {t.metric!r}: neither more nor less of it is better in itself, so it has no target"
        for t in settings.targets
        if better.get(t.metric) is None
    ]
    if problems:
        raise SettingsError.listing("settings.toml", problems)


def codes(metric: str, low: Array, high: Array, published: Published) -> Codes:
    """How each interval lies to each range (:data:`INSIDE` …), one column per range.

    Shares are rounded to whole percents first, as respondents answered. A range holds its low end and not its high one
    (percentages: both); an interval without an end reaches as far as it can.
    """
    least, most = (np.array([getattr(r, end) for r in published.ranges])[None, :] for end in ("low", "high"))
    low, high = (v[:, None] for v in (np.nan_to_num(low, nan=0.0), np.nan_to_num(high, nan=np.inf)))
    if metric in SHARES:
        low, high = np.rint(100 * low), np.rint(np.minimum(100 * high, 100))
        below, above, within = high < least, low > most, (low >= least) & (high <= most) & (least < most)
    else:
        below, above = high < least, low >= most
        within = (low >= least) & ((high < most) | np.isinf(most))
    worse, better = (below, above) if metric == "deployment_frequency" else (above, below)
    return np.select([within, worse, better], [INSIDE, WORSE, BETTER], TOUCHED).astype(np.int8)


def _beside(rows: pl.DataFrame, edition: Edition, published: Published) -> pl.DataFrame:
    """``rows`` of one metric beside one edition."""
    low, high = (rows[end].to_numpy().astype(float) for end in ("low", "high"))
    patterns, which = np.unique(codes(published.metric, low, high, published), axis=0, return_inverse=True)
    words = pl.Series([_words(pattern, edition, published) for pattern in patterns.tolist()], dtype=pl.String)
    tiers = pl.Series([_tier(pattern, edition, published) for pattern in patterns.tolist()], dtype=pl.String)
    ahead = [
        _ahead(pattern, published) if edition.kind == "distribution" else (None, None) for pattern in patterns.tolist()
    ]
    place = which.reshape(-1)
    return rows.with_columns(
        pl.lit(edition.kind).alias("kind"), pl.lit(edition.year).alias("year"),
        words.gather(place).alias("place"), tiers.gather(place).alias("tier"),
        pl.Series([a for a, _ in ahead], dtype=pl.Float64).gather(place).alias("ahead_low"),
        pl.Series([b for _, b in ahead], dtype=pl.Float64).gather(place).alias("ahead_high"),
        pl.lit(published.verified).alias("verified"), pl.lit(f"{edition.title}, {published.where}").alias("where"),
    )  # fmt: skip


def _tier(pattern: list[int], edition: Edition, published: Published) -> str | None:
    inside = [r.name for r, code in zip(published.ranges, pattern, strict=True) if code == INSIDE]
    return inside[0] if len(inside) == 1 and edition.orderable and edition.kind == "tiers" else None


def _ahead(pattern: list[int], published: Published) -> tuple[float | None, float | None]:
    """At least and at most which share chose a better answer."""
    share = [r.share or 0.0 for r in published.ranges]
    is_whole = sum(share) > 95
    surely = sum(s for s, code in zip(share, pattern, strict=True) if code == WORSE)
    maybe = surely + sum(s for s, code in zip(share, pattern, strict=True) if code in (INSIDE, TOUCHED))
    return surely / 100, (maybe / 100 if is_whole or INSIDE in pattern else None)


def _words(pattern: list[int], edition: Edition, published: Published) -> str:
    found = list(zip(published.ranges, pattern, strict=True))
    inside = [r for r, code in found if code == INSIDE]
    touched = [r for r, code in found if code in (INSIDE, TOUCHED)]
    better = [r for r, code in found if code == BETTER]
    worse = [r for r, code in found if code == WORSE]
    if edition.kind == "distribution":
        return _among_answers(inside, touched, published)
    if touched and touched[0].is_point:
        return f"its interval holds the {_and([f'{r.said} of {r.name}' for r in touched])}"
    if inside and len(inside) == len(touched):
        return f"as {_and([r.name for r in inside])} {'was' if len(inside) == 1 else 'alike were'} described ({inside[0].said})"
    if len({r.said for r in touched}) > 1:
        return f"spans {touched[0].name}–{touched[-1].name}"
    if touched:
        return f"partly as {_and([r.name for r in touched])} {'was' if len(touched) == 1 else 'were'} described ({touched[0].said})"
    # Ranges stand from the best on: the last one it is worse than and the first one it is better than are its neighbours.
    if worse and better:
        return f"between {worse[-1].name} ({worse[-1].said}) and {better[0].name} ({better[0].said})"
    return (
        f"on the better side of {better[0].name} ({better[0].said})"
        if better
        else f"beyond {worse[-1].name} ({worse[-1].said})"
    )


def _among_answers(inside: list[Range], touched: list[Range], published: Published) -> str:
    if not touched:
        return f"beyond the answers known here ({_and([f'{r.name}: {r.share:g} %' for r in published.ranges])})"
    first, last, chose = touched[0], touched[-1], f"which {sum(r.share or 0 for r in touched):.1f} % chose"
    if first is not last:
        return f"spans the answers “{first.name}” to “{last.name}”, {chose}"
    return (
        f"within the answer “{first.name}”, {chose}" if inside else f"partly within the answer “{first.name}”, {chose}"
    )


def _quick_checked(known: pl.DataFrame, number: int) -> pl.DataFrame:
    """The scores of one edition of the Quick Check, by metric and by group."""
    edition = quick_checks()[number]
    parts: list[pl.DataFrame] = []
    for metric in (m for m in MEASURED if m in edition.means):
        rows = known.filter(pl.col("metric") == metric)
        fast, slow = ("high", "low") if metric == "deployment_frequency" else ("low", "high")
        ends = {name: rows[name].to_numpy().astype(float) for name in ("value", "low", "high")}
        # An end that is not bounded is as bad, or as good, as an answer can be.
        worst = np.nan_to_num(ends[slow], nan=0.0 if slow == "low" else np.inf)
        best = np.nan_to_num(ends[fast], nan=0.0 if fast == "low" else np.inf)
        parts.append(
            rows.with_columns(
                pl.Series("value", quick_check.scored(metric, ends["value"])),
                pl.Series("low", quick_check.scored(metric, worst)),
                pl.Series("high", quick_check.scored(metric, best, best=True)),
            )
        )
    scores = pl.concat(parts)
    groups = [
        scores.filter(pl.col("metric").is_in(list(members)))
        .group_by(_ENTITY)
        .agg(
            *(averaged(pl.col(name)).alias(name) for name in ("value", "low", "high")),
            pl.lit(group).alias("metric"),
            pl.len().cast(pl.Int64).alias("n"),
        )
        for group, members in quick_check.GROUPS.items()
    ]
    both = pl.concat([scores, *groups], how="diagonal")
    mean, spread = (
        pl.col("metric").replace_strict(dict(told), default=None, return_dtype=pl.Float64)
        for told in (edition.means, edition.spreads)
    )
    beside = pl.col("reference")
    whole = {group: len([m for m in members if m in edition.means]) for group, members in quick_check.GROUPS.items()}
    return both.with_columns(
        pl.lit("quick check").alias("kind"), pl.lit(edition.year).alias("year"), pl.lit("score 0–10").alias("unit"),
        mean.alias("reference"), spread.alias("spread"), pl.lit(edition.verified).alias("verified"), pl.lit(edition.where).alias("where"),
    ).with_columns(
        pl.when(beside.is_null()).then(pl.lit("no mean published"))
        .when(pl.col("metric").replace_strict(whole, default=1, return_dtype=pl.Int64) > pl.col("n"))
        .then(pl.lit("not all of its metrics are answered"))
        .when(pl.col("low") > beside).then(pl.lit("above the mean of all respondents"))
        .when(pl.col("high") < beside).then(pl.lit("below the mean of all respondents"))
        .otherwise(pl.lit("its bounds hold the mean of all respondents")).alias("place")
    )  # fmt: skip


def _judged(known: pl.DataFrame, answers: pl.DataFrame, target: Target) -> pl.DataFrame:
    """The answers one target is about: met or not met where the whole interval is on one side of it, else, and without a
    value, not decided."""
    better = {metric.name: metric.better for metric in CATALOGUE}[target.metric]
    whose = {"scope": target.scope, "entity_id": target.team}
    rows = answers.filter(
        pl.col("metric") == target.metric,
        pl.col("detail").is_null(),
        *(pl.col(name) == wanted for name, wanted in whose.items() if wanted is not None),
    ).select(known.columns)
    low, high, goal = pl.col("low"), pl.col("high"), target.value
    met, missed = (low >= goal, high < goal) if better == "higher" else (high <= goal, low > goal)
    has_value = pl.col("value").is_not_null()
    return rows.with_columns(
        pl.lit("target").alias("kind"), pl.lit(goal).alias("reference"),
        pl.when(has_value & met).then(pl.lit(MET)).when(has_value & missed).then(pl.lit(NOT_MET))
        .otherwise(pl.lit(NOT_DECIDED)).alias("place"),
        pl.lit(f"own target by {target.by.isoformat()}" if target.by else "own target").alias("where"),
    )  # fmt: skip


def _shaped(frame: pl.DataFrame) -> pl.DataFrame:
    have = set(frame.columns)
    return frame.select(
        (pl.col(name) if name in have else pl.lit(None)).cast(dtype).alias(name) for name, dtype in COLUMNS.items()
    )


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


KINDS: Mapping[str, str] = {
    "tiers": "described clusters", "distribution": "counted answers", "quick check": "Quick Check", "target": "own target",
}  # fmt: skip
"""Kind → what is beside the number, for a reader."""
