"""How often our intervals hold the truth, and how often a verdict sees a change where there is none: measured, not assumed.

``python -m idp_analytics.metrics.coverage_study`` draws companies whose truths are known (:mod:`coverage_company`), computes
their answers as for any company, and writes what it counted to ``coverage_study.toml``, from which METRICS.md tells it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.compute import compute
from idp_analytics.metrics.coverage_company import AS_OF, PACES, SINCE, Company, drawn
from idp_analytics.metrics.simulated import Simulated, margin, read, text
from idp_analytics.settings import Settings

FILE = Path(__file__).with_name("coverage_study.toml")

SEED, SEEDS, TEAMS = 20_260_701, 30, 90
"""Companies drawn are those of ``SEEDS`` seeds from ``SEED`` on, of ``TEAMS`` teams each."""

FEWEST = 1_000
"""Intervals, or comparisons, below which no share of them is printed."""

COUNTS = dict.fromkeys(("team_months", "intervals", "covered", "compared", "improved", "worsened"), pl.Int64)
COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {"metric": pl.String, "pace": pl.String, **COUNTS}
"""Columns of what is counted per metric and kind of team: ``team_months``; ``intervals`` there are for them, ``covered``: of
them, those that hold the truth; ``compared``: months with a verdict on a change, ``improved``, ``worsened``: of them."""

WHY = {
    "deployment_rework_rate": "All deployments during one long incident are repair together. The days of a service tell how far that "
    "goes, but for who deploys often a month has too few incidents to tell it well.",
    "failed_deployment_recovery_time": "With fewer than five ended, which give an interval but no value, the lower limit, an "
    "approximation for many, lies too high.",
    "time_between_deployments": "As for recovery: with few waits in a month the lower limit lies too high.",
}
"""Metric → why its intervals hold the truth less often than stated, or its verdicts err more often, for some teams."""


@cache
def study() -> Simulated:
    """The study as it stands in :data:`FILE`."""
    return read(FILE, COLUMNS)


def measured(seed: int = SEED, seeds: int = SEEDS, teams: int = TEAMS) -> Simulated:
    """Draw the companies of those seeds, compute their monthly answers per team, and count."""
    settings = Settings("study", "Study", Path())
    parts = [counted(drawn(number, teams), settings) for number in range(seed, seed + seeds)]
    counts = pl.concat(parts).group_by("metric", "pace", maintain_order=True).agg(pl.col(*COUNTS).sum())
    return Simulated(settings.rules.level, seed, seeds, teams, counts)


def counted(company: Company, settings: Settings) -> pl.DataFrame:
    """One company's counts, :data:`COLUMNS`, a row per metric and kind of team.

    An interval holds the truth when it lies between its ends, an end that is not bounded (null) beyond everything. The
    first month has nothing before it that was wholly measured and is not compared.
    """
    metrics = [name for name in company.truth.columns if name not in ("team_id", "pace")]
    answers = compute(company.tables, settings, AS_OF, [by_name(name) for name in metrics], ("team",), ("1mo",))
    truth = company.truth.unpivot(index=["team_id", "pace"], variable_name="metric", value_name="truth")
    order = pl.DataFrame({"metric": metrics}).join(pl.DataFrame({"pace": list(PACES)}), how="cross")
    low, high, true, verdict = (pl.col(name) for name in ("low", "high", "truth", "verdict"))
    has = low.is_not_null()
    # The ends of a duration's interval are observations, and those of whole numbers may be the truth itself.
    inside = (low <= true + 1e-9) & (true <= high.fill_null(math.inf) + 1e-9)
    later = pl.col("period_start") > SINCE.date()
    seen = {word: later & (verdict == word.value) for word in (Verdict.IMPROVED, Verdict.WORSENED)}
    compared = later & verdict.is_in([*seen, Verdict.NO_DETECTABLE_CHANGE])
    return (
        answers.filter(pl.col("period_start") >= SINCE.date())
        .join(truth, left_on=["metric", "entity_id"], right_on=["metric", "team_id"])
        .group_by("metric", "pace")
        .agg(
            pl.len().alias("team_months"), has.sum().alias("intervals"), (has & inside).sum().alias("covered"),
            compared.sum().alias("compared"), *(holds.sum().alias(word.value) for word, holds in seen.items()),
        )
        .pipe(lambda found: order.join(found, on=["metric", "pace"], how="left"))
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip


def shares(counts: pl.DataFrame) -> pl.DataFrame:
    """``counts`` with ``coverage`` and ``false_share`` (improved or worsened, of those compared); null below
    :data:`FEWEST`; and a row per metric of all teams, ``pace`` *all*."""
    every = counts.group_by("metric", maintain_order=True).agg(pl.lit("all").alias("pace"), pl.col(*COUNTS).sum())
    return pl.concat([counts, every.select(counts.columns)]).with_columns(
        pl.when(pl.col("intervals") >= FEWEST).then(pl.col("covered") / pl.col("intervals")).alias("coverage"),
        pl.when(pl.col("compared") >= FEWEST)
        .then((pl.col("improved") + pl.col("worsened")) / pl.col("compared"))
        .alias("false_share"),
    )


def lines() -> Iterator[str]:
    """The lines of METRICS.md that tell the study."""
    told = study()
    found = {(row["metric"], row["pace"]): row for row in shares(told.counts).to_dicts()}
    names = told.counts["metric"].unique(maintain_order=True).to_list()
    widest = max(margin(r["coverage"], r["intervals"]) for r in found.values() if r["coverage"] is not None)
    false = max(margin(r["false_share"], r["compared"]) for r in found.values() if r["false_share"] is not None)
    months = told.counts["team_months"].sum() // len(names)
    yield _INTRODUCTION.format(
        seeds=told.seeds, teams=told.teams, months=f"{months:,}", kinds=_and(PACES), paces=_and(f"{r:g}" for r in PACES.values()), level=f"{100 * told.level:g}",
        rest=f"{100 * (1 - told.level):g}", widest=f"{100 * widest:.1f}", false=f"{100 * false:.1f}", fewest=f"{FEWEST:,}",
    )  # fmt: skip
    kinds = " · ".join((*PACES, "all"))
    yield f"| metric | team-months with an interval | of them hold the truth, % ({kinds}) | seen to change, % ({kinds}) | why it is not as stated |"
    yield "|---|---|---|---|---|"
    for name in names:
        rows = [found[name, pace] for pace in (*PACES, "all")]
        cells = (" · ".join(_percent(row[share]) for row in rows) for share in ("coverage", "false_share"))
        yield f"| {by_name(name).title} | {rows[-1]['intervals']:,} | {' | '.join(cells)} | {WHY.get(name, '')} |"


_INTRODUCTION = """
## Do the intervals hold what they promise?

Measured on made-up companies whose truth is known and in which nothing changes: {seeds} companies of {teams} teams over
twelve months, {months} team-months of each metric. The teams are {kinds} in equal parts, with
about {paces} deployments a day. These come independently at a constant rate, durations are log-normal, each
deployment causes an incident with a constant probability, and what had not happened at the as-of time is hidden. An interval
at {level} % should hold the truth at least that often, and at most {rest} % of the months compared should seem to improve or
worsen. By chance of the simulation alone the shares of intervals may be off by {widest} points and those of months by {false};
a share of fewer than {fewest} is not printed. More than {level} % is the price of exactness where counts and whole numbers
take few values. Real deployments bunch, which those of no such company do.
"""


def _and(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


_HEAD = """\
# How often intervals hold the truth and verdicts err, counted on drawn companies.
# Made by `python -m idp_analytics.metrics.coverage_study`; do not edit.
"""


def main() -> None:
    """Run the study and write :data:`FILE`; a minute or two."""
    FILE.write_text(text(measured(), _HEAD), encoding="utf-8")


if __name__ == "__main__":
    main()
