"""Why one cost became another: every effect worked by hand, and laws that hold for any two bills."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp_analytics.metrics.cost_effects import EFFECTS, of_charges, of_shares
from idp_analytics.metrics.cost_lines import LINES

D = Decimal
BY = ["month"]


def line(owner: str, thing: str, amount: str | Decimal, quantity: str | int | None = None, **told) -> dict:
    return {
        "owner": owner, "thing": thing, "amount": D(amount), "quantity": None if quantity is None else D(quantity),
        "is_metered": quantity is not None, "unit": None if quantity is None else "Hours", "is_correction": False,
        "lines": 1, **told,
    }  # fmt: skip


def frame(rows: list[dict]) -> pl.DataFrame:
    return pl.DataFrame([{**dict.fromkeys(LINES), **row} for row in rows], schema=LINES, orient="row")


def effects(found: pl.DataFrame, owner: str | None = None) -> dict[str, Decimal]:
    """The effects that are not 0, of one owner or of all."""
    rows = found.filter(pl.col("owner") == owner) if owner else found
    sums = {effect: sum(rows[effect].to_list(), D(0)) for effect in EFFECTS}
    return {effect: amount for effect, amount in sums.items() if amount}


def told(**amounts: str) -> dict[str, Decimal]:
    return {effect.replace("_", " "): D(amount) for effect, amount in amounts.items()}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # +17.00 in all: two positions of which one is used more and gets cheaper, one is used less; one new, one gone.
        (
            [line("t", "a", "96.00", 80), line("t", "b", "12.00", 6), line("t", "d", "20.00", 1)],
            [line("t", "a", "117.00", 104), line("t", "b", "8.00", 4), line("t", "c", "20.00", 5)],
            told(usage="24.80", price="-6.00", joint="-1.80", new="20.00", gone="-20.00"),
        ),
        ([line("t", "a", "10", 5)], [line("t", "a", "20", 10)], told(usage="10")),
        ([line("t", "a", "10", 5)], [line("t", "a", "15", 5)], told(price="5")),
        ([line("t", "a", "10", 5)], [line("t", "a", "30", 10)], told(usage="10", price="5", joint="5")),
        ([line("t", "a", "10", 5)], [line("t", "a", "0", 10)], told(usage="10", price="-10", joint="-10")),
        ([], [line("t", "a", "3", 1)], told(new="3")),
        ([line("t", "a", "3", 1)], [], told(gone="-3")),
        # What tells no quantity, or none above zero, has no price.
        ([line("t", "tax", "3")], [line("t", "tax", "5")], told(cost_only="2")),
        ([], [line("t", "credit", "-5")], told(cost_only="-5")),
        ([line("t", "a", "3", 0)], [line("t", "a", "5", 2)], told(cost_only="2")),
        ([line("t", "a", "-3", -1)], [line("t", "a", "5", 2)], told(cost_only="8")),
        # A price that money cannot hold is none.
        ([line("t", "a", "9999999999999", "0.001")], [line("t", "a", "1", 1)], told(cost_only="-9999999999998")),
        # Another unit, or a correction, is another thing.
        ([line("t", "a", "10", 5)], [line("t", "a", "10", 5, unit="GB")], told(new="10", gone="-10")),
        ([line("t", "a", "10")], [line("t", "a", "10"), line("t", "a", "-4", is_correction=True)], told(cost_only="-4")),
        ([line("t", "a", "10", 3)], [line("t", "a", "10", 3)], {}),
        # The same price with endless decimals is no change of price, but for what the bill itself has rounded.
        ([line("t", "a", "1", 3)], [line("t", "a", "2", 6)], told(usage="0.999999999999999999999999", joint="1e-24")),
    ],
    ids=str,
)  # fmt: skip
def test_an_owners_change_in_effects(before, after, expected):
    found = of_charges(frame(before), frame(after), BY)
    assert effects(found) == expected


@pytest.mark.parametrize(
    ("before", "after", "of_red", "of_blue"),
    [
        # A service goes from red to blue and is used twice as much there.
        ([line("red", "s", "10", 5)], [line("blue", "s", "20", 10)], told(ownership="-10"), told(ownership="10", usage="10")),
        # In the middle of the month: what it cost before is laid on both as they are charged now.
        (
            [line("red", "s", "9", 3)], [line("red", "s", "3", 1), line("blue", "s", "9", 3)],
            told(ownership="-6.75", usage="0.75"), told(ownership="6.75", usage="2.25"),
        ),
        # The month after, all of it is blue's.
        (
            [line("red", "s", "3", 1), line("blue", "s", "9", 3)], [line("blue", "s", "12", 4)],
            told(ownership="-3"), told(ownership="3"),
        ),
        # Two that have it both times have their own use of it.
        (
            [line("red", "s", "3", 1), line("blue", "s", "9", 3)], [line("red", "s", "6", 2), line("blue", "s", "3", 1)],
            told(usage="3"), told(usage="-6"),
        ),
        # What tells no quantity changes hands as well.
        ([line("red", "s", "10")], [line("blue", "s", "4")], told(ownership="-10"), told(ownership="10", cost_only="-6")),
        # Nothing is known of by what to divide: nothing changed hands.
        ([line("red", "s", "10", 1)], [line("blue", "s", "0", 1)], told(cost_only="-10"), {}),
    ],
    ids=str,
)  # fmt: skip
def test_what_changes_hands(before, after, of_red, of_blue):
    found = of_charges(frame(before), frame(after), BY)
    assert effects(found, "red") == of_red
    assert effects(found, "blue") == of_blue


def share(owner: str, amount: str, held: str, part: str | None = None) -> dict:
    return {"owner": owner, "thing": "pool:net", "part": part, "amount": D(amount), "held": D(held), "lines": 1}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([share("t", "10", "40")], [share("t", "15", "60")], told(pool="5")),
        ([share("t", "10", "40")], [share("t", "20", "40")], told(share="10")),
        ([share("t", "10", "40")], [share("t", "30", "60")], told(pool="5", share="15")),
        ([], [share("t", "15", "60")], told(pool="15")),
        ([share("u", "40", "40")], [share("t", "15", "60"), share("u", "45", "60")], told(share="15")),
        ([share("t", "10", "40")], [], told(pool="-10")),
        ([share("t", "10", "40", "x")], [share("t", "10", "40", "y")], told(pool="0")),
        ([share("t", "-10", "-40")], [share("t", "-5", "-20")], told(pool="5")),
    ],
    ids=str,
)  # fmt: skip
def test_a_share_of_a_pool(before, after, expected):
    assert effects(of_shares(frame(before), frame(after), BY), "t") == {k: v for k, v in expected.items() if v}


# --- laws ------------------------------------------------------------------------------------------------------------------

amounts = st.decimals(min_value=-1000, max_value=1000, places=6)
bills = st.lists(
    st.builds(
        line, st.sampled_from(["red", "blue", "green"]), st.sampled_from(["a", "b", "c"]), amounts,
        st.one_of(st.none(), st.integers(-3, 40)),
    ),
    max_size=8,
)  # fmt: skip


@settings(max_examples=15)
@given(bills, bills)
def test_effects_add_up_to_the_change_of_every_owner_and_item(before, after):
    found = of_charges(frame(before), frame(after), BY)
    for row in found.iter_rows(named=True):
        assert sum((row[effect] for effect in EFFECTS), D(0)) == row["after"] - row["before"]
    for name, rows in (("before", before), ("after", after)):
        assert sum(found[name].to_list(), D(0)) == sum((row["amount"] for row in rows), D(0))


@settings(max_examples=15)
@given(bills, bills)
def test_what_changes_hands_is_nobodys_gain(before, after):
    assert sum(of_charges(frame(before), frame(after), BY)["ownership"].to_list(), D(0)) == 0


@settings(max_examples=15)
@given(bills)
def test_nothing_changed_means_no_effect(rows):
    assert effects(of_charges(frame(rows), frame(rows), BY)) == {}


@settings(max_examples=15)
@given(bills, bills)
def test_the_order_of_lines_does_not_matter(before, after):
    one = of_charges(frame(before), frame(after), BY)
    other = of_charges(frame(before[::-1]), frame(after[::-1]), BY)
    key = ["thing", "unit", "is_metered", "owner"]
    assert one.sort(key).equals(other.sort(key))


@settings(max_examples=15)
@given(bills, bills)
def test_a_bill_that_nobody_shares_out_changes_for_no_owner(before, after):
    """Of the whole bill, with one owner, nothing changes hands, and its change is that of all owners together."""
    whole = [frame([{**row, "owner": "all"} for row in rows]) for rows in (before, after)]
    one, each = of_charges(*whole, BY), of_charges(frame(before), frame(after), BY)
    assert "ownership" not in effects(one)
    assert sum(effects(one).values()) == sum(effects(each).values())


@settings(max_examples=15)
@given(
    st.lists(st.tuples(st.sampled_from("tuv"), amounts), max_size=4),
    st.lists(st.tuples(st.sampled_from("tuv"), amounts), max_size=4),
)
def test_shares_add_up_to_the_change_and_to_the_pools(before, after):
    frames = []
    for rows in (before, after):
        held = sum((amount for _, amount in rows), D(0))
        frames.append(frame([share(owner, amount, held) for owner, amount in rows]))
    found = of_shares(*frames, BY)
    moved = sum((amount for _, amount in after), D(0)) - sum((amount for _, amount in before), D(0))
    assert sum(effects(found).values(), D(0)) == moved
