"""What a reader is told of the boundary: the map, the gates to open, the holes to close, and what nobody classified."""

from __future__ import annotations

import polars as pl
import pytest
from answer_building import TURNED, answer, frame, mart, of_org

from idp_analytics.metrics.boundary import COLUMNS
from idp_analytics.report.boundary import boundary, gates_to_open, holes_to_close

COUNTS = {name: 0 for name, dtype in COLUMNS.items() if dtype == pl.Int64}


def use(title: str, risk: str, gate: str, n: int, route: str = "self-service", **given: object) -> dict[str, object]:
    return {
        "scope": "org", "entity_id": "org", "every": "1mo", "period": "2026-06", "is_partial": False, "operation_id": title,
        "title": title, "risk": risk, "gate": gate, "route": route, "level": 0.95, **COUNTS, "n": n, "carried_out": n,
        "hours": 0.0, "hours_per_month": 0.0, "exposed_per_month": 0.0, **given,
    }  # fmt: skip


WAITED = {
    "route": "approval", "asked": 9, "waits": 7, "pending": 1, "wait_missing": 2, "hours": 21.0, "hours_per_month": 21.0, "hours_low": 9.0,
    "hours_high": 50.0, "decided": 6, "caught": 0, "caught_share": 0.0, "caught_low": 0.0, "caught_high": 0.39,
}  # fmt: skip
HOLE = {"ungated": 2, "bypassed": 1, "exposed": 3, "exposed_per_month": 3.0, "exposed_low": 0.6, "exposed_high": 8.8}
ROWS = [
    use("Rotate a secret", "safe", "human", 9, **WAITED), use("Restart", "safe", "none", 40, ungated=40, exposed=40),
    use("Open a port", "dangerous", "none", 3, **HOLE), use("Drop a database", "dangerous", "human", 5, "approval"),
    use(f"<b>{TURNED}", "unclassified", "unknown", 4, "escape hatch", bypassed=4, exposed=4),
]  # fmt: skip


def seen(*rows: dict[str, object]):
    made = mart([answer("exposed_run_share", n=8, k=3, value=0.375)], studies={"boundary": frame(rows, COLUMNS)})
    return boundary(of_org(made))


def test_the_answer_and_the_lists():
    made = seen(*ROWS)
    assert made.answer == (
        "In June 2026, 61 uses of 5 operations are known. People waited 21.0 h for 7 decisions on what is safe (9 asked). Of 8 dangerous uses "
        "carried out, 3 were unchecked. 4 uses are of what nobody has classified. Whether something dangerous is done round the platform is "
        "not visible: no audit log of it is loaded."
    )
    opened, closed, unknown, everything = (table.frame.rows() for table in made.tables)
    assert opened == [("Rotate a secret", "9", "1", "2", "0 of 6", "0.0–39.0 %", "21", "9–50 per month")]
    assert closed == [("Open a port", "3", "3", "2 no gate; 1 went round the gate", "3.0", "0.6–8.8 uses")]
    assert [row[0] for row in unknown] == ["<b>PaySlaP"] or "<b>" in unknown[0][0]
    assert "\u202e" not in str(unknown)
    assert len(everything) == 5
    assert any("lower bound" in caution for caution in made.cautions)


def test_what_is_safe_and_free_is_no_hole_and_what_is_unclassified_no_gate_to_open():
    found = frame(ROWS, COLUMNS)
    assert [row["title"] for row in gates_to_open(found)] == ["Rotate a secret"]
    assert [row["title"] for row in holes_to_close(found)] == ["Open a port"]


def test_the_map_says_in_words_what_it_shows():
    made = seen(*ROWS).chart
    assert made is not None
    cells = {(cell["risk"], cell["gate"]): cell for cell in made.spec["datasets"]["cells"]}
    assert cells["dangerous", "no gate"]["kind"] == "danger unchecked"
    assert cells["dangerous", "no gate"]["note"] == "3 unchecked"
    assert cells["safe", "person decides"]["note"] == "21 h waited"
    assert cells["dangerous", "no gate"]["lines"] == "3|unchecked"  # so that neighbours do not touch on a phone
    assert cells["safe", "person decides"]["lines"] == "21 h|waited"
    assert cells["safe", "no gate"]["kind"] == "all else"
    assert cells["unclassified", "escape hatch"]["kind"] == "not classified"
    assert "dangerous, no gate: 3 uses, 3 unchecked" in made.description
    assert sum(cell["n"] for cell in cells.values()) == 61


def test_many_are_told_with_their_thousands():
    many = use("Open a port", "dangerous", "none", 3456, **{**HOLE, "exposed": 1234})
    off = answer("gate_evasion_share", n=3456, k=1234, value=0.357, low=0.34, high=0.37)
    told = [answer("exposed_run_share", n=3456, k=1234, value=0.357), off]
    made = boundary(of_org(mart(told, studies={"boundary": frame([many], COLUMNS)})))
    assert "Of 3,456 dangerous uses carried out, 1,234 were unchecked." in made.answer
    assert "Round the platform, as far as logs tell, went 1,234 of 3,456 dangerous uses" in made.answer


def test_one_of_each_and_nothing():
    made = seen(use("Open a port", "dangerous", "none", 1, **{**HOLE, "ungated": 1, "bypassed": 0, "exposed": 1}))
    assert "Of 1 dangerous use carried out, 1 was unchecked." in made.answer
    assert "Nobody had to ask a person for what is safe." in made.answer
    empty = seen()
    assert (empty.chart, empty.tables) == (None, ())
    assert empty.answer == "Nothing was asked of the platform in June 2026 that the data tell of."


@pytest.mark.parametrize("team", [None, "payments"])
def test_the_sample_finds_what_is_planted(organisation_report, team_report, team):
    made = (team_report(team, "2026-Q2") if team else organisation_report("2026-Q2")).boundary()
    opened, closed = made.tables[:2]
    assert opened.frame["Operation"].to_list() == ["Rotate a secret"]
    assert set(closed.frame["Operation"]) == {"Open a firewall port"}
    assert made.chart is not None


def test_how_much_went_round_the_platform_where_a_log_tells():
    seen_off = answer("gate_evasion_share", n=8, k=2, value=0.25, low=0.07, high=0.59)
    made = boundary(
        of_org(mart([answer("exposed_run_share", n=8), seen_off], studies={"boundary": frame(ROWS, COLUMNS)}))
    )
    assert (
        "Round the platform, as far as logs tell, went 2 of 8 dangerous uses (25.0 %, 95 % interval 7.0–59.0 %)."
        in made.answer
    )
