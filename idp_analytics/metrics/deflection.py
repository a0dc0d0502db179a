"""Studies ``deflection`` and ``deflection_course``: do teams ask less of what they have come to do themselves?

Runs alone are not deflection: a run that replaced no ticket deflected none. So tickets are compared, of teams after their first use
with the same teams before and with teams that had not used it yet; and with tickets of what nobody can do themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from idp_analytics.answers import ORG, Verdict
from idp_analytics.estimates import adoption_effects, changes, rates
from idp_analytics.metrics.deflection_panel import Panel, panel
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.time_saved import COLUMNS as SAVED
from idp_analytics.metrics.time_saved import time_saved
from idp_analytics.settings import Settings

Array = npt.NDArray[np.float64]

FEWEST_TEAMS, FEWEST_MONTHS = 3, 3
"""Teams with so many whole months before and after their first use are needed, for less no effect is given."""
FEWEST_EXPECTED = 5.0
"""Where fewer tickets would be expected, the change is no share of them."""
MOST_LOST = 0.5
"""Where more of the months after has no team to compare with, nothing is identified."""
AROUND = 12
"""Months before and after the first use in the course."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "component": pl.String,
    "title": pl.String,
    "categories": pl.List(pl.String),
    "others": pl.List(pl.String),  # categories of tickets nobody can serve themselves
    "per": pl.String,  # developer | service | team
    "first_period": pl.String,
    "last_period": pl.String,
    "months": pl.Int64,
    "teams": pl.Int64,  # with anybody in them
    "adopters": pl.Int64,  # of them, with enough months before and after their first use
    "never": pl.Int64,  # of them, without a use by the end
    "runs": pl.Int64,  # successful runs of the self-service, beside: they say nothing of tickets
    "tickets_before": pl.Int64,  # of adopters, in their months before
    "tickets_after": pl.Int64,
    "rate_before": pl.Float64,  # per developer (service, team) and month
    "rate_after": pl.Float64,
    "others_before": pl.Float64,  # the same of the other categories
    "others_after": pl.Float64,
    "unknown": pl.Int64,  # tickets of the categories that name no team
    "caused_before": pl.Int64,  # tickets of adopters that name the golden path itself
    "caused_after": pl.Int64,
    "effect": pl.Float64,  # tickets per developer and month, less what the others' course lets expect
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "p": pl.Float64,
    "ways": pl.Int64,  # different ways of giving out the dates that were tried
    "lost": pl.Float64,  # part of the months after with nobody to compare with
    "share": pl.Float64,  # effect ÷ what would be expected
    "share_low": pl.Float64,
    "share_high": pl.Float64,
    "own_change": pl.Float64,  # beside: teams after against themselves before, others taken off; not controlled by other teams
    "own_low": pl.Float64,
    "own_high": pl.Float64,
    "drift": pl.Float64,  # before: how much more a month later users moved than others
    "drift_low": pl.Float64,
    "drift_high": pl.Float64,
    **{name: dtype for name, dtype in SAVED.items() if name != "component"},
    "verdict": pl.String,
    "caution": pl.String,
}
"""The columns of the study ``deflection``, in order."""

COURSE_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "component": pl.String,
    "month": pl.Int64,  # from the month of a team's first use
    "teams": pl.Int64,
    "weight": pl.Float64,  # developer-months
    "tickets": pl.Int64,
    "value": pl.Float64,  # tickets per developer and month
    "low": pl.Float64,
    "high": pl.Float64,
    "others": pl.Int64,
    "others_value": pl.Float64,
    "others_low": pl.Float64,
    "others_high": pl.Float64,
    "level": pl.Float64,
}
"""The columns of the study ``deflection_course``, in order."""


def deflection(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """One row per component of the settings that names tickets: :data:`COLUMNS`.

    A team has taken self-service up from its first service on a golden path of it, else its first successful run
    (:func:`deflection_panel.first_uses`). What is compared:
    tickets of the categories per developer and month, less the same team's tickets of other categories at the ratio they had where
    nobody had taken it up, so that a team that asks more of everything is not taken for one that asks more of this.
    Estimate, interval and p: :func:`adoption_effects.effect`. *Not identified* without teams to compare with, with fewer than
    20 ways of giving out the dates, or where the later users drifted apart before; *insufficient data* below three such teams.
    """
    parts = [part for part in settings.components if part.tickets and (part.operations or part.golden_paths)]
    rows = []
    for part in parts:
        held = panel(tables, settings, as_of, part, settings.components)
        runs = tables["action_runs"].filter(
            pl.col("outcome") == "success", pl.col("operation_id").is_in(list(part.operations))
        )
        told = {
            "scope": "org", "entity_id": ORG, "component": part.id, "title": part.title, "categories": list(part.tickets),
            "others": list(held.others), "per": held.per, "months": len(held.months), "unknown": held.unknown,
            "runs": runs.select(pl.len()).collect().item(), "level": settings.rules.level,
            "first_period": f"{held.months[0]:%Y-%m}" if held.months else None, "last_period": f"{held.months[-1]:%Y-%m}" if held.months else None,
            **time_saved(tables, settings, as_of, part),
        }  # fmt: skip
        rows.append({**dict.fromkeys(COLUMNS), **told, **_compared(held, settings.rules.level)})
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def deflection_course(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Tickets of teams that took self-service up, by months from their first use: one row per component and month
    (:data:`COURSE_COLUMNS`), a year before and after at most. Intervals: Garwood 1936. Which teams are in it changes over the months."""
    level = settings.rules.level
    found = []
    for part in settings.components:
        if not part.tickets or not (part.operations or part.golden_paths):
            continue
        held = panel(tables, settings, as_of, part, settings.components)
        came = held.taken_up.filter(pl.col("month").is_between(0, len(held.months) - 1)).select(
            "team_id", pl.col("month").alias("_came")
        )
        rows = held.cells.join(came, on="team_id").with_columns((pl.col("month") - pl.col("_came")).alias("month")).filter(
            pl.col("month").is_between(-AROUND, AROUND), pl.col("weight") > 0
        ).group_by("month").agg(
            pl.len().alias("teams"), pl.col("weight").sort().sum(), pl.col("tickets").sum(), pl.col("others").sum()
        ).sort("month")  # fmt: skip
        found.append(rows.with_columns(pl.lit(part.id).alias("component")))
    if not found:
        return pl.DataFrame(schema=COURSE_COLUMNS)
    whole = pl.concat(found)
    weight = whole["weight"].to_numpy()
    for name, count in (("", "tickets"), ("others_", "others")):
        low, high = rates.exact_poisson(whole[count].to_numpy(), weight, level)
        whole = whole.with_columns(
            (pl.col(count) / pl.col("weight")).alias(f"{name}value"),
            pl.Series(f"{name}low", low),
            pl.Series(f"{name}high", high),
        )
    return whole.with_columns(pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"), pl.lit(level).alias("level")).select(
        pl.col(name).cast(dtype) for name, dtype in COURSE_COLUMNS.items()
    )  # fmt: skip


def _compared(held: Panel, level: float) -> dict[str, Any]:
    """The numbers of one panel that rest on the comparison, verdict and caution included."""
    months = len(held.months)
    teams = held.cells.filter(pl.col("weight") > 0)["team_id"].unique().sort()
    if not months or not len(teams):
        return _nothing("no whole month of tickets is known")
    grid = pl.DataFrame({"team_id": teams}).join(pl.DataFrame({"month": range(months)}, schema={"month": pl.Int64}), how="cross").join(
        held.cells, on=["team_id", "month"], how="left"
    ).sort("team_id", "month")  # fmt: skip
    weight, tickets, others, caused = (
        grid[name].cast(pl.Float64).fill_null(0).to_numpy().reshape(len(teams), months) for name in ("weight", "tickets", "others", "caused")
    )  # fmt: skip
    dates = (
        pl.DataFrame({"team_id": teams})
        .join(held.taken_up, on="team_id", how="left", maintain_order="left")["month"]
        .fill_null(months)
        .to_numpy()
    )
    before, after = np.arange(months) < dates[:, None], np.arange(months) > dates[:, None]
    there = weight > 0
    usable = ((before & there).sum(axis=1) >= FEWEST_MONTHS) & ((after & there).sum(axis=1) >= FEWEST_MONTHS)
    mine = usable[:, None] & there
    told: dict[str, Any] = {
        "teams": len(teams), "adopters": int(usable.sum()), "never": int((dates >= months).sum()),
        "tickets_before": int(tickets[mine & before].sum()), "tickets_after": int(tickets[mine & after].sum()),
        "caused_before": int(caused[mine & before].sum()), "caused_after": int(caused[mine & after].sum()),
        "rate_before": _rate(tickets, weight, mine & before), "rate_after": _rate(tickets, weight, mine & after),
        "others_before": _rate(others, weight, mine & before), "others_after": _rate(others, weight, mine & after),
    }  # fmt: skip
    if told["adopters"] < FEWEST_TEAMS:
        few = f"{told['adopters']} team(s) with {FEWEST_MONTHS} whole months before and after their first use, {FEWEST_TEAMS} are needed"
        return told | _nothing(few)
    free = before & there
    ratio = tickets[free].sum() / others[free].sum() if others[free].sum() > 0 else 0.0
    rate = np.divide(tickets - ratio * others, weight, out=np.zeros_like(weight), where=there)
    found = adoption_effects.effect(rate, weight, dates, level)
    drifted = adoption_effects.drift_before(rate, weight, dates, level)
    blind = found.lost > MOST_LOST or found.ways < adoption_effects.FEWEST_PERMUTATIONS
    ends = [None if blind or not np.isfinite(v) else float(v) for v in (found.effect, found.low, found.high, found.p)]
    told |= dict(zip(("effect", "low", "high", "p"), ends, strict=True)) | {"ways": found.ways, "lost": found.lost}
    own = adoption_effects.own_change(rate, weight, np.where(usable, dates, months), level)
    told |= {
        name: None if np.isnan(v) else float(v)
        for name, v in zip(("own_change", "own_low", "own_high"), own, strict=False)
    }
    told |= {
        f"drift{end}": None if np.isnan(v) else float(v) for end, v in zip(("", "_low", "_high"), drifted, strict=True)
    }
    cells = adoption_effects.compared(weight, dates)
    seen = float(tickets[cells > 0].sum())
    expected = None if ends[0] is None else seen / cells.sum() - ends[0]
    if expected is not None and expected * cells.sum() >= FEWEST_EXPECTED:
        told |= {
            name: None if v is None else v / expected
            for name, v in zip(("share", "share_low", "share_high"), ends, strict=False)
        }
    return told | _verdict(told, found, held)


def _rate(count: Array, weight: Array, where: npt.NDArray[np.bool_]) -> float | None:
    total = float(weight[where].sum())
    return float(count[where].sum()) / total if total > 0 else None


def _nothing(why: str) -> dict[str, Any]:
    return {"verdict": Verdict.INSUFFICIENT_DATA.value, "caution": why}


def _verdict(told: dict[str, Any], found: adoption_effects.Effect, held: Panel) -> dict[str, Any]:
    """What may be said: only where there was something to compare with, and nothing drifted apart before."""
    why = list(_against(told, found))
    said = str(changes.verdict(found.low, found.high, 0.0, "lower"))
    if not held.others:
        why.append(
            "every category of tickets has self-service, so a team that asks more of everything is not told apart"
        )
    blocked = told["effect"] is None or _drifts(told)
    return {"verdict": Verdict.NOT_IDENTIFIED.value if blocked else said, "caution": "; ".join(why) or None}


def _drifts(told: dict[str, Any]) -> bool:
    return told["drift_low"] is not None and (told["drift_low"] > 0 or told["drift_high"] < 0)


def _against(told: dict[str, Any], found: adoption_effects.Effect) -> Iterator[str]:
    if np.isnan(found.effect):
        yield "no team without it to compare with"
    elif found.lost > MOST_LOST:
        yield f"{found.lost:.0%} of the months after have no team without it to compare with"
    if found.ways < adoption_effects.FEWEST_PERMUTATIONS:
        yield f"{found.ways} different way(s) of giving out the dates, {adoption_effects.FEWEST_PERMUTATIONS} are needed"
    if _drifts(told):
        yield "those who took it up later moved apart from the others before they did"
