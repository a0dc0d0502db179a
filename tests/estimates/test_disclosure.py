"""Who may be shown, and the attacker who has everything that is shown."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from idp_analytics.estimates import disclosure, disclosure_audit

CASES = Path(os.environ.get("IDP_CASES", "../shared/cases")) / "stats" / "given"


def groups(*rows, table="t"):
    """Rows: group, whole, favourable, other."""
    return pl.DataFrame(
        [(table, *row, True, True) for row in rows],
        schema={"table": pl.String, "group": pl.String, "whole": pl.String, "yes": pl.Int64, "no": pl.Int64,
                "may": pl.Boolean, "spreads": pl.Boolean}, orient="row",
    )  # fmt: skip


def seen(frame, least=5, mixed_below=10):
    told = disclosure.shown(frame, ["yes", "no"], ["table"], least, mixed_below)
    assert told.drop("is_shown").equals(frame)
    return set(told.filter("is_shown")["group"])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # Everybody large and mixed: nothing to hide.
        ([("org", None, 12, 12), ("a", "org", 6, 6), ("b", "org", 6, 6)], {"org", "a", "b"}),
        # b has four: it is hidden, and a with it, since org − a would be b.
        ([("org", None, 9, 7), ("a", "org", 6, 6), ("b", "org", 3, 1)], {"org"}),
        # Two are too small, and together six people said both: enough.
        ([("org", None, 10, 8), ("a", "org", 6, 6), ("b", "org", 2, 1), ("c", "org", 2, 1)], {"org", "a"}),
        # Two too small that hold four: the smaller of those shown goes too.
        ([("org", None, 15, 14), ("a", "org", 6, 7), ("b", "org", 6, 6), ("c", "org", 2, 0), ("d", "org", 1, 1)], {"org", "a"}),
        # Six who all said yes are known one by one; hidden with the next so that the rest is mixed.
        ([("org", None, 22, 10), ("a", "org", 6, 0), ("b", "org", 8, 4), ("c", "org", 8, 6)], {"org", "c"}),
        # Ten who all said yes may be shown: it says little of each.
        ([("org", None, 16, 6), ("a", "org", 10, 0), ("b", "org", 6, 6)], {"org", "a", "b"}),
        # Nobody said no: whatever is hidden would be known, so the whole is hidden.
        ([("org", None, 13, 0), ("a", "org", 10, 0), ("b", "org", 3, 0)], set()),
        # Nobody answered: no group, and nothing to hide.
        ([("org", None, 6, 6), ("a", "org", 6, 6), ("b", "org", 0, 0)], {"org", "a"}),
        # Three floors: a1 is too small, so a2 hides it; a is shown, and org − a is b.
        ([("org", None, 14, 14), ("a", "org", 7, 7), ("a1", "a", 1, 2), ("a2", "a", 6, 5), ("b", "org", 7, 7)], {"org", "a", "b"}),
        # What is part of something hidden is hidden, however large.
        ([("org", None, 4, 0), ("a", "org", 4, 0), ("a1", "a", 4, 0)], set()),
    ],
)  # fmt: skip
def test_who_is_shown(rows, expected):
    assert seen(groups(*rows)) == expected


def test_people_of_no_team_are_one_more_hidden_group():
    frame = groups(("org", None, 14, 14), ("a", "org", 7, 7), ("b", "org", 5, 5), ("none", "org", 2, 2))
    frame = frame.with_columns((pl.col("group") != "none").alias("may"))
    assert seen(frame) == {"org", "a"}


def test_what_is_known_in_part_leaves_nothing_open():
    # b and c together are a rest of twelve; b is known to have said no only, so all six yes are c's.
    frame = groups(("org", None, 13, 11), ("a", "org", 7, 5), ("b", "org", 1, 5), ("c", "org", 5, 1))
    held = frame.with_columns(pl.col("group").is_in(["org", "a"]).alias("may"))
    assert seen(held) == {"org", "a"}
    assert seen(held.with_columns((pl.col("group") != "b").alias("spreads"))) == {"org"}


def test_a_table_may_have_a_name_that_is_null():
    frame = groups(("org", None, 9, 7), ("a", "org", 6, 6), ("b", "org", 3, 1)).with_columns(
        pl.lit(None, pl.String).alias("option")
    )
    told = disclosure.shown(frame, ["yes", "no"], ["table", "option"], 5, 10)
    assert told.drop("is_shown").equals(frame)
    assert told.filter("is_shown")["group"].to_list() == ["org"]


def test_tables_do_not_touch_each_other():
    one = groups(("org", None, 12, 12), ("a", "org", 6, 6), ("b", "org", 6, 6), table="one")
    two = groups(("org", None, 9, 7), ("a", "org", 6, 6), ("b", "org", 3, 1), table="two")
    told = disclosure.shown(pl.concat([one, two]), ["yes", "no"], ["table"], 5, 10)
    assert told.filter("is_shown").group_by("table").len().sort("table").rows() == [("one", 3), ("two", 1)]


def statements(published: pl.DataFrame, leaves: dict[str, set[str]], answers: tuple[str, ...]):
    """Everything shown, as sums of the cells of the innermost groups."""
    rows = [
        (f"{r['group']}/{a}", f"{leaf}/{a}", r[a])
        for r in published.to_dicts()
        for a in answers
        for leaf in leaves[r["group"]]
    ]
    whole = pl.DataFrame(rows, schema=["statement", "cell", "total"], orient="row")
    return whole.select("statement", "cell"), whole.select("statement", "total").unique()


@st.composite
def hierarchies(draw):
    """A tree of two floors below the organisation; its innermost groups, and all sums of them."""
    answers = [f"a{i}" for i in range(draw(st.integers(2, 4)))]
    small = st.integers(0, 9)
    leaves = {
        f"team-{d}-{t}": [draw(small) for _ in answers]
        for d in range(draw(st.integers(1, 3))) for t in range(draw(st.integers(1, 4)))
    }  # fmt: skip
    inside = {name: {name} for name in leaves}
    for name in leaves:
        inside.setdefault(name.rsplit("-", 1)[0], set()).add(name)
        inside.setdefault("org", set()).add(name)
    above = {
        name: name.rsplit("-", 1)[0] if name.count("-") == 2 else "org" if name != "org" else None for name in inside
    }
    rows = [
        ("t", name, above[name], *(sum(leaves[leaf][i] for leaf in held) for i in range(len(answers))), True, True)
        for name, held in inside.items()
    ]
    schema = {"table": pl.String, "group": pl.String, "whole": pl.String, **dict.fromkeys(answers, pl.Int64),
              "may": pl.Boolean, "spreads": pl.Boolean}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row"), inside, tuple(answers)


def attack(company):
    frame, inside, answers = company
    told = disclosure.shown(frame, answers, ["table"], 5, 10)
    published = told.filter("is_shown")
    if published.is_empty():
        return
    members, totals = statements(published, inside, answers)
    open_to_all = {f"{name}/{a}" for name in published["group"] for a in answers if len(inside[name]) == 1}
    pinned = set(disclosure_audit.fixed(members, totals))
    empty = {f"{row['group']}/{a}" for row in frame.to_dicts() for a in answers if not sum(row[b] for b in answers)}
    hidden = set(members["cell"]) - open_to_all - empty  # that nobody of a team answered tells of nobody
    assert not pinned & hidden
    limits = disclosure_audit.bounds(members, totals, sorted(hidden)[:4])
    assert (limits["high"].fill_null(float("inf")) - limits["low"] > 0.5).all()


@given(hierarchies())
@settings(max_examples=20, deadline=None)
def test_the_attacker_never_pins_what_is_hidden(company):
    attack(company)


@pytest.mark.slow
@given(hierarchies())
@settings(max_examples=300, deadline=None)
def test_the_attacker_never_pins_what_is_hidden_in_many_hierarchies(company):
    attack(company)


def compare(company, data):
    frame, inside, answers = company
    published = frame.filter(pl.Series([data.draw(st.booleans()) for _ in range(frame.height)]))
    if published.is_empty():
        return
    members, totals = statements(published, inside, answers)
    limits = disclosure_audit.bounds(members, totals, members["cell"].unique().sort().to_list())
    exact = limits.filter((pl.col("high") - pl.col("low")).abs() < 1e-6)["cell"].to_list()
    assert disclosure_audit.fixed(members, totals).to_list() == exact


@given(hierarchies(), st.data())
@settings(max_examples=12, deadline=None)
def test_the_audit_says_what_two_programs_per_cell_say(company, data):
    compare(company, data)


@pytest.mark.slow
@given(hierarchies(), st.data())
@settings(max_examples=150, deadline=None)
def test_the_audit_says_the_same_of_many_hierarchies(company, data):
    compare(company, data)


def test_statements_that_contradict_each_other_are_told():
    members = pl.DataFrame({"statement": ["s", "u"], "cell": ["c", "c"]})
    totals = pl.DataFrame({"statement": ["s", "u"], "total": [3, 4]})
    with pytest.raises(disclosure_audit.ContradictionError):
        disclosure_audit.fixed(members, totals)


def test_a_published_table_with_margins():
    path = CASES / "S11g_suppression.json"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    case = json.loads(path.read_text())
    expected = {name: one["value"] for name, one in case["expected"].items()}
    table = {(row["age"], row["geo"]): row["freq"] for row in case["data"]}
    ages, places = sorted({a for a, _ in table}), sorted({g for _, g in table})

    def audit(hidden):
        rows = [(f"{a}/{g}", f"{a}/{g}", n) for (a, g), n in table.items() if (a, g) not in hidden]
        rows += [(a, f"{a}/{g}", sum(table[a, p] for p in places)) for a in ages for g in places]
        rows += [(g, f"{a}/{g}", sum(table[b, g] for b in ages)) for a in ages for g in places]
        whole = pl.DataFrame(rows, schema=["statement", "cell", "total"], orient="row")
        members, totals = whole.select("statement", "cell"), whole.select("statement", "total").unique()
        return members, totals, {f"{a}/{g}" for a, g in hidden} & set(disclosure_audit.fixed(members, totals))

    small = {cell for cell, n in table.items() if n <= 1}
    assert len(audit(small)[2]) == expected["naive_primary_recoverable"]
    others = sorted(set(table) - small)
    fewest = next(
        {*small, *more}
        for size in range(len(others))
        for more in itertools.combinations(others, size)
        if not audit({*small, *more})[2]
    )
    assert len(fewest) == expected["n_suppressed_min"]
    members, totals, recoverable = audit(fewest)
    assert len(recoverable) == expected["after_recoverable"]
    low, high = disclosure_audit.bounds(members, totals, ["young/Portugal"]).row(0)[1:]
    assert (low, high) == (expected["attacker_lo_young_Portugal"], expected["attacker_hi_young_Portugal"])


def test_a_direction_that_happens_not_to_move_a_cell_pins_nothing(monkeypatch):
    """Of a million cells one direction leaves one where it is: here all three, which a + b = 10 and b + c = 10 leave to move."""
    relations = csr_array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    drawn = iter([[1.0, 2.0, 1.0], [1.0, 0.0, 0.0]])

    class Draw:
        def __init__(self, _: int) -> None: ...

        def standard_normal(self, count: int) -> np.ndarray:
            assert count == 3
            return np.array(next(drawn))

    monkeypatch.setattr(np.random, "default_rng", Draw)
    assert not disclosure_audit._followed(relations, np.array([10.0, 10.0])).any()
