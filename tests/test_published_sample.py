"""The sample company from its files to its pages, in one process: what a reader of the demo sees."""

from __future__ import annotations

import csv
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from polars import selectors

from idp_analytics.answers import COLUMNS
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


def test_answers_can_be_taken_away_as_csv(published: RunResult) -> None:
    with (published.folder / "answers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == pl.scan_parquet(published.folder / "answers.parquet").select(pl.len()).collect().item()


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
    """No response, pseudonym or typed word of a respondent, in a page, a notebook, the answers, the charts or the mart."""
    told = sample.tables["survey_responses"]
    secret = {
        word.encode() for name in ("response_id", "person_id", "text") for word in told[name].drop_nulls().unique().to_list()
        if len(word) > 8
    }  # fmt: skip
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


def test_a_team_of_fewer_than_five_is_told_nothing_of_its_answers(published: RunResult, sample: Organisation) -> None:
    """Not on its page, not in the charts in it, not in its notebook, not in the files beside it."""
    truth = json.loads((sample.settings.root / "truth.json").read_text(encoding="utf-8"))
    small = truth["voice"]["teams_of_fewer_than_five"]
    assert small
    run = json.loads((published.folder / "run.json").read_text(encoding="utf-8"))
    for report in (one for one in run["reports"] if one["entity_id"] in small):
        html = (published.folder / report["page"]).read_text(encoding="utf-8")
        section = re.search(r'<section id="what-do-developers-say".*?</section>', html, re.DOTALL)
        assert section is not None
        assert "withheld" in section[0]
        assert "%" not in section[0] and "ratings" not in section[0]
        notebook = json.loads((published.folder / report["notebook"]).read_text(encoding="utf-8"))
        told = json.dumps([cell["outputs"] for cell in notebook["cells"] if cell.get("id") == "voice-answer"])
        assert "withheld" in told
        assert "%" not in told and "vegalite" not in told
    for study in ("survey_results", "survey_answers", "themes"):
        rows = pl.read_parquet(published.folder / "mart" / f"{study}.parquet").filter(pl.col("entity_id").is_in(small))
        assert rows.select("n", "share").null_count().sum_horizontal().item() in (0, 2 * rows.height)
        assert rows["n"].null_count() == rows.height
