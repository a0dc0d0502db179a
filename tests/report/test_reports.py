"""The reports as a notebook opens them, and laws over every section of the sample company and of a hostile one."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from answer_building import all_words
from company_building import SCRIPT, TEAMS, company
from folder_building import folder

from idp_analytics.errors import ReportError, SettingsError
from idp_analytics.metrics import STUDIES, Shown
from idp_analytics.metrics.cells import of_spans
from idp_analytics.periods import parse
from idp_analytics.report import Cards, Mart, OrgReport, Section, TeamReport, found, open_report
from idp_analytics.report.view import View


def sections(report: OrgReport | TeamReport) -> dict[str, Section | Cards]:
    """Every section a report can have, by the name of its method; those of one metric for a few metrics."""
    several = {"section": ("change_fail_rate", "deployment_days", "night_page_share", "showback_cost"), "course": ("change_lead_time",),
               "comparison": ("change_fail_rate",), "place": ("change_fail_rate",)}  # fmt: skip
    methods = [name for name in dir(report) if not name.startswith("_") and name != "view"]
    return {
        f"{name}({', '.join(asked)})": getattr(report, name)(*asked)
        for name in methods
        for asked in ([(metric,) for metric in several[name]] if name in several else [()])
    }


def page(made: Section | Cards) -> str:
    """All that is shown of a section: its HTML, and its chart as the page holds it."""
    bundles = made.outputs() if isinstance(made, Section) else [made._repr_mimebundle_()]
    return "\n".join(
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for b in bundles
        for value in b.values()
    )


@pytest.fixture(scope="module")
def written(mart, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("opened")
    mart.write(folder)
    return folder


@pytest.fixture(scope="module")
def hostile() -> Mart:
    return Mart.of(company())


# --- opening -----------------------------------------------------------------------------------------------------------------


def test_a_mart_is_opened_for_a_team_or_the_organisation(written):
    own, whole = open_report(team="payments", mart=str(written)), open_report(mart=str(written), period="2026-Q1")
    assert isinstance(own, TeamReport)
    assert (own.view.scope, own.view.entity_id, own.view.period.label) == ("team", "payments", "2026-06")
    assert isinstance(whole, OrgReport)
    assert (whole.view.scope, whole.view.entity_id, whole.view.period.label) == ("org", "org", "2026-Q1")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"team": ""}, "No team is named"),
        ({"team": "paymnets"}, "Did you mean 'payments'"),
        ({"period": "2031-01"}, "There are no answers for 2031-01. Known: 2025-"),
        ({"period": "soon"}, "'soon' is not a period"),
    ],
)
def test_what_cannot_be_opened_is_told(written, given, told):
    with pytest.raises(ReportError, match=re.escape(told)):
        open_report(mart=str(written), **given)


def test_a_mart_of_one_period_holds_it_and_says_so(tmp_path):
    month = Mart.of(company(), only=("comparison", "nine_in_ten", "trend"), period="2026-05")
    assert month.meta["only"] == "2026-05"
    assert set(month.studies["comparison"]["period"]) <= {"2026-05"}
    latest = Mart.of(company(), only=(), period="")
    assert latest.meta["only"] == latest.period().label == Mart.of(company(), only=()).period().label
    with pytest.raises(ReportError, match="There are no answers for 2031-01"):
        Mart.of(company(), only=(), period="2031-01")


@pytest.mark.parametrize(("whose", "period"), [("org", "2026-04"), ("payments", "2026-Q1")])
def test_no_section_looks_beyond_what_a_study_says_is_shown(mart, whose, period):
    span = parse(period)
    cut = {
        study.name: mart.studies[study.name].filter(of_spans(study.spans(span)))
        for study in STUDIES
        if study.shown is not Shown.WHOLE
    }
    told = []
    for held in (mart, replace(mart, studies={**mart.studies, **cut})):
        view = View(held, "org" if whose == "org" else "team", whose, span)
        told.append(
            {name: page(s) for name, s in sections(OrgReport(view) if whose == "org" else TeamReport(view)).items()}
        )
    assert told[0] == told[1]


def test_without_a_mart_everything_is_computed_from_the_data(tmp_path):
    data = str(folder(tmp_path, 'organisation = { id = "acme" }\n'))
    assert "2 deployments in" in open_report(data).section("deployment_frequency").answer
    week = open_report(data, "pay", "2026-W09")
    assert week.view.period.label == "2026-W09"
    assert "week 9 of 2026" in week.section("deployment_frequency").answer
    with pytest.raises(SettingsError, match="no such folder"):
        open_report(str(tmp_path / "none"))


def test_a_folder_is_found_from_the_notebooks_and_from_the_root_alike(tmp_path, monkeypatch):
    (tmp_path / "data" / "acme").mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    for here in (tmp_path, tmp_path / "notebooks"):
        monkeypatch.chdir(here)
        assert found("data/acme") == tmp_path / "data" / "acme"
        assert found("data/none") == Path("data/none")
    assert found(str(tmp_path)) == tmp_path


# --- laws ----------------------------------------------------------------------------------------------------------------------

SPANS = ["2026-06", "2026-Q2", "2025-07"]


@pytest.mark.parametrize("period", SPANS)
@pytest.mark.parametrize("whose", ["org", "payments", "edge"])
def test_every_section_answers_in_sentences_and_its_chart_tells_what_it_shows(mart, whose, period):
    view = View(mart, "org" if whose == "org" else "team", whose, parse(period))
    made = sections(OrgReport(view) if whose == "org" else TeamReport(view))
    assert len(made) >= 14
    for name, section in made.items():
        if isinstance(section, Section):
            assert section.question.endswith("?"), name
            assert all(
                text.endswith(".") and text[0] == text[0].upper() for text in (section.answer, *section.cautions)
            ), name
            if section.chart:
                assert section.chart.description.endswith("."), name
                assert section.chart.spec["datasets"], name
                assert section.table is not None, name
        assert not re.search(r"\b(None|nan|NaN|inf|null|datetime|Decimal)\b", all_words(section)), name


@pytest.mark.parametrize("whose", ["payments", "edge"])
def test_a_mart_read_for_one_team_gives_the_same_report(mart, written, whose):
    part = TeamReport(View(Mart.read(written, whose), "team", whose, parse("2026-06")))
    whole = TeamReport(View(mart, "team", whose, parse("2026-06")))
    assert {name: page(made) for name, made in sections(part).items()} == {
        name: page(made) for name, made in sections(whole).items()
    }


@pytest.mark.parametrize("whose", [None, *TEAMS])
def test_hostile_names_are_shown_and_never_obeyed(hostile, whose):
    view = View(hostile, "team" if whose else "org", whose or "org", parse("2026-06"))
    made = sections(TeamReport(view) if whose else OrgReport(view))
    for name, section in made.items():
        html = "".join(
            b.get("text/html", "")
            for b in (section.outputs() if isinstance(section, Section) else [section._repr_mimebundle_()])
        )
        assert "<script" not in html, name
        assert "<img" not in html, name
        assert "\u202e" not in page(section), name
    if whose is None:
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page(made["teams()"])
    elif whose == SCRIPT:
        assert "&lt;script&gt;" in made["summary()"]._repr_mimebundle_()["text/html"]
        drawn = made["section(deployment_days)"].chart
        assert drawn.spec["datasets"]["answers"][0]["series"] == SCRIPT  # as text; the page's script escapes it


def test_a_quiet_team_has_every_section_and_no_value_it_does_not_have(hostile):
    made = sections(TeamReport(View(hostile, "team", "quiet", parse("2026-06"))))
    card = next(card for card in made["summary()"].cards if card.title == "Deployment frequency")
    assert (card.value, card.basis, str(card.verdict)) == ("no value", "0 deployments", "insufficient data")
    days = next(card for card in made["summary()"].cards if card.title == "Days with a deployment")
    assert days.value == "0.0 %"  # measured: no day had one
    assert made["section(change_fail_rate)"].chart is None
