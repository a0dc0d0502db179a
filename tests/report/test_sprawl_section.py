"""What a reader is told of parts hardly anybody uses: questions with money, silence said as such, names as text."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from answer_building import SCRIPT, all_words, frame, mart, of_org

from idp_analytics.metrics.sprawl import COLUMNS
from idp_analytics.metrics.sprawl_costs import COLUMNS as COSTS
from idp_analytics.metrics.sprawl_costs import PAIR_COLUMNS
from idp_analytics.periods import parse
from idp_analytics.report import html
from idp_analytics.report.sprawl import sprawl

CELL = {
    "scope": "org", "entity_id": "org", "every": "1mo", "period": "2026-06", "period_start": parse("2026-06").start, "is_partial": False,
}  # fmt: skip


def part(name, reading="keep", users=("red",), because=None, **more):
    k = len(users)
    known = {
        "teams": 8,
        "services": 4,
        "active_services": 1,
        "uses": 9,
        "unknown": 0,
        "months": 0,
        "has_cost": True,
        "level": 0.95,
    }
    return {
        **CELL, **known, "component": name, "title": name, "reading": reading, "because": because, "but": [], "needed_by": [],
        "users": list(users), "active_teams": k, "share": k / 8, "low": k / 16, "high": (k + 2) / 8, **more,
    }  # fmt: skip


def cost(name, amount, currency="EUR", share=0.25):
    amounts = {"amount": Decimal(amount), "of": Decimal(400), "cost_share": share, "use_share": 0.1, "active_teams": 1}
    return {**CELL, "component": name, "title": name, "currency": currency, **amounts}


def seen(rows=(), costs=(), pairs=()):
    return sprawl(of_org(mart(teams={"red": "Red", "blue": "Blue"}, studies={
        "sprawl": frame(rows, COLUMNS), "sprawl_costs": frame(costs, COSTS), "sprawl_pairs": frame(pairs, PAIR_COLUMNS),
    })))  # fmt: skip


DEAD = part("console", "retire candidate", (), "no use in 90 days", last_used=datetime(2025, 11, 3, tzinfo=UTC), uses=0)
FEW = part("cache", "retire candidate", ("red", "blue"), "at most 2 teams")


def test_questions_with_the_money_each_ties_up():
    made = seen([DEAD, FEW, part("portal"), part("new", "watch", because="at most 2 teams", but=["it is young"])],
                [cost("console", "100.5"), cost("cache", "7"), cost("cache", "3", "USD"), cost("portal", "1")])  # fmt: skip
    assert made.answer == (
        "At the end of June 2026, 2 of 4 parts of the platform are worth a question: hardly anybody uses them, and they cost EUR 107.50 and "
        "USD 3.00 in 90 days. console: no use since 3 November 2025 by any of 8 teams, which means at most 25.0 % of teams (95 % interval). "
        "cache: 2 teams of 8, at most 50.0 % of teams (95 % interval). To be watched: new."
    )
    questions = made.tables[0].frame
    assert questions["Question"].to_list() == [
        "Does anybody miss it? Last used 3 November 2025.",
        "Could Red, Blue do without it?",
    ]
    assert questions["Cost in 90 days"].to_list() == ["EUR 100.50", "EUR 7.00 and USD 3.00"]
    assert made.trace == "idp explain sprawl --data data/acme --component console --period 2026-06"
    assert made.opened


def test_one_question_and_what_is_not_measured():
    made = seen(
        [
            part("cache", "retire candidate", ("red",), "at most 2 teams"),
            part("dark", "not measured", (), but=["it is young"]),
        ],
        [cost("cache", "1")],
    )
    assert made.answer.startswith(
        "At the end of June 2026, 1 of 2 parts of the platform is worth a question: hardly anybody uses it, and it cost EUR 1.00"
    )
    assert made.answer.endswith("Not measured, which is not unused: dark.")
    assert "dark" not in str(made.chart._repr_mimebundle_())


def test_no_question_and_nothing_known():
    made = seen([part("portal", slope=1.5, slope_low=-0.5, slope_high=2.0, autocorrelation=0.5)])
    assert (
        made.answer
        == "At the end of June 2026 none of 1 part of the platform is worth the question whether it is still needed."
    )
    assert made.table.frame["More uses each month"].to_list() == ["+1.5"]
    assert any("too narrow" in said for said in made.cautions)
    nothing = seen()
    assert nothing.answer == "Nothing tells what the platform was used for by the end of June 2026."
    assert (nothing.chart, nothing.tables, nothing.trace) == (None, (), "")


def test_pairs_and_hostile_names():
    pair = {
        **CELL,
        "capability": SCRIPT,
        "first": "a",
        "second": "b",
        "n": 4,
        "k": 1,
        "only_first": 2,
        "only_second": 1,
        "share": 0.25,
        "low": 0.05,
        "high": 0.7,
        "level": 0.95,
    }
    made = seen([part(SCRIPT, "retire candidate", ("red",), "at most 2 teams")], [cost(SCRIPT, "1")], [pair])
    assert made.tables[-1].frame["Both"].to_list() == ["1"]
    shown = "".join(str(bundle["text/html"]) for bundle in made.outputs() if "text/html" in bundle)
    assert "<script>alert" not in shown
    assert SCRIPT in all_words(made)
    assert html.answer(made)
