"""Study ``theme_links``: what goes with a theme of comments: lower ratings of who wrote it, and the numbers of the teams they are in.

Both are associations among people who answered the same survey. What a theme and a rating share may be a mood; what teams
share may be anything else about them, and what holds of teams need not hold of people (Robinson 1950).
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import stats

from idp_analytics.answers import ORG
from idp_analytics.estimates import ordinal
from idp_analytics.estimates.multiplicity import adjusted
from idp_analytics.metrics import survey_response, survey_waves, themes
from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.gathered import Gathering
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.survey_groups import full_from
from idp_analytics.metrics.survey_waves import WAVE
from idp_analytics.settings import Settings

METRICS = {
    "deployment": "change_lead_time",
    "approvals": "approval_queue_time",
    "golden paths": "deployment_path_share",
    "environments": "provisioning_time",
    "on-call": "out_of_hours_page_share",
    "self-service": "first_try_share",
}
"""Area of the platform → the metric that measures it, if one does."""

DAYS = 90
"""Over so many days before a wave closes a team's metric is taken."""
LEAST_TEAMS = 8
"""With fewer teams no association could be told from chance."""
SHUFFLES = 9999

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "survey_id": pl.String,
    "wave": pl.String,
    "number": pl.Int64,
    "closed_on": pl.Date,
    "theme": pl.String,
    "subject": pl.String,
    "mention_n": pl.Int64,  # who wrote of the theme and rated the platform; null: too few of them, or of the others
    "other_n": pl.Int64,  # who wrote of something else and rated it
    "lower": pl.Float64,  # the chance that one of the former rates it lower than one of the latter, a tie counting half
    "lower_low": pl.Float64,
    "lower_high": pl.Float64,
    "level": pl.Float64,
    "metric": pl.String,  # null: none measures the area
    "teams": pl.Int64,  # with comments and the metric; null: no metric
    "rho": pl.Float64,  # Spearman, team's share of comments with the theme against its metric; null: too few teams
    "p": pl.Float64,  # two-sided, by shuffling
    "q": pl.Float64,  # over all themes of the wave (Benjamini & Hochberg 1995)
}
"""The columns of the study ``theme_links``, in order."""


def theme_links(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """One row per closed wave and theme, organisation only (:data:`COLUMNS`).

    Ratings: Brunner & Munzel 2000, from twice ``rules.min_cohort`` people on either side. Teams: Spearman's rank correlation with
    a permutation p, from :data:`LEAST_TEAMS` teams that may show their share of comments.
    """
    told = themes.comments(tables, settings, as_of)
    waves = survey_waves.waves(tables, settings, as_of).filter("is_closed")
    names = {theme.id: theme.subject for theme in settings.codebook.themes}
    if told.is_empty() or not names:
        return pl.DataFrame(schema=COLUMNS)
    rated = _rated(told, survey_response.answers(tables, settings, as_of), names, settings)
    linked = _linked(waves, tables, settings, as_of, names)
    rows = told.select(WAVE).unique().join(waves.select(*WAVE, "number", "closed_on"), on=WAVE).join(
        pl.DataFrame({"theme": list(names), "subject": list(names.values())}, schema={"theme": pl.String, "subject": pl.String}), how="cross"
    )  # fmt: skip
    return (
        rows.join(rated, on=[*WAVE, "theme"], how="left")
        .join(linked, on=[*WAVE, "theme"], how="left")
        .with_columns(
            pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"), pl.lit(settings.rules.level).alias("level")
        )
        .sort("survey_id", "number", "theme")
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def _rated(told: pl.DataFrame, answers: pl.DataFrame, names: dict[str, str | None], settings: Settings) -> pl.DataFrame:
    """Overall ratings of who wrote of a theme beside those of who wrote of something else."""
    overall = answers.filter(pl.col("part") == "overall", pl.col("value").is_not_null()).select(
        *WAVE, "response_id", "value"
    )
    # Of people: two comments of one person are not two who wrote.
    wrote = told.group_by(*WAVE, "response_id").agg(pl.col(list(names)).any())
    both = wrote.join(overall, on=[*WAVE, "response_id"]).unpivot(
        on=list(names), index=[*WAVE, "response_id", "value"], variable_name="theme", value_name="hit"
    )  # fmt: skip
    values = both["value"].unique().sort().to_list()
    counts = both.group_by(*WAVE, "theme").agg(
        *((pl.col("hit") & (pl.col("value") == value)).sum().cast(pl.Int64).alias(f"hit {value}") for value in values),
        *((~pl.col("hit") & (pl.col("value") == value)).sum().cast(pl.Int64).alias(f"miss {value}") for value in values),
    )  # fmt: skip
    hits, misses = (counts.select(f"{kind} {value}" for value in values).to_numpy() for kind in ("hit", "miss"))
    n, m = hits.sum(-1), misses.sum(-1)
    enough = (n >= full_from(settings)) & (m >= full_from(settings))
    chance = ordinal.higher(hits, misses, settings.rules.level) if values else [np.zeros(0)] * 3
    named = {
        "mention_n": np.where(enough, n, np.nan), "other_n": np.where(enough, m, np.nan),
        **{name: np.where(enough, found, np.nan) for name, found in zip(("lower", "lower_low", "lower_high"), chance, strict=True)},
    }  # fmt: skip
    return counts.select(*WAVE, "theme").with_columns(
        pl.Series(name, found).fill_nan(None) for name, found in named.items()
    )


def _linked(
    waves: pl.DataFrame,
    tables: Tables,
    settings: Settings,
    as_of: datetime,
    names: dict[str, str | None],
) -> pl.DataFrame:
    """Across teams: the share of comments with a theme against the metric of its area."""
    schema = {
        **dict.fromkeys((*WAVE, "theme", "metric"), pl.String),
        "teams": pl.Int64,
        "rho": pl.Float64,
        "p": pl.Float64,
    }
    # From what each team may show of itself and nothing else: an exact rho would tell where a team that is withheld stands.
    shown = themes.shown(tables, settings, as_of).filter(pl.col("scope") == "team").drop_nulls("k")
    of_team = shown.group_by(*WAVE, "team_id", "option").agg((pl.col("k").sum() / pl.col("n").sum()).alias("share"))
    gathering = Gathering(tables, settings, as_of)
    dated = waves.drop_nulls("closed_on").join(of_team.select(WAVE).unique(), on=WAVE, how="semi")
    rows = []
    for theme, subject in names.items():
        metric = METRICS.get(subject or "")
        if metric is None or dated.is_empty():
            continue
        measured = _metric(metric, dated, gathering)
        both = of_team.filter(option=theme).join(measured, on=[*WAVE, "team_id"]).sort(*WAVE, "team_id")
        for key, part in both.group_by(WAVE, maintain_order=True):
            rho, p = _spearman(part["share"].to_numpy(), part["value"].to_numpy())
            rows.append((*key, theme, metric, part.height, rho, p))
    found = pl.DataFrame(rows, schema=schema, orient="row")
    parts = [
        part.with_columns(pl.Series("q", adjusted(part["p"].fill_null(float("nan")).to_numpy())).fill_nan(None))
        for part in found.partition_by(WAVE)
    ]
    return pl.concat(parts) if parts else found.with_columns(pl.lit(None, pl.Float64).alias("q"))


def _metric(name: str, waves: pl.DataFrame, gathering: Gathering) -> pl.DataFrame:
    """A team's metric over the days before each wave closed: the share of hits, or the median."""
    gathered = gathering.of(by_name(name))
    if gathered.durations is None:
        rows = gathered.cube.lazy().filter(pl.col("detail").is_null(), pl.col("n") > 0)
        value = pl.col("k").sum() / pl.col("n").sum()
    else:
        rows, value = gathered.durations.lazy(), pl.col("x").median()
    day = pl.col("day")
    # Wave by wave: every observation beside every wave would be many rows, most of them of other days.
    found = pl.concat(
        rows.filter(day < closed, day >= closed - timedelta(days=DAYS))
        .group_by("team_id")
        .agg(value.cast(pl.Float64).alias("value"))
        .with_columns(pl.lit(survey, pl.String).alias("survey_id"), pl.lit(wave, pl.String).alias("wave"))
        for survey, wave, closed in waves.select(*WAVE, "closed_on").iter_rows()
    )
    return found.with_columns(pl.col("team_id").cast(pl.String)).drop_nulls(["team_id", "value"]).collect()


def _spearman(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[float | None, float | None]:
    if len(x) < LEAST_TEAMS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None, None
    ranked = stats.rankdata(x), stats.rankdata(y)

    def correlation(a: npt.NDArray[np.float64], axis: int = -1) -> npt.NDArray[np.float64]:
        centred, other = a - a.mean(axis, keepdims=True), ranked[1] - ranked[1].mean()
        found: npt.NDArray[np.float64] = (centred * other).sum(axis) / np.sqrt(
            (centred**2).sum(axis) * (other**2).sum()
        )
        return found

    told = stats.permutation_test(
        (ranked[0],), correlation, permutation_type="pairings", vectorized=True, n_resamples=SHUFFLES, rng=np.random.default_rng(20260101)
    )  # fmt: skip
    return float(told.statistic), float(told.pvalue)
