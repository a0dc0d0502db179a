"""Every study says how people are protected in it."""

from __future__ import annotations

from people_watching import Readers

from idp_analytics.metrics import STUDIES
from idp_analytics.metrics.studies import People, Study
from idp_analytics.metrics.studies.people import BEGIN, END, MEANING, in_voice


def test_a_study_that_reads_rows_of_people_says_how_they_are_protected(readers: Readers) -> None:
    careless = {
        study.name: readers[study.name] for study in STUDIES if study.people is People.NONE and study.name in readers
    }
    assert careless == {}, "declare what they may tell of people (People)"


def test_reading_people_is_seen(readers: Readers) -> None:
    assert readers["survey_results"] == {"survey_responses", "people", "memberships"}
    assert readers["self_agreement"] == {"assessments"}
    assert "trend" not in readers
    # Each of them is declared for a reason.
    assert {people for study in STUDIES if study.name in readers for people in [study.people]} == {*People} - {
        People.NONE
    }


def test_a_study_of_the_organisation_only_has_no_other_rows(mart) -> None:
    told = {study.name: mart.studies[study.name] for study in STUDIES if study.people is People.ORGANISATION}
    assert {name for name, frame in told.items() if frame.height}
    assert {
        name
        for name, frame in told.items()
        if frame.filter(scope="team").height or frame.filter(scope="service").height
    } == set()


def test_every_declaration_is_explained_and_stands_in_the_table() -> None:
    assert set(MEANING) == set(People)
    study = Study("rota", "who is where", lambda *_: None, People.COUNTS)  # type: ignore[arg-type,return-value]
    text = in_voice(f"Before.\n{BEGIN}\nold\n{END}\nAfter.", [study])
    assert text.startswith("Before.\n") and text.endswith("\nAfter.")
    assert "old" not in text
    assert f"| {People.COUNTS} | {MEANING[People.COUNTS]} | `rota` |" in text


def test_the_table_is_what_is_declared(repository) -> None:
    text = (repository / "VOICE.md").read_text(encoding="utf-8")
    assert in_voice(text, STUDIES) == text, "run make generated"
