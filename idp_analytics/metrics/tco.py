"""What a tool costs over its years and what leaving it costs: exact arithmetic on what somebody stated, no data, no dates.

Fractions inside, so that lines add up to their option and a value that flips a decision flips it exactly; money
(24 decimals) only where a number leaves. Year 0 is up front, years 1 to n are paid at their end and discounted as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

from idp_analytics.settings.tools import Decision, Line, Tool

COST, EXIT = "cost", "exit"

STATED, LOW, HIGH = "stated", "low", "high"
"""Where in its range every line lies."""

ZERO = Fraction(0)
_LAST = Decimal(1).scaleb(-24)


def money(amount: Fraction) -> Decimal:
    """``amount`` to 24 decimals, half to even; exact where it has no more."""
    with localcontext() as context:
        context.prec = 80
        return (Decimal(amount.numerator) / Decimal(amount.denominator)).quantize(_LAST, ROUND_HALF_EVEN)


def present_value(flows: Sequence[Fraction], rate: Decimal) -> Fraction:
    """``flows`` by year from 0, discounted at ``rate`` a year from the end of each: Σ flow ÷ (1 + rate)^year."""
    return sum((flow / (1 + Fraction(rate)) ** year for year, flow in enumerate(flows)), ZERO)


def flows(line: Line, part: str, years: int) -> tuple[Fraction, ...]:
    """What a line adds to each year from 0 to ``years``; a line of the part :data:`EXIT` only to the last."""
    if part == EXIT:
        return (*(ZERO,) * years, line.amount(years))
    return tuple(line.amount(year) for year in range(years + 1))


def factor(line: Line, where: str) -> Fraction:
    """How many times what is stated a line comes to at ``where`` (:data:`STATED`, :data:`LOW`, :data:`HIGH`)."""
    told = {LOW: line.low, HIGH: line.high}.get(where)
    return Fraction(1) if told is None else Fraction(told)


def parts(tool: Tool) -> Iterator[tuple[str, Line]]:
    """Every cost and exit line of an option with its part."""
    yield from ((COST, line) for line in tool.costs)
    yield from ((EXIT, line) for line in tool.exits)


def yearly(tool: Tool, years: int, leaving: bool = True, where: str = STATED) -> tuple[Fraction, ...]:
    """The cash flow of an option by year from 0, with the exit cost in the last year unless ``leaving`` is false."""
    chosen = [(part, line) for part, line in parts(tool) if leaving or part == COST]
    by_line = [[factor(line, where) * flow for flow in flows(line, part, years)] for part, line in chosen]
    return tuple(sum(year, ZERO) for year in zip(*by_line, strict=True)) if by_line else (ZERO,) * (years + 1)


def npv(tool: Tool, decision: Decision, where: str = STATED) -> Fraction:
    """The present value of all costs of an option, leaving at the end included; positive is cost."""
    return present_value(yearly(tool, decision.years, where=where), decision.discount_rate)


def left_after(tool: Tool, years: int, year: int) -> tuple[Fraction, Fraction]:
    """What leaving at the end of ``year`` costs: what is left of contracts (in the amounts they would have had), and the
    exit lines."""
    contract = sum(
        (line.amount(later) for line in tool.costs for later in range(year + 1, min(line.committed_years, years) + 1)),
        ZERO,
    )
    return contract, sum((line.amount(year) for line in tool.exits), ZERO)


def cumulated(by_year: Sequence[Fraction]) -> tuple[Fraction, ...]:
    """Running totals."""
    found, total = [], ZERO
    for flow in by_year:
        total += flow
        found.append(total)
    return tuple(found)


def break_even(one: Tool, other: Tool, years: int) -> int | None:
    """The first year from whose end on all that ``one`` has cost stays no more than what ``other`` has; None: none is.

    Cash as it is paid, not discounted and without exit cost; 0: it never cost more.
    """
    ahead = [
        a <= b for a, b in zip(*(cumulated(yearly(tool, years, leaving=False)) for tool in (one, other)), strict=True)
    ]
    first = next((n for n, held in enumerate(reversed(ahead)) if not held), len(ahead))
    return years + 1 - first if first else None


@dataclass(frozen=True)
class Outcome:
    """A decision worked out. ``options``: cheapest first (ties in the order of their ids); ``npv``: theirs, in that order."""

    decision: Decision
    options: tuple[Tool, ...]
    npv: tuple[Fraction, ...]

    def gap(self, option: int = 0, change: Fraction = ZERO) -> Fraction | None:
        """By how much the cheapest option is cheaper than the next, once the NPV of one ``option`` has changed; None with one only.

        Negative: another one is cheaper then.
        """
        if len(self.npv) < 2:
            return None
        changed = [value + change if n == option else value for n, value in enumerate(self.npv)]
        return min(changed[1:]) - changed[0]

    def worst(self) -> Fraction | None:
        """The gap with every line of the cheapest option at its highest and of all others at their lowest."""
        others = [npv(tool, self.decision, LOW) for tool in self.options[1:]]
        return min(others) - npv(self.options[0], self.decision, HIGH) if others else None

    def flip(self, option: int, value: Fraction) -> Fraction | None:
        """How many times what is stated a line of present value ``value`` must be for another option to be as cheap.

        Solved exactly: of the cheapest option it grows until the next is level; of another it falls until that one is.
        None: no value of this line alone (none is negative) does it.
        """
        if len(self.npv) < 2 or not value:
            return None
        rise = min(self.npv[1:]) - self.npv[0] if option == 0 else self.npv[0] - self.npv[option]
        times = 1 + rise / value
        return times if times >= 0 else None


def worked_out(decision: Decision) -> Outcome:
    """The options in the order of their NPV."""
    ranked = sorted(((npv(tool, decision), tool.id, n) for n, tool in enumerate(decision.options)))
    return Outcome(decision, tuple(decision.options[n] for _, _, n in ranked), tuple(value for value, _, _ in ranked))
