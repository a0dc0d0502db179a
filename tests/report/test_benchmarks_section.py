"""The section on what DORA published: one's own past first, own targets, then theirs; never a grade."""

from __future__ import annotations

import re
from dataclasses import replace

import polars as pl
import pytest

from idp_analytics.periods import parse
from idp_analytics.report.reports import OrgReport, TeamReport
from idp_analytics.report.view import View

TARGETS = [
    {"metric": "change_fail_rate", "value": 0.5, "scope": None, "team": None, "by": "2026-12-31"},
    {"metric": "deployment_days", "value": 0.999, "scope": None, "team": None, "by": None},
]


@pytest.fixture
def report(mart):
    def build(scope: str, entity: str, period: str = "2026-Q2", targets=(), **frames: pl.DataFrame):
        changed = replace(mart, meta={**mart.meta, "targets": list(targets)}, **frames)
        view = View(changed, scope, entity, parse(period))
        return OrgReport(view) if scope == "org" else TeamReport(view)

    return build


def test_ones_own_past_comes_first_and_doras_figures_carry_what_was_seen_there(report):
    section = report("org", "org").benchmarks()
    assert section.question == "How does this compare with what DORA published?"
    assert section.answer.startswith("Of 5 delivery numbers in Q2 2026, against the period before, ")
    assert "Beside the answers to DORA's survey of 2025: deployment frequency spans the answers" in section.answer
    first, published, scores = section.tables
    assert first.caption.startswith("First of all: against the period before")
    assert first.frame.height == 5
    seen = dict(published.frame.select("Year", "Seen at DORA").unique().iter_rows())
    assert seen == {
        "2019": "yes", "2021": "yes", "2022": "no, as others report it", "2023": "no, as others report it",
        "2024": "no, as others report it", "2025": "no, as others report it",
    }  # fmt: skip
    assert published.frame.filter(pl.col("Year").is_in(["2024", "2025"]))["Tier"].unique().to_list() == ["none"]
    assert scores.frame.filter(What="All answered", Year="2025")["Answered"].item() == "5 of the metrics"
    told = " ".join(section.cautions)
    for part in (
        "neither a grade nor a boundary",
        "blends many",
        "2024: The clusters are in no order",
        "2025: No tiers",
        "wrong way round",
    ):
        assert part in told


def test_own_targets_are_judged_in_words(report):
    section = report("org", "org", targets=TARGETS).benchmarks()
    assert "Of 2 own targets: 1 met, 1 not met, 0 not decided by the interval." in section.answer
    rows = section.tables[1].frame.to_dicts()
    assert [(r["Target"], r["Reached"], r["Which"]) for r in rows] == [
        ("at most 50.0 %", "met", "own target by 2026-12-31"), ("at least 99.9 %", "not met", "own target"),
    ]  # fmt: skip


def test_nothing_is_called_good_or_bad(report):
    section = report("team", "payments", targets=TARGETS).benchmarks()
    words = " ".join(
        [section.answer, *section.cautions, *(str(v) for t in section.tables for row in t.frame.rows() for v in row)]
    )
    assert not re.search(
        r"\b(grade[ds]?|score card|good|bad|poor|excellent|rank\w*|best team|performer)\b",
        words.replace("neither a grade", ""),
    )
    assert not any("blends many" in caution for caution in section.cautions)


def test_a_team_without_a_number_gets_no_place(report, mart):
    silent = mart.answers.with_columns(
        pl.when(pl.col("entity_id") == "payments").then(None).otherwise("value").alias("value")
    )
    section = report("team", "payments", targets=TARGETS[:1], answers=silent).benchmarks()
    assert section.answer.endswith("No number has a value in Q2 2026, so none can be set beside DORA's.")
    assert "0 met, 0 not met, 1 not decided" in section.answer
    assert len(section.tables) == 2
