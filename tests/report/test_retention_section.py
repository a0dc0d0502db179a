"""What a reader is told of who stays on a golden path and who comes."""

from __future__ import annotations

from answer_building import frame, mart, of_org

from idp_analytics.metrics.path_retention import COLUMNS, ENTRY_COLUMNS
from idp_analytics.periods import parse
from idp_analytics.report.retention import retention


def row(day: int, share: float | None, cohort: str | None = None, is_mark: bool = True, **more):
    known = {"low": share - 0.1, "high": min(1.0, share + 0.1)} if share is not None else {}
    return {"scope": "org", "entity_id": "org", "cohort": cohort, "n": 9, "k": 2, "unknown": 1, "early": 3, "day": day, "at_risk": 7,
            "share": share, "level": 0.95, "is_mark": is_mark, **known, **more}  # fmt: skip


ENTRY = {"scope": "org", "entity_id": "org", "every": "1mo", "period": "2026-06", "period_start": parse("2026-06").start, "is_partial": False,
         "n": 5, "k": 2, "mandated": 1, "unknown": 0, "share": 0.4, "low": 0.1, "high": 0.8, "level": 0.95}  # fmt: skip


def seen(*rows, entry=()):
    return retention(
        of_org(mart(studies={"path_retention": frame(rows, COLUMNS), "path_entry": frame(entry, ENTRY_COLUMNS)}))
    )


def test_the_answer_and_the_curve():
    rows = [row(0, 1.0, is_mark=False), row(41, 0.8, is_mark=False), row(30, 1.0), row(90, 0.8), row(180, None)]
    later = [row(day, 0.5, "2026-Q3") for day in (30, 90, 180)]
    made = seen(*rows, *(row(day, 0.9, "2026-Q1") for day in (30, 90, 180)), *later, entry=[ENTRY])
    assert made.answer == (
        "Of 9 joins since the first look, 2 are known to have left by the as-of time. Still there: 100.0 % after 30 days (95 % interval "
        "90.0–100.0 %), 80.0 % after 90 days (95 % interval 70.0–90.0 %). Of 5 production services that began June 2026 on no golden "
        "path, 2 came to one that was not mandated: 40.0 % (95 % interval 10.0–80.0 %); 1 more only to what was mandated."
    )
    assert made.chart is not None
    assert [r["day"] for r in made.chart.spec["datasets"]["curves"]] == [0, 30, 41, 90]
    assert made.tables[0].frame["Joined in"].to_list() == ["2026-Q1", "all"]  # no quarter after the period
    assert any("3 joins from before the first look" in text for text in made.cautions)


def test_nobody_joined():
    made = seen()
    assert made.answer == "No service is known to have joined a golden path since anybody looked."
    assert (made.chart, made.tables, made.cautions) == (None, (), ())


def test_the_sample(organisation_report, team_report):
    assert "none is known to have left" in organisation_report().retention().answer
    assert team_report().retention().chart is not None
