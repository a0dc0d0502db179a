"""Each attack by itself, wherever a text from data comes out: pages, charts, notebooks, file names, CSV, terminal, commands."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import re
import shlex
import stat
import unicodedata
from pathlib import Path

import nbformat
import polars as pl
import pytest
from attacks import ATTACKS, FORMULAS, HALVES, PATHS, attack
from company_building import at_once, chart, company, executed, notebook, write_notebooks
from nbformat.v4 import new_output
from reading_pages import Page, strictness

from idp_analytics import events
from idp_analytics.answers import Verdict
from idp_analytics.assess.form import page as form
from idp_analytics.charts.chart import MIME
from idp_analytics.charts.wording import clean, named
from idp_analytics.commands import framed, one_line, printable
from idp_analytics.paths import slug
from idp_analytics.publish import downloads, index
from idp_analytics.publish.attachment import attachment, opened
from idp_analytics.publish.downloads import spreadsheet_safe
from idp_analytics.publish.engine import Failure, plain
from idp_analytics.publish.exporter import render
from idp_analytics.publish.index import Issue, Row
from idp_analytics.publish.notebook import parameterized
from idp_analytics.publish.page import Link, Source, data
from idp_analytics.publish.page import Page as PageOf
from idp_analytics.publish.run import RunResult, publish
from idp_analytics.report import disclosure
from idp_analytics.report import mart as marts
from idp_analytics.report.section import Section, Table
from idp_analytics.settings.maturity_model import shipped

TEXTS = [attack(number, number) for number in range(len(ATTACKS))]
TEAMS = {text: text for text in (*TEXTS[::7], *PATHS[4:9]) if text.strip()}
CONTROLLING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
RUN = re.compile(r"(?:^\s*|[;\t\r\n][;\s]*)[=+\-@＝＋－＠]")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """A company in which each seventh attack is a team, by name and by id; the report of the first fails with its name in the message."""
    folder = tmp_path_factory.mktemp("hostile")
    engine = at_once(next(iter(TEAMS)))
    with pytest.MonkeyPatch.context() as patch:  # no notebook of these asks for a study
        patch.setattr(
            marts,
            "STUDIES",
            [study for study in marts.STUDIES if study.name in (*disclosure.STUDIES, *downloads.BY_TEAM)],
        )
        return publish(company(TEAMS), folder / "r", notebooks=write_notebooks(folder / "n"), engine=engine)


@pytest.fixture(scope="module", params=range(0, len(ATTACKS), 12))
def texts(request: pytest.FixtureRequest) -> list[str]:
    """A dozen attacks at a time."""
    return TEXTS[request.param : request.param + 12]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In place of the chart library, which takes long to read."""
    file = tmp_path_factory.mktemp("library") / "vega.js"
    file.write_text("vegaEmbed")
    return file


def around(text: str, failure: Failure | None = None) -> PageOf:
    """A page that says the text wherever it can say one."""
    return PageOf(
        title=text, kicker=text, subtitle=text, trail=(Link(text, "../index.html"),), quality=text, facts=((text, text),),
        sources=(Source(text, text, "0" * 64, 1, 1, truncated=True),), downloads=(Link(text, "x.csv"),), failure=failure,
    )  # fmt: skip


def report(text: str, library: Path) -> Page:
    """A report of the text that failed with it, with a chart, a table, an error, and what somebody printed."""
    shown = executed(
        new_output("display_data", {MIME: chart(text), "text/plain": text}),
        new_output("display_data", dict(Table(text, {text: [text], "n": [text]})._repr_mimebundle_())),
        *(new_output("display_data", dict(bundle)) for bundle in Section(text, text, cautions=(text,), trace=text).outputs()),
        new_output("display_data", {"text/plain": text}), new_output("stream", name="stdout", text=f"of {text}"),
        new_output("error", ename=text, evalue=text),
    )  # fmt: skip
    return Page(render(shown, around(text, Failure(text, text, text, 3)), library))


PLAIN = "Plain"


def test_no_page_is_made_of_anything_else_because_of_a_text(library: Path, texts: list[str]) -> None:
    """Element by element and attribute by attribute, a report is made as one of a plain name; what is drawn is the drawing with the name in it."""
    plainly = report(PLAIN, library)
    for text in texts:
        page = report(text, library)
        assert page.elements == plainly.elements, text
        assert page.links == plainly.links, text
        assert page.problems() == [], text
        assert json.loads(next(code for given, code in page.scripts if given.get("type"))) == chart(text)
        assert not CONTROLLING.search(page.text)


def listing(texts: list[str]) -> Page:
    """The index of teams of these names, each of which failed with its name."""
    rows = [
        Row(named(text), "teams/x.html", Failure(text, plain(text), text), has_data=True, verdicts=(Verdict.WORSENED,))
        for text in texts
    ]
    return Page(index.index(around(texts[0]), "2026-06", rows[0], rows))


def test_no_index_is_made_of_anything_else_because_of_a_text() -> None:
    page, plainly = listing(TEXTS), listing([PLAIN] * len(TEXTS))
    assert page.elements == plainly.elements
    assert page.problems() == []
    assert [name for name in map(named, TEXTS) if plain(name) not in page.text] == []


def test_no_list_of_periods_is_made_of_anything_else_because_of_a_text() -> None:
    def page(texts: list[str]) -> Page:
        sets = [
            Issue(text, "2026-06/index.html", {f"teams/{n}.html": text for n, text in enumerate(texts)}, 1)
            for text in texts[:5]
        ]
        return Page(index.periods(around(texts[0]), sets))

    told, plainly = page(TEXTS), page([PLAIN] * len(TEXTS))
    assert told.elements == plainly.elements
    assert told.problems() == []
    (pages,) = [json.loads(code) for given, code in told.scripts if given.get("type")]
    assert sorted(name for _, name in pages["names"]) == sorted(TEXTS)


def test_the_pages_of_a_run_are_made_the_same(hostile: RunResult) -> None:
    pages = [Page(path.read_text(encoding="utf-8")) for path in (hostile.folder / "teams").glob("*.html")]
    assert len({tuple(page.elements) for page in pages}) == 2  # one failed
    assert [found for page in pages if (found := page.problems())] == []


def test_json_in_a_page_is_what_it_was(texts: list[str]) -> None:
    for text in texts:
        page = Page(f'<script type="application/json">{data({text: [text]})}</script>')
        assert page.elements == [("script", ("type",))]
        assert json.loads(page.scripts[0][1]) == {text: [text]}


def test_no_text_chooses_where_a_file_goes(hostile: RunResult) -> None:
    names = [path.name for path in (hostile.folder / "teams").iterdir()]
    assert len(names) == 5 * len(TEAMS)
    assert all(
        re.fullmatch(r"[a-z0-9][a-z0-9-]{0,70}(?:\.failed)?\.(?:html|ipynb|csv|rows\.csv|parquet)", name)
        for name in names
    )
    stems = {name.partition(".")[0] for name in names}
    assert not stems & {"con", "prn", "aux", "nul", *(f"{device}{n}" for device in ("com", "lpt") for n in range(10))}
    assert len({slug(text) for text in (*TEXTS, *HALVES)}) == len(TEXTS) + len(HALVES)
    assert {path.resolve().is_relative_to(hostile.folder.resolve()) for path in hostile.folder.rglob("*")} == {True}


def test_what_is_published_has_the_rights_that_new_files_have_there(hostile: RunResult) -> None:
    """Whoever serves the folder is usually somebody else; who may read it is for the one who publishes to say."""
    umask = os.umask(0o022)
    os.umask(umask)
    for path in hostile.folder.resolve().rglob("*"):
        wanted = (0o777 if path.is_dir() else 0o666) & ~umask
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def test_no_cell_of_a_csv_is_a_formula(hostile: RunResult) -> None:
    for path in hostile.folder.rglob("*.csv"):
        text = path.read_text(encoding="utf-8")
        assert not CONTROLLING.search(text.replace("\r", "")), path
        cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
        assert [cell for cell in cells if RUN.search(cell) and not re.fullmatch(r"-?[\d.]+(?:e-?\d+)?", cell)] == []


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_seen_to_be_one(text: str) -> None:
    """What the test above looks for is there before it is made safe."""
    assert RUN.search(text) or "," in text
    safe = spreadsheet_safe(pl.DataFrame({"a": [text]})).item()
    assert not RUN.search(safe)


def test_what_the_run_says_of_itself_is_whole(hostile: RunResult) -> None:
    told = json.loads((hostile.folder / "run.json").read_text(encoding="utf-8"))
    assert len(told["reports"]) == len(TEAMS) + 1
    assert [report["page"] for report in told["reports"] if report["failure"]] == [
        f"teams/{slug(next(iter(TEAMS)))}.html"
    ]


def test_a_terminal_shows_and_does_nothing(texts: list[str]) -> None:
    for text in (*texts, *HALVES):
        assert not CONTROLLING.search(printable(text))
        shown = one_line(f"the team {text} is fine")
        assert shown.isprintable()
        if text not in HALVES:
            table = framed(pl.DataFrame({"team": [text, "b"], "n": [1, 2]}))
            assert not CONTROLLING.search(table)
            assert all(line[0] in "┌│╞├└" and line[-1] in "┐│╡┤┘" for line in table.splitlines())


@pytest.mark.parametrize("form", events.FORMATS)
def test_a_line_of_the_log_is_one_line(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Names out of the data are told to no log; should one come there, it is a fact of its event and no event of its own."""
    handlers, level = events._LOG.handlers[:], events._LOG.level
    try:
        events.listen(form, "info")
        for text in (*TEXTS, *HALVES):
            events.tell("a report is made", report=text)
    finally:
        events._LOG.handlers[:] = handlers
        events._LOG.setLevel(level)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(TEXTS) + len(HALVES)
    assert not any(CONTROLLING.search(line) for line in lines)


def test_a_name_in_a_sentence_is_one_line_of_what_can_be_seen(texts: list[str]) -> None:
    for text in (*texts, *HALVES):
        told = clean(text)
        assert clean(told) == told
        assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in told)
        assert not re.search("[\u00ad\u200b\u2060\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]", told)
        assert not re.search("[\u0300-\u036f\u0489]{5}", told)
        assert len(named(text)) <= 120


def test_a_command_to_paste_names_the_team_and_runs_nothing_else(hostile: RunResult) -> None:
    every = {
        team: pl.read_parquet(hostile.folder / "teams" / f"{slug(team)}.parquet")["rows"].drop_nulls() for team in TEAMS
    }
    assert all(len(commands) for commands in every.values())
    for team, commands in every.items():
        words = shlex.split(commands[0])
        assert words[:2] == ["idp", "explain"]
        assert words[words.index("--team") + 1] == team
        assert words[-2] == "--period"


def test_a_parameter_is_a_text_in_the_notebook_and_no_code(texts: list[str]) -> None:
    for text in texts:
        source = nbformat.from_dict(notebook(["# R", "team = ''", "print(team)"], {"team": {"type": "str"}}))
        made = parameterized(source, {"team": text})
        (cell,) = [cell for cell in made.cells if cell.id == "injected-parameters"]
        (step,) = ast.parse(cell.source).body
        assert isinstance(step, ast.Assign)
        assert ast.literal_eval(step.value) == text


def test_a_frame_shown_by_itself_is_escaped(hostile: RunResult) -> None:
    """What an analyst's notebook shows of data without any help of ours: names of columns too."""
    frame = pl.DataFrame({text: [text] for text in TEXTS[:60]})
    page = Page(f'<meta http-equiv="Content-Security-Policy" content="script-src">{frame._repr_html_()}')
    assert [found for found in page.problems() if "policy" not in found] == []


# --- the policy of every kind of page ---------------------------------------------------------------------------------


def kinds(result: RunResult) -> dict[str, str]:
    first, second = (result.folder / "teams" / f"{slug(team)}.html" for team in list(TEAMS)[:2])
    files = {
        "all periods": result.folder.parent / "index.html", "index": result.folder / "index.html", "organisation": result.folder / "organisation.html",
        "failed": first, "team": second,
    }  # fmt: skip
    html = {kind: path.read_text(encoding="utf-8") for kind, path in files.items()}
    return {**html, "attached": attachment(opened(second)), "form": form(shipped(), "2026-Q3", TEXTS[0], TEXTS)}


@pytest.mark.parametrize("kind", ["all periods", "index", "organisation", "failed", "team", "attached", "form"])
def test_a_page_lets_nothing_run_that_is_not_its_own(hostile: RunResult, kind: str) -> None:
    html = kinds(hostile)[kind]
    page = Page(html)
    assert ("could not be finished" in html) == (kind in ("failed", "index"))
    assert strictness(page.policy()) == []
    assert page.metas["referrer"] == "no-referrer"
    assert page.problems() == []
    # Nothing a policy could forbid stands before it.
    assert not re.search(r"<(?:script|style|link|img|body)", html.partition("Content-Security-Policy")[0])


@pytest.mark.parametrize(
    "policy",
    [
        {}, {"default-src": ["'self'"]}, {"default-src": ["'none'"], "script-src": ["'unsafe-inline'"], "base-uri": ["'none'"], "form-action": ["'none'"]},
        {"default-src": ["'none'"], "script-src": ["'none'"], "base-uri": ["'none'"], "form-action": ["'none'"], "connect-src": ["*"]},
        {"default-src": ["'none'"], "script-src": ["'none'"], "base-uri": ["'none'"], "form-action": ["'none'"], "img-src": ["https:"]},
    ],
)  # fmt: skip
def test_a_loose_policy_is_seen(policy: dict[str, list[str]]) -> None:
    assert strictness(policy)


def test_a_page_that_lets_something_through_is_seen() -> None:
    policy = '<meta http-equiv="Content-Security-Policy" content="script-src \'none\'">'
    for html in (
        "<img src=x onerror=1>",
        "<iframe srcdoc=x>",
        "<a href=javascript:1>",
        "<script>1</script>",
        "<base href=x>",
        "<!--x-->",
        "<img src=http://x>",
    ):
        assert Page(policy + html).problems(), html
