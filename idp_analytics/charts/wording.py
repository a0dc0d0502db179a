"""Numbers, periods and names as a person reads them; used by axes, tooltips, tables and sentences alike."""

from __future__ import annotations

import math
import re
import unicodedata
from decimal import ROUND_HALF_EVEN, Decimal

from idp_analytics.periods import parse

NOTHING = "–"
"""What stands where there is no number."""

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_CENT = Decimal("0.01")
_LONGEST_NAME = 120

# Characters that turn the direction of the text around them, and so can make one name look like another sentence.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def clean(text: str) -> str:
    """Text from data, safe to stand inside a line: no control or direction characters, one space between words.

    Escaping for HTML is the template's business; right-to-left letters themselves stay.
    """
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in _TURNING.sub("", text))
    return " ".join(kept.split())


def named(text: str) -> str:
    """A name from data for a title, a label or a cell: clean, and not endless."""
    name = clean(text)
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def quantity(value: float | None, unit: str) -> str:
    """``0.125`` of ``share of deployments`` → ``12.5 %``; ``0.4`` ``hours`` → ``24 min``; ``72`` ``hours`` → ``3.0 days``."""
    number, word = _scaled(value, unit, value)
    return f"{number} {word}".rstrip()


def interval(low: float | None, high: float | None, unit: str, beside: float | None = None) -> str:
    """Both bounds in one unit: ``5.5–26.1 %``. ``beside`` is the value they belong to: it chooses the unit.

    A missing bound is said: ``above 12.0 h``, ``up to 3.1 h``; both missing: a dash.
    """
    reference = next((v for v in (beside, high, low) if v is not None), None)
    (lower, word), (upper, _) = _scaled(low, unit, reference), _scaled(high, unit, reference)
    if low is None and high is None:
        return NOTHING
    if high is None or low is None:
        return f"above {lower} {word}".rstrip() if high is None else f"up to {upper} {word}".rstrip()
    return f"{lower}–{upper} {word}".rstrip()


def difference(change: float | None, low: float | None, high: float | None, unit: str) -> str:
    """A change with its interval: shares in points (``−7.5 points, −20.1 to +4.0``), others as a ratio (``× 0.62, 0.40 to 0.95``)."""
    if change is None:
        return NOTHING
    if is_share(unit):
        head, ends = f"{_signed(change)} points", [_signed(v) for v in (low, high) if v is not None]
    else:
        head, ends = f"× {significant(change)}", [significant(v) for v in (low, high) if v is not None]
    return f"{head}, {ends[0]} to {ends[1]}" if len(ends) == 2 else head


def money(amount: Decimal | None, currency: str | None) -> str:
    """``EUR 12,345.67``: exact money to the cent, half cents to the even one, the code or name before it."""
    if amount is None:
        return NOTHING
    cents = amount.quantize(_CENT, ROUND_HALF_EVEN)
    shown = f"{abs(cents):,.2f}"
    return f"{clean(currency or '')} {'−' if cents < 0 else ''}{shown}".strip()


def count(n: int, noun: str, plural: str = "") -> str:
    """``1 deployment``, ``1,204 deployments``."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def period(label: str, beside: str | None = None) -> str:
    """``2026-06`` → ``June 2026``, ``2026-Q2`` → ``Q2 2026``, ``2026-W09`` → ``week 9 of 2026``.

    With ``beside``, a period of the same year already named, the year of a month is left out: ``May``.
    """
    span = parse(label)
    if span.every == "1mo":
        month = _MONTHS[span.start.month - 1]
        return month if beside and beside[:4] == label[:4] else f"{month} {span.start.year}"
    year, part = label.split("-")
    return f"{part} {year}" if span.every == "1q" else f"week {int(part[1:])} of {year}"


def is_share(unit: str) -> bool:
    """Whether values of ``unit`` lie between 0 and 1 and read as percent."""
    return unit.startswith("share")


def duration(hours: float) -> tuple[float, str]:
    """What to multiply hours with, and the word, for durations of about ``hours``: minutes, hours, and days above 48 h."""
    if hours > 48:
        return 1 / 24, "days"
    return (60.0, "min") if hours < 1 else (1.0, "h")


def significant(value: float, digits: int = 2) -> str:
    """At least ``digits`` significant digits, thousands separated, never scientific: ``0.034``, ``1.4``, ``12,040``."""
    if not math.isfinite(value):
        return "∞" if value > 0 else NOTHING
    if value == 0:
        return "0"
    decimals = min(6, max(0, digits - 1 - math.floor(math.log10(abs(value)))))
    return f"{value:,.{decimals}f}".replace("-", "−")


def _scaled(value: float | None, unit: str, reference: float | None) -> tuple[str, str]:
    """The number and the unit's word, in the scale that suits ``reference``."""
    if value is None or reference is None:
        return NOTHING, ""
    if is_share(unit):
        return f"{100 * value:.1f}", "%"
    if unit == "hours":
        factor, word = duration(reference)
        scaled = value * factor
        return f"{scaled:,.{0 if word == 'min' and (scaled >= 1 or scaled == 0) else 1}f}", word
    head, _, tail = unit.partition(" per ")
    return significant(value), f"per {tail}" if tail else head


def _signed(share: float) -> str:
    points = f"{100 * abs(share):.1f}"
    return points if float(points) == 0 else ("−" if share < 0 else "+") + points
