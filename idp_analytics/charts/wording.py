"""Numbers, periods and names as a person reads them; used by axes, tooltips, tables and sentences alike."""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache

from idp_analytics.periods import parse

NOTHING = "–"
"""What stands where there is no number."""

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_CENT = Decimal("0.01")
_LONGEST_NAME = 120
_TEXTS = 8192
"""Of so many texts it is kept what is left of them: charts, tables and sentences say the same."""

# Characters that turn the direction of the text around them, and so can make one name look like another sentence.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
# What is not seen at all, and so can make two names look like one; what joins letters (as in Persian, or in pictures) stays.
_UNSEEN = re.compile("[\u00ad\u180e\u200b\u2060-\u2064\u206a-\u206f\ufff9-\ufffb\U000e0000-\U000e007f]")
# Marks above and below a letter, which no language has many of on one; heaped up they cover the lines around them.
_HEAPED = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4})[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
# Unicode's categories Cc, Cs, Zl and Zp: what controls a device, half a character, ends of lines and paragraphs.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")


@lru_cache(_TEXTS)
def clean(text: str) -> str:
    """Text from data, safe to stand inside a line: no control, direction or unseen characters, one space between words, no heaps of marks.

    Escaping for HTML is the template's business; right-to-left letters themselves stay.
    """
    if not text.isprintable():  # else there is nothing of either
        text = _CONTROL.sub(" ", _UNSEEN.sub("", _TURNING.sub("", text)))
    if not text.isascii():
        text = _HEAPED.sub(r"\1", text)
    return " ".join(text.split())


def named(text: str) -> str:
    """A name from data for a title, a label or a cell: clean, and not endless."""
    name = clean(text)
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


@lru_cache(_TEXTS)
def quantity(value: float | None, unit: str) -> str:
    """``0.125`` of ``share of deployments`` → ``12.5 %``; ``0.4`` ``hours`` → ``24 min``; ``72`` ``hours`` → ``3.0 days``.

    A share that is not none is not told as none, nor one that is not all as all: ``under 0.1 %``, ``over 99.9 %``.
    """
    number, word = _scaled(value, unit, value)
    if value is not None and is_share(unit):
        least = 10.0 ** -len(number.partition(".")[2])
        if float(number) == 0 < value:
            return f"under {least:g} %"
        if float(number) == 100 > 100 * value:
            return f"over {100 - least:g} %"
    return f"{number} {word}".rstrip()


@lru_cache(_TEXTS)
def interval(low: float | None, high: float | None, unit: str, beside: float | None = None) -> str:
    """Both bounds in one unit: ``5.5–26.1 %``. ``beside`` is the value they belong to: it chooses the unit.

    A missing bound is said: ``above 12.0 h``, ``up to 3.1 h``; both missing: a dash.
    """
    reference = next((v for v in (beside, high, low) if v is not None), None)
    (lower, of_lower), (upper, of_upper) = _scaled(low, unit, reference), _scaled(high, unit, reference)
    word = of_lower or of_upper
    if low is None and high is None:
        return NOTHING
    if high is None or low is None:
        return f"above {lower} {word}".rstrip() if high is None else f"up to {upper} {word}".rstrip()
    return f"{lower}–{upper} {word}".rstrip()


def difference(change: float | None, low: float | None, high: float | None, unit: str) -> str:
    """A change with its interval, as answers hold it: of shares a difference (``−7.5 points, −20.1 to +4.0``), of all else
    a ratio, told as what it adds (``−38 %, −60 to −5``). A missing end has no bound on that side."""
    if change is None:
        return NOTHING
    ratio = not is_share(unit)
    head = f"{_signed(change, ratio)} {'%' if ratio else 'points'}"
    if low is None and high is None:
        return head
    return f"{head}, {_signed(low, ratio, is_end=True)} to {_signed(high, ratio, is_end=True)}"


def size(value: float | None, unit: str) -> str:
    """How large a difference is, without a way: of shares in points (``2.0 points``), else as :func:`quantity`."""
    if value is None:
        return NOTHING
    return f"{significant(100 * abs(value))} points" if is_share(unit) else quantity(abs(value), unit)


def effect(value: float | None, low: float | None, high: float | None, unit: str) -> str:
    """A difference in the unit itself with its interval: ``−3.1 h, −5.0 to −1.2``; of shares in points. A missing end has no bound."""
    if value is None:
        return NOTHING
    ends = (value, low, high)
    if is_share(unit):
        told = [(NOTHING, "points") if one is None else (f"{100 * abs(one):.1f}", "points") for one in ends]
    else:
        told = [_scaled(None if one is None else abs(one), unit, abs(value)) for one in ends]
    shown = ["unbounded" if one is None else _way(one, number) for one, (number, _) in zip(ends, told, strict=True)]
    head = f"{shown[0]} {told[0][1]}".rstrip()
    return head if low is None and high is None else f"{head}, {shown[1]} to {shown[2]}"


def _way(value: float, number: str) -> str:
    """The number of an absolute value with its sign; what is shown as nothing has none."""
    is_none = not number.strip("0.,")
    return number if is_none else f"{'−' if value < 0 else '+'}{number}"


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
    """``2026-06`` → ``June 2026``, ``2026-Q2`` → ``Q2 2026``, ``2026-W09`` → ``week 9 of 2026``,
    ``2026-w-03-01`` → ``week of 1 March 2026``.

    With ``beside``, a period of the same year already named, the year of a month is left out: ``May``.
    """
    span = parse(label)
    if span.every == "1mo":
        month = _MONTHS[span.start.month - 1]
        return month if beside and beside[:4] == label[:4] else f"{month} {span.start.year}"
    if span.every == "1w" and "-w-" in label:
        return f"week of {span.start.day} {_MONTHS[span.start.month - 1]} {span.start.year}"
    year, part = label.split("-")
    return f"{part} {year}" if span.every == "1q" else f"week {int(part[1:])} of {year}"


@lru_cache(_TEXTS)
def is_share(unit: str) -> bool:
    """Whether values of ``unit`` lie between 0 and 1 and read as percent."""
    return unit.startswith("share")


def duration(hours: float) -> tuple[float, str]:
    """What to multiply hours with, and the word, for durations of about ``hours``: minutes, hours, and days above 48 h."""
    if hours > 48:
        return 1 / 24, "days"
    return (60.0, "min") if hours < 1 else (1.0, "h")


def significant(value: float, like: float | None = None) -> str:
    """At least two significant digits, thousands separated, never scientific: ``0.034``, ``1.4``, ``12,040``.

    With ``like``, as many decimals as that number would have, so that what stands together looks alike.
    """
    reference = value if like is None else like
    decimals = 0 if reference == 0 else min(6, max(0, 1 - math.floor(math.log10(abs(reference)))))
    return f"{value:,.{decimals}f}".replace("-", "−")


def _scaled(value: float | None, unit: str, reference: float | None) -> tuple[str, str]:
    """The number and the unit's word, in the scale that suits ``reference``."""
    if value is None or reference is None:
        return NOTHING, ""
    value = value or 0.0  # nothing has no sign
    if is_share(unit):
        # Of time, the second decimal is what people argue about: 99.95 % is four hours a year.
        return f"{100 * value:.{2 if unit == 'share of time' else 1}f}", "%"
    if unit == "hours":
        factor, word = duration(reference)
        scaled = value * factor
        return f"{scaled:,.{0 if word == 'min' and (scaled >= 1 or scaled == 0) else 1}f}", word
    head, _, tail = unit.partition(" per ")
    return significant(value, reference), f"per {tail}" if tail else head


def _signed(change: float | None, ratio: bool, is_end: bool = False) -> str:
    """Hundredths with a sign: of a difference as it is, of a ratio what it is above or below one. Which side of nothing an end of an
    interval lies on decides a verdict, so one just beside it is not shown as nothing: ``+0.02``."""
    if change is None:
        return "unbounded"
    hundredths = 100 * (change - 1 if ratio else change)
    decimals = next((n for n in (1, 2, 3) if is_end and round(abs(hundredths), n)), 1)
    shown = f"{abs(hundredths):,.{decimals}f}"
    return shown if float(shown.replace(",", "")) == 0 else f"{'−' if hundredths < 0 else '+'}{shown}"
