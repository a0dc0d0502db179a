"""Study ``maturity_step_outcomes``: what became of the steps that were taken up, and whether the number moved that each was to move.

Done says that somebody did something; moved says that something followed, or at least came after. The two stand side by side, and neither
is taken for the other: a number may move for another reason, and what helps may take longer than a quarter.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.errors import ReportError
from idp_analytics.estimates import changes
from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.compute import compute
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity import evidence
from idp_analytics.metrics.maturity.measured import COUNTED, SHARE
from idp_analytics.metrics.maturity.next_steps import taken
from idp_analytics.periods import Period, floor, following, label, parse
from idp_analytics.settings import Settings

DONE, DROPPED, ENDED, OVERDUE, OPEN = "done", "dropped", "closed", "overdue", "open"
"""What became of a step; ``closed``: and not told how."""

NOT_YET = "the quarter after it is not over"
UNKNOWN = "no criterion of the model any more"
ABSENT = "not measured in both quarters"

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "action_id": pl.String,
    "criterion": pl.String,
    "says": pl.String,  # null: no criterion of the model any more
    "source": pl.String,
    "is_least": pl.Boolean,
    "proposed_for": pl.String,  # the quarter whose end it was proposed at
    "opened_on": pl.Date,
    "due_on": pl.Date,
    "closed_on": pl.Date,
    "state": pl.String,  # DONE …
    "put_off": pl.Int64,  # how often: as its list says, or quarters that ended after it was due
    "earlier": pl.Int64,  # steps of the same criterion before it
    "then": pl.String,  # the quarter after
    "unit": pl.String,
    "before": pl.Float64,  # the number in the quarter it was proposed for
    "n_before": pl.Int64,
    "after": pl.Float64,  # and in the quarter after
    "n_after": pl.Int64,
    "change": pl.Float64,  # of shares and counts the difference, else the ratio
    "change_low": pl.Float64,
    "change_high": pl.Float64,
    "verdict": pl.String,  # of the answer table
    "why": pl.String,  # why there is no verdict
}
"""The columns of the study, in order."""

_ENTITY = ["scope", "entity_id"]
_NUMBERS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String, "entity_id": pl.String, "source": pl.String, "proposed_for": pl.String, "unit": pl.String, "before": pl.Float64, "n_before": pl.Int64,
    "after": pl.Float64, "n_after": pl.Int64, "change": pl.Float64, "change_low": pl.Float64, "change_high": pl.Float64, "verdict": pl.String,
}  # fmt: skip


def maturity_step_outcomes(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Every step that was taken up, as known at ``as_of`` (:data:`COLUMNS`).

    Moved is told of a metric by its own comparison, the quarter after against the one before; of a measure by the difference of two shares
    (Newcombe 1998) or of two numbers by their intervals (Zou & Donner 2008), at the two quarters' ends. What the two looks share, as half years
    a quarter apart do, makes these intervals too wide rather than too narrow.
    """
    steps = taken(tables, settings, as_of)
    if steps.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    told = steps.join(_criteria(settings), on="criterion", how="left", maintain_order="left").with_columns(
        pl.col("proposed_for")
        .replace_strict(
            {name: _after(name) for name in steps["proposed_for"].unique()},
            return_dtype=pl.String,
        )
        .alias("then")
    )
    today = as_of.astimezone(UTC).astimezone(ZoneInfo(settings.time_zone)).date()
    numbers = pl.concat([pl.DataFrame(schema=_NUMBERS), *_moved(told, tables, settings, as_of, today)])
    over = [name for name in told["then"].drop_nulls().unique() if parse(name).end <= today]
    is_over = pl.col("then").is_in(pl.Series(over, dtype=pl.String).implode())
    has_verdict = pl.col("verdict").is_not_null()
    why = (
        pl.when(pl.col("says").is_null()).then(pl.lit(UNKNOWN)).when(~is_over.fill_null(False)).then(pl.lit(NOT_YET))
        .when(~has_verdict).then(pl.lit(ABSENT))
    )  # fmt: skip
    return (
        told.join(numbers, on=[*_ENTITY, "source", "proposed_for"], how="left", maintain_order="left")
        .with_columns(
            why.alias("why"), pl.coalesce("verdict", pl.lit(Verdict.INSUFFICIENT_DATA.value)).alias("verdict"), _state(today).alias("state"),
            pl.max_horizontal(pl.col("carried_over").fill_null(0), _quarters_late(today)).alias("put_off"),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip


def _criteria(settings: Settings) -> pl.DataFrame:
    rows = [(c.id, c.says, c.source, c.is_metric, c.is_least) for c in settings.maturity.criteria]
    return pl.DataFrame(
        rows, orient="row",
        schema={"criterion": pl.String, "says": pl.String, "source": pl.String, "is_metric": pl.Boolean, "is_least": pl.Boolean},
    )  # fmt: skip


def quarter(name: str) -> Period | None:
    """The quarter of that label; None: the label of none."""
    try:
        span = parse(name)
    except ReportError:
        return None
    return span if span.every == "1q" else None


def _after(name: str) -> str | None:
    span = quarter(name)
    return label(following(span.start, "1q"), "1q") if span else None


def _state(today: date) -> pl.Expr:
    closed = pl.col("closed_on").is_not_null()
    return (
        pl.when(closed & (pl.col("outcome") == "done")).then(pl.lit(DONE)).when(closed & (pl.col("outcome") == "dropped")).then(pl.lit(DROPPED))
        .when(closed).then(pl.lit(ENDED)).when(pl.col("due_on") < today).then(pl.lit(OVERDUE)).otherwise(pl.lit(OPEN))
    )  # fmt: skip


def _quarters_late(today: date) -> pl.Expr:
    """Ends of quarters since the day an open step was due, or since it was opened and a quarter where it has none."""
    due = pl.coalesce("due_on", pl.col("opened_on").dt.offset_by("1q")).dt.truncate("1q")
    now = pl.lit(floor(today, "1q"))
    late = (now.dt.year() - due.dt.year()) * 4 + (now.dt.month() - due.dt.month()) // 3
    return pl.when(pl.col("closed_on").is_null()).then(late.clip(0)).otherwise(0).cast(pl.Int64)


def _moved(steps: pl.DataFrame, tables: Tables, settings: Settings, as_of: datetime, today: date) -> list[pl.DataFrame]:
    """The numbers of all steps whose quarter after is over."""
    pairs = steps.select("proposed_for", "source", "is_metric", "is_least").drop_nulls().unique(maintain_order=True)
    over = [row for row in pairs.to_dicts() if (after := _after(row["proposed_for"])) and parse(after).end <= today]
    metrics = sorted({row["source"] for row in over if row["is_metric"]})
    found = []
    if metrics:
        answers = compute(tables, settings, as_of, tuple(map(by_name, metrics)), ("org", "team"), ("1q",))
        whole = answers.filter(pl.col("detail").is_null())
        found += [_of_metric(whole, row) for row in over if row["is_metric"]]
    looks: dict[tuple[str, date], pl.DataFrame] = {}

    def look(source: str, day: date) -> pl.DataFrame:
        if (source, day) not in looks:
            moment = datetime.combine(day, time(), ZoneInfo(settings.time_zone)).astimezone(UTC)
            (looks[source, day],) = evidence.looks([source], tables, settings, moment)
        return looks[source, day]

    for row in over:
        if not row["is_metric"]:
            span = parse(row["proposed_for"])
            then = following(span.end, "1q")
            found.append(
                _of_measure(look(row["source"], span.end), look(row["source"], then), row, settings.rules.level)
            )
    return found


def _of_metric(answers: pl.DataFrame, row: dict[str, Any]) -> pl.DataFrame:
    mine = answers.filter(pl.col("metric") == row["source"])
    then = mine.filter(pl.col("period") == _after(row["proposed_for"]), ~pl.col("is_partial"))
    before = mine.filter(pl.col("period") == row["proposed_for"]).select(*_ENTITY, before="value", n_before="n")
    return then.join(before, on=_ENTITY, how="left").select(
        *_ENTITY, pl.lit(row["source"]).alias("source"), pl.lit(row["proposed_for"]).alias("proposed_for"), "unit", "before", "n_before",
        pl.col("value").alias("after"), pl.col("n").alias("n_after"), "change", "change_low", "change_high", "verdict",
    ).cast(_NUMBERS)  # type: ignore[arg-type]  # fmt: skip


def _of_measure(before: pl.DataFrame, after: pl.DataFrame, row: dict[str, Any], level: float) -> pl.DataFrame:
    both = before.filter(pl.col("why").is_null()).join(after.filter(pl.col("why").is_null()), on=_ENTITY, suffix="_1")
    v0, l0, h0, k0, n0, v1, l1, h1, k1, n1 = (
        both[f"{name}{end}"].cast(pl.Float64).fill_null(np.nan).to_numpy() for end in ("", "_1") for name in ("value", "low", "high", "k", "n")
    )  # fmt: skip
    kind = both["kind"].to_numpy()
    with np.errstate(all="ignore"):
        shares = changes.newcombe_difference(k1, n1, k0, n0, level)
        ratios = changes.ratio_from_intervals(v1, l1, h1, v0, l0, h0)
        counts = (v1 - v0,) * 3
    change, low, high = (
        np.select([kind == SHARE, kind == COUNTED], [share, count], ratio)
        for share, count, ratio in zip(shares, counts, ratios, strict=True)
    )
    same = np.where((kind == SHARE) | (kind == COUNTED), 0.0, 1.0)
    better = np.full(len(kind), "higher" if row["is_least"] else "lower")
    said = pl.Series(changes.verdict(low, high, same, better), dtype=pl.String)
    ends = {
        name: pl.Series(np.where(np.isfinite(end), end, np.nan), dtype=pl.Float64).fill_nan(None)
        for name, end in (("change", change), ("change_low", low), ("change_high", high))
    }
    return both.with_columns(said.alias("verdict"), **ends).select(
        *_ENTITY, "source", pl.lit(row["proposed_for"]).alias("proposed_for"), pl.col("unit_1").alias("unit"), pl.col("value").alias("before"),
        pl.col("n").alias("n_before"), pl.col("value_1").alias("after"), pl.col("n_1").alias("n_after"), "change", "change_low", "change_high", "verdict",
    ).cast(_NUMBERS)  # type: ignore[arg-type]  # fmt: skip
