"""Is an effect found that is there, and none that is not? Counted on drawn companies whose truth is known.

``python -m idp_analytics.metrics.impact.proof`` draws companies (:mod:`coverage_company`), judges made-up entries of a ledger as the study does, and
writes what it counted to ``proof.toml``, from which METRICS.md tells it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.compute import compute
from idp_analytics.metrics.coverage_company import AS_OF, Company, drawn
from idp_analytics.metrics.impact.columns import State
from idp_analytics.metrics.impact.judged import MONTHS, Looked, of_entry, rows
from idp_analytics.metrics.impact.ledger import Entry
from idp_analytics.metrics.impact.panel import panel
from idp_analytics.metrics.simulated import Simulated, margin, read, text
from idp_analytics.settings import Settings

FILE = Path(__file__).with_name("proof.toml")
SEED, SEEDS, TEAMS = 20_260_701, 200, 30

LEAD, FAILS = "change_lead_time", "change_fail_rate"
LEAD_FACTOR, FAILS_LESS = 0.7, 0.04
"""What taking it up does where an effect is planted: lead times are 0.7 of what they were, 4 in a hundred deployments fail less."""
MATTERS = {LEAD: 1.0, FAILS: 0.01}
PLANTED, NOTHING, WORST, ALONE = (
    "planted effect",
    "no effect",
    "no effect, the worst ten picked",
    "no effect, one service alone",
)
CASES = (PLANTED, NOTHING, WORST, ALONE)
PICKED_BY = (date(2024, 5, 1), date(2024, 8, 1))
"""The three months by which the worst are picked; they take it up as these are over."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "case": pl.String,
    "metric": pl.String,
    "entries": pl.Int64,
    "intervals": pl.Int64,
    "covered": pl.Int64,  # of them, hold the truth
    "improved": pl.Int64,
    "worsened": pl.Int64,
    "forbidden": pl.Int64,  # not identified: something speaks against it
    "looks_better": pl.Int64,  # those who took it up are better after than before by themselves
}


@cache
def proof() -> Simulated:
    """What :data:`FILE` holds."""
    return read(FILE, COLUMNS)


def measured(seed: int = SEED, seeds: int = SEEDS, teams: int = TEAMS) -> Simulated:
    """The proof over ``seeds`` companies of ``teams`` teams with a service each."""
    settings = Settings("proof", "Proof", Path())
    found = pl.concat(_of_company(seed + at, teams, settings) for at in range(seeds))
    order = pl.DataFrame(
        [(case, metric) for case in CASES for metric in (LEAD, FAILS)],
        schema=["case", "metric"],
        orient="row",
    )
    counts = order.join(
        found.group_by("case", "metric").agg(pl.len().alias("entries"), pl.col(list(COLUMNS)[3:]).sum()), on=["case", "metric"], how="left", maintain_order="left"
    ).select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())  # fmt: skip
    return Simulated(settings.rules.level, seed, seeds, teams, counts)


def _of_company(seed: int, teams: int, settings: Settings) -> pl.DataFrame:
    """One row per case and metric: what was said of it."""
    company, rng = drawn(seed, teams), np.random.default_rng([seed, 1])
    names = company.truth["team_id"].to_list()
    # Half of the teams take it up, one after the other in any order, from the fifth month to the tenth.
    days = [
        date(2024, int(month), int(day))
        for month, day in zip(rng.integers(5, 11, teams), rng.integers(1, 28, teams), strict=True)
    ]
    takes = rng.permutation(teams) < teams // 2
    adopted = {name: day if take else None for name, day, take in zip(names, days, takes, strict=True)}
    as_is, changed = (
        compute(tables, settings, AS_OF, (by_name(LEAD), by_name(FAILS)), ("service",), (MONTHS,)) for tables in (company.tables, with_effect(company, adopted, rng))
    )  # fmt: skip
    rows_ = []
    for metric in (LEAD, FAILS):
        picked = _worst(as_is, metric, names)
        planted = LEAD_FACTOR - 1 if metric == LEAD else -FAILS_LESS
        # Of the usual and the busy pace in turn: who deploys once a week has no weekly median.
        alone = {names[1 + seed % 2]: date(2024, 7, 3)}
        for case, answers, who in (
            (PLANTED, changed, adopted), (NOTHING, as_is, adopted), (WORST, as_is, picked), (ALONE, as_is, alone)
        ):  # fmt: skip
            rows_.append(_counted(case, metric, answers, who, planted if case == PLANTED else 0.0, company, settings))
    return pl.concat(rows_)


def _counted(
    case: str, metric: str, answers: pl.DataFrame, adopted: Mapping[str, date | None], truth: float, company: Company, settings: Settings
) -> pl.DataFrame:  # fmt: skip
    entry = Entry(
        "it", None, "", metric, -1, MATTERS[metric], "service", datetime(2024, 1, 2, tzinfo=UTC), date(2025, 1, 31), State.DUE, adopted, 0, False
    )  # fmt: skip
    looked = of_entry(entry, [entry], answers, (), company.tables, settings, AS_OF)
    said = rows(looked, settings).row(0, named=True)
    found = looked[0].found
    real = found.expected_level * truth if metric == LEAD and truth else truth
    has = math.isfinite(found.low) and math.isfinite(found.high)
    return pl.DataFrame(
        {
            "case": [case], "metric": [metric], "intervals": [has], "covered": [has and found.low <= real <= found.high],
            "improved": [said["verdict"] == Verdict.IMPROVED.value], "worsened": [said["verdict"] == Verdict.WORSENED.value],
            "forbidden": [said["verdict"] == Verdict.NOT_IDENTIFIED.value], "looks_better": [_looks_better(looked[0], answers, adopted)],
        }
    )  # fmt: skip


def _looks_better(one: Looked, answers: pl.DataFrame, adopted: Mapping[str, date | None]) -> bool:
    """What a chart of before and after shows: whether those who took it up were better after than in the three months before, compared with nobody."""
    assert one.metric is not None, "entries of the proof name a metric there is"
    held = panel(answers, one.metric, [name for name, day in adopted.items() if day is not None], MONTHS)
    since = np.arange(len(held.starts)) - held.taken_up(adopted)[:, None]
    means = [
        np.nansum(held.values * held.weights * where) / np.sum(held.weights * where * ~np.isnan(held.values)) for where in ((since > 0), (since >= -3) & (since < 0))
    ]  # fmt: skip
    return bool(means[0] < means[1])


def _worst(answers: pl.DataFrame, metric: str, names: list[str]) -> dict[str, date | None]:
    """The ten with the highest numbers in the months they are picked by."""
    held = panel(answers, by_name(metric), names, MONTHS)
    inside = np.array([PICKED_BY[0] <= start < PICKED_BY[1] for start in held.starts])
    weight = held.weights[:, inside].sum(axis=1)
    score = np.nansum(held.values[:, inside] * held.weights[:, inside], axis=1) / np.where(weight > 0, weight, 1)
    order: npt.NDArray[np.int64] = np.argsort(np.where(weight > 0, -score, np.inf), kind="stable")
    worst = {names[at] for at in order[:10]}
    return {name: PICKED_BY[1] if name in worst else None for name in names}


def with_effect(
    company: Company, adopted: Mapping[str, date | None], rng: np.random.Generator
) -> dict[str, pl.LazyFrame]:
    """The company's tables as they would be had taking it up the planted effects, from that day on."""
    when = pl.LazyFrame(
        {"service_id": list(adopted), "_on": list(adopted.values())}, schema={"service_id": pl.String, "_on": pl.Date}
    )
    tables = dict(company.tables)
    deployed = (
        tables["deployments"]
        .join(when, on="service_id")
        .with_columns((pl.col("finished_at").dt.date() >= pl.col("_on")).fill_null(False).alias("_is_on"))
    )
    end = tables["deployment_changes"].join(deployed, on="deployment_id").select("change_id", "finished_at", "_is_on")
    took = pl.col("finished_at") - pl.col("first_commit_at")
    columns = tables["changes"].collect_schema().names()
    tables["changes"] = tables["changes"].join(end, on="change_id", how="left").with_columns(
        pl.when(pl.col("_is_on").fill_null(False)).then(pl.col("finished_at") - took * LEAD_FACTOR).otherwise("first_commit_at").alias("first_commit_at")
    ).select(columns)  # fmt: skip
    held = tables["incidents"].join(when, on="service_id", how="left").join(
        company.truth.lazy().select(pl.col("team_id").alias("service_id"), "change_fail_rate"), on="service_id", how="left"
    ).collect()  # fmt: skip
    chance = 1 - FAILS_LESS / held["change_fail_rate"].to_numpy()
    kept = rng.random(held.height) < chance
    is_on = (held["opened_at"].dt.date() >= held["_on"]).fill_null(False).to_numpy()
    tables["incidents"] = held.filter(kept | ~is_on).select(tables["incidents"].collect_schema().names()).lazy()
    return tables


def lines() -> Iterator[str]:
    """The lines of METRICS.md that tell the proof."""
    told = proof()
    widest = margin(told.level, told.seeds)
    yield _INTRODUCTION.format(
        seeds=told.seeds, teams=told.teams, factor=f"{LEAD_FACTOR:g}", points=f"{100 * FAILS_LESS:g}", level=f"{100 * told.level:g}", rest=f"{100 * (1 - told.level):g}",
        widest=f"{100 * widest:.1f}",
    )  # fmt: skip
    yield "| company | metric | intervals that hold the truth, % | said to have improved, % | said to have worsened, % | not identified, % | better after than before, % |"
    yield "|---|---|---|---|---|---|---|"
    for row in told.counts.iter_rows(named=True):
        held = row["covered"] / row["intervals"] if row["intervals"] else math.nan
        shares = [held, *(row[name] / row["entries"] for name in ("improved", "worsened", "forbidden", "looks_better"))]
        yield f"| {row['case']} | {by_name(row['metric']).title} | {' | '.join(f'{100 * share:.1f}' for share in shares)} |"


_INTRODUCTION = """
## Is an effect found that is there, and none that is not?

Measured on the same kind of made-up companies, {seeds} of {teams} services: half of them take something up in any order, between the fifth month and the tenth. *Planted
effect*: lead times become {factor} of what they were, {points} in a hundred deployments fail less. *No effect*: nothing changes. *The worst ten picked*: nothing changes either,
but the ten that were worst in three months take it up when these are over. *One service alone*: it takes something up in July, nothing changes, and nobody is compared with; the
most that is said is that it changed and nothing tells why (*not identified*). An interval at {level} % should hold the truth at least that often, and at most {rest} % of entries should be
said to have improved or worsened where nothing changes; chance of the simulation: {widest} points. The last column is what a chart of before and after shows, of those who took it up,
against their three months before.
"""


_HEAD = """\
# How often planted effects are found and none are where there is none, counted on drawn companies.
# Made by `python -m idp_analytics.metrics.impact.proof`; do not edit.
"""


def main() -> None:
    """Run the proof and write :data:`FILE`; a minute or two."""
    FILE.write_text(text(measured(), _HEAD), encoding="utf-8")


if __name__ == "__main__":
    main()
