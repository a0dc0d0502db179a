"""Every criterion of the model, judged for everybody it is asked of: met, not met, unknown, not applicable or exempt.

A criterion is met where the truth passes its threshold with a probability of 0.9 or more, so that 75 % of 8 is not 75 % of 100; not met
where it does with 0.1 or less. In between, and where nothing is measured, it is unknown: that counts neither as met nor as failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.errors import SettingsError, nearest
from idp_analytics.metrics.catalogue import CATALOGUE, by_name
from idp_analytics.metrics.compute import compute
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity import (
    from_paths,
    from_practice,
    from_requests,
    from_scorecards,
    from_stress,
    from_surveys,
)
from idp_analytics.metrics.maturity.measured import (
    ABSENT,
    CALM,
    COLUMNS,
    FEW,
    INTERVAL,
    SHARE,
    chance,
)
from idp_analytics.metrics.remembered import remembered
from idp_analytics.settings import Settings

Measure = Callable[[Tables, Settings, datetime], pl.DataFrame]

MEASURES: Mapping[str, Measure] = {
    function.__name__: function
    for function in (
        from_paths.services_on_a_path, from_paths.joins_by_choice, from_paths.still_on_the_path, from_paths.new_services_on_a_path,
        from_paths.uses_far_behind, from_paths.versions_known, from_paths.releases_taken_up,
        from_requests.tickets_per_service_month, from_requests.safe_requests_alone, from_requests.channels_in_use,
        from_requests.services_with_an_owner,
        from_stress.path_share_under_stress, from_stress.rules_kept_under_stress, from_stress.tickets_under_stress,
        from_stress.requests_settled_in_the_worst_quarter, from_stress.retrospectives_in_the_worst_quarter,
        from_practice.months_with_platform_cost, from_practice.cost_with_an_owner, from_practice.quarters_with_unit_cost,
        from_practice.paths_retired, from_practice.paths_kept_outside, from_practice.platform_roster_kept, from_practice.outside_changes,
        from_practice.contributing_teams, from_practice.postmortems_held, from_practice.postmortem_actions_in_time,
        from_practice.retrospective_actions_in_time, from_practice.records_kept, from_practice.metrics_with_a_target,
        from_practice.measured_beforehand,
        from_surveys.comparable_surveys, from_surveys.survey_response, from_surveys.areas_rated_and_measured,
    )
}  # fmt: skip
"""What criteria may look at beside the catalogue, by name."""

MET, NOT_MET, UNKNOWN, NOT_APPLICABLE, EXEMPT = "met", "not met", "unknown", "not applicable", "exempt"
STATES = (MET, NOT_MET, UNKNOWN, NOT_APPLICABLE, EXEMPT)
SURE = 0.9
"""Probability of passing from which a criterion is met; one less it, up to which it is not."""
UNDECIDED = "too close to the threshold to tell"

CRITERIA: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "aspect": pl.String,
    "level": pl.Int64,  # the level it is asked for
    "is_stress": pl.Boolean,
    "criterion": pl.String,
    "says": pl.String,
    "source": pl.String,  # metric or measure
    "is_least": pl.Boolean,  # at least the threshold; false: at most
    "threshold": pl.Float64,
    "provenance": pl.String,  # of the threshold
    "is_critical": pl.Boolean,
    "weight": pl.Float64,
    "capability": pl.String,
    "kind": pl.String,  # measured.SHARE …
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "interval_level": pl.Float64,
    "k": pl.Float64,
    "n": pl.Int64,
    "missing": pl.Int64,
    "unit": pl.String,
    "p": pl.Float64,  # probability that the threshold is passed; null: nothing can be said
    "state": pl.String,  # STATES
    "why": pl.String,  # of unknown, not applicable and exempt
    "excused_by": pl.String,
    "excused_until": pl.Date,
    "has_lapsed": pl.Boolean,  # an exemption of it has ended, so it is asked again
    "model_version": pl.String,
    "fingerprint": pl.String,
}
"""The columns of the study ``maturity_criteria``, in order."""

_ENTITY = ["scope", "entity_id"]


def check(settings: Settings) -> None:
    """Raises :class:`SettingsError` listing the criteria whose metric or measure does not exist."""
    metrics = [metric.name for metric in CATALOGUE]
    problems = [
        f"criterion {c.id!r}: there is no {'metric' if c.is_metric else 'measure'} {c.source!r}.{nearest(c.source, known)}"
        for c in settings.maturity.criteria
        if c.card is None and c.source not in (known := metrics if c.is_metric else list(MEASURES))
    ]
    if problems:
        raise SettingsError.listing("maturity_model.toml", problems)


def criteria(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Every criterion for everybody it is asked of (:data:`CRITERIA`): the organisation, and of ``team`` criteria every team too."""
    return rescored(tables, settings, as_of, as_of)


@remembered
def rescored(tables: Tables, settings: Settings, then: datetime, as_of: datetime) -> pl.DataFrame:
    """The same as it was seen ``then``, by the model, the thresholds and the exemptions of now (``as_of``)."""
    return judged(measured(tables, settings, then), asked(tables, settings, then), settings, as_of)


def measured(tables: Tables, settings: Settings, as_of: datetime, more: Iterable[str] = ()) -> pl.DataFrame:
    """Everything the model's criteria look at (:data:`measured.COLUMNS`): metrics in the last complete quarter, and measures. ``more``: what another
    model's criteria look at; of it what the kit does not measure (:func:`measurable`) is left out."""
    asked = {c.source: c.is_metric for c in settings.maturity.criteria}
    for name in set(more).intersection(measurable(settings)).difference(asked):
        asked[name] = name not in MEASURES
    metrics = sorted(name for name, is_metric in asked.items() if is_metric)
    parts = looks(sorted(name for name, is_metric in asked.items() if not is_metric), tables, settings, as_of)
    if metrics:
        parts.append(_of_metrics(metrics, tables, settings, as_of))
    return pl.concat([pl.DataFrame(schema=COLUMNS), *parts])


def measurable(settings: Settings) -> set[str]:
    """What a criterion may look at: measures, metrics, and the rules of scorecards that the model names."""
    return {*MEASURES, *(metric.name for metric in CATALOGUE), *(c.source for c in settings.maturity.criteria)}


def looks(sources: Sequence[str], tables: Tables, settings: Settings, as_of: datetime) -> list[pl.DataFrame]:
    """What criteria whose ``sources`` these are look at beside the catalogue: measures, and what scorecards say (:data:`measured.COLUMNS`)."""
    cards = {c.source: c.card for c in settings.maturity.criteria if c.card is not None}
    measures = [MEASURES[name](tables, settings, as_of) for name in sources if name not in cards]
    said = from_scorecards.services_passing(tables, settings, as_of, [cards[name] for name in sources if name in cards])
    return [*measures, *said]


def _of_metrics(names: list[str], tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    answers = compute(tables, settings, as_of, tuple(map(by_name, names)), ("org", "team"), ("1q",))
    told = from_paths.latest(answers.filter(pl.col("detail").is_null()), as_of)
    is_share = pl.col("k").is_not_null() & pl.col("unit").str.starts_with("share")
    width = pl.col("high") - pl.col("low")
    # As many observations as an interval of that width would rest on: what comes in clusters says less than it counts.
    plain = 2 * 1.959964 * (pl.col("value") * (1 - pl.col("value")) / pl.col("n")).sqrt()
    fewer = (
        pl.when(pl.col("method").str.contains("design effect") & (plain > 0) & (width > plain))
        .then((plain / width) ** 2)
        .otherwise(1.0)
    )
    rest = pl.col("value").is_null() & ~(pl.col("low").is_not_null() & (pl.col("n") > 0))
    return told.select(
        *_ENTITY, pl.col("metric").alias("source"), pl.when(is_share).then(pl.lit(SHARE)).otherwise(pl.lit(INTERVAL)).alias("kind"),
        "value", "low", "high", "level", (pl.col("k") * fewer).alias("k"), (pl.col("n") * fewer).round().cast(pl.Int64).alias("n"), "missing", "unit",
        pl.when(rest).then(pl.lit(FEW)).alias("why"),
    ).cast(COLUMNS)  # type: ignore[arg-type]  # fmt: skip


def asked(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Who is asked: the organisation, and every team that owns a service now or assessed itself (``scope``, ``entity_id``)."""
    owners = from_requests.owned_now(tables, settings, as_of).select("team_id")
    themselves = tables["assessments"].select("team_id").collect()
    teams = pl.concat([owners, themselves]).drop_nulls().unique().sort("team_id")
    return pl.concat(
        [
            pl.DataFrame({"scope": ["org"], "entity_id": [ORG]}),
            teams.select(pl.lit("team").alias("scope"), pl.col("team_id").alias("entity_id")),
        ]
    )


def judged(found: pl.DataFrame, entities: pl.DataFrame, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """``found`` against the thresholds of the model, one row per criterion and entity it is asked of (:data:`CRITERIA`)."""
    return against(found, asked_of(entities, settings, as_of))


def asked_of(entities: pl.DataFrame, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """What the model asks of each of ``entities``: a criterion's own columns of :data:`CRITERIA`, and ``excuse`` and ``reason`` of who is excused."""
    model = settings.maturity
    rows = pl.DataFrame(
        [
            (i, c.aspect, c.level, c.is_stress, c.id, c.says, c.source, c.is_least, c.threshold, c.provenance, c.is_critical, c.weight, c.capability, c.scope)
            for i, c in enumerate(model.criteria)
        ],
        schema=["_at", "aspect", "level", "is_stress", "criterion", "says", "source", "is_least", "threshold", "provenance", "is_critical", "weight", "capability", "of"],
        schema_overrides={"capability": pl.String, "threshold": pl.Float64}, orient="row",
    )  # fmt: skip
    grid = entities.join(rows, how="cross").filter((pl.col("scope") == "org") | (pl.col("of") == "team"))
    told = grid.join(
        _excuses(settings, as_of), on=["criterion", "scope", "entity_id"], how="left", maintain_order="left"
    )
    for_all = _excuses(settings, as_of, True)
    return (
        told.join(for_all, on="criterion", how="left", maintain_order="left", suffix="_all").with_columns(
            pl.coalesce(name, f"{name}_all").alias(name) for name in ("excuse", "reason", "excused_by", "excused_until", "has_lapsed")
        )
        .with_columns(pl.lit(model.version).alias("model_version"), pl.lit(model.fingerprint).alias("fingerprint"))
        .sort("scope", "entity_id", "_at")
    )  # fmt: skip


def against(found: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """``found`` (:data:`measured.COLUMNS`) against the thresholds in ``grid`` (:func:`asked_of`), in its order: :data:`CRITERIA`."""
    values = found.rename({"level": "interval_level"})
    whole = grid.join(values, on=[*_ENTITY, "source"], how="left", maintain_order="left")
    # What the whole organisation lacks for one reason, its teams lack for the same.
    org = found.filter(pl.col("scope") == "org").select("source", pl.col("why").alias("_org"))
    whole = whole.join(org, on="source", how="left", maintain_order="left").with_columns(
        pl.when(pl.col("kind").is_null()).then(pl.coalesce("_org", pl.lit(ABSENT))).otherwise("why").alias("why")
    )
    told = whole.with_columns(passing(whole))
    state = (
        pl.when(pl.col("excuse").is_not_null()).then("excuse").when(pl.col("why") == CALM).then(pl.lit(NOT_APPLICABLE))
        .otherwise(standing(pl.col("p")))
    )  # fmt: skip
    why = (
        pl.when(pl.col("excuse").is_not_null()).then("reason").when(pl.col("why").is_not_null()).then("why")
        .when(state == UNKNOWN).then(pl.when(pl.col("p").is_null()).then(pl.lit(FEW)).otherwise(pl.lit(UNDECIDED)))
    )  # fmt: skip
    return told.with_columns(state.alias("state"), why.alias("why"), pl.col("has_lapsed").fill_null(False)).select(
        pl.col(name).cast(dtype) for name, dtype in CRITERIA.items()
    )


def passing(rows: pl.DataFrame) -> pl.Series:
    """``p`` of rows with the numbers of :data:`CRITERIA`: how likely the truth passes the threshold (:func:`measured.chance`)."""
    names = ("value", "low", "high", "k", "n", "threshold", "kind", "is_least", "why")
    return chance(rows.select(*names, pl.col("interval_level").alias("level")))


def standing(p: pl.Expr) -> pl.Expr:
    """Met, not met or unknown, by how likely the threshold is passed."""
    return (
        pl.when(p >= SURE).then(pl.lit(MET)).when(p <= 1 - SURE + 1e-12).then(pl.lit(NOT_MET)).otherwise(pl.lit(UNKNOWN))
    )  # fmt: skip


def _excuses(settings: Settings, as_of: datetime, for_all: bool = False) -> pl.DataFrame:
    """Exemptions of teams, or those for all: one that has ended excuses nothing and is told as lapsed."""
    day = as_of.date()
    kinds = {"exempt": EXEMPT, "not_applicable": NOT_APPLICABLE}
    rows = [
        (e.criterion, e.team, None if lapsed else kinds[e.kind], None if lapsed else e.reason, e.by, e.until, lapsed)
        for e in settings.maturity.exemptions
        if (e.team is None) == for_all
        for lapsed in [e.until is not None and e.until <= day]
    ]
    frame = pl.DataFrame(
        rows, orient="row",
        schema={"criterion": pl.String, "entity_id": pl.String, "excuse": pl.String, "reason": pl.String, "excused_by": pl.String, "excused_until": pl.Date, "has_lapsed": pl.Boolean},
    ).unique(["criterion", "entity_id"], keep="last", maintain_order=True)  # fmt: skip
    return frame.drop("entity_id") if for_all else frame.with_columns(pl.lit("team").alias("scope"))
