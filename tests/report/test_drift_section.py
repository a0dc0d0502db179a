"""What a reader is told of drift and of upgrades."""

from __future__ import annotations

from answer_building import SCRIPT, all_words, by_team, frame, mart, of_org

from idp_analytics.metrics.drift import COLUMNS, LIST_COLUMNS
from idp_analytics.metrics.upgrade_lag import COLUMNS as LAG
from idp_analytics.periods import parse
from idp_analytics.report import html
from idp_analytics.report.drift import LISTED, drift, upgrades

CELL = {
    "scope": "org",
    "entity_id": "org",
    "every": "1mo",
    "period": "2026-06",
    "period_start": parse("2026-06").start,
    "is_partial": False,
}


def row(n: int = 10, k: int = 6, **more):
    share = {"share": k / n, "low": k / n - 0.1, "high": k / n + 0.1} if n else {}
    return {
        **CELL,
        "by": "all",
        "n": n,
        "k": k,
        "in_grace": 0,
        "unknown": 0,
        "level": 0.95,
        "grace_days": 30.0,
        "dated": 0,
        **share,
        **more,
    }


def seen(*rows, late=(), lag=()):
    return mart(studies={
        "drift": frame(rows, COLUMNS), "services_behind": frame(late, LIST_COLUMNS), "upgrade_lag": frame(lag, LAG)
    })  # fmt: skip


def test_the_answer_tells_share_days_and_what_is_not_known():
    days = {
        "dated": 4,
        "days_behind": 81.0,
        "days_low": 41.0,
        "days_high": 120.0,
        "days_p90": 118.0,
        "versions_behind": 1.5,
    }
    made = drift(of_org(seen(row(unknown=2, in_grace=1, **days), row(by="path", part="pipe", title=SCRIPT, n=3, k=3))))
    assert made.answer == (
        "Of 12 uses of a golden path at the end of June 2026, 6 are current and 4 behind: 60.0 % of those known are current (95 % "
        "interval 50.0–70.0 %); of 2 the version is not known. Half of those behind have been so for 81 days or less (95 % interval "
        "41–120 days), counted from the release of the first version newer than theirs."
    )
    assert made.chart is not None
    assert [r["n"] for r in made.chart.spec["datasets"]["thirds"]] == [6, 2, 4]
    assert any("(rules.drift_grace_days): 1 use counted as current" in text for text in made.cautions)
    assert "<script>" not in html.behind(made)
    many = drift(of_org(seen(row(n=20, k=6, **{**days, "dated": 14}))))
    assert many.answer.endswith("; one in ten for more than 118 days.")


def test_what_cannot_be_compared_is_said():
    assert drift(of_org(seen())).answer == "Nothing was seen in use of a golden path at the end of June 2026."
    made = drift(of_org(seen(row(n=0, k=0, unknown=3))))
    assert (
        made.answer
        == "Of 3 uses of a golden path at the end of June 2026 no version can be compared, so nothing is known of drift."
    )


def test_a_team_sees_which_of_its_services_are_behind_and_how_many_are_not_listed():
    late = [
        {**CELL, "scope": "team", "entity_id": "red", "service_id": f"s{number} {SCRIPT}", "golden_path_id": "pipe", "title": "Pipe",
         "version": "1.0", "versions_behind": 1, "days_behind": float(99 - number)}
        for number in range(LISTED + 2)
    ]  # fmt: skip
    made = drift(by_team(seen(row(scope="team", entity_id="red"), late=late), "red"))
    table = made.tables[0]
    assert table.caption.endswith("that are behind, longest first")
    assert (table.frame.height, table.left_out) == (LISTED, 2)
    assert table.frame["Days behind"][0] == "99"
    assert SCRIPT in all_words(made)
    assert "<script>" not in html.behind(made)


def curve(day: int, share: float, **more):
    return {
        "scope": "org", "entity_id": "org", "n": 8, "k": 5, "unknown": 1, "releases": 2, "half": 37.0, "half_low": 33.0, "half_high": 49.0,
        "most_low": 68.0, "level": 0.95, "day": day, "at_risk": 8, "share": share, "low": share / 2, "high": min(1.0, share * 2), **more,
    }  # fmt: skip


def test_upgrades_tell_half_and_that_nine_in_ten_is_not_reached():
    made = upgrades(of_org(seen(lag=[curve(0, 0.0), curve(37, 0.55), curve(0, 0.0, part="pipe", title="Pipe")])))
    assert made.answer == (
        "Of 8 upgrades that 2 releases called for, 5 were seen to be made. It takes 37 days until half are made (95 % interval 33–49 "
        "days). When 90 % are made is not known yet: it takes at least 68 days (95 % interval)."
    )
    assert made.chart is not None
    assert made.chart.title == "Upgrades made, by days since the release"
    assert made.tables[0].frame["Golden path"].to_list() == ["all", "Pipe"]


def test_no_release_no_curve():
    made = upgrades(of_org(seen()))
    assert made.answer.startswith("No release since the data begin")
    assert (made.chart, made.tables, made.cautions) == (None, (), ())


def test_the_sample(organisation_report, team_report):
    assert organisation_report().drift().chart is not None
    assert organisation_report().upgrades().chart is not None
    assert team_report().drift().answer.startswith("Of ")
