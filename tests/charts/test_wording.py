"""Numbers, periods and names as a person reads them."""

from __future__ import annotations

import sys
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.charts import wording
from idp_analytics.charts.wording import NOTHING
from idp_analytics.errors import ReportError

SHARE, RATE = "share of deployments", "deployments per day"
FINITE = st.floats(-1e9, 1e9, allow_nan=False)
UNITS = st.sampled_from((SHARE, RATE, "hours", "days", "pages per service and week", "money"))


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.125, SHARE, "12.5 %"), (0.0, SHARE, "0.0 %"), (1.0, "share", "100.0 %"), (None, SHARE, NOTHING),
        (0.0004, SHARE, "under 0.1 %"), (0.0006, SHARE, "0.1 %"), (0.9996, SHARE, "over 99.9 %"), (0.9994, SHARE, "99.9 %"),
        (0.9996, "share of time", "99.96 %"), (0.99996, "share of time", "over 99.99 %"), (0.00004, "share of time", "under 0.01 %"),
        (0.0, "hours", "0 min"), (0.4, "hours", "24 min"), (0.005, "hours", "0.3 min"), (1.0, "hours", "1.0 h"),
        (48.0, "hours", "48.0 h"), (72.0, "hours", "3.0 days"), (24_000.0, "hours", "1,000.0 days"), (None, "hours", NOTHING),
        (1.4, RATE, "1.4 per day"), (0.034, RATE, "0.034 per day"), (12_040.0, RATE, "12,040 per day"), (0.0, RATE, "0 per day"),
        (0.02, "pages per service and week", "0.020 per service and week"), (12.0, "days", "12 days"), (None, RATE, NOTHING),
    ],
)  # fmt: skip
def test_a_quantity_stands_in_the_unit_a_reader_knows(value, unit, shown):
    assert wording.quantity(value, unit) == shown


@pytest.mark.parametrize("unit", ["share of deployments", "hours", "incidents per shift"])
def test_nothing_has_no_sign_whichever_is_asked_for_first(unit):
    first, then = wording.quantity(-0.0, unit), wording.quantity(0.0, unit)
    assert first == then
    assert "-" not in first and "−" not in first
    assert wording.interval(-0.0, 0.0, unit) == wording.interval(0.0, 0.0, unit)


@pytest.mark.parametrize(
    ("low", "high", "unit", "beside", "shown"),
    [
        (0.055, 0.261, SHARE, 0.125, "5.5–26.1 %"), (0.0, 0.0, SHARE, 0.0, "0.0–0.0 %"), (None, None, SHARE, 0.5, NOTHING),
        (None, None, SHARE, None, NOTHING), (0.1, None, SHARE, None, "above 10.0 %"), (None, 0.1, SHARE, 0.05, "up to 10.0 %"),
        (12.0, None, "hours", 20.0, "above 12.0 h"), (None, 3.1, "hours", None, "up to 3.1 h"),
        (12.0, 96.0, "hours", 24.0, "12.0–96.0 h"), (12.0, 96.0, "hours", 72.0, "0.5–4.0 days"),
        (12.0, 96.0, "hours", None, "0.5–4.0 days"), (0.7, 2.5, RATE, 1.4, "0.7–2.5 per day"),
        (0.013, 0.5, RATE, 0.1, "0.01–0.50 per day"),
    ],
)  # fmt: skip
def test_both_bounds_stand_in_one_unit_and_a_missing_one_is_said(low, high, unit, beside, shown):
    assert wording.interval(low, high, unit, beside) == shown


@pytest.mark.parametrize(
    ("change", "low", "high", "unit", "shown"),
    [
        (None, None, None, SHARE, NOTHING), (None, 0.1, 0.2, SHARE, NOTHING),
        (-0.075, -0.201, 0.04, SHARE, "−7.5 points, −20.1 to +4.0"), (0.0, -0.1, 0.1, SHARE, "0.0 points, −10.0 to +10.0"),
        (0.62, 0.4, 0.95, "hours", "−38.0 %, −60.0 to −5.0"), (1.0, 0.9, None, "hours", "0.0 %, −10.0 to unbounded"),
        (2.5, None, 3.0, "hours", "+150.0 %, unbounded to +200.0"), (1.02, None, None, "money", "+2.0 %"),
        (13.5, None, None, "money", "+1,250.0 %"), (-1.0, None, None, "money", "−200.0 %"), (1.0001, None, None, "money", "0.0 %"),
        (1.194, 1.0003, 1.426, "per day", "+19.4 %, +0.03 to +42.6"), (-0.02, -0.04, -0.00002, SHARE, "−2.0 points, −4.0 to −0.002"),
        (0.02, 1e-9, 0.04, SHARE, "+2.0 points, 0.0 to +4.0"),
    ],
)  # fmt: skip
def test_a_change_of_shares_is_a_difference_and_of_all_else_what_a_ratio_adds(change, low, high, unit, shown):
    assert wording.difference(change, low, high, unit) == shown


@pytest.mark.parametrize(
    ("value", "low", "high", "unit", "shown"),
    [
        (-0.02, -0.051, 0.004, SHARE, "−2.0 points, −5.1 to +0.4"), (-0.0001, None, None, SHARE, "0.0 points"),
        (-3.1, -5.0, -1.2, "hours", "−3.1 h, −5.0 to −1.2"), (60.0, 24.0, None, "hours", "+2.5 days, +1.0 to unbounded"),
        (0.41, 0.0, 0.8, RATE, "+0.41 per day, 0.00 to +0.80"), (None, 1.0, 2.0, "hours", NOTHING),
    ],
)  # fmt: skip
def test_an_effect_stands_in_the_unit_itself_and_of_shares_in_points(value, low, high, unit, shown):
    assert wording.effect(value, low, high, unit) == shown


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [(0.02, SHARE, "2.0 points"), (-0.15, SHARE, "15 points"), (4.0, "hours", "4.0 h"), (-0.4, RATE, "0.40 per day"), (None, "hours", NOTHING)],
)  # fmt: skip
def test_a_size_has_no_way(value, unit, shown):
    assert wording.size(value, unit) == shown


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (None, "EUR", NOTHING), (Decimal("12345.67"), "EUR", "EUR 12,345.67"), (Decimal(0), "EUR", "EUR 0.00"),
        (Decimal("-12.3"), "EUR", "EUR −12.30"), (Decimal("0.125"), "EUR", "EUR 0.12"), (Decimal("0.135"), "EUR", "EUR 0.14"),
        (Decimal("-0.001"), "EUR", "EUR 0.00"), (Decimal("1.5"), None, "1.50"), (Decimal("1.5"), "", "1.50"),
        (Decimal("1.5"), "\u202eRUE\n", "RUE 1.50"), (Decimal("99999999999999.994999"), "JPY", "JPY 99,999,999,999,999.99"),
    ],
)  # fmt: skip
def test_money_is_exact_to_the_cent(amount, currency, shown):
    assert wording.money(amount, currency) == shown


@pytest.mark.parametrize(
    ("n", "nouns", "shown"),
    [
        (0, ("row",), "0 rows"), (1, ("row",), "1 row"), (1204, ("deployment",), "1,204 deployments"),
        (1, ("is", "are"), "1 is"), (2, ("is", "are"), "2 are"), (0, ("is", "are"), "0 are"),
    ],
)  # fmt: skip
def test_one_is_told_from_several(n, nouns, shown):
    assert wording.count(n, *nouns) == shown


@pytest.mark.parametrize(
    ("label", "beside", "shown"),
    [
        ("2026-06", None, "June 2026"), ("2026-01", "2026-02", "January"), ("2025-12", "2026-01", "December 2025"),
        ("2026-Q2", None, "Q2 2026"), ("2026-Q1", "2026-Q2", "Q1 2026"), ("2026-W09", None, "week 9 of 2026"),
        ("2026-w-03-01", None, "week of 1 March 2026"), ("2026-w-03-01", "2026-w-03-08", "week of 1 March 2026"),
    ],
)  # fmt: skip
def test_periods_are_named(label, beside, shown):
    assert wording.period(label, beside) == shown


def test_what_is_no_period_is_said():
    with pytest.raises(ReportError, match="is not a period"):
        wording.period("June")


@pytest.mark.parametrize(
    ("value", "like", "shown"),
    [
        (0.0, None, "0"), (0.034, None, "0.034"), (1.4, None, "1.4"), (9.96, None, "10.0"), (14.0, None, "14"), (12040.4, None, "12,040"),
        (-2.5, None, "−2.5"), (3.0, 0.25, "3.00"), (0.25, 120.0, "0"), (1e-9, None, "0.000000"), (0.5, 0.0, "0"),
    ],
)  # fmt: skip
def test_two_digits_that_count_or_as_many_as_its_neighbour_has(value, like, shown):
    assert wording.significant(value, like) == shown


@pytest.mark.parametrize(("hours", "told"), [(0.0, (60.0, "min")), (0.99, (60.0, "min")), (1.0, (1.0, "h")), (48.0, (1.0, "h")), (48.1, (1 / 24, "days"))])  # fmt: skip
def test_durations_have_minutes_hours_and_days(hours, told):
    assert wording.duration(hours) == told


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Payments", "Payments"), ("a\n\tb  c", "a b c"), ("\x00a\x1b[31mb", "a [31mb"), ("Pay\u202eslaP", "PayslaP"),
        ("\u2066x\u2069\u200f\ufeff", "x"), ("a\u2028b\u2029c", "a b c"), ("صندوق", "صندوق"), ("<b>", "<b>"), ("\u202e", ""),
        ("x\ud800y", "x y"), ("a\u200bb\u2060c\u00ad", "abc"), ("x\U000e0041\U000e007f", "x"), ("می\u200cخواهم", "می\u200cخواهم"), ("👩\u200d💻", "👩\u200d💻"),
        ("Z" + "\u0300" * 50 + "!", "Z" + "\u0300" * 4 + "!"), ("Việt", "Việt"), ("x\u0300\u0301\u0302\u0303y", "x\u0300\u0301\u0302\u0303y"),
    ],
)  # fmt: skip
def test_text_from_data_is_cleaned_of_direction_and_control(text, kept):
    assert wording.clean(text) == kept


def test_every_character_is_cleaned_by_its_category():
    every = [chr(number) for number in range(sys.maxunicode + 1)]
    kept = (
        " " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else "" if wording._TURNING.match(c) or wording._UNSEEN.match(c) else c for c in every
    )  # fmt: skip
    assert wording.clean("|".join(every)) == " ".join("|".join(kept).split())


def test_a_name_is_not_endless():
    assert wording.named("x" * 120) == "x" * 120
    assert wording.named("x" * 121) == "x" * 119 + "…"


@given(st.text())
def test_clean_text_stays_as_it_is(text):
    kept = wording.clean(text)
    assert wording.clean(kept) == kept
    assert not any(
        unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in "\u202a\u202b\u202c\u202d\u202e" for c in kept
    )
    assert wording.clean(wording.named(text)) == wording.named(text)  # a label equals its place in a scale's domain


@given(UNITS, FINITE | st.none(), FINITE | st.none())
def test_what_is_missing_is_a_dash_or_a_word_and_never_a_number(unit, low, high):
    assert (wording.quantity(low, unit) == NOTHING) == (low is None)
    shown = wording.interval(low, high, unit)
    assert (shown == NOTHING) == (low is None and high is None)
    assert shown.startswith("above ") == (high is None and low is not None)
    assert shown.startswith("up to ") == (low is None and high is not None)


@given(st.decimals(-(10**12), 10**12, allow_nan=False, places=6))
def test_money_is_never_further_off_than_half_a_cent_and_zero_has_no_sign(amount):
    shown = Decimal(wording.money(amount, "").replace(",", "").replace("−", "-"))
    assert abs(shown - amount) <= Decimal("0.005")
    assert wording.money(Decimal(0) * amount, "") == "0.00"
