"""Studies ``tco``, ``tco_years`` and ``tco_lines``: each decision about a tool by option, by year and by line.

They rest on what the settings state (:mod:`idp_analytics.settings.tools`); of the data they take only how many developers
there are. Every amount is a cost; ``benefit`` alone is not, and no ranking counts it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.metrics import tco as sums
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.tco import COST, EXIT, HIGH, LOW, Outcome, money
from idp_analytics.settings import Settings
from idp_analytics.settings.tools import COSTS, EXITS, MOST, Line, Tool
from idp_analytics.tables import MONEY

ALONE, NO_RANGE, ALWAYS, ONE_AT_A_TIME, ONE_LINE = (
    "one option", "no range", "throughout", "line by line", "one line decides",
)  # fmt: skip
"""How far the order of the options stands within the ranges: nothing to compare; nobody gave a range; wherever the lines
lie; as long as only one lies elsewhere than stated; not even that."""

Schema = dict[str, pl.DataType | type[pl.DataType]]

_HEAD: Schema = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "decision": pl.String,
    "option": pl.String,
    "title": pl.String,
    "position": pl.Int64,  # 0: the cheapest by NPV
    "currency": pl.String,
}

OPTIONS: Schema = (
    _HEAD
    | {
        "discount_rate": MONEY,  # a year
        "years": pl.Int64,
        "undiscounted": MONEY,  # all costs of all years, leaving at the end included
        "excluding_exit": MONEY,  # the same without it
        "npv": MONEY,  # the present value of all of it
        "npv_low": MONEY,  # with every line at its low
        "npv_high": MONEY,  # and at its high; a line without a range stays as stated
        "gap": MONEY,  # by how much the NPV is above the cheapest option's
        "lines": pl.Int64,  # cost and exit lines
        "ranged": pl.Int64,  # of them, with a range
        "certainty": pl.String,  # of the decision: one option | no range | throughout | line by line | one line decides
        "worst_gap": MONEY,  # of the decision: cheapest option all high, others all low; below zero: another one is cheaper
        "break_even_year": pl.Int64,  # from whose end on the cheapest has cost no more than this one (cash, without exit); null: none
        "benefit": MONEY,  # present value of what somebody says it brings; null: nobody says
        "said_by": pl.String,
        "developers": pl.Int64,  # active at the as-of time
        "missing": pl.Int64,  # active people of whom nobody says whether they are developers
        "per_developer_month": MONEY,  # undiscounted ÷ developers ÷ months; null: no developer is known
    }
)
"""Study ``tco``: one option of one decision."""

YEARS: Schema = (
    _HEAD
    | {
        "year": pl.Int64,  # 0: up front
        "cost": MONEY,  # without leaving
        "cumulative": MONEY,
        "present_value": MONEY,  # of the year's cost
        "cumulative_present_value": MONEY,
        "contract": MONEY,  # leaving at the end of the year: what is left of contracts; null in year 0, nothing is there to leave
        "exit": MONEY,  # and the exit lines
        "leaving": MONEY,  # both
        "leaving_present_value": MONEY,
        "if_left": MONEY,  # all that was paid then: cumulative + leaving
        "benefit": MONEY,  # null: nobody says
    }
)
"""Study ``tco_years``: one year of one option."""

LINES: Schema = (
    _HEAD
    | {
        "part": pl.String,  # cost | exit (at the end of the last year)
        "kind": pl.String,
        "line": pl.String,
        "stated": MONEY,  # per ``per``
        "per": pl.String,  # once | a year | in all | on leaving
        "growth": MONEY,  # of a yearly amount, a year
        "fte": MONEY,  # people behind it; null: not stated in people
        "total": MONEY,  # undiscounted, over all years
        "present_value": MONEY,
        "low": MONEY,  # times what is stated; null: no range
        "high": MONEY,
        "npv_low": MONEY,  # of the option with this line at its low, all others as stated
        "npv_high": MONEY,
        "gap_low": MONEY,  # by how much the cheapest option is cheaper than the next then; below zero: it is not; null: one option
        "gap_high": MONEY,
        "flip_value": MONEY,  # what would have to be stated for another option to be as cheap; null: nothing would do
        "flip_change": pl.Float64,  # the same against what is stated: 0.25 is a quarter more
        "is_flip_in_range": pl.Boolean,  # whether the range holds it; null: no range
    }
)
"""Study ``tco_lines``: one line of one option."""


def tco(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Each option of each decision over its years (:data:`OPTIONS`), the cheapest first; nothing where none is stated."""
    known = active_developers(tables, settings, as_of)
    return _frame(settings, OPTIONS, lambda outcome: _options(outcome, known))


def tco_years(_tables: Tables, settings: Settings, _as_of: datetime) -> pl.DataFrame:
    """Cash flow, running totals and what leaving costs, by year of each option (:data:`YEARS`)."""
    return _frame(settings, YEARS, _years)


def tco_lines(_tables: Tables, settings: Settings, _as_of: datetime) -> pl.DataFrame:
    """Each line of each option: what it weighs, and what follows where it alone lies elsewhere (:data:`LINES`)."""
    return _frame(settings, LINES, _lines)


def active_developers(tables: Tables, settings: Settings, as_of: datetime) -> tuple[int, int]:
    """How many developers are at work on the day of ``as_of``, and of how many people nobody says whether they are one.

    People, no bots, between their first and last day; somebody whose every known membership has ended or not begun is not
    at work here.
    """
    day = as_of.astimezone(ZoneInfo(settings.time_zone)).date()
    held = (pl.col("valid_from").is_null() | (pl.col("valid_from") <= day)) & (
        pl.col("valid_to").is_null() | (pl.col("valid_to") > day)
    )
    placed = tables["memberships"].group_by("person_id").agg(held.any().alias("is_placed"))
    here = (
        tables["people"]
        .filter(
            ~pl.col("is_bot").fill_null(False),
            pl.col("started_on").is_null() | (pl.col("started_on") <= day),
            pl.col("ended_on").is_null() | (pl.col("ended_on") >= day),
        )
        .join(placed, on="person_id", how="left")
        .filter(pl.col("is_placed").fill_null(True))
    )
    told = pl.col("is_developer")
    counted = here.select(told.sum().alias("developers"), told.null_count().alias("missing")).collect()
    return int(counted["developers"][0]), int(counted["missing"][0])


def _frame(settings: Settings, schema: Schema, rows: Callable[[Outcome], Iterator[dict[str, Any]]]) -> pl.DataFrame:
    found = []
    for decision in settings.decisions:
        outcome = sums.worked_out(decision)
        for row in rows(outcome):
            tool = outcome.options[row["position"]]
            head = {"scope": "org", "entity_id": ORG, "decision": decision.id, "option": tool.id, "title": tool.title}
            found.append({**dict.fromkeys(schema), **head, "currency": decision.currency, **_exact(row)})
    return pl.DataFrame(found, schema=schema, orient="row")


def _exact(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: money(value) if isinstance(value, Fraction) else value for name, value in row.items()}


# --- options --------------------------------------------------------------------------------------------------------------


def _options(outcome: Outcome, known: tuple[int, int]) -> Iterator[dict[str, Any]]:
    decision, (developers, missing) = outcome.decision, known
    of_decision = {
        "discount_rate": Fraction(decision.discount_rate), "years": decision.years, "certainty": _certainty(outcome),
        "worst_gap": outcome.worst(), "developers": developers, "missing": missing,
    }  # fmt: skip
    for position, tool in enumerate(outcome.options):
        whole = sum(sums.yearly(tool, decision.years), sums.ZERO)
        lines = [line for _, line in sums.parts(tool)]
        yield {
            **of_decision,
            "position": position,
            "undiscounted": whole,
            "excluding_exit": sum(sums.yearly(tool, decision.years, leaving=False), sums.ZERO),
            "npv": outcome.npv[position],
            "npv_low": sums.npv(tool, decision, LOW),
            "npv_high": sums.npv(tool, decision, HIGH),
            "gap": outcome.npv[position] - outcome.npv[0],
            "lines": len(lines),
            "ranged": sum(line.low is not None for line in lines),
            "break_even_year": sums.break_even(outcome.options[0], tool, decision.years) if position else None,
            "benefit": sums.present_value(_benefit(tool, decision.years), decision.discount_rate)
            if tool.benefits
            else None,
            "said_by": ", ".join(sorted({line.said_by for line in tool.benefits})) or None,
            "per_developer_month": whole / (12 * decision.years * developers) if developers else None,
        }


def _certainty(outcome: Outcome) -> str:
    worst = outcome.worst()
    if worst is None:
        return ALONE
    if all(line.low is None for tool in outcome.options for _, line in sums.parts(tool)):
        return NO_RANGE
    if worst > 0:
        return ALWAYS
    gaps: list[Fraction | None] = [row.get(f"gap_{end}") for row in _lines(outcome) for end in (LOW, HIGH)]
    return ONE_LINE if any(gap is not None and gap <= 0 for gap in gaps) else ONE_AT_A_TIME


def _benefit(tool: Tool, years: int) -> list[Fraction]:
    return [sum((line.amount(year) for line in tool.benefits), sums.ZERO) for year in range(years + 1)]


# --- years ----------------------------------------------------------------------------------------------------------------


def _years(outcome: Outcome) -> Iterator[dict[str, Any]]:
    decision = outcome.decision
    for position, tool in enumerate(outcome.options):
        costs = sums.yearly(tool, decision.years, leaving=False)
        today = [flow / (1 + Fraction(decision.discount_rate)) ** year for year, flow in enumerate(costs)]
        totals, totals_today = sums.cumulated(costs), sums.cumulated(today)
        benefits = _benefit(tool, decision.years)
        for year, cost in enumerate(costs):
            contract, leaving = sums.left_after(tool, decision.years, year) if year else (None, None)
            both = None if contract is None or leaving is None else contract + leaving
            yield {
                "position": position,
                "year": year,
                "cost": cost,
                "cumulative": totals[year],
                "present_value": today[year],
                "cumulative_present_value": totals_today[year],
                "contract": contract,
                "exit": leaving,
                "leaving": both,
                "leaving_present_value": None
                if both is None
                else both / (1 + Fraction(decision.discount_rate)) ** year,
                "if_left": None if both is None else totals[year] + both,
                "benefit": benefits[year] if tool.benefits else None,
            }


# --- lines ----------------------------------------------------------------------------------------------------------------


def _lines(outcome: Outcome) -> Iterator[dict[str, Any]]:
    decision = outcome.decision
    for position, tool in enumerate(outcome.options):
        for part, line in sorted(sums.parts(tool), key=_order):
            flows = sums.flows(line, part, decision.years)
            value = sums.present_value(flows, decision.discount_rate)
            stated, per = _stated(line, part, flows)
            times = outcome.flip(position, value)
            flip = None if times is None or times * stated >= MOST else times  # beyond any amount that is kept
            row = {
                "position": position, "part": part, "kind": line.kind, "line": line.name, "stated": stated, "per": per,
                "growth": Fraction(line.growth), "fte": None if line.fte is None else Fraction(line.fte),
                "total": sum(flows, sums.ZERO), "present_value": value,
                "flip_value": None if flip is None else flip * stated,
                "flip_change": None if flip is None else float(flip - 1),
            }  # fmt: skip
            if line.low is not None and line.high is not None:
                low, high = Fraction(line.low), Fraction(line.high)
                row |= {"low": low, "high": high, "is_flip_in_range": flip is not None and low <= flip <= high}
                for end, times_stated in ((LOW, low), (HIGH, high)):
                    change = (times_stated - 1) * value
                    row |= {f"npv_{end}": outcome.npv[position] + change, f"gap_{end}": outcome.gap(position, change)}
            yield row


def _order(one: tuple[str, Line]) -> tuple[int, int, str]:
    part, line = one
    return (COST, EXIT).index(part), (COSTS if part == COST else EXITS).index(line.kind), line.name


def _stated(line: Line, part: str, flows: tuple[Fraction, ...]) -> tuple[Fraction, str]:
    """The one amount a line is told by, and per what: a line that is paid up front and by year is told by its sum."""
    if part == EXIT:
        return flows[-1], "on leaving"
    if line.by_year or (line.up_front and line.yearly):
        return sum(flows, sums.ZERO), "in all"
    return (flows[1], "a year") if line.yearly else (flows[0], "once")
