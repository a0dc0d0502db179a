"""Criteria → cells → levels by hand, and the laws: what is not known widens and never lowers, more evidence never widens."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from idp_analytics.answers import ORG
from idp_analytics.metrics.maturity.evidence import CRITERIA, STATES, judged
from idp_analytics.metrics.maturity.levels import cells, levels
from idp_analytics.metrics.maturity.measured import COLUMNS, chance
from idp_analytics.metrics.maturity.thresholds import turned
from idp_analytics.settings import Settings
from idp_analytics.settings.maturity_model import Exemption, shipped

P = {"met": 1.0, "not met": 0.0, "unknown": None, "not applicable": None, "exempt": None}


def frame(*rows):
    """``(level, state)`` or ``(level, state, {…})`` each, of one aspect of the organisation."""
    made = [
        {
            **dict.fromkeys(CRITERIA), "scope": "org", "entity_id": ORG, "aspect": "a", "level": level, "state": state, "criterion": f"c{number}",
            "p": P[state], "is_critical": False, "is_stress": False, "weight": 1.0, "is_least": True, "kind": "share",
            **(more[0] if more else {}),
        }
        for number, (level, state, *more) in enumerate(rows)
    ]  # fmt: skip
    return pl.DataFrame(made, schema=CRITERIA)


def of(*rows):
    row = levels(frame(*rows)).row(0, named=True)
    return row["low"], row["level"], row["high"]


WHOLE = [(2, "met"), (3, "met"), (4, "met")]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (WHOLE, (4, 4, 4)),
        ([(2, "not met"), (3, "met"), (4, "met")], (1, 1, 1)),  # nothing above stands without what is below
        ([(2, "met"), (3, "unknown"), (4, "not met")], (2, 2, 3)),
        ([(2, "unknown"), (3, "met"), (4, "met")], (1, 1, 4)),  # bounds leave all open: see below
        # 2 of 3 met is largely (0.67 > 0.5) but not fully (0.67 < 0.85): level 3 stands on it, level 4 does not.
        ([(2, "met"), (3, "met"), (3, "met"), (3, "not met"), (4, "met")], (3, 3, 3)),
        # Half is not more than half.
        ([(2, "met"), (3, "met"), (3, "not met"), (4, "met")], (2, 2, 2)),
        ([(2, "met"), (3, "met"), (3, "met"), (3, "not met", {"is_critical": True}), (4, "met")], (2, 2, 2)),
        ([(2, "met"), (3, "met"), (3, "met"), (3, "unknown", {"is_critical": True}), (4, "not met")], (2, 3, 3)),
        # What does not apply is not asked; nothing left to ask leaves the level open.
        ([(2, "met"), (3, "met"), (3, "not applicable"), (4, "not met")], (3, 3, 3)),
        ([(2, "met"), (3, "not applicable"), (4, "not met")], (2, 2, 3)),
        # 1 of 5 exempt is 20 %, which is still a fifth; 1 of 4 is more, so the cell is open.
        ([(2, "met"), *[(3, "met")] * 4, (3, "exempt"), (4, "not met")], (3, 3, 3)),
        ([(2, "met"), *[(3, "met")] * 3, (3, "exempt"), (4, "not met")], (2, 3, 3)),
        ([(2, "met"), (3, "met", {"weight": 3.0}), (3, "not met"), (4, "not met")], (3, 3, 3)),  # 3 of 4
    ],
)  # fmt: skip
def test_levels_by_hand(rows, expected):
    low, level, high = of(*rows)
    assert (low, high) == (expected[0], expected[2])
    assert level == (None if (low, high) == (1, 4) else expected[1])


@pytest.mark.parametrize(
    ("state", "expected", "stress", "from_"),
    [
        ("met", (4, 4, 4), "kept", None), ("not met", (2, 2, 2), "not kept", 4), ("unknown", (2, 4, 4), "not known", None),
        ("not applicable", (4, 4, 4), "not tested", None), ("exempt", (4, 4, 4), "not tested", None),
    ],
)  # fmt: skip
def test_what_is_seen_under_stress_caps_and_what_is_not_known_widens(state, expected, stress, from_):
    rows = frame(*WHOLE, (3, state, {"is_stress": True}))
    found = levels(rows).row(0, named=True)
    assert (found["low"], found["level"], found["high"]) == expected
    assert (found["stress"], found["capped_from"]) == (stress, from_)


def test_an_aspect_that_is_not_asked_at_every_level_or_of_which_nothing_is_measured_is_not_assessed():
    for rows in ([(2, "met"), (3, "met")], [(2, "unknown"), (3, "unknown"), (4, "unknown")]):
        found = levels(frame(*rows)).row(0, named=True)
        assert (found["is_assessed"], found["low"], found["level"], found["high"]) == (False, None, None, None)


def test_a_cell_by_hand():
    rows = [(3, "met", {"p": 0.95}), (3, "not met", {"p": 0.05}), (3, "unknown", {"p": 0.5}), (3, "unknown"), (3, "exempt"), (3, "not applicable")]  # fmt: skip
    (row,) = cells(frame(*rows)).to_dicts()
    # Of four that apply one is met for sure, three at most; three are measured: (0.95 + 0.05 + 0.5) ÷ 3.
    assert (row["lowest"], row["highest"], row["coverage"]) == (0.25, 0.75, 0.75)
    assert row["achieved"] == pytest.approx(0.5)
    assert (row["low_mark"], row["mark"], row["high_mark"]) == ("P", "P", "L")
    assert [row[s.replace(" ", "_")] for s in STATES] == [1, 1, 2, 1, 1]


@pytest.mark.parametrize(("share", "mark"), [(0, "N"), (3, "N"), (4, "P"), (10, "P"), (11, "L"), (17, "L"), (18, "F"), (20, "F")])  # fmt: skip
def test_marks_are_cut_at_15_50_and_85_percent(share, mark):
    rows = [(2, "met")] * share + [(2, "not met")] * (20 - share)
    assert cells(frame(*rows))["low_mark"].to_list() == [mark]


SOME = st.lists(
    st.tuples(st.sampled_from([2, 3, 4]), st.sampled_from(STATES), st.booleans(), st.booleans()), min_size=1, max_size=9
)


def _made(rows):
    return frame(*((level, state, {"is_critical": c, "is_stress": s, **({"level": 3} if s else {})}) for level, state, c, s in rows))  # fmt: skip


def _span(rows):
    # Three that are met make the aspect assessed whatever is drawn.
    row = levels(pl.concat([_made(rows), frame(*WHOLE).with_columns(pl.col("criterion") + "x")])).row(0, named=True)
    return row["low"], row["high"]


@given(SOME, st.data())
def test_more_evidence_never_widens_and_stays_within(rows, data):
    open_ = [n for n, row in enumerate(rows) if row[1] == "unknown"]
    before = _span(rows)
    assert before[0] <= before[1]
    if open_:
        which = data.draw(st.sampled_from(open_))
        known = data.draw(st.sampled_from(["met", "not met"]))
        after = _span([(*row[:1], known, *row[2:]) if n == which else row for n, row in enumerate(rows)])
        assert before[0] <= after[0] <= after[1] <= before[1]


@given(SOME)
def test_unknown_counts_as_neither(rows):
    span = _span(rows)
    worst, best = (_span([(r[0], s if r[1] == "unknown" else r[1], *r[2:]) for r in rows]) for s in ("not met", "met"))
    assert span[0] == worst[0] if not any(r[1] == "unknown" and r[3] for r in rows) else span[0] <= span[1]
    assert span[1] == best[1]


@given(SOME, st.integers(0, 8))
def test_meeting_a_criterion_never_lowers(rows, at):
    at %= len(rows)
    if rows[at][1] == "not met":
        after = _span([(*row[:1], "met", *row[2:]) if n == at else row for n, row in enumerate(rows)])
        before = _span(rows)
        assert after[0] >= before[0]
        assert after[1] >= before[1]


@given(SOME, SOME)
def test_one_teams_data_never_change_anothers(mine, others):
    def whose(rows, name):
        return rows.with_columns(pl.lit("team").alias("scope"), pl.lit(name).alias("entity_id"))

    alone = levels(whose(_made(mine), "mine")).filter(entity_id="mine")
    among = levels(pl.concat([whose(_made(mine), "mine"), whose(_made(others), "others")])).filter(entity_id="mine")
    assert alone.equals(among)


# --- judging ----------------------------------------------------------------------------------------------------------


def judge(k, n, threshold, is_least=True, **more):
    row = {**dict.fromkeys(COLUMNS), "kind": "share", "k": k, "n": n, "value": k / n if n and k is not None else None, "level": 0.95, "threshold": threshold, "is_least": is_least, **more}  # fmt: skip
    return chance(pl.DataFrame([row], schema={**COLUMNS, "threshold": pl.Float64, "is_least": pl.Boolean}))[0]


@pytest.mark.parametrize(("k", "n", "p"), [(6, 8, 0.80), (18, 24, 0.94), (75, 100, 0.999)])
def test_75_percent_of_8_is_not_75_percent_of_100(k, n, p):
    # The table of the research: P(share ≥ 60 %) by Jeffreys' posterior.
    assert judge(k, n, 0.6) == pytest.approx(p, abs=0.005)
    assert judge(k, n, 0.6) == pytest.approx(beta.sf(0.6, k + 0.5, n - k + 0.5))
    assert judge(k, n, 0.6, is_least=False) == pytest.approx(1 - judge(k, n, 0.6))


def test_an_interval_is_judged_on_the_side_of_the_threshold():
    # Median 2 (1–8 at 95 %): log-normal with error ln 4 ÷ 1.96 above and ln 2 ÷ 1.96 below; at most 8 and at most 1 lie at its ends.
    numbers = {"kind": "interval", "value": 2.0, "low": 1.0, "high": 8.0}
    assert judge(None, 10, 8.0, is_least=False, **numbers) == pytest.approx(0.975)
    assert judge(None, 10, 1.0, is_least=False, **numbers) == pytest.approx(0.025)
    assert judge(None, 10, 2.0, is_least=False, **numbers) == pytest.approx(0.5)


def test_a_median_not_reached_is_settled_by_its_lower_bound_or_not_at_all():
    numbers = {"kind": "interval", "value": None, "low": 5.0, "high": None}
    assert judge(None, 10, 4.0, is_least=False, **numbers) == pytest.approx(0.025)
    assert judge(None, 10, 6.0, is_least=False, **numbers) is None


@pytest.mark.parametrize(("value", "least", "p"), [(11, True, 1), (10, True, 0), (11, False, 1), (12, False, 0)])
def test_what_was_counted_passes_or_does_not(value, least, p):
    assert judge(None, None, 11.0, is_least=least, kind="counted", value=float(value)) == p


def measured(**of_entities):
    rows = [
        {**dict.fromkeys(COLUMNS), "scope": "org" if name == ORG else "team", "entity_id": name, "source": "services_on_a_path", "kind": "share", "level": 0.95, **told}
        for name, told in of_entities.items()
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=COLUMNS)


def asked(*teams):
    return pl.DataFrame({"scope": ["org", *["team"] * len(teams)], "entity_id": [ORG, *teams]})


def states(found, settings, as_of, *teams):
    told = judged(found, asked(*teams), settings, as_of).filter(criterion="adoption-services")
    return {row["entity_id"]: (row["state"], row["why"]) for row in told.to_dicts()}


def test_criteria_are_judged_for_everybody_and_absence_is_unknown(as_of):
    found = measured(
        org={"k": 75, "n": 100},
        big={"k": 20, "n": 100},
        small={"k": 6, "n": 8},
        calm={"n": 0, "why": "nothing to test it"},
    )
    told = states(found, Settings("o", "O", None), as_of("2026-07-01"), "big", "small", "calm", "absent")
    assert told == {
        "org": ("met", None), "big": ("not met", None), "small": ("unknown", "too close to the threshold to tell"),
        "calm": ("not applicable", "nothing to test it"), "absent": ("unknown", "not in the data"),
    }  # fmt: skip


def test_an_exemption_excuses_its_team_until_it_ends_and_never_counts_as_met(as_of):
    from dataclasses import replace

    one = Exemption("adoption-services", "exempt", "bought software", "CTO", "big", date(2026, 7, 1))
    settings = Settings("o", "O", None, maturity=replace(shipped(), exemptions=(one,)))
    found = measured(org={"k": 75, "n": 100}, big={"k": 20, "n": 100})
    assert states(found, settings, as_of("2026-06-30"), "big")["big"] == ("exempt", "bought software")
    assert states(found, settings, as_of("2026-07-01"), "big")["big"] == ("not met", None)
    assert states(found, settings, as_of("2026-06-30"), "big")["org"] == ("met", None)
    after = judged(found, asked("big"), settings, as_of("2026-07-01")).filter(
        entity_id="big", criterion="adoption-services"
    )
    assert after["has_lapsed"].to_list() == [True]
    assert after["excused_by"].to_list() == ["CTO"]


def test_where_a_threshold_would_turn():
    rows = frame((2, "met", {"k": 75.0, "n": 100, "value": 0.75, "p": 1.0, "threshold": 0.6}), (3, "met", {"k": 75.0, "n": 100, "p": 1.0}), (4, "not met", {"k": 0.0, "n": 9, "p": 0.0}))  # fmt: skip
    first = turned(rows).row(0, named=True)
    # Met up to the threshold that Beta(75.5, 25.5) passes with 0.9.
    assert first["met_to"] == pytest.approx(beta.isf(0.9, 75.5, 25.5))
    assert first["not_met_from"] == pytest.approx(beta.isf(0.1, 75.5, 25.5))
    assert (first["low"], first["high"], first["low_if_met"], first["low_if_not"], first["high_if_not"]) == (3, 3, 3, 1, 1)  # fmt: skip
    assert first["decides"]


@given(st.permutations([(3, "met", {"p": 1 / (n + 1), "weight": 1 + n / 7}) for n in range(9)]))
def test_the_same_to_the_last_bit_whatever_the_order_of_criteria(rows):
    first = [(3, "met", {"p": 1 / (n + 1), "weight": 1 + n / 7}) for n in range(9)]
    assert cells(frame(*rows)).equals(cells(frame(*first)))
