"""What a reader is told of who is on a golden path."""

from __future__ import annotations

import polars as pl
from answer_building import SCRIPT, all_words, answer, frame, mart, of_org

from idp_analytics.metrics.first_deployments import COLUMNS as BIRTHS
from idp_analytics.metrics.path_coverage import COLUMNS
from idp_analytics.periods import parse
from idp_analytics.report import html
from idp_analytics.report.golden_paths import golden_paths


def row(period: str = "2026-06", by: str = "all", part: str | None = None, n: int = 10, k: int = 6, **more):
    span = parse(period)
    share = {"share": k / n, "low": k / n - 0.1, "high": k / n + 0.1} if n else {}
    return {
        "scope": "org", "entity_id": "org", "every": span.every, "period": period, "period_start": span.start,
        "is_partial": False, "by": by, "part": part, "n": n, "k": k, "unknown": 0, "missing": 0, "level": 0.95, **share, **more,
    }  # fmt: skip


def seen(*rows, answers=()):
    return golden_paths(of_org(mart(answers, studies={"path_coverage": frame(rows, COLUMNS)})))


def test_the_answer_has_all_three_parts():
    told = [answer("deployment_path_share", n=20, k=5, value=0.25, low=0.1, high=0.5)]
    made = seen(
        row("2026-05", k=4), row(unknown=1), row(by="path", part="pipe", title="The pipe", k=3), row(by="tier", part="1", n=2, k=1),
        row(by="deployments", n=200, k=150), answers=told,
    )  # fmt: skip
    assert made.answer.startswith(
        "Of 10 eligible active services at the end of June 2026, 6 are on a golden path: 60.0 % (95 % interval 50.0–70.0 %). "
        "1 more is said to be, and nobody looks whether they are. Weighed by how often they deploy: 75.0 % (95 % interval "
        "65.0–85.0 %). Of 20 deployments in June 2026, 5 went through a golden path: 25.0 % (95 % interval 10.0–50.0 %)"
    )
    by_path, by_tier, over_time = made.tables
    assert by_path.frame["Golden path"].to_list() == ["The pipe"]
    assert by_tier.frame["Tier"].to_list() == ["1"]
    assert over_time.frame["End of"].to_list() == ["2026-05", "2026-06"]
    assert made.chart is not None
    bars = [(r["period"], r["kind"], r["n"]) for r in made.chart.spec["datasets"]["thirds"]]
    assert bars[3:] == [("2026-06", "on a golden path", 6), ("2026-06", "not known", 1), ("2026-06", "not on one", 3)]
    assert "1 not known, 3 not on one; May 2026: 4 of 10 on a golden path." in made.chart.description
    assert made.trace.startswith("idp explain path_coverage ")


def test_nothing_known_is_not_nobody():
    made = seen()
    assert made.answer.startswith("Nothing tells which services were on a golden path at the end of June 2026.")
    assert (made.chart, made.tables) == (None, ())
    none = seen(row(n=0, k=0, missing=4))
    assert none.answer.startswith("At the end of June 2026 no service is known to be active")
    assert none.chart is None
    assert none.tables[0].frame["Left out, activity or kind not known"].to_list() == ["4"]


def test_names_from_data_do_no_harm():
    made = seen(row(), row(by="path", part="p", title=SCRIPT))
    assert "<script>" not in html.behind(made)
    assert SCRIPT in all_words(made)


def test_the_sample(organisation_report, team_report):
    made = organisation_report("2026-06").golden_paths()
    assert made.chart is not None
    assert len(made.tables) == 4
    team = team_report("payments", "2026-Q2").golden_paths()
    assert "at the end of Q2 2026" in team.answer
    assert isinstance(team.tables[0].frame, pl.DataFrame)


def test_new_services_are_told_by_how_they_were_made(organisation_report):
    made = organisation_report("2026-Q2").golden_paths()
    assert (
        "Services made since the data begin were in production: on a path 4 of 4, too few for a median." in made.answer
    )
    assert (
        "No service was made before there was a path or not on a path, so there is nothing to compare with."
        in made.answer
    )
    assert made.metrics[-1].name == "new_service_deploy_time"


def birth(how, n, median, **given):
    return {"scope": "org", "entity_id": "org", "how": how, "n": n, "censored": 0, "missing": 0, "asked": n, "level": 0.95, "median": median,
            "low": median, "high": median + 2, **given}  # fmt: skip


def test_a_difference_between_services_is_an_association():
    rows = [
        birth(None, 20, 5.0),
        birth("on a path", 10, 2.0, p90=9.0, p90_low=8.0, p90_high=12.0),
        birth("off a path", 10, 9.0, censored=2),
    ]
    made = golden_paths(
        of_org(mart([], studies={"path_coverage": frame((), COLUMNS), "first_deployments": frame(rows, BIRTHS)}))
    )
    assert (
        "on a path half within 2.0 days (n 10, 95 % interval 2.0–4.0 days); not on a path half within 9.0 days"
        in made.answer
    )
    assert any("is an association" in caution for caution in made.cautions)
    (table,) = [t for t in made.tables if t.caption.startswith("Time to first production deployment")]
    assert table.frame["Made"].to_list() == ["all", "on a path", "not on a path"]
    assert "Nine in ten within" in table.frame.columns  # fmt: skip
