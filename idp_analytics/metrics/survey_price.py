"""Study ``survey_price``: what people say they would pay for the platform, in closed waves, for the organisation only.

Each respondent was shown one price, drawn at random, and asked whether their team would keep the platform at it; a yes counts
from a stated certainty on, since people say yes to a price more easily than they pay it (Champ et al. 1997). All of it is what
is said of a price that nobody pays.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from idp_analytics.answers import ORG, Verdict
from idp_analytics.estimates import shares, willingness
from idp_analytics.metrics import survey_groups, survey_response, survey_waves
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.survey_waves import WAVE
from idp_analytics.settings import Settings

PRICE, MEAN = "would keep it", "worth at least"
CHEAPEST, DEAREST, INDIFFERENCE, OPTIMUM = (
    "too cheap below",
    "too dear above",
    "as many find it cheap as dear",
    "fewest refuse",
)
RANGE = (CHEAPEST, OPTIMUM, INDIFFERENCE, DEAREST)
"""The four points of van Westendorp's range, as this study calls them (:class:`~idp_analytics.estimates.willingness.PriceRange`)."""

DRAWS, SEED = 500, 20260601
"""How often respondents are drawn again for the interval of the range, and with which seed."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "survey_id": pl.String,
    "wave": pl.String,
    "number": pl.Int64,  # 1 for the first wave of its survey
    "opened_on": pl.Date,
    "closed_on": pl.Date,
    "measure": pl.String,  # would keep it (one row per price) | worth at least | four points of the range
    "price": pl.Float64,  # the price shown
    "currency": pl.String,  # of all prices: that of the settings; null: not told
    "n": pl.Int64,  # who was shown the price and said yes or no; of the range: who named four prices in order
    "said": pl.Int64,  # yes, however sure
    "k": pl.Int64,  # yes, and sure of it where that was asked
    "dropped": pl.Int64,  # whose four prices contradict each other
    "value": pl.Float64,  # a share, or a price
    "low": pl.Float64,
    "high": pl.Float64,
    "demand": pl.Float64,  # the share that does not rise with the price
    "level": pl.Float64,
    "unit": pl.String,  # share of answers | price per developer and month
    "verdict": pl.String,
}
"""The columns of the study ``survey_price``, in order."""

SHARE, PER_MONTH = "share of answers", "price per developer and month"


def survey_price(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Per closed wave one row for each price shown, one for what it is worth at least, and four for the range (:data:`COLUMNS`).

    Shares: Wilson (1927); demand: pooled violators (Ayer et al. 1955); worth: Turnbull's lower bound (1976; Haab & McConnell
    1997); range: van Westendorp (1976), its interval by drawing respondents again. A price that fewer than twice
    ``rules.min_cohort`` answered is withheld, with further ones where it could be worked out by subtraction, and takes part in nothing
    (verdict *suppressed*); otherwise *not identified*, or *insufficient data* where too few answered for a range.
    """
    answers = survey_response.answers(tables, settings, as_of)
    waves = survey_waves.waves(tables, settings, as_of).filter("is_closed")
    rows: list[dict[str, object]] = []
    for wave in answers.partition_by(WAVE, maintain_order=True):
        key = wave.select(*WAVE).row(0, named=True)
        rows += [{**key, **row} for row in (*_referendum(wave, settings), *_range(wave, settings))]
    frame = pl.DataFrame(rows, schema={name: COLUMNS[name] for name in COLUMNS if name not in _ADDED})
    told = frame.join(waves.select(*WAVE, "number", "opened_on", "closed_on"), on=WAVE, how="left").with_columns(
        scope=pl.lit("org"), entity_id=pl.lit(ORG), level=pl.lit(settings.rules.level),
        currency=pl.lit(settings.showback.currency, pl.String),
    )  # fmt: skip
    order = pl.col("measure").replace_strict({name: at for at, name in enumerate((PRICE, MEAN, *RANGE))})
    return told.sort("survey_id", "number", order, "price", nulls_last=False).select(
        pl.col(name).cast(dtype) for name, dtype in COLUMNS.items()
    )


_ADDED = ("scope", "entity_id", "number", "opened_on", "closed_on", "level", "currency")


def _referendum(wave: pl.DataFrame, settings: Settings) -> list[dict[str, object]]:
    """Of each price how many would keep the platform, and what it is worth at the least."""
    told = _replies(wave, settings)
    if told.is_empty():
        return []
    counts = told.group_by("price").agg(
        pl.len().alias("n"), pl.col("yes").sum().alias("said"), (pl.col("yes") & pl.col("sure")).sum().alias("k")
    )
    counts = _withheld(counts, survey_groups.full_from(settings)).sort("price")
    shown = counts.filter("is_shown")
    k, n, level = shown["k"].to_numpy(), shown["n"].to_numpy(), settings.rules.level
    low, high = shares.wilson(k, n, level)
    estimated = shown.with_columns(
        value=pl.col("k") / pl.col("n"), low=pl.Series(low), high=pl.Series(high), demand=pl.Series(willingness.demand(k, n)),
        verdict=pl.lit(Verdict.NOT_IDENTIFIED.value),
    ).drop("is_shown")  # fmt: skip
    rows: list[dict[str, object]] = [{**row, "measure": PRICE, "unit": SHARE} for row in estimated.to_dicts()]
    rows += [
        {"measure": PRICE, "price": price, "unit": SHARE, "verdict": Verdict.SUPPRESSED.value}
        for price in counts.filter(~pl.col("is_shown"))["price"]
    ]
    above = shown.filter(pl.col("price") > 0)
    if shown.height < counts.height:  # over some prices only, the bound would be lower for no other reason than that
        rows.append({"measure": MEAN, "unit": PER_MONTH, "verdict": Verdict.SUPPRESSED.value})
    elif above.height:
        worth, _, least, most = willingness.lower_bound_mean(
            above["price"].to_numpy(), above["k"].to_numpy(), above["n"].to_numpy(), level
        )
        rows.append({
            "measure": MEAN, "unit": PER_MONTH, "n": int(above["n"].sum()), "value": worth, "low": least, "high": most,
            "verdict": Verdict.NOT_IDENTIFIED.value,
        })  # fmt: skip
    return rows


def _replies(wave: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Of each respondent who was shown a price and said yes or no: ``price``, ``yes``, ``sure`` (true where certainty was not asked).

    The questions are those of the part *price*: its number is the price shown, its choice the reply (the first one is yes), its
    scale how sure that is (favourable: sure).
    """
    part = wave.filter(pl.col("part") == "price")
    yes = [
        question.choices[0] for question in settings.questions.values() if question.part == "price" and question.choices
    ]
    price = part.filter(pl.col("kind") == "number").drop_nulls("value").group_by("response_id").agg(
        pl.col("value").unique().alias("prices")
    )  # fmt: skip
    reply = part.filter(pl.col("kind").is_in(["choice", "several"])).drop_nulls("label").group_by("response_id").agg(
        pl.col("label").unique().alias("labels")
    )  # fmt: skip
    certainty = part.filter(pl.col("kind") == "scale").drop_nulls("value").group_by("response_id").agg(
        pl.col("is_favourable").all().alias("sure")
    )  # fmt: skip
    # Two prices or two replies of one respondent are neither; who was asked how sure and did not say is not known to be.
    unsure = pl.lit(not (part["kind"] == "scale").any())
    return (
        price.filter(pl.col("prices").list.len() == 1)
        .join(reply.filter(pl.col("labels").list.len() == 1), on="response_id")
        .join(certainty, on="response_id", how="left")
        .select(
            pl.col("prices").list.first().alias("price"), pl.col("labels").list.first().is_in(yes).alias("yes"),
            pl.col("sure").fill_null(unsure).alias("sure"),
        )
    )  # fmt: skip


def _withheld(counts: pl.DataFrame, least: int) -> pl.DataFrame:
    """``counts`` with ``is_shown``: prices of few answers are hidden, and with them the smallest others, until what is hidden
    altogether is of as many answers to two prices: less could be worked out from all replies together."""
    listed = counts.sort("n", "price").with_columns(
        pl.col("n").cum_sum().alias("_upto"), pl.int_range(1, pl.len() + 1).alias("_nth"), few=(pl.col("n") < least).sum()
    )  # fmt: skip
    before = pl.col("_upto").shift(1, fill_value=0)
    open_still = (pl.col("_nth") <= 2) | (before < least)
    hidden = (pl.col("_nth") <= pl.col("few")) | ((pl.col("few") > 0) & open_still)
    return listed.select(*counts.columns, is_shown=~hidden)


def _range(wave: pl.DataFrame, settings: Settings) -> list[dict[str, object]]:
    """The four points of the range, where the four prices were asked (the part *price range*, in the order of the questions)."""
    asked = [name for name, question in settings.questions.items() if question.part == "price range"]
    part = wave.filter(pl.col("question_id").is_in(asked)).drop_nulls("value")
    here = [name for name in asked if (part["question_id"] == name).any()]
    if len(here) != len(RANGE):
        return []
    wide = part.pivot("question_id", index="response_id", values="value", aggregate_function="first").sort(
        "response_id"
    )
    told = wide.select(here).cast(pl.Float64).fill_null(np.nan).to_numpy()
    least = max(willingness.LEAST_RANGE, survey_groups.full_from(settings))
    found = willingness.price_range(told, least)
    points = (found.cheapest, found.optimum, found.indifference, found.dearest)
    low, high = _bounds(told, settings.rules.level) if found.n >= least else (np.full(4, np.nan), np.full(4, np.nan))
    enough = found.n >= survey_groups.full_from(settings)
    return [
        {
            "measure": name, "unit": PER_MONTH, "n": found.n if enough else None, "dropped": found.dropped if enough else None,
            "value": _known(point), "low": _known(low[at]), "high": _known(high[at]),
            "verdict": (Verdict.NOT_IDENTIFIED if np.isfinite(point) else Verdict.INSUFFICIENT_DATA if enough else Verdict.SUPPRESSED).value,
        }
        for at, (name, point) in enumerate(zip(RANGE, points, strict=True))
    ]  # fmt: skip


def _bounds(told: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """The interval of each point, over respondents drawn again."""
    at = np.random.default_rng(SEED).integers(0, len(told), (DRAWS, len(told)))
    drawn = [willingness.price_range(told[rows], 1) for rows in at]
    points = np.array([(one.cheapest, one.optimum, one.indifference, one.dearest) for one in drawn])
    low, high = np.nanquantile(points, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
