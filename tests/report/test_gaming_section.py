"""What a reader is told of patterns that make a number look better."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from answer_building import SCRIPT, by_team, mart, of_org

from idp_analytics.metrics.gaming import CHECKS, COLUMNS, LOOK, NOT_MEASURED, NOTHING, TOO_LITTLE
from idp_analytics.report import html
from idp_analytics.report.gaming import gaming
from idp_analytics.report.reports import OrgReport, TeamReport


def rows(scope: str = "org", entity: str = "org", **verdicts: str) -> pl.DataFrame:
    """Every check with one signal; verdict by place, ``c0`` the first; the others show nothing."""
    return pl.DataFrame(
        [
            {
                "scope": scope, "entity_id": entity, "every": "1mo", "period": "2026-06", "check": check.name,
                "signal": check.signals[0].says, "is_share": bool(check.signals[0].of), "before": 0.25, "now": 0.5,
                "n_before": 40, "n": 60, "change": 0.25, "low": 0.05, "high": 0.4, "level": 0.95, "p": 0.001, "q": 0.01,
                "verdict": verdicts.get(f"c{number}", NOTHING),
            }
            for number, check in enumerate(CHECKS)
        ],
        schema=COLUMNS,
    )  # fmt: skip


def seen(frame: pl.DataFrame):
    made = mart(teams={"red": f"Red {SCRIPT}"})
    return replace(made, studies={**made.studies, "gaming": frame})


@pytest.mark.parametrize(
    ("verdicts", "answer"),
    [
        ({}, "Of 9 checks that could be made for June 2026, none shows more than chance does."),
        ({"c0": TOO_LITTLE, "c3": NOT_MEASURED},
         "Of 7 checks that could be made for June 2026, none shows more than chance does. 2 checks could not be made."),
        ({f"c{n}": TOO_LITTLE for n in range(9)}, "There is too little in June 2026 for any of 9 checks."),
        ({"c5": LOOK},
         "1 of 9 checks that could be made for June 2026 is worth a question. Incidents no longer linked: fewer of the incidents "
         "are linked to a deployment; this may be innocent, since more trouble comes from elsewhere: a provider, load, a "
         "certificate. Look at incidents soon after a deployment that name none."),
    ],
)  # fmt: skip
def test_the_answer(verdicts, answer):
    made = gaming(of_org(seen(rows(**verdicts))))
    assert made.answer == answer
    assert made.opened == (LOOK in verdicts.values())
    assert any("question and no finding" in text for text in made.cautions)


def test_the_numbers_stand_with_n_and_interval():
    made = gaming(by_team(seen(rows("team", "red", c0=LOOK)), "red"))
    row = made.tables[0].frame.row(0, named=True)
    assert row == {
        "Check": "empty deployments", "Signal": "share of deployments that bring nothing new", "Before": "25.0 %",
        "n before": "40", "Now": "50.0 %", "n": "60", "Change": "+25.0 points, +5.0 to +40.0", "Says": "look here",
    }  # fmt: skip
    assert made.tables[1].frame["Check"].to_list() == [check.name for check in CHECKS]
    assert SCRIPT not in html.behind(made)


def test_without_a_period_before_nothing_can_be_checked():
    made = gaming(of_org(seen(pl.DataFrame(schema=COLUMNS))))
    assert made.answer == "Nothing can be checked for June 2026: it takes a complete period and one before it."
    assert (made.tables, made.cautions) == ((), ())


def test_both_reports_ask_it():
    assert OrgReport(of_org(seen(rows()))).gaming().tables
    assert TeamReport(by_team(seen(rows()), "red")).gaming().tables == ()
