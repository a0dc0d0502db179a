"""The sample company from its files to its pages, in one process: what a reader of the demo sees."""

from __future__ import annotations

import csv
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars import selectors

from idp_analytics.answers import COLUMNS
from idp_analytics.metrics import CATALOGUE, STUDIES
from idp_analytics.metrics.maturity.gaming import SAID
from idp_analytics.metrics.studies import People
from idp_analytics.organisation import Organisation
from idp_analytics.publish import staging
from idp_analytics.publish.run import RunResult, publish


@pytest.fixture(scope="module")
def pages(published: RunResult) -> list[Path]:
    return sorted(published.folder.rglob("*.html"))


class Read(HTMLParser):
    """The references and visible words of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.references: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.ids: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.references += [(name, value or "") for name, value in attrs if name in ("src", "href", "srcset", "data")]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag in ("script", "style"):
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.words.append(data)


def read(page: Path) -> Read:
    parser = Read()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def test_every_team_and_the_organisation_has_a_page_and_none_failed(published: RunResult, sample: Organisation) -> None:
    assert published.failed == ()
    told = json.loads((published.folder / "run.json").read_text(encoding="utf-8"))
    teams = sample.tables["teams"].filter(pl.col("kind").is_in(["team", "platform"]))["team_id"].to_list()
    assert {report["entity_id"] for report in told["reports"]} == {"org", *teams}
    assert all((published.folder / report["page"]).is_file() for report in told["reports"])
    assert staging.differences(published.folder) == []


def test_no_page_refers_to_anything_outside_the_set(pages: list[Path]) -> None:
    for page in pages:
        for name, value in read(page).references:
            assert not re.match(r"(?:[a-z]+:)?//", value), (page.name, name, value)
            if not value.startswith(("#", "data:")):
                # As a browser sees it: the set's own name stays in the address, whatever folder it is a link to.
                assert Path(os.path.normpath(page.parent / value.split("#")[0])).exists(), (page.name, value)


def test_anchors_within_a_page_lead_somewhere_and_no_id_is_there_twice(pages: list[Path]) -> None:
    for page in pages:
        found = read(page)
        assert len(found.ids) == len(set(found.ids)), page.name
        for _, value in found.references:
            assert not value.startswith("#") or value[1:] in found.ids, (page.name, value)


def test_the_numbers_of_a_page_are_those_of_the_answers(published: RunResult) -> None:
    answers = pl.read_parquet(published.folder / "answers.parquet")
    assert list(answers.columns) == list(COLUMNS)
    frequency = answers.filter(
        metric="deployment_frequency", scope="team", entity_id="payments", period=published.period
    )
    n = frequency["n"].item()
    words = " ".join(" ".join(read(published.folder / "teams" / "payments.html").words).split())
    assert f"{n} deployments in" in words
    whole = answers.filter(metric="showback_cost", scope="org", period=published.period, currency="EUR").filter(
        pl.col("detail").is_null()
    )
    assert f"EUR {whole['amount'].item():,.2f}" in " ".join(read(published.folder / "organisation.html").words)


def test_the_proof_of_the_bill_stands_on_every_page_for_each_currency(published: RunResult) -> None:
    """Bill, allocated, unallocated and the difference, as a reader sees them; a team's page says the organisation's."""
    answers = pl.read_parquet(published.folder / "answers.parquet")
    money = answers.filter(metric="showback_cost", scope="org", period=published.period, every="1mo").filter(
        pl.col("amount").is_not_null()
    )
    due = {
        currency: {
            row["detail"] or "bill": f"{currency} {row['amount']:,.2f}".replace("-", "−")
            for row in money.filter(currency=currency).to_dicts()
        }
        for currency in money["currency"].unique()
    }
    assert len(due) > 1
    told = json.loads((published.folder / "run.json").read_text(encoding="utf-8"))
    for report in told["reports"]:
        words = " ".join("".join(read(published.folder / report["page"]).words).split())
        for currency, whole in due.items():
            bill, allocated, rest = (
                re.escape(whole.get(part, f"{currency} 0.00")) for part in ("bill", "allocated", "unallocated")
            )
            proofs = (
                rf"bill of [^:]+ is {bill}: {allocated} allocated to teams[^;]* and {rest} unallocated[^;]*"
                r"Allocated \+ unallocated = bill; difference 0\.00\.",
                rf"organisation's bill is {bill}[^;]* Of that bill {allocated} are allocated to teams and {rest} unallocated; "
                r"difference 0\.00\.",
            )
            assert any(re.search(proof, words) for proof in proofs), report["page"]


def test_a_team_is_told_the_same_cost_on_its_page_and_on_the_organisations(published: RunResult) -> None:
    answers = pl.read_parquet(published.folder / "answers.parquet")
    org = " ".join(" ".join(read(published.folder / "organisation.html").words).split())
    cost = answers.filter(metric="showback_cost", scope="team", period=published.period).filter(
        pl.col("detail").is_null(), pl.col("amount").is_not_null()
    )
    assert cost.height > 3
    for row in cost.to_dicts():
        page = " ".join(" ".join(read(published.folder / "teams" / f"{row['entity_id']}.html").words).split())
        written = f"{row['currency']} {row['amount']:,.2f}"
        assert f"{written} in " in page, row["entity_id"]
        assert written in org, row["entity_id"]


def test_answers_can_be_taken_away_as_csv(published: RunResult) -> None:
    for name in ("answers", "service_answers"):
        with (published.folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == pl.scan_parquet(published.folder / f"{name}.parquet").select(pl.len()).collect().item()


def test_the_same_run_again_stands_and_takes_no_work(sample: Organisation, published: RunResult) -> None:
    def none(*_: object) -> object:
        raise AssertionError("nothing is to be made again")

    again = publish(sample, published.folder.parent.parent, engine=none)  # type: ignore[arg-type]
    assert again.reused
    assert again.key == published.key


def test_every_page_says_where_its_numbers_come_from(pages: list[Path], published: RunResult) -> None:
    for page in pages:
        words = " ".join(read(page).words)
        assert published.key in words, page.name
        assert "As of" in words
        assert not re.search(r"\b(nan|None(?! seen)|null|inf|Traceback|datetime\.)\b", words), page.name


def test_nobody_who_answered_a_survey_is_in_anything_published(published: RunResult, sample: Organisation) -> None:
    """No response, form, pseudonym or typed word of anybody, in a page, a notebook, the answers, the charts or the mart."""
    told = {
        "survey_responses": ("response_id", "person_id", "text"), "assessments": ("assessment_id", "respondent_id"), "comment_codes": ("coder",),
        "people": ("person_id",), "usage": ("person_id",), "pages": ("person_id",), "changes": ("author_id",), "deployments": ("initiated_by",),
    }  # fmt: skip
    words = {
        word for table, names in told.items() for name in names for word in sample.tables[table][name].drop_nulls()
    }
    whole = re.compile(rb"(?<![\w-])(?:p-\d{4}|person:[0-9a-f]{16}|form-\d-\d{4}|coder-\d)(?![\w-])")
    assert any(whole.fullmatch(word.encode()) for word in words)
    secret = {word.encode() for word in words if len(word) > 8}
    assert secret
    for path in published.folder.rglob("*"):
        if not path.is_file():
            continue
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
            words = [word for column in frame.select(selectors.string()) for word in column.drop_nulls().unique()]
            held = "\n".join(words).encode()
        else:
            held = path.read_bytes()
        assert not [word for word in secret if word in held], path.name
        assert whole.search(held) is None, path.name


@pytest.fixture(scope="module")
def small(published: RunResult, sample: Organisation) -> list[dict[str, Any]]:
    """The reports of teams of fewer than five, among them one of exactly four, with ``html`` and the ``outputs`` of the notebook by cell."""
    truth = json.loads((sample.settings.root / "truth.json").read_text(encoding="utf-8"))
    names = truth["voice"]["teams_of_fewer_than_five"]
    there = sample.tables["memberships"].filter(pl.col("valid_to").is_null())
    assert there.filter(pl.col("team_id").is_in(names)).group_by("team_id").len()["len"].max() == 4
    run = json.loads((published.folder / "run.json").read_text(encoding="utf-8"))
    reports = [one for one in run["reports"] if one["entity_id"] in names]
    for report in reports:
        notebook = json.loads((published.folder / report["notebook"]).read_text(encoding="utf-8"))
        report["html"] = (published.folder / report["page"]).read_text(encoding="utf-8")
        report["outputs"] = {
            cell.get("id"): cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"
        }
    return reports


def test_a_team_of_four_is_told_nothing_of_its_answers(small: list[dict[str, Any]]) -> None:
    """Not on its page, not in its notebook."""
    assert small
    for report in small:
        voice = section(report["html"], "what-do-developers-say")
        assert "withheld" in voice
        assert "%" not in voice and "ratings" not in voice
        told = json.dumps(report["outputs"]["voice-answer"])
        assert "withheld" in told
        assert "%" not in told and "vegalite" not in told
        alike = section(report["html"], "how-far-do-we-see-it-alike")
        assert "neither how many answered" in alike and "withheld" in alike
        assert "%" not in alike and "r*wg" not in re.sub(r"<th.*?</th>", "", alike)


def test_no_chart_of_a_team_of_four_holds_what_its_people_said(small: list[dict[str, Any]]) -> None:
    """All charts embedded in its page, which are those of its notebook: no answer, no comment, no newcomer, and no number of who assessed it."""
    for report in small:
        embedded = [
            json.loads(text)
            for text in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', report["html"], re.DOTALL)
        ]
        charts = [chart for chart in embedded if isinstance(chart, dict) and "$schema" in chart]
        shown = [output["data"] for outputs in report["outputs"].values() for output in outputs if "data" in output]
        assert len(charts) == sum(any("vegalite" in kind for kind in data) for data in shown) > 5
        rows = [row for chart in charts for values in chart.get("datasets", {}).values() for row in values]
        assert len(rows) > 100
        assert not [row for row in rows if row.get("question_id") or row.get("theme") or row.get("answer")]
        said = [row for row in rows if row.get("lane") == "said"]
        assert [row for row in said if row.get("n") is not None] == []


def test_no_file_tells_what_a_team_of_four_said(small: list[dict[str, Any]], published: RunResult) -> None:
    """Neither the answers nor the mart, whatever a study says it does to protect people."""
    names = [report["entity_id"] for report in small]
    answers = pl.read_parquet(published.folder / "answers.parquet").filter(pl.col("entity_id").is_in(names))
    of_people = answers.filter(pl.col("metric").is_in([metric.name for metric in CATALOGUE if metric.about_people]))
    assert of_people.height
    assert of_people.filter(pl.col("value").is_not_null() | (pl.col("n") > 0)).is_empty()
    with (published.folder / "answers.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            row for row in csv.DictReader(file) if row["entity_id"] in names and row["metric"] in {*of_people["metric"]}
        ]
    assert [row for row in rows if row["value"] or row["n"] not in ("", "0")] == []
    numbers = ("n", "k", "share", "value", "median", "score", "change", "respondents", "levels", "unknown", "deviation")
    for study in STUDIES:
        told = pl.read_parquet(published.folder / "mart" / f"{study.name}.parquet").filter(
            pl.col("entity_id").is_in(names)
        )
        if study.people is People.ORGANISATION:
            assert told.is_empty(), study.name
        elif study.people is People.COUNTS:
            if "check" in told.columns:  # its other checks count criteria, not people
                told = told.filter(pl.col("check") == SAID)
            held = told.select(pl.col(name) for name in numbers if name in told.columns)
            assert held.null_count().sum_horizontal().sum() == held.height * held.width, study.name
    said = pl.read_parquet(published.folder / "mart" / "maturity.parquet").filter(pl.col("entity_id").is_in(names))
    assert said["respondents"].null_count() == said.height
    assert said.filter(pl.col("self_low").ne_missing(pl.col("self_high"))).is_empty()


def section(html: str, anchor: str) -> str:
    found = re.search(rf'<section id="{anchor}".*?</section>', html, re.DOTALL)
    assert found is not None, anchor
    return found[0]
