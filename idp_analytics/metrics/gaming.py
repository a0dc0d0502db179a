"""Study ``gaming``: could a number look better while nothing is? Pairs of signals that should not move as they did.

A check is data (:data:`CHECKS`). It is raised only where all of its signals moved the way it looks for, against the period
before, by more than chance allows; and since many are asked of many teams at once, false alarms are held down over all of
them (Benjamini & Hochberg 1995). Every pattern has an innocent explanation: it is a question, about a team's number and
never about a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import binom, hypergeom

from idp_analytics.answers import CELL
from idp_analytics.estimates import changes, multiplicity
from idp_analytics.metrics.cells import Spans, known_by, of_spans, periods_of, placed
from idp_analytics.metrics.classify import UNFINISHED
from idp_analytics.metrics.deployment_classes import class_counts
from idp_analytics.metrics.lead_time import brought, counted_changes
from idp_analytics.metrics.links import Tables, incident_links
from idp_analytics.metrics.pages import counted_pages
from idp_analytics.settings import Settings

LOOK, NOTHING, TOO_LITTLE, NOT_MEASURED = "look here", "nothing to see", "too little to tell", "not measured"
VERDICTS = (LOOK, NOTHING, TOO_LITTLE, NOT_MEASURED)
"""What is said of a check."""

FEWEST = 5
"""Events of a signal in both periods together below which it is too little to tell."""


@dataclass(frozen=True)
class Signal:
    """A number that rises or falls. ``count`` ÷ ``of``: a share; ``of`` empty: a rate, ``count`` per day covered."""

    says: str
    count: str
    rises: bool
    of: str = ""


@dataclass(frozen=True)
class Check:
    """A pattern worth a question: what is looked for, why it may be innocent, and what to look at. Levels have theirs in ``maturity/gaming.py``."""

    name: str
    looks_for: str
    innocent: str
    look_at: str


@dataclass(frozen=True)
class SignalCheck(Check):
    """One of ``signals`` that all moved. ``needs``: metrics that must be measured."""

    signals: tuple[Signal, ...]
    needs: tuple[str, ...]


_DEPLOYED, _INCIDENTS, _CHANGES, _PAGES = (
    "deployment_frequency", "incident_free_share", "change_lead_time", "out_of_hours_page_share",
)  # fmt: skip
_FIRST = {_DEPLOYED: "deployments", _INCIDENTS: "incidents", _CHANGES: "changes", _PAGES: "pages"}
"""Metric that must be measured → the count whose first one its periods begin with."""

CHECKS: tuple[SignalCheck, ...] = (
    SignalCheck(
        "empty deployments", "more of the deployments bring nothing new",
        "restarts, rotated keys or new settings also redeploy what runs",
        "the redeploys of the section on what deployments were, and what started them",
        (Signal("share of deployments that bring nothing new", "redeploys", True, "deployments"),), (_DEPLOYED,),
    ),
    SignalCheck(
        "more deployments, less work", "deployments rise while the changes they bring fall",
        "one large change was released in many steps, or changes of one repository are no longer linked",
        "deployments without a known change, and batch size",
        (Signal("deployments per day", "deployments", True), Signal("changes first deployed per day", "changes", False)),
        (_DEPLOYED, _CHANGES),
    ),
    SignalCheck(
        "split changes", "more changes, and more of them small",
        "smaller batches are what DORA advises: good, if the work got smaller and not only the parcels",
        "whether several changes belong to one piece of work, and lead time from its first commit",
        (Signal("changes first deployed per day", "changes", True),
         Signal("share of changes no larger than half of all are", "small", True, "sized")),
        (_CHANGES,),
    ),
    SignalCheck(
        "fewer incidents, more pages", "incidents fall while pages rise",
        "alerts became noisier, or better, without more outages",
        "pages that name no incident",
        (Signal("incidents per day", "incidents", False), Signal("pages per day", "pages", True)),
        (_INCIDENTS, _PAGES),
    ),
    SignalCheck(
        "fewer incidents, more rollbacks", "incidents fall while rollbacks rise",
        "trouble is found earlier and taken back before users see it",
        "what was rolled back, and whether users noticed",
        (Signal("incidents per day", "incidents", False), Signal("share of deployments that step back", "rollbacks", True, "deployments")),
        (_INCIDENTS, _DEPLOYED),
    ),
    SignalCheck(
        "incidents no longer linked", "fewer of the incidents are linked to a deployment",
        "more trouble comes from elsewhere: a provider, load, a certificate",
        "incidents soon after a deployment that name none",
        (Signal("share of incidents linked to a deployment", "linked", False, "incidents"),), (_INCIDENTS, _DEPLOYED),
    ),
    SignalCheck(
        "incidents made milder", "fewer of the incidents have one of the two worst severities",
        "a new severity scale, or outages that really were smaller",
        "incidents whose severity was changed, and how long they lasted",
        (Signal("share of incidents of severity 1 or 2", "severe", False, "graded"),), (_INCIDENTS,),
    ),
    SignalCheck(
        "cancelled instead of failed", "more of what did not succeed is called cancelled",
        "newer runs replace older ones by themselves",
        "cancelled deployments that had already begun to change something",
        (Signal("share of unsuccessful deployments that were cancelled", "cancelled", True, "unsuccessful"),), (_DEPLOYED,),
    ),
    SignalCheck(
        "relabelled out of production", "deployments to production fall while those elsewhere, or without an environment, rise",
        "more is tried out before it goes live, or another pipeline began to be reported",
        "what was deployed to other environments, and whether users work there",
        (Signal("deployments per day", "deployments", False), Signal("deployments elsewhere per day", "elsewhere", True)),
        (_DEPLOYED,),
    ),
)  # fmt: skip
"""Every check, in the order reports show them."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "check": pl.String,
    "signal": pl.String,
    "is_share": pl.Boolean,  # a share; else a rate per day
    "before": pl.Float64,
    "now": pl.Float64,
    "n_before": pl.Int64,  # what the number was counted over: the denominator of a share, the events of a rate
    "n": pl.Int64,
    "change": pl.Float64,  # of a share the difference, of a rate the ratio
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "p": pl.Float64,  # of the whole check, one-sided: the largest of its signals'
    "q": pl.Float64,  # the same, adjusted for all checks of all entities of the scope in the period
    "verdict": pl.String,  # of the whole check
}
"""The columns of the study, in order."""

_COUNTS = tuple(dict.fromkeys(name for c in CHECKS for s in c.signals for name in (s.count, s.of) if name))
_SCOPES = ("org", "team")


def gaming(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """Every check of the organisation and each team, in every month and quarter that has a complete one before it.

    One row per signal of a check (:data:`COLUMNS`). A check is raised (*look here*) where its q is at most 1 −
    ``rules.level`` and the interval of each signal, at that level, lies on the side looked for. p: of rates the exact conditional test (Przyborowski & Wilenski 1940), of shares Fisher's, both
    one-sided; of a check the largest, since all signals must have moved (Berger 1982).
    """
    days = pl.concat(_counted(tables, settings, as_of), how="diagonal").with_columns(pl.col(_COUNTS).fill_null(0))
    if days.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    cells = placed(days, settings, _SCOPES).group_by(CELL).agg(pl.col(_COUNTS).sum())
    periods = periods_of(_DEPLOYED, tables, settings, as_of, _first(days, "deployments"))
    for metric, count in _FIRST.items():
        whole = periods_of(metric, tables, settings, as_of, _first(days, count)).filter(~pl.col("is_partial"))
        told = whole.select("every", "period_start", pl.lit(True).alias(f"has {metric}"))
        periods = periods.join(told, on=["every", "period_start"], how="left")
    grid = cells.select("scope", "entity_id").unique().join(periods.filter(~pl.col("is_partial")), how="cross")
    now = grid.join(cells, on=list(CELL), how="left").with_columns(pl.col(_COUNTS).fill_null(0))
    kept = [*_COUNTS, "days", *(f"has {metric}" for metric in _FIRST)]
    before = now.select(
        "scope",
        "entity_id",
        "every",
        pl.col("period_end").alias("period_start"),
        *(pl.col(c).alias(f"{c} before") for c in kept),
    )
    both = now.filter(of_spans(spans)).join(before, on=list(CELL), how="left")
    found = pl.concat(_checked(both, check, settings.rules.level) for check in CHECKS)
    return (
        _adjusted(found, settings.rules.level)
        .sort(*CELL, pl.col("check").cast(pl.Enum([check.name for check in CHECKS])), maintain_order=True)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip


def _first(days: pl.DataFrame, count: str) -> date | None:
    first: date | None = days.filter(pl.col(count) > 0)["day"].min()  # type: ignore[assignment]
    return first


def _counted(tables: Tables, settings: Settings, as_of: datetime) -> Iterator[pl.DataFrame]:
    """What the signals count, per owner and month."""
    ended = class_counts(tables, settings, as_of).filter("has_end")
    kind, counts = pl.col("class"), ~pl.col("class").is_in(["re-sync", UNFINISHED])
    unsuccessful = pl.col("outcome").is_in(["failure", "error", "cancel"])
    yield _added(ended.filter("is_here"), deployments=counts, redeploys=kind == "redeploy", rollbacks=kind == "rollback",
                 unsuccessful=unsuccessful, cancelled=pl.col("outcome") == "cancel")  # fmt: skip
    yield _added(ended.filter(~pl.col("is_here")), elsewhere=counts)
    lines = counted_changes(tables, settings).select("change_id", "lines")
    sized = brought(tables, settings).lazy().join(lines, on="change_id", how="left").rename({"deployed_at": "at"})
    size = pl.col("lines")
    yield _months(sized.with_columns(size.median().alias("_usual")), settings, as_of, changes=_EACH,
                  sized=size.is_not_null(), small=size <= pl.col("_usual"))  # fmt: skip
    incidents = incident_links(tables, settings).with_columns(pl.col("opened_at").alias("at"))
    yield _months(incidents, settings, as_of, incidents=_EACH, linked=pl.col("linked_id").is_not_null(),
                  graded=pl.col("severity").is_not_null(), severe=pl.col("severity") <= 2)  # fmt: skip
    pages = counted_pages(tables, settings).with_columns(pl.col("paged_at").alias("at"))
    yield _months(pages, settings, as_of, pages=_EACH)


_EACH = pl.col("at").is_not_null()
"""Every row counts: it has its time."""


def _added(months: pl.DataFrame, **counts: pl.Expr) -> pl.DataFrame:
    """The ``n`` of which each of ``counts`` holds."""
    summed = [pl.col("n").filter(expr).sum().alias(name) for name, expr in counts.items()]
    return months.group_by("service_id", "team_id", "day").agg(summed)


def _months(frame: pl.LazyFrame, settings: Settings, as_of: datetime, **counts: pl.Expr) -> pl.DataFrame:
    month = pl.col("day").dt.truncate("1mo")
    summed = [expr.fill_null(False).sum().cast(pl.Int64).alias(name) for name, expr in counts.items()]
    dated = known_by(frame, settings, as_of).with_columns(month)
    return dated.group_by("service_id", "team_id", "day").agg(summed).collect()


def _checked(both: pl.DataFrame, check: SignalCheck, level: float) -> pl.DataFrame:
    """Each signal of one check in every cell, and the p of the whole."""
    has = [f"has {metric}{when}" for metric in check.needs for when in ("", " before")]
    signals = [_moved(both, signal, level) for signal in check.signals]
    ps = np.vstack([told["p"].to_numpy() for told in signals])
    enough = np.vstack([told["enough"].to_numpy() for told in signals]).all(axis=0)
    clear = np.vstack([told["clear"].to_numpy() for told in signals]).all(axis=0)
    measured = both.select(pl.all_horizontal(pl.col(has).fill_null(False))).to_series()
    shared = both.select(*CELL, "period").with_columns(
        pl.lit(check.name).alias("check"), measured.alias("measured"), pl.Series("sound", enough), pl.Series("clear", clear),
        pl.Series("p", np.nan_to_num(ps, nan=1.0).max(axis=0)),
    )  # fmt: skip
    return pl.concat([shared.hstack(told.drop("p", "enough", "clear")) for told in signals])


def _moved(both: pl.DataFrame, signal: Signal, level: float) -> pl.DataFrame:
    """One signal in every cell against the period before: values, change with interval, one-sided p."""
    k, e = _column(both, signal.count), _column(both, signal.of or "days")
    k0, e0 = _column(both, f"{signal.count} before"), _column(both, f"{signal.of or 'days'} before")
    with np.errstate(invalid="ignore", divide="ignore"):
        now, before = k / e, k0 / e0
        if signal.of:
            change, low, high = changes.newcombe_difference(k, e, k0, e0, level)
            up, down = hypergeom.sf(k - 1, e + e0, k + k0, e), hypergeom.cdf(k, e + e0, k + k0, e)
            enough, n, n0 = np.minimum(e, e0) >= FEWEST, e, e0
        else:
            change, low, high = changes.rate_ratio(k, e, k0, e0, level)
            up, down = binom.sf(k - 1, k + k0, e / (e + e0)), binom.cdf(k, k + k0, e / (e + e0))
            enough, n, n0 = k + k0 >= FEWEST, k, k0
    same = 0.0 if signal.of else 1.0
    clear = low > same if signal.rises else high < same
    numbers = {
        "before": before,
        "now": now,
        "change": change,
        "low": low,
        "high": high,
        "p": up if signal.rises else down,
    }
    return pl.DataFrame(
        {
            "signal": pl.Series([signal.says]).new_from_index(0, both.height),
            "is_share": pl.Series([bool(signal.of)]).new_from_index(0, both.height),
            **{name: pl.Series(np.where(np.isfinite(v), v, np.nan)).fill_nan(None) for name, v in numbers.items()},
            "n_before": pl.Series(n0).fill_nan(None).cast(pl.Int64), "n": pl.Series(n).fill_nan(None).cast(pl.Int64),
            "enough": pl.Series(enough), "clear": pl.Series(clear),
        }
    )  # fmt: skip


def _column(both: pl.DataFrame, name: str) -> npt.NDArray[np.float64]:
    return both[name].cast(pl.Float64).to_numpy()


def _adjusted(found: pl.DataFrame, level: float) -> pl.DataFrame:
    """``found`` with ``q`` over all checks of all entities of one scope and period, and ``verdict``."""
    key = [*CELL, "check"]
    single = found.unique(key, maintain_order=True).filter("measured", "sound")
    family = pl.struct("scope", "every", "period_start")
    asked = single.select(
        *key,
        pl.col("p").map_batches(lambda p: pl.Series(multiplicity.adjusted(p)), pl.Float64).over(family).alias("q"),
    )
    q, p = pl.col("q"), pl.col("p")
    verdict = (
        pl.when(~pl.col("measured")).then(pl.lit(NOT_MEASURED))
        .when(~pl.col("sound")).then(pl.lit(TOO_LITTLE))
        .when((q <= 1 - level) & pl.col("clear")).then(pl.lit(LOOK))
        .otherwise(pl.lit(NOTHING))
    )  # fmt: skip
    return found.join(asked, on=key, how="left").with_columns(
        verdict.alias("verdict"), pl.when(q.is_not_null()).then(p).alias("p"), pl.lit(level).alias("level")
    )
