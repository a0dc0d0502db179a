"""``[[tool]]``: what the options of a decision cost, as somebody states it, and how far off each line may be.

Nothing here is measured. Amounts are exact; the years of an option are 0 (up front) and 1 to ``years``, each paid at its end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction

from idp_analytics.settings.toml_reader import TomlReader

COSTS = ("licences", "people", "infrastructure", "migration", "training", "other")
EXITS = ("data export", "re-integration", "parallel running", "retraining", "other")
BENEFITS = ("time saved", "cost avoided", "other")

YEARS, MOST_YEARS = 3, 10

MOST = Decimal(10) ** 13
"""More than this an option may not come to: a sum is exact to 24 decimals only as long as it has 14 digits before the point."""

ONE = Decimal(1)


@dataclass(frozen=True)
class Line:
    """One named line of an option; no amount is negative.

    ``up_front`` falls in year 0, ``yearly`` in every year from 1, growing by ``growth`` a year; ``by_year`` says the
    amounts of all years instead. Of an exit line an amount is what leaving at the end of that year costs, and year 0 has
    none. ``low``, ``high``: how many times what is stated it may be; None: nobody said. ``committed_years``: a contract
    that is to be paid to the end of that year, whoever leaves before. ``fte``: people who cost ``yearly`` each.
    ``said_by``: whose word a benefit is.
    """

    kind: str
    name: str
    up_front: Decimal = Decimal(0)
    yearly: Decimal = Decimal(0)
    growth: Decimal = Decimal(0)
    by_year: Mapping[int, Decimal] = field(default_factory=dict)
    low: Decimal | None = None
    high: Decimal | None = None
    committed_years: int = 0
    fte: Decimal | None = None
    said_by: str = ""

    def amount(self, year: int) -> Fraction:
        """What the line comes to in ``year``, as stated; a fraction, so that growth over years stays exact."""
        if self.by_year:
            return Fraction(self.by_year.get(year, Decimal(0)))
        if year == 0:
            return Fraction(self.up_front)
        each = Fraction(self.yearly) * (1 + Fraction(self.growth)) ** (year - 1)
        return each if self.fte is None else each * Fraction(self.fte)


@dataclass(frozen=True)
class Tool:
    """One ``[[tool]]``: an option of a decision, with its lines."""

    id: str
    title: str
    costs: tuple[Line, ...]
    exits: tuple[Line, ...]
    benefits: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Decision:
    """The options of one decision, in one currency, over the same ``years``, at one ``discount_rate`` a year."""

    id: str
    currency: str
    discount_rate: Decimal
    years: int
    options: tuple[Tool, ...]


@dataclass(frozen=True)
class _Stated:
    """One ``[[tool]]`` as it is written; None: not said."""

    decision: str
    currency: str | None
    discount_rate: Decimal | None
    years: int | None
    option: Tool


def parse(entries: Sequence[TomlReader], problems: list[str]) -> tuple[Decision, ...]:
    """``[[tool]]`` tables → decisions, in the order they are first named; what is wrong is added to ``problems``.

    Of a decision, ``discount_rate`` and ``years`` are said at least once and once only in value; amounts of two
    currencies are never compared.
    """
    said = [_whole(entry, "years", 1, MOST_YEARS) for entry in entries]
    agreed: dict[str, int] = {}
    for entry, years in zip(entries, said, strict=True):
        if years:
            agreed.setdefault(str(entry.content.get("decision")), years)
    stated = [
        _tool(entry, years, agreed.get(str(entry.content.get("decision")), YEARS))
        for entry, years in zip(entries, said, strict=True)
    ]
    grouped: dict[str, list[_Stated]] = {}
    for one in stated:
        if one.decision:
            grouped.setdefault(one.decision, []).append(one)
    return tuple(decision for name, of in grouped.items() if (decision := _decision(name, of, problems)))


def _decision(name: str, of: Sequence[_Stated], problems: list[str]) -> Decision | None:
    where = f"decision {name!r}"
    ids = Counter(one.option.id for one in of)
    problems += [f"{where}: option {i!r} is there {n} times; give each its own id" for i, n in ids.items() if n > 1]
    currencies = list(dict.fromkeys(one.currency for one in of if one.currency))
    if len(currencies) > 1:
        problems.append(
            f"{where}: {', '.join(currencies)} are never compared; state every option in one currency, and say at which rate"
        )
    rates = list(dict.fromkeys(one.discount_rate for one in of if one.discount_rate is not None))
    if not rates:
        problems.append(f"{where}: no discount_rate; state what a year costs, e.g. discount_rate = 0.08 (0: nothing)")
    for key, values in (("discount_rate", rates), ("years", list(dict.fromkeys(one.years for one in of if one.years)))):
        if len(values) > 1:
            problems.append(
                f"{where}: {key} is {' and '.join(map(str, values))}; it is the decision's, so say it once or the same"
            )
    years = next((one.years for one in of if one.years), YEARS)
    for one in of:
        if sum((_most(line, years) for line in (*one.option.costs, *one.option.exits)), Fraction(0)) >= MOST:
            problems.append(
                f"{where}: option {one.option.id!r} comes to {MOST:,.0f} or more at its highest; state it in a larger unit of money"
            )
    if not currencies or not rates:
        return None
    return Decision(name, currencies[0], rates[0], years, tuple(one.option for one in of))


def _most(line: Line, years: int) -> Fraction:
    return Fraction(line.high or ONE) * sum((line.amount(year) for year in range(years + 1)), Fraction(0))


def _tool(entry: TomlReader, said: int | None, years: int) -> _Stated:
    decision, option, currency = (entry.text(key, None) for key in ("decision", "id", "currency"))
    title = entry.text("title", option)
    rate = _exact(entry, "discount_rate", Decimal(0), ONE)
    costs, exits, benefits = (_lines(entry, key, years) for key in ("cost", "exit", "benefit"))
    for key, value in (("decision", decision), ("id", option), ("currency", currency)):
        if not (value or "").strip():
            entry.problems.append(f"{entry.where}no {key}")
    if not entry.content.get("cost"):
        entry.problems.append(f"{entry.where}no cost line; write at least one [[tool.cost]]")
    if not entry.content.get("exit"):
        entry.problems.append(
            f'{entry.where}no exit cost; write [[tool.exit]], e.g. kind = "data export", with amount = 0 where leaving costs nothing'
        )
    entry.done()
    return _Stated(decision or "", currency, rate, said, Tool(option or "", title or "", costs, exits, benefits))


def _lines(tool: TomlReader, key: str, years: int) -> tuple[Line, ...]:
    found = []
    for entry in tool.tables(key):
        entry.where = f"{tool.where}{entry.where}"
        found.append(_benefit(entry, years) if key == "benefit" else _line(entry, key, years))
        entry.done()
    names = Counter(line.name for line in found)
    tool.problems += [
        f"{tool.where}{key}: {n} lines are named {name!r}; give each a name of its own"
        for name, n in names.items()
        if n > 1
    ]
    return tuple(found)


def _benefit(entry: TomlReader, years: int) -> Line:
    line, said_by = _line(entry, "benefit", years), (entry.text("said_by", None) or "").strip()
    if not said_by:
        entry.problems.append(f"{entry.where}no said_by; a benefit is somebody's word: say whose")
    return replace(line, said_by=said_by)


def _line(entry: TomlReader, part: str, years: int) -> Line:
    kinds = {"cost": COSTS, "exit": EXITS, "benefit": BENEFITS}[part]
    kind = entry.choice("kind", kinds, "other")
    if part != "benefit" and "kind" not in entry.content:
        entry.problems.append(f"{entry.where}no kind; write one of {', '.join(kinds)}")
    low = high = None
    if part != "benefit":  # a benefit is in no order, so a range of it would say nothing
        low, high = _exact(entry, "low", Decimal(0), ONE), _exact(entry, "high", ONE, Decimal(100))
    ranged = low is not None or high is not None
    once = "amount" if part == "exit" else "yearly"
    fte, rate = (
        (_exact(entry, key, Decimal(0), MOST) for key in ("fte", "loaded_rate")) if part == "cost" else (None, None)
    )
    stated = _exact(entry, once, Decimal(0), MOST)
    up_front = _exact(entry, "up_front", Decimal(0), MOST) if part == "cost" else None
    by_year = _by_year(entry, years, 1 if part == "exit" else 0)
    entry.problems += [f"{entry.where}{problem}" for problem in _contradictions(entry.content, once)]
    return Line(
        kind=kind,
        name=entry.text("name", None) or kind,
        up_front=up_front or Decimal(0),
        yearly=(stated if rate is None else rate) or Decimal(0),
        growth=_exact(entry, "growth", -ONE, ONE) or Decimal(0),
        by_year=by_year,
        low=(ONE if low is None else low) if ranged else None,
        high=(ONE if high is None else high) if ranged else None,
        committed_years=(_whole(entry, "committed_years", 1, years) or 0) if part == "cost" else 0,
        fte=fte,
    )


def _contradictions(content: Mapping[str, object], once: str) -> Iterator[str]:
    """What of a line's amounts does not go together."""
    people = [key for key in ("fte", "loaded_rate") if key in content]
    if len(people) == 1:
        yield "fte and loaded_rate go together: people × what one costs a year"
    if people and once in content:
        yield f"{once} and fte × loaded_rate say the same; leave out one of the two"
    ways = [key for key in ("up_front", once, "growth", *people) if key in content]
    if "years" in content and ways:
        yield f"years says all amounts; leave out {', '.join(ways)}"
    if not ({"years", "up_front", once} & set(content) or people):
        yield f"no amount; write {once}, or years = {{ 1 = 9000, 2 = 9500 }}"


def _by_year(entry: TomlReader, years: int, first: int) -> dict[int, Decimal]:
    """Amounts by year; every year there is must be said, for a year left out is not a year that costs nothing."""
    told = entry.amounts("years")
    wanted = [str(year) for year in range(first, years + 1)]
    if (told and set(wanted) - {"0"} != set(told) - {"0"}) or (first and "0" in told):
        entry.problems.append(
            f"{entry.where}years = {{ {', '.join(told)} }}: must say every year from {max(first, 1)} to {years}"
            f"{'' if first else ', and 0 if something is paid up front'}"
        )
        return {}
    entry.problems += [
        f"{entry.where}years: {y} = {a}: must not be negative" for y, a in told.items() if not 0 <= a < MOST
    ]
    return {int(year): amount for year, amount in told.items()}


def _exact(entry: TomlReader, key: str, least: Decimal, most: Decimal) -> Decimal | None:
    """An exact number from ``least`` to ``most``; None where it is not said, or wrong and told."""
    value = entry.money(key)
    if value is not None and not least <= value <= most:
        entry.problems.append(f"{entry.where}{key} = {value}: must lie from {least} to {most:,f}")
        return None
    return value


def _whole(entry: TomlReader, key: str, least: int, most: int) -> int | None:
    value = _exact(entry, key, Decimal(least), Decimal(most))
    if value is not None and value != int(value):
        entry.problems.append(f"{entry.where}{key} = {value}: must be a whole number")
        return None
    return None if value is None else int(value)
