"""A page to send: whole by itself, the same but for links, and leading nowhere that is not there."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from company_building import at_once, write_notebooks

from idp_analytics.cli import cli
from idp_analytics.errors import ReportError
from idp_analytics.organisation import Organisation
from idp_analytics.publish.assets import inlined
from idp_analytics.publish.attachment import attachment, opened
from idp_analytics.publish.run import RunResult, publish

POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')


class Seen(HTMLParser):
    """What a page refers to, and what it says."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.refers: list[str] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.refers += [value or "" for name, value in attrs if name in ("href", "src", "srcset", "data", "action")]

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


@pytest.fixture(scope="module")
def small(organisation: Organisation, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    root = tmp_path_factory.mktemp("small")
    return publish(organisation, root / "r", notebooks=write_notebooks(root / "n"), engine=at_once())


def test_a_page_sent_refers_to_nothing_and_says_what_it_said(small: RunResult) -> None:
    path = small.folder / "teams" / "payments.html"
    before, after = path.read_text(encoding="utf-8"), attachment(opened(path))
    assert [refers for refers in Seen(after).refers if not refers.startswith(("#", "data:"))] == []
    own = inlined(before, path.parent)
    head, _, tail = own.partition('<ul class="idp-downloads">')
    assert Seen(after).words == Seen(head).words + Seen(tail.partition("</ul>\n")[2]).words
    assert POLICY.findall(after) == POLICY.findall(own) != POLICY.findall(before)
    assert after.count("<a>") == 2  # the trail: all periods, and this one


def test_links_lead_to_the_site_where_there_is_one(small: RunResult) -> None:
    page = opened(small.folder / "teams" / "payments.html")
    refers = {r for r in Seen(attachment(page, "https://example.com/acme/2026-06")).refers if r[0] != "#"}
    site = "https://example.com/acme"
    assert {
        f"{site}/index.html#teams/payments.html",
        f"{site}/2026-06/index.html",
        f"{site}/2026-06/teams/payments.ipynb",
    } < refers
    assert all(r.startswith(f"{site}/") for r in refers)
    for wrong in ("javascript:alert(1)", "reports.example.com"):
        with pytest.raises(ReportError, match="is not a web address"):
            attachment(page, wrong)


@pytest.mark.parametrize("name", ["organisation.html", "teams/payments.html"])
def test_rows_that_stay_behind_are_told_by_the_command_alone(published: RunResult, name: str) -> None:
    page = opened(published.folder / name)
    sent, linked = attachment(page), attachment(page, "https://example.com/acme/2026-06")
    assert "Rows (CSV)" in page.path.read_text(encoding="utf-8")
    assert ".csv" in " ".join(Seen(linked).refers)
    assert "Rows (CSV)" not in Seen(sent).words
    assert sent.count(">What is behind it</a>") == linked.count(">What is behind it</a>") > 5
    told = re.findall(r'<p class="idp-trace">(.*?)</p>', sent)
    assert len(told) == linked.count('<p class="idp-trace">') > 20
    assert all(re.fullmatch(r"The rows behind it: <code>idp [^<]*</code>", line) for line in told if "<code>" in line)


def test_the_command_writes_a_file_per_page_named_for_whose_it_is(small: RunResult, tmp_path: Path) -> None:
    pages = [str(small.folder / "organisation.html"), str(small.folder / "teams" / "payments.html")]
    result = CliRunner().invoke(cli, ["attach", *pages, "--to", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert [Path(line).name for line in result.stdout.splitlines()] == [
        "acme-2026-06-organisation.html",
        "acme-2026-06-payments.html",
    ]
    assert all(Path(line).is_file() for line in result.stdout.splitlines())


@pytest.mark.parametrize("name", ["index.html", "run.json", "teams/nobody.html", "../index.html"])
def test_what_is_no_report_is_refused_by_name(small: RunResult, tmp_path: Path, name: str) -> None:
    result = CliRunner().invoke(cli, ["attach", str(small.folder / name), "--to", str(tmp_path / "out")])
    assert result.exit_code == ReportError.exit_code
    assert f"{name}: is not the page of a published report" in result.stderr
    assert not (tmp_path / "out").exists()
