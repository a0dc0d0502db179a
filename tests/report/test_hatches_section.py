"""What a reader is told of escape hatches; reasons are text somebody wrote."""

from __future__ import annotations

from answer_building import SCRIPT, all_words, frame, mart, of_org

from idp_analytics.metrics.hatches import COLUMNS, MEASURES, REASON_COLUMNS
from idp_analytics.metrics.path_coverage import COLUMNS as COVERAGE
from idp_analytics.periods import parse
from idp_analytics.report import html
from idp_analytics.report.hatches import hatches

CELL = {
    "scope": "org",
    "entity_id": "org",
    "every": "1mo",
    "period": "2026-06",
    "period_start": parse("2026-06").start,
    "is_partial": False,
}


def rows(**told: tuple[int, int, int]):
    """Measure (spaces as ``_``) → n, k, unknown."""
    made = []
    for name in MEASURES:
        n, k, unknown = told.get(name.replace(" ", "_"), (0, 0, 0))
        factor = 100 if name == "per 100 services" else 1
        value = {"value": factor * k / n, "low": factor * k / n / 2, "high": factor * (k / n + 0.2)} if n else {}
        age = {"age_days": 121.0} if name == "without expiry" and n else {}
        made.append({**CELL, "measure": name, "n": n, "k": k, "unknown": unknown, "level": 0.95, **value, **age})
    return made


def covered(period: str, n: int, k: int):
    return {
        **CELL,
        "period": period,
        "period_start": parse(period).start,
        "by": "all",
        "n": n,
        "k": k,
        "unknown": 1,
        "level": 0.95,
    }


def seen(measures=(), reasons=(), coverage=()):
    return hatches(of_org(mart(studies={
        "escape_hatches": frame(measures, COLUMNS), "hatch_reasons": frame(reasons, REASON_COLUMNS),
        "path_coverage": frame(coverage, COVERAGE),
    })))  # fmt: skip


TOLD = {"services": (20, 2, 0), "per_100_services": (20, 4, 1), "without_expiry": (4, 1, 1), "expired_and_in_use": (5, 3, 1),
        "by_one_team": (4, 3, 0)}  # fmt: skip


def test_the_answer():
    reasons = [{**CELL, "policy": "base", "reason": SCRIPT, "n": 3, "teams": 2, "services": 3, "of": 7, "unknown": 2}]
    made = seen(rows(**TOLD), reasons, [covered("2026-05", 20, 16), covered("2026-06", 20, 15)])
    assert made.answer == (
        "Of 20 active services at the end of June 2026, 2 have at least one escape hatch open: 10.0 % (95 % interval 5.0–30.0 %). 4 "
        "hatches open, 20 per 100 services (95 % interval 10–40). Half of those open are older than 121 days; 1 of 4 never end. Of 5 "
        "hatches past the end and not closed, 3 are still in use: 60.0 % (95 % interval 30.0–80.0 %). Beside them, 4 of 20 eligible "
        "active services are on no golden path at all (3 of 20 a period earlier). 1 reason repeats: each may be something the golden "
        "path lacks."
    )
    assert made.chart is not None
    assert len(made.chart.spec["datasets"]["parts"]) == 4
    assert SCRIPT in all_words(made)
    assert "<script>" not in html.behind(made) + html.answer(made)
    assert any("neither counted as open nor as over" in text for text in made.cautions)


def test_no_hatch_and_more_services_off_the_path_is_no_good_order():
    none = rows(services=(20, 0, 0), per_100_services=(20, 0, 0))
    unseen = "rather going round unseen"
    worse = seen(none, coverage=[covered("2026-05", 20, 16), covered("2026-06", 20, 15)])
    assert any(unseen in text for text in worse.cautions)
    better = seen(none, coverage=[covered("2026-05", 20, 15), covered("2026-06", 20, 16)])
    assert not any(unseen in text for text in better.cautions)


def test_none_known_is_said():
    made = seen()
    assert made.answer.startswith("No escape hatch is known at the end of June 2026")
    assert (made.chart, made.tables, made.cautions) == (None, (), ())


def test_the_sample(organisation_report, team_report):
    assert "escape hatch" in organisation_report().hatches().answer
    assert team_report().hatches().question.endswith("?")
