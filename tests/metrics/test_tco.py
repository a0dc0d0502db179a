"""What a tool costs: by hand, as the textbook has it, and what must hold of every decision."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idp_analytics.metrics import tco as sums
from idp_analytics.metrics import tco_study as study
from idp_analytics.settings.tools import Decision, Line, Tool


def line(name: str = "seats", kind: str = "licences", **told) -> Line:
    exact = {
        key: Decimal(str(value)) for key, value in told.items() if key not in ("committed_years", "by_year", "said_by")
    }
    years = {year: Decimal(str(amount)) for year, amount in told.get("by_year", {}).items()}
    rest = {key: told[key] for key in ("committed_years", "said_by") if key in told}
    return Line(kind, name, **exact, **rest, by_year=years)


def leaving(amount: object = 0, **told) -> Line:
    return line("export", "data export", yearly=amount, **told)


def option(name: str, *costs: Line, exits: tuple[Line, ...] = (leaving(),), **told) -> Tool:
    return Tool(name, name.capitalize(), costs, exits, **told)


def decision(*options: Tool, rate: str = "0.25", years: int = 2) -> Decision:
    return Decision("portal", "EUR", Decimal(rate), years, options)


RENT = option(
    "rent",
    line(yearly=80, growth=0.5, low=0.5, high=2, committed_years=2),
    exits=(leaving(by_year={1: 30, 2: 50}, low=0, high=1.5),),
)
BUY = option(
    "buy", line("build", "migration", up_front=100), line("crew", "people", fte=0.5, yearly=100, low=0.5, high=3)
)
HAND = decision(RENT, BUY)
"""rent: 80 and 120, then 50 to leave; 80 ÷ 1.25 + 170 ÷ 1.5625 = 172.80. buy: 100, 50, 50; 100 + 40 + 32 = 172.00."""


@pytest.fixture
def frame(company, settings, as_of):
    """A study of the given decisions as plain rows, money as numbers."""

    def build(which, *decisions, people=(), memberships=()):
        tables = company(people=people, memberships=memberships)
        made = which(tables, replace(settings(), decisions=decisions), as_of("2026-07-01"))
        return made.with_columns(pl.col(pl.Decimal).cast(pl.Float64)).to_dicts()

    return build


def picked(rows, *columns):
    return [tuple(row[column] for column in columns) for row in rows]


def test_the_options_of_a_decision(frame):
    rows = frame(study.tco, HAND)
    assert picked(rows, "scope", "entity_id", "decision", "option", "title", "currency", "years") == [
        ("org", "org", "portal", "buy", "Buy", "EUR", 2), ("org", "org", "portal", "rent", "Rent", "EUR", 2),
    ]  # fmt: skip
    assert picked(rows, "position", "undiscounted", "excluding_exit", "npv", "gap") == [
        (0, 200, 200, 172.0, 0), (1, 250, 200, 172.8, 0.8),
    ]  # fmt: skip
    # buy: crew 36 to 216 beside 100; rent: seats 70.4 to 281.6 beside 0 to 48.
    assert picked(rows, "npv_low", "npv_high") == [(136.0, 316.0), (70.4, 329.6)]
    assert picked(rows, "lines", "ranged", "certainty", "worst_gap") == [
        (3, 1, "one line decides", 70.4 - 316), (2, 2, "one line decides", 70.4 - 316),
    ]  # fmt: skip
    # Paid by the end of each year: buy 100, 150, 200; rent 0, 80, 200.
    assert picked(rows, "break_even_year", "per_developer_month", "developers") == [(None, None, 0), (2, None, 0)]


def test_the_years_of_an_option(frame):
    rows = [row for row in frame(study.tco_years, HAND) if row["option"] == "rent"]
    assert picked(rows, "year", "cost", "cumulative", "present_value", "cumulative_present_value") == [
        (0, 0, 0, 0, 0), (1, 80, 80, 64, 64), (2, 120, 200, 76.8, 140.8),
    ]  # fmt: skip
    # Leaving after year 1: the contract runs to the end of year 2.
    assert picked(rows, "contract", "exit", "leaving", "leaving_present_value", "if_left", "benefit") == [
        (None, None, None, None, None, None), (120, 30, 150, 120, 230, None), (0, 50, 50, 32, 250, None),
    ]  # fmt: skip


def test_the_lines_of_an_option(frame):
    rows = frame(study.tco_lines, HAND)
    assert picked(rows, "option", "part", "line", "stated", "per", "total", "present_value") == [
        ("buy", "cost", "crew", 50, "a year", 100, 72), ("buy", "cost", "build", 100, "once", 100, 100),
        ("buy", "exit", "export", 0, "on leaving", 0, 0),
        ("rent", "cost", "seats", 80, "a year", 200, 140.8), ("rent", "exit", "export", 50, "on leaving", 50, 32),
    ]  # fmt: skip
    assert picked(rows, "low", "high", "npv_low", "npv_high", "gap_low", "gap_high") == [
        (0.5, 3, 136, 316, 36.8, -143.2), (None,) * 6, (None,) * 6,
        (0.5, 2, 102.4, 313.6, -69.6, 141.6), (0, 1.5, 140.8, 188.8, -31.2, 16.8),
    ]  # fmt: skip
    # crew 72 + 0.8; build 100 + 0.8; nothing flips it by a line of 0; seats 140.8 − 0.8; export 32 − 0.8.
    flips = [50 * 72.8 / 72, 100.8, None, 80 * 140 / 140.8, 50 * 31.2 / 32]
    assert picked(rows, "flip_value") == [(pytest.approx(value) if value else None,) for value in flips]
    assert rows[1]["flip_change"] == pytest.approx(0.008)
    assert picked(rows, "is_flip_in_range") == [(True,), (None,), (None,), (True,), (True,)]


@pytest.mark.parametrize(
    ("one", "other", "year"),
    [
        (line(up_front=100, yearly=10), line(yearly=60), 2),
        (line(up_front=100, yearly=10), line(yearly=60.0001), 2),
        (line(up_front=101, yearly=10), line(yearly=60), 3),
        (line(yearly=60), line(up_front=100, yearly=10), None),
        (line(yearly=1), line(yearly=1), 0),
        (line(by_year={0: 0, 1: 50, 2: 0, 3: 0}), line(by_year={0: 0, 1: 20, 2: 29, 3: 1}), 3),
        (line(by_year={0: 0, 1: 10, 2: 90, 3: 0}), line(by_year={0: 0, 1: 20, 2: 29, 3: 60}), 3),
    ],
)
def test_the_year_from_which_on_one_has_cost_no_more(one, other, year):
    assert sums.break_even(option("one", one), option("other", other), 3) == year


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ((option("a", line(yearly=1)),), study.ALONE),
        ((option("a", line(yearly=1)), option("b", line(yearly=2))), study.NO_RANGE),
        ((option("a", line(yearly=1, low=1, high=1.9)), option("b", line(yearly=2))), study.ALWAYS),
        ((option("a", line(yearly=1, low=1, high=2)), option("b", line(yearly=2))), study.ONE_LINE),
        (
            (option("a", line(yearly=1, low=1, high=1.7)), option("b", line(yearly=2, low=0.7, high=1))),
            study.ONE_AT_A_TIME,
        ),
        (
            (option("a", line(yearly=1)), option("b", line(yearly=3)), option("c", line(yearly=4, low=0.25, high=1))),
            study.ONE_LINE,
        ),
    ],
)
def test_how_far_the_order_stands(frame, options, word):
    assert {row["certainty"] for row in frame(study.tco, decision(*options))} == {word}


def test_no_value_of_a_line_that_is_too_small_flips_anything(frame):
    rows = frame(
        study.tco_lines, decision(option("a", line(yearly=10)), option("b", line(yearly=20), line("tea", yearly=1)))
    )
    assert picked(rows, "option", "line", "flip_value") == [
        ("a", "seats", 21), ("a", "export", None), ("b", "seats", 9), ("b", "tea", None), ("b", "export", None),
    ]  # fmt: skip


def test_the_value_of_a_line_that_hardly_counts_is_not_kept_where_it_is_beyond_all_money(frame):
    options = (option("a", line(yearly=10), exits=(leaving("1e-12"),)), option("b", line(yearly=10**12)))
    rows = frame(study.tco_lines, decision(*options, rate="1", years=10))
    assert picked(rows, "option", "line", "flip_value")[1] == ("a", "export", None)


def test_a_benefit_is_in_no_order_and_no_total(frame):
    told = option("told", line(yearly=20), benefits=(line("hours", "other", yearly=100, said_by="us"),))
    rows = frame(study.tco, decision(option("mute", line(yearly=10)), told))
    assert picked(rows, "option", "undiscounted", "benefit", "said_by") == [
        ("mute", 20, None, None), ("told", 40, 144.0, "us")
    ]  # fmt: skip


def test_nothing_is_stated(frame):
    assert frame(study.tco) == frame(study.tco_years) == frame(study.tco_lines) == []


def test_per_active_developer(frame):
    people = [
        {"person_id": "in", "is_developer": True},
        {"person_id": "back", "is_developer": True, "started_on": "2020-01-01", "ended_on": "2026-07-01"},
        {"person_id": "later", "is_developer": True, "started_on": "2026-07-02"},
        {"person_id": "gone", "is_developer": True, "ended_on": "2026-06-30"},
        {"person_id": "moved out", "is_developer": True},
        {"person_id": "lead", "is_developer": False},
        {"person_id": "robot", "is_developer": True, "is_bot": True},
        {"person_id": "who"},
    ]
    memberships = [
        {"person_id": "in", "team_id": "red", "valid_from": "2020-01-01", "valid_to": "2021-01-01"},
        {"person_id": "in", "team_id": "blue", "valid_from": "2021-01-01"},
        {"person_id": "moved out", "team_id": "red", "valid_to": "2026-07-01"},
    ]
    people = [{**row, **{k: date(row[k]) for k in ("started_on", "ended_on") if k in row}} for row in people]
    memberships = [{**row, **{k: date(row[k]) for k in ("valid_from", "valid_to") if k in row}} for row in memberships]
    (row,) = frame(study.tco, decision(option("a", line(yearly=480))), people=people, memberships=memberships)
    assert (row["developers"], row["missing"], row["per_developer_month"]) == (2, 1, 20.0)


def date(text: str):
    from datetime import date as day

    return day.fromisoformat(text)


def test_the_textbook_case_to_the_cent(cases, company, settings, as_of):
    path = cases / "cost" / "textbook" / "tco_3y.json"
    if not path.is_file():
        pytest.skip(f"no such case: {path}")
    told = json.loads(path.read_text())
    options = tuple(
        option(name, line(by_year={year: o[f"y{year}"] for year in range(4)}), exits=(leaving(o["exit_cost_at_end"]),))
        for name, o in told["options"].items()
    )
    made = study.tco(
        company(),
        replace(settings(), decisions=(decision(*options, rate=told["discount_rate"], years=3),)),
        as_of("2026-07-01"),
    )
    assert made["option"].to_list() == ["self_hosted", "saas"]
    for row in made.to_dicts():
        expected = told["options"][row["option"]]["expected"]
        names = {"tco_undiscounted": "undiscounted", "tco_excl_exit": "excluding_exit", "npv": "npv"}
        assert {theirs: str(round(row[ours], 2)) for theirs, ours in names.items()} == expected


# --- what must hold of every decision -----------------------------------------------------------------------------------

amounts = st.decimals(0, 1_000_000, places=2)
shares = st.decimals(0, 1, places=3)


@st.composite
def lines(draw, name: str, kind: str) -> Line:
    ranged = draw(st.booleans())
    return Line(
        kind, name, draw(amounts), draw(amounts), draw(shares), low=draw(shares) if ranged else None,
        high=1 + draw(shares) if ranged else None, committed_years=draw(st.integers(0, 3)),
    )  # fmt: skip


@st.composite
def decisions(draw) -> Decision:
    options = tuple(
        Tool(
            name, name,
            tuple(draw(lines(f"{name}{n}", draw(st.sampled_from(["licences", "people"])))) for n in range(draw(st.integers(1, 3)))),
            (replace(draw(lines("out", "data export")), up_front=Decimal(0)),),
        )
        for name in ("a", "b", "c")[: draw(st.integers(1, 3))]
    )  # fmt: skip
    return Decision("d", "EUR", draw(shares), 3, options)


law = hypothesis_settings(max_examples=25)


@law
@given(decisions())
def test_lines_add_up_to_their_option_and_years_to_its_total(made):
    for tool in made.options:
        by_line = [sums.flows(one, part, made.years) for part, one in sums.parts(tool)]
        assert sum((sums.present_value(flows, made.discount_rate) for flows in by_line), Fraction(0)) == sums.npv(
            tool, made
        )
        whole = sum(sums.yearly(tool, made.years))
        assert whole == sum(map(sum, by_line))
        contract, out = sums.left_after(tool, made.years, made.years)
        assert contract == 0
        assert sums.cumulated(sums.yearly(tool, made.years, leaving=False))[-1] + out == whole


@law
@given(decisions(), shares, shares)
def test_the_present_value_falls_as_the_rate_rises(made, one, other):
    low, high = sorted((one, other))
    for tool in made.options:
        flows = sums.yearly(tool, made.years)
        near, far = (sums.present_value(flows, rate) for rate in (low, high))
        assert near >= far
        assert (near > far) == (low < high and any(flows[1:]))
        assert sums.present_value(flows, Decimal(0)) == sum(flows)


@law
@given(decisions())
def test_the_value_that_flips_a_decision_makes_two_options_exactly_alike(made):
    outcome = sums.worked_out(made)
    for position, tool in enumerate(outcome.options):
        for part, one in sums.parts(tool):
            value = sums.present_value(sums.flows(one, part, made.years), made.discount_rate)
            times = outcome.flip(position, value)
            if times is not None:
                changed = [v + (times - 1) * value if n == position else v for n, v in enumerate(outcome.npv)]
                rivals = [changed[0], min(changed[1:])] if position == 0 else [changed[0], changed[position]]
                assert rivals[0] == rivals[1]
            elif len(outcome.options) > 1 and value:
                assert outcome.gap(position, -value) > 0  # not even for nothing


@law
@given(decisions(), st.randoms(use_true_random=False))
def test_the_order_of_lines_and_options_is_irrelevant(made, chance):
    def shuffled(things):
        return tuple(chance.sample(things, len(things)))

    turned = tuple(replace(tool, costs=shuffled(tool.costs)) for tool in shuffled(made.options))
    other = replace(made, options=turned)
    for rows in (study._years, study._lines, lambda outcome: study._options(outcome, (7, 0))):
        assert list(rows(sums.worked_out(made))) == list(rows(sums.worked_out(other)))


@law
@given(decisions())
def test_the_ranges_hold_what_is_stated_and_single_lines_lie_within_the_joint_range(made):
    outcome = sums.worked_out(made)
    for position, tool in enumerate(outcome.options):
        low, high = (sums.npv(tool, made, end) for end in (sums.LOW, sums.HIGH))
        assert low <= outcome.npv[position] <= high
        for row in study._lines(outcome):
            if row["position"] == position and "npv_low" in row:
                assert low <= row["npv_low"] <= row["npv_high"] <= high


def test_money_keeps_24_decimals_half_to_even():
    assert sums.money(Fraction(1, 3)) == Decimal("0." + "3" * 24)
    assert sums.money(Fraction(5, 10**25)) == 0
    assert sums.money(Fraction(15, 10**25)) == Decimal("2e-24")
    assert sums.money(Fraction(10**13) + Fraction(1, 10**24)) == Decimal("10000000000000.000000000000000000000001")
