"""How far the numbers can be trusted: coverage, rows set aside, expectations not met; hostile text shown as text."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from answer_building import SCRIPT, TURNED, at, by_team, load, mart, of_org

from idp_analytics.report import html
from idp_analytics.report.quality import EXAMPLES, REASONS, SPANS, quality


def span(table="deployments", team="pay", source="git", rows=10, **given):
    return {"team_id": team, "source": source, "table": table, "first_at": at(1, 1), "last_at": at(6, 30), "rows": rows,
            "usable_share": 1.0, "truncated": False, **given}  # fmt: skip


def aside(row=7, reason="not a time", **given):
    return {"table": "deployments", "file": "d.csv", "row": row, "column": "finished_at", "reason": reason, "found": "soon",
            "source": "git", "load_id": "d", **given}  # fmt: skip


def check(success=False, **given):
    return {"table": "deployments", "expectation": "expect_column_values_to_not_be_null", "column": "outcome", "success": success,
            "severity": "warning", "unexpected_count": 3, "element_count": 40, "why": "not counted", **given}  # fmt: skip


def tables(section) -> dict[str, list[dict[str, str]]]:
    return {table.caption: table.frame.to_dicts() for table in section.tables}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "0 files gave 0 rows; none was set aside. No expectation was checked. No export is known to be incomplete."),
        ({"loads": [load("deployments", rows_in=1)], "checks": [check(True)]},
         "1 file gave 1 row; none was set aside. Of 1 expectation, all were met. No export is known to be incomplete."),
        ({"loads": [load("deployments", rows_in=1200), load("costs", "c.csv", truncated=True)], "rejected": [aside()],
          "checks": [check(), check(True)]},
         "2 files gave 1,210 rows; 1 row (0.1 %) was set aside and is in no number. Of 2 expectations, 1 was not met. 1 export is known "
         "to be incomplete."),
        ({"rejected": [aside(1), aside(2)]},
         "0 files gave 0 rows; 2 rows were set aside and are in no number. No expectation was checked. No export is known to be "
         "incomplete."),
    ],
)  # fmt: skip
def test_the_answer_counts_what_came_in_and_what_did_not(given, told):
    assert quality(of_org(mart(**given))).answer == told


def test_cautions_of_the_organisation_and_the_command_that_lists_all():
    made = quality(of_org(mart(cautions=["Mind."], asked=["--data", "my data"])))
    assert (made.cautions, made.trace, made.opened) == (("Mind.",), "idp check --data 'my data'", True)
    assert (made.tables, made.chart) == ((), None)


def test_the_organisation_sees_its_teams_together_and_each_by_itself():
    made = quality(
        of_org(
            mart(
                teams={"web": "Web", "pay": "Payments"},
                coverage=[
                    span(rows=30, usable_share=1.0), span(team="web", rows=10, usable_share=0.5, first_at=at(2, 1), truncated=True),
                    span(team=None, rows=2, usable_share=0.0), span("incidents", usable_share=None, linked_share=0.5, source=TURNED),
                ],
            )
        )
    )  # fmt: skip
    shown = tables(made)
    assert shown["What the numbers of Acme rest on"] == [
        {"Facts": "deployments", "Source": "git", "From": "2026-01-01", "To": "2026-06-30", "Rows": "42", "Usable": "83.3 %",
         "Export": "incomplete"},
        {"Facts": "incidents", "Source": "PayslaP", "From": "2026-01-01", "To": "2026-06-30", "Rows": "10", "Usable": "–",
         "Export": "complete"},
    ]  # fmt: skip
    assert [(row["Team"], row["Facts"], row["Rows"], row["Linked to a deployment"]) for row in shown["The same per team"]] == [
        ("Payments", "deployments", "30", "–"), ("Payments", "incidents", "10", "50.0 %"), ("Web", "deployments", "10", "–"),
        ("(no team known)", "deployments", "2", "–"),
    ]  # fmt: skip
    drawn = made.chart.spec["datasets"]["spans"]
    assert [(row["label"], row["rows"], row["state"]) for row in drawn] == [
        ("deployments (git)", 42, "incomplete export"), ("incidents (PayslaP)", 10, "complete export"),
    ]  # fmt: skip
    assert made.chart.description.startswith(
        "2 kinds of facts between 2026-01-01 and 2026-06-30, 52 rows in all; 1 export"
    )


def test_a_team_sees_its_own_and_what_of_it_is_linked():
    coverage = [span("incidents", linked_share=0.75), span("incidents", "web", linked_share=0.1)]
    made = quality(by_team(mart(teams={"pay": "Payments"}, coverage=coverage), "pay"))
    assert tables(made) == {
        "What the numbers of Payments rest on": [
            {"Facts": "incidents", "Source": "git", "From": "2026-01-01", "To": "2026-06-30", "Rows": "10", "Usable": "100.0 %",
             "Linked to a deployment": "75.0 %", "Export": "complete"}
        ]
    }  # fmt: skip


def test_days_are_those_where_the_organisation_is():
    late = datetime(2026, 6, 30, 23, tzinfo=UTC)
    made = quality(of_org(mart(time_zone="Europe/Berlin", coverage=[span(first_at=late, last_at=late)])))
    assert {row["From"] for rows in tables(made).values() for row in rows} == {"2026-07-01"}


def test_facts_without_a_time_are_told_and_not_drawn():
    made = quality(of_org(mart(coverage=[span(first_at=None, last_at=None)])))
    assert tables(made)["What the numbers of Acme rest on"][0]["Rows"] == "10"
    assert "From" not in made.table.frame.columns
    assert made.chart is None


def test_rows_set_aside_are_counted_by_reason_the_most_first_and_shown():
    rejected = [aside(None, "too late", file=None, column=None, found=None), *(aside(row) for row in (1, 2))]
    shown = tables(quality(of_org(mart(rejected=rejected))))
    assert shown["Rows set aside in the whole organisation, by reason"] == [
        {"Table": "deployments", "File": "d.csv", "Reason": "not a time", "Rows": "2"},
        {"Table": "deployments", "File": "–", "Reason": "too late", "Rows": "1"},
    ]
    assert shown["The first of them"][:2] == [
        {"File": "–", "Row": "", "Column": "", "Reason": "too late", "Found": ""},
        {"File": "d.csv", "Row": "1", "Column": "finished_at", "Reason": "not a time", "Found": "soon"},
    ]


def test_expectations_not_met_are_told_with_what_was_found():
    bare = check(table="costs", column=None, severity=None, unexpected_count=None, element_count=None, why=None)
    shown = tables(quality(of_org(mart(checks=[check(), check(True), bare]))))
    assert shown["Expectations not met"] == [
        {"Table": "costs", "Column": "", "Expectation": "expect_column_values_to_not_be_null", "Severity": "", "Unexpected": "–",
         "Of": "–", "Why it matters": ""},
        {"Table": "deployments", "Column": "outcome", "Expectation": "expect_column_values_to_not_be_null", "Severity": "warning",
         "Unexpected": "3", "Of": "40", "Why it matters": "not counted"},
    ]  # fmt: skip


def test_long_tables_say_how_much_more_there_is():
    rejected = [aside(row, f"reason {row:03}") for row in range(REASONS + 5)]
    coverage = [span(source=f"source {number:04}") for number in range(SPANS + 2)]
    made = {table.caption: table for table in quality(of_org(mart(rejected=rejected, coverage=coverage))).tables}
    assert {caption: (table.frame.height, table.left_out) for caption, table in made.items() if table.left_out} == {
        "Rows set aside in the whole organisation, by reason": (REASONS, 5),
        "The first of them": (EXAMPLES, REASONS + 5 - EXAMPLES),
        "The same per team": (SPANS, 2),
    }


def test_text_from_the_rows_is_shown_and_never_obeyed():
    bad = aside(file=f"{SCRIPT}.csv", column=SCRIPT, reason=f"{SCRIPT}{TURNED}", found=SCRIPT)
    made = quality(
        of_org(mart(rejected=[bad], coverage=[span(team=SCRIPT, source=SCRIPT)], cautions=[SCRIPT], title=SCRIPT))
    )
    page = html.answer(made) + html.behind(made)
    assert "<script" not in page
    assert "\u202e" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 8
