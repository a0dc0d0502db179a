"""What the words mean, and where the numbers come from."""

from __future__ import annotations

import json

from answer_building import SCRIPT, load, mart, of_org

from idp_analytics.answers import Verdict
from idp_analytics.metrics import CATALOGUE, behind
from idp_analytics.report import reference, words


def test_the_glossary_has_every_metric_every_verdict_and_every_term():
    made = reference.glossary()
    assert made.answer.startswith(f"{len(CATALOGUE)} metrics, each with its formula")
    assert made.metrics == CATALOGUE
    verdicts, terms, columns = (table.frame for table in made.tables)
    assert verdicts["Word"].to_list() == [f"{said.symbol} {v.value}" for v, said in words.VERDICTS.items()]
    assert len(verdicts) == len(Verdict)
    assert terms["Word"].to_list() == list(words.TERMS)
    assert {table.numbers for table in made.tables} == {()}
    said = {name for column in columns["Column"] for name in column.split(", ")}
    assert said == {*behind.COLUMNS, "what"}
    assert all(meaning[0].isupper() and meaning.endswith((".", "?")) for meaning in columns["Meaning"])


def test_provenance_tells_files_choices_and_versions():
    made = reference.provenance(
        of_org(
            mart(
                rejected=[{"table": "costs", "reason": "x"}],
                loads=[load("deployments", f"{SCRIPT}\u202e.csv", rows_in=1200, rows_out=1199), load("costs", "c.csv")],
            )
        )
    )
    assert made.answer == (
        "Computed from 2 files as of 2026-07-01 00:00 UTC; 1 row set aside. The same files, settings and versions give the same "
        "report."
    )
    inputs, choices, versions = (table.frame for table in made.tables)
    assert inputs.to_dicts() == [
        {"File": "c.csv", "Source": "made", "Table": "costs", "Rows read": "10", "Rows used": "10", "SHA-256": "ab" * 8},
        {"File": f"{SCRIPT}.csv", "Source": "made", "Table": "deployments", "Rows read": "1,200", "Rows used": "1,199",
         "SHA-256": "ab" * 8},
    ]  # fmt: skip
    told = dict(choices.iter_rows())
    assert told["rules.hotfix_words"] == "hotfix, hot-fix"
    assert (told["rules.level"], told["organisation"], told["SHA-256 of the settings"]) == ("0.95", "acme", "5e" * 8)
    assert versions.to_dicts() == [{"What": "idp-analytics", "Version": "1.2.3"}]


def test_no_more_files_are_listed_than_fit():
    made = reference.provenance(of_org(mart(loads=[load("costs", f"{n:04}.csv") for n in range(reference.INPUTS + 3)])))
    assert (made.tables[0].frame.height, made.tables[0].left_out) == (reference.INPUTS, 3)
    assert made.answer.startswith(f"Computed from {reference.INPUTS + 3} files")


def test_what_is_told_of_the_settings_is_the_same_of_a_mart_kept_in_a_file(mart):
    again = json.loads(json.dumps(mart.meta))
    assert again == mart.meta
