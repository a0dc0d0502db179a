"""Study ``maturity_gaming``: could a level look higher than things are? Patterns to ask about, each with its innocent explanation.

Three of them are tested against chance, with all tests of one scope counted in (Benjamini & Hochberg 1995). The others are counted whole: there is
no chance in what settings say or in which answers are the same. None is an accusation, and nobody is named below a team.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from scipy.stats import beta, binom

from idp_analytics.answers import ORG
from idp_analytics.estimates import multiplicity, shares
from idp_analytics.metrics.gaming import LOOK, NOTHING, TOO_LITTLE, Check
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity import self_levels
from idp_analytics.metrics.maturity.changes import QUARTER, REPORT, THRESHOLDS, Chain, Published, chains, split
from idp_analytics.metrics.maturity.evidence import EXEMPT, MET, NOT_APPLICABLE, NOT_MET, criteria, rescored
from idp_analytics.metrics.maturity.history import LOOKS, earlier
from idp_analytics.metrics.maturity.measured import LEAST, SHARE
from idp_analytics.metrics.maturity.targets import REACHED, gaps
from idp_analytics.metrics.period_ends import by_scope
from idp_analytics.periods import floor, preceding
from idp_analytics.settings import Settings


@dataclass(frozen=True)
class LevelCheck(Check):
    """One of levels: what it takes to be made (``needs``), and of whom it is."""

    needs: str
    scopes: tuple[str, ...] = ("org", "team")


SAID, EASED, EXCUSED, TARGET, SAME, LATE, FEWER, NEAR = (
    "said more, seen the same", "thresholds eased", "more left out", "target where we are", "all say the same", "late in the quarter",
    "fewer counted", "just over the threshold",
)  # fmt: skip

_BEFORE = "a report of an earlier period published beside this one"

CHECKS: tuple[LevelCheck, ...] = (
    LevelCheck(
        SAID, "the level that is said rose by one or more between two rounds, and no criterion of the aspect moved towards its threshold",
        "people may know what no data show, or understand the question better",
        "what they had in mind, and whether it could be measured", "two rounds with enough people, and criteria measured at both times",
    ),
    LevelCheck(
        EASED, "a threshold was eased in the settings since the report before, and a level is higher for it",
        "the threshold may have been wrong for this company, and the reason is in the settings",
        "the reason given, and the level by the threshold before", _BEFORE,
    ),
    LevelCheck(
        EXCUSED, "more criteria were made exempt or not applicable since the report before, and a level may be higher for it",
        "what was asked may really not apply", "the reasons, who gave them, and when they end", _BEFORE,
    ),
    LevelCheck(
        TARGET, "a target was set or moved since the report before to a level that was reached already (one for all teams: by every one)",
        "to keep a level may be what is wanted", "the reason given with the target", f"{_BEFORE}, and a target",
    ),
    LevelCheck(
        SAME, "there are teams of which everybody gave the same answer to every question of the last round",
        "a team may have filled in the form together, which is worth doing",
        "whether answers are one conversation or many opinions", "enough teams of which enough people answered", ("org",),
    ),
    LevelCheck(
        LATE, "more of the actions closed and postmortems held in the last complete quarter fell into its last two weeks than chance allows",
        "what is due at a quarter's end is done then, and an incident late in a quarter has its postmortem late in it",
        "what was closed in those days, and what came of it", "records of the last complete quarter",
    ),
    LevelCheck(
        FEWER, "a share rose to where its criterion stands better than a quarter before, because fewer are counted and not because more do it",
        "services are taken away and incidents become fewer, which is good", "what is no longer counted, and why",
        "shares measured in both quarters",
    ),
    LevelCheck(
        NEAR, "of the teams within a tenth of a threshold, more are just over it than chance allows",
        "teams stop where they have what they need", "whether the number still says what it was meant to, near the threshold",
        "enough teams near a threshold", ("org",),
    ),
)  # fmt: skip
"""Every check, in the order in which reports show them."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "check": pl.String,
    "aspect": pl.String,  # null: of no one aspect
    "criterion": pl.String,  # null: of no one criterion
    "before": pl.Float64,  # a level or a share
    "now": pl.Float64,
    "n_before": pl.Int64,  # people, or what the share is counted over
    "n": pl.Int64,
    "low": pl.Float64,  # of the share now (Wilson 1927)
    "high": pl.Float64,
    "expected": pl.Float64,  # the share that chance alone would give
    "k": pl.Int64,  # so many of ``of``: criteria, questions, records, teams
    "of": pl.Int64,
    "p": pl.Float64,  # one-sided
    "q": pl.Float64,  # adjusted for all tests of the scope
    "verdict": pl.String,  # look here | nothing to see | too little to tell
}
"""The columns of the study, in order. A check that could not be made has no row."""

_ENTITY = ["scope", "entity_id"]
_KEY = [*_ENTITY, "aspect"]
_CRITERION = [*_ENTITY, "criterion"]
_ROSE = 0.1
"""By so much must the probability of passing have risen for a criterion to have moved towards its threshold."""
_LAST_DAYS = 14
_QUESTIONS = 10
"""Questions from which it is odd that all say the same."""
_BAND = 0.1


def maturity_gaming(
    tables: Tables, settings: Settings, as_of: datetime, published: Published | None = None
) -> pl.DataFrame:
    """Every check that can be made of the organisation and each team (:data:`COLUMNS`); three need what was ``published`` before."""
    steps = {chain.since: chain for chain in chains(tables, settings, as_of, published)}
    now = criteria(tables, settings, as_of)
    parts = [
        _said(tables, settings, as_of, now), _same(tables, settings, as_of), _late(tables, settings, as_of), _fewer(steps[QUARTER], now),
        _near(now, settings), *(_chosen(steps[REPORT], settings) if REPORT in steps else ()),
        *((_aimed(published, now, settings, as_of),) if published is not None and REPORT in steps else ()),
    ]  # fmt: skip
    found = pl.concat([pl.DataFrame(schema={**COLUMNS, "holds": pl.Boolean}), *map(_shaped, parts)])
    order = pl.col("check").cast(pl.Enum([check.name for check in CHECKS]))
    aspects = pl.Enum([aspect.id for aspect in settings.maturity.aspects])
    return (
        _judged(found, settings.rules.level)
        .sort(*_ENTITY, order, pl.col("aspect").cast(aspects, strict=False), "criterion", nulls_last=True)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def _shaped(frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` with all columns; ``holds``: what the check looks for is there, as far as no chance is asked about."""
    have = {**COLUMNS, "holds": pl.Boolean}
    given = {name: pl.col(name) if name in frame.columns else pl.lit(None) for name in have}
    return frame.select(expr.cast(have[name]).alias(name) for name, expr in given.items())


def _judged(found: pl.DataFrame, level: float) -> pl.DataFrame:
    q = pl.col("p").map_batches(lambda p: pl.Series(multiplicity.adjusted(p.fill_null(np.nan).to_numpy())), pl.Float64)
    told = found.with_columns(q.over("scope").fill_nan(None).alias("q"))
    surely = pl.col("holds") & (pl.col("q").is_null() | (pl.col("q") <= 1 - level))
    return told.with_columns(
        pl.when(pl.col("holds").is_null()).then(pl.lit(TOO_LITTLE)).when(surely).then(pl.lit(LOOK)).otherwise(pl.lit(NOTHING)).alias("verdict")
    )  # fmt: skip


def _with_bounds(frame: pl.DataFrame, k: str, n: str, level: float) -> pl.DataFrame:
    low, high = shares.wilson(frame[k].to_numpy(), frame[n].to_numpy(), level)
    return frame.with_columns(
        pl.Series("low", low, pl.Float64).fill_nan(None), pl.Series("high", high, pl.Float64).fill_nan(None)
    )


# --- what people say ----------------------------------------------------------------------------------------------------


def _said(tables: Tables, settings: Settings, as_of: datetime, now: pl.DataFrame) -> pl.DataFrame:
    """The last two rounds in which enough people of an entity answered, beside the criteria of the same aspect over that time."""
    given = self_levels.answers(tables, settings, as_of)
    place = [*_KEY, "number"]
    enough = self_levels.self_levels(given, settings.maturity, settings.rules.level).filter(
        ~self_levels.hidden(settings.rules.min_cohort)
    )
    pairs = enough.sort(place).with_columns(
        *(pl.col(name).shift(1).over(_KEY).alias(f"{name}_before") for name in ("number", "self_level", "respondents"))
    ).filter(pl.col("number") == pl.col("number").max().over(_ENTITY)).drop_nulls(["self_level", "self_level_before"])  # fmt: skip
    opened = dict(
        tables["assessments"].group_by("wave").agg(pl.col("submitted_at").min()).collect()
        .join(given.select("wave", "number").unique(), on="wave").select("number", "submitted_at").iter_rows()
    )  # fmt: skip
    looks = [earlier(as_of, settings, back) for back in range(1, LOOKS)]
    found = []
    for (number,), part in pairs.partition_by("number_before", as_dict=True, maintain_order=True).items():
        # The last look before that round; or the oldest there is, so that not all that moved since may be seen.
        then = next((look for look in looks if look <= opened[number]), looks[-1])
        found.append(part.join(_rose(rescored(tables, settings, then, as_of), now), on=_KEY))
    rose = pl.col("k") > 0
    return pl.concat([pl.DataFrame(schema={**pairs.schema, "k": pl.UInt32, "of": pl.UInt32}), *found]).filter(pl.col("of") > 0).select(
        *_KEY, pl.lit(SAID).alias("check"), pl.col("self_level_before").alias("before"), pl.col("self_level").alias("now"),
        pl.col("respondents_before").alias("n_before"), pl.col("respondents").alias("n"), "k", "of",
        ((pl.col("self_level") > pl.col("self_level_before")) & ~rose).alias("holds"),
    )  # fmt: skip


def _rose(then: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Per aspect, of the criteria measured at both times (``of``), those that moved towards their thresholds (``k``)."""
    both = now.join(then.select(*_CRITERION, "p", "state"), on=_CRITERION, suffix="_then").drop_nulls(["p", "p_then"])
    up = (pl.col("p") - pl.col("p_then") >= _ROSE) | ((pl.col("state") == MET) & (pl.col("state_then") != MET))
    return both.group_by(_KEY).agg(up.sum().alias("k"), pl.len().alias("of"))


def _same(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Teams of which enough people answered the last round: in how many all forms are the same. No team is named, and not that it is every one:
    what all of a team said, each of them said."""
    least = settings.rules.min_cohort
    given = self_levels.answers(tables, settings, as_of)
    last = given.filter(pl.col("number") == pl.col("number").max())
    per_item = last.group_by("team_id", "item_id").agg(
        pl.col("answer").n_unique().alias("answers"), pl.len().alias("n")
    )
    one_mind = ((pl.col("answers") == 1) & (pl.col("n") == pl.col("n").max())).all()
    teams = per_item.group_by("team_id").agg(one_mind.alias("same"), pl.len().alias("questions"), pl.col("n").max()).filter(
        pl.col("n") >= least, pl.col("questions") >= _QUESTIONS
    )  # fmt: skip
    k, of = int(teams["same"].sum()), teams.height
    if of < least:
        return pl.DataFrame(schema=COLUMNS)
    row = {"scope": "org", "entity_id": ORG, "check": SAME}
    numbers = {"k": k, "of": of, "n": of, "now": k / of, "holds": k > 0}
    return (
        pl.DataFrame([row]) if k == of else _with_bounds(pl.DataFrame([row | numbers]), "k", "of", settings.rules.level)
    )


# --- what is recorded and counted ---------------------------------------------------------------------------------------


def _late(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Records of the last complete quarter that fell into its last days. Those of one day are one event, as far as they come together."""
    today = as_of.astimezone(ZoneInfo(settings.time_zone)).date()
    end = floor(today, "1q")
    start, late = preceding(end, "1q"), end - timedelta(days=_LAST_DAYS)
    parts = [
        tables[table]
        .select("team_id", pl.col(day).alias("day"))
        .filter(pl.col("day").is_between(start, end, closed="left"))
        for table, day in (("actions", "closed_on"), ("incidents", "postmortem_on"))
    ]
    per_day = by_scope(pl.concat(parts).collect()).group_by(*_ENTITY, "day").agg(pl.len().cast(pl.Int64).alias("m"))
    m, is_late = pl.col("m"), pl.col("day") >= late
    # As many observations as days that say anything of their own (Kish 1965).
    counted = per_day.drop_nulls("entity_id").group_by(_ENTITY).agg(
        m.filter(is_late).sum().alias("k"), m.sum().alias("of"), (m.sum() ** 2 / (m * m).sum()).alias("_days")
    ).with_columns((pl.col("k") / pl.col("of")).alias("now"))  # fmt: skip
    expected = _LAST_DAYS / (end - start).days
    days, hits = counted["_days"].to_numpy(), (counted["now"] * counted["_days"]).to_numpy()
    with np.errstate(invalid="ignore"):
        # The chance of as many or more, as a binomial has it, for numbers that need not be whole.
        p = np.where(hits > 0, beta.cdf(expected, hits, days - hits + 1), 1.0)
    enough = pl.col("_days") >= LEAST
    told = counted.with_columns(
        pl.lit(LATE).alias("check"), pl.lit(expected).alias("expected"), pl.col("_days").floor().alias("n"), pl.Series("p", p, pl.Float64),
        (pl.col("now") * pl.col("_days")).alias("_hits"), pl.when(enough).then(pl.col("now") > expected).alias("holds"),
    ).with_columns(pl.when(enough).then("p").alias("p"))  # fmt: skip
    return _with_bounds(told, "_hits", "_days", settings.rules.level)


def _fewer(chain: Chain, now: pl.DataFrame) -> pl.DataFrame:
    """Shares that are to be high and are higher than a quarter before: whether what they are counted over became less."""
    shared = pl.col("is_least") & (pl.col("kind") == SHARE) & pl.col("p").is_not_null()
    then = chain.first.filter(shared).select(*_CRITERION, "k", "n", "value", "state")
    both = now.filter(shared).join(then, on=_CRITERION, suffix="_then", maintain_order="left")
    n, n_then = (both[name].cast(pl.Float64).to_numpy() for name in ("n", "n_then"))
    p = binom.cdf(n, n + n_then, 0.5)
    better = (pl.col("value") > pl.col("value_then")) & (
        ((pl.col("state_then") == NOT_MET) & (pl.col("state") != NOT_MET))
        | ((pl.col("state_then") != MET) & (pl.col("state") == MET))
    )
    told = both.with_columns(pl.Series("p", p, pl.Float64)).select(
        *_KEY, "criterion", pl.lit(FEWER).alias("check"), pl.col("value_then").alias("before"), pl.col("value").alias("now"),
        pl.col("n_then").alias("n_before"), "n", "low", "high", "p", (better & (pl.col("k") <= pl.col("k_then"))).alias("holds"),
    )  # fmt: skip
    return told


def _near(now: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Teams near a threshold, by criterion: how many are just on the good side. No team is named."""
    value, threshold = pl.col("value"), pl.col("threshold")
    near = now.filter(
        pl.col("scope") == "team",
        pl.col("p").is_not_null(),
        threshold > 0,
        ((value - threshold) / threshold).abs() <= _BAND,
    )
    good = pl.when("is_least").then(value >= threshold).otherwise(value <= threshold)
    counted = (
        near.group_by("aspect", "criterion").agg(good.sum().alias("k"), pl.len().alias("of"))
        .filter(pl.col("of") >= settings.rules.min_cohort)
        .with_columns(pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"), (pl.col("k") / pl.col("of")).alias("now"))
    )  # fmt: skip
    k, of = (counted[name].cast(pl.Float64).to_numpy() for name in ("k", "of"))
    told = counted.with_columns(
        pl.Series("p", binom.sf(k - 1, of, 0.5), pl.Float64), pl.lit(NEAR).alias("check"), pl.lit(0.5).alias("expected"),
        pl.col("of").alias("n"), (pl.col("now") > 0.5).alias("holds"),
    )  # fmt: skip
    return _with_bounds(told, "k", "of", settings.rules.level)


# --- what is chosen -----------------------------------------------------------------------------------------------------


def _chosen(chain: Chain, settings: Settings) -> Iterator[pl.DataFrame]:
    """Thresholds and exemptions of now beside those of the report before, where a bound of the level is higher for them."""
    order = list(chain.steps)
    before, after = chain.steps[order[order.index(THRESHOLDS) - 1]], chain.steps[THRESHOLDS]
    both = after.join(before.select(*_CRITERION, "threshold", "state"), on=_CRITERION, suffix="_then")
    out = [NOT_APPLICABLE, EXEMPT]
    eased = (
        pl.when("is_least")
        .then(pl.col("threshold") < pl.col("threshold_then"))
        .otherwise(pl.col("threshold") > pl.col("threshold_then"))
    )
    excused = pl.col("state").is_in(out) & ~pl.col("state_then").is_in(out)
    # The bound that rose, the lowest level before the highest.
    by_low = pl.col("low_change") > 0
    ends = (
        pl.when(by_low).then(f"low_{side}").otherwise(f"high_{side}").alias(name)
        for side, name in (("before", "before"), ("after", "now"))
    )
    rose = (by_low | (pl.col("high_change") > 0)).alias("_rose")
    effect = split(chain, settings).filter(part=THRESHOLDS).select(*_KEY, *ends, rose)
    for check, chosen in ((EASED, eased), (EXCUSED, excused)):
        counted = both.group_by(_KEY).agg(chosen.sum().alias("k"), pl.len().alias("of"))
        yield counted.join(effect, on=_KEY).with_columns(
            pl.lit(check).alias("check"), ((pl.col("k") > 0) & pl.col("_rose")).alias("holds")
        )


def _aimed(published: Published, now: pl.DataFrame, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Targets of now, whether they were there before, and whether they ask for what is there. One of all teams is asked about once, of the
    organisation, and only where every team has reached it."""
    was = published.targets.select(*_KEY, pl.col("target").alias("_was"))
    held = gaps(now, settings, as_of).join(was, on=_KEY, how="left", maintain_order="left")
    is_new = pl.col("target").ne_missing(pl.col("_was"))
    told = held.with_columns((is_new & ~pl.col("is_due") & (pl.col("state") == REACHED)).alias("holds"))
    own = pl.DataFrame(
        [(t.aspect, t.team) for t in settings.maturity.targets if t.team],
        schema={"aspect": pl.String, "entity_id": pl.String},
        orient="row",
    )
    single = told.join(own, on=["aspect", "entity_id"], how="semi")
    shared = told.filter(pl.col("scope") == "team").join(own, on=["aspect", "entity_id"], how="anti")
    of_all = shared.group_by("aspect").agg(
        pl.col("_was", "target").max(), pl.col("holds").sum().alias("k"), pl.len().alias("of"), pl.col("holds").all()
    ).with_columns(pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"))  # fmt: skip
    return pl.concat([told.filter(pl.col("scope") == "org"), single, of_all], how="diagonal_relaxed").select(
        *_KEY,
        pl.lit(TARGET).alias("check"),
        pl.col("_was").alias("before"),
        pl.col("target").alias("now"),
        "k",
        "of",
        "holds",
    )
