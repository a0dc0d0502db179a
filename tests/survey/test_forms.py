"""The questionnaire in every tool's own form, and its answers back from every tool as the same rows."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from idp_analytics import scaffold, sources
from idp_analytics.settings import parse
from idp_analytics.settings.questions import shipped
from idp_analytics.sources import sample, survey_forms
from idp_analytics.sources.sample import native
from idp_analytics.survey import commands, forms
from idp_analytics.tables.conform import conform

SURVEY, LEAVING = shipped()
PRICE = forms.Price(75, "EUR")


def asked(price=PRICE, with_range=False, questionnaire=SURVEY):
    return forms.chosen(questionnaire, 5, price, with_range)


def test_half_of_the_real_price_all_of_it_and_twice_as_much_is_shown():
    assert PRICE.shown == ("37.50", "75", "150")
    assert forms.Price(60, "EUR").shown == ("30", "60", "120")


@pytest.mark.parametrize("tool", forms.FORMS)
@pytest.mark.parametrize("questionnaire", [SURVEY, LEAVING])
def test_every_question_with_all_its_answers_is_in_every_form(tool, questionnaire):
    text = forms.form(tool, asked(questionnaire=questionnaire, with_range=True), PRICE)
    for question in questionnaire.questions:
        if not question.is_hidden:
            assert json.dumps(question.wording)[1:-1] in text.replace("\\", "") or question.wording in text
        assert all(choice in text for choice in question.choices)
        assert tool not in ("google-forms", "typeform", "csv", "markdown") or all(
            word in text for word in question.ends
        )
    assert "{min_cohort}" not in text and (tool == "csv" or "{price}" not in text)


@pytest.mark.parametrize("tool", forms.FORMS)
def test_without_a_price_nothing_is_asked_about_one(tool):
    text = forms.form(tool, asked(price=None), None)
    assert "budget" not in text and "bargain" not in text and "price" not in text.lower()
    assert "bargain" not in forms.form(tool, asked(), PRICE)


def test_qualtrics_takes_its_own_text_format():
    text = forms.form("qualtrics", asked(), PRICE)
    blocks = text.strip().split("\n\n")
    assert blocks[:4] == ["[[AdvancedFormat]]", "[[ED:team]]", "[[ED:price]]", "[[Block:Developer experience]]"]
    assert "Suppose the platform cost EUR ${e://Field/price} per developer and month." in text
    ids = re.findall(r"\[\[ID:(\w+)\]\]", text)
    assert len(ids) == len(set(ids)) == sum(not one.is_hidden for one in asked().questions)
    (votes,) = (block for block in blocks if "improve first" in block)
    assert votes.splitlines()[0] == "[[Question:MC:MultipleAnswer]]"
    (scale,) = (block for block in blocks if "How easy" in block)
    low, high = "[[Choice:1]]", "[[Choice:5]]"
    assert scale.splitlines()[2:6] == [
        "How easy is it to deploy? (1 = very hard, 5 = very easy)",
        "[[AdvancedChoices]]",
        low,
        "1",
    ]
    assert scale.splitlines()[-2:] == [high, "5"]
    (sure,) = (block for block in blocks if "How sure" in block)
    assert sure.splitlines()[4:6] == ["[[Choice:0]]", "0"]  # as numbers 0 stays 0
    (comment,) = (block for block in blocks if "one thing" in block)
    assert comment.startswith("[[Question:TE:Essay]]") and "[[Choices]]" not in comment


def test_typeform_takes_the_definition_of_a_form():
    form = json.loads(forms.form("typeform", asked(), PRICE))
    by_ref = {field["ref"]: field for field in form["fields"]}
    assert form["hidden"] == ["team", "price"]
    assert len(by_ref) == len(form["fields"]) and all(re.fullmatch(r"[a-z0-9_]+", ref) for ref in by_ref)
    assert by_ref["satisfaction_1"]["properties"] == {
        "steps": 5,
        "start_at_one": True,
        "labels": {"left": "not at all", "right": "completely"},
    }
    assert by_ref["price_certainty_1"]["properties"]["steps"] == 11
    assert by_ref["improve_first_1"]["validations"] == {"max_selection": 2}
    assert by_ref["price_shown_1"]["title"] == "Suppose the platform cost EUR {{hidden:price}} per developer and month."


def test_google_forms_takes_a_script_that_gives_a_link_for_each_price():
    text = forms.form("google-forms", asked(), PRICE)
    assert '["37.50", "75", "150"].forEach' in text and "toPrefilledUrl" in text
    assert (
        "requireSelectAtMost(2)" in text and text.count("{") == text.count("}") and text.count("(") == text.count(")")
    )
    assert "Suppose the platform cost the number in this box (EUR) per developer and month." in text
    assert "toPrefilledUrl" not in forms.form("google-forms", asked(price=None), None)


def test_a_hostile_wording_stays_text():
    (question,) = (one for one in SURVEY.questions if one.part == "comment")
    evil = 'What "hurts"?"); form.deleteAllResponses(); ("\u2028</script>'
    mine = replace(SURVEY, questions=(replace(question, wording=evil),))
    script = forms.form("google-forms", mine)
    (line,) = (line for line in script.splitlines() if "Paragraph" in line)
    assert json.loads(line[line.index(".setTitle(") + 10 : -2]) == evil
    assert json.loads(forms.form("typeform", mine))["fields"][0]["title"] == evil
    assert list(csv.reader(io.StringIO(forms.form("csv", mine))))[1][4] == evil


def test_settings_ask_the_latest_version_and_a_companys_own_questions_beside_their_like():
    text = """
    [[question]]
    id = "documentation@2"
    wording = "Do you find what you look for?"
    [[question]]
    id = "builds@1"
    wording = "How fast are builds?"
    subject = "builds"
    """
    settings = parse(tomllib.loads(text), Path("acorn"), lambda _k, _o: [])
    ids = [one.id for one in forms.current(SURVEY, settings.questions).questions]
    assert "documentation@2" in ids and "documentation@1" not in ids
    assert ids[ids.index("builds@1") - 1 : ids.index("builds@1") + 2] == ["self-service@1", "builds@1", "recommend@1"]
    assert not {one.id for one in LEAVING.questions} & set(ids)
    assert forms.current(LEAVING, settings.questions) == LEAVING


def test_the_command_offers_every_form_there_is():
    assert tuple(forms.FORMS) == commands.TOOLS
    assert {tool.replace("-", "_") for tool in forms.FORMS} - {"markdown", "csv"} == set(survey_forms.TOOLS)


# --- and back ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def answers() -> dict[str, pl.DataFrame]:
    """One wave of answers to everything that is shipped: nothing is reworded in it."""
    rows = sample.generate().tables["survey_responses"]
    last = rows.filter(pl.col("wave") == "2026-Q2", pl.col("survey_id") == SURVEY.id)
    return {"survey_responses": last.with_columns(pl.col("question_id").replace("documentation@2", "documentation@1"))}


@pytest.mark.parametrize("kind", survey_forms.TOOLS)
def test_answers_come_back_from_every_tool_with_the_settings_that_init_writes(kind, answers, tmp_path):
    folder = tmp_path / "acorn"
    for name, content in native.dialect(kind).files(answers).items():
        path = folder / "exports" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(native.written(name, content))
    scaffold.write(folder, scaffold.look(folder), "Acorn")
    text = (folder / "settings.toml").read_text()
    # What only a person can say: in which zone the tool writes its times.
    text = text.replace('# time_zone = "Europe/Berlin"    # the zone', 'time_zone = "UTC"    # the zone')
    settings = parse(tomllib.loads(text), folder, sources.check)
    (source,) = (one for one in settings.sources if one.kind == kind)
    assert source.options["survey"] == "developer-experience"
    extracts = sources.read(kind, [folder / path for path in source.paths], source.options, folder)
    conformed = [conform(extract, kind, source.time_zone) for extract in extracts]
    assert all(one.rejected.is_empty() for one in conformed)
    assert [
        extract.dropped for extract in extracts if extract.table == "survey_responses" and extract.frame.height
    ] == [{}]
    rows = pl.concat([one.rows for one in conformed], how="diagonal_relaxed")
    same = [
        "survey_id",
        "wave",
        "team_id",
        "question_id",
        "value_index",
        "submitted_at",
        "value",
        "label",
        "scale_min",
        "scale_max",
        "text",
    ]
    order = ["submitted_at", "question_id", "value_index", "team_id"]
    found, expected = (frame.select(same).sort(order) for frame in (rows, answers["survey_responses"]))
    assert found.equals(expected)
    assert rows["response_id"].n_unique() == answers["survey_responses"]["response_id"].n_unique()
    assert rows["person_id"].null_count() == rows.height


def test_another_survey_is_not_taken_for_the_one_that_is_shipped(tmp_path):
    (tmp_path / "responses.csv").write_text(
        "Timestamp,How easy is it to deploy?,What is your mood?\n2026/03/02 9:05:12 AM GMT+1,4,fine\n"
    )
    text = scaffold.text(tmp_path, scaffold.look(tmp_path), "Acorn")
    assert 'survey = "google_forms"' in text and "\nquestions =" not in text and "\nkeep_text_of =" not in text
