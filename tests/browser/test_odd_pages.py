"""Pages that are not as usual, in a real browser with the network off: hostile names, a failed report, the largest team."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from axe_rules import violations
from company_building import SCRIPT, TEAMS, company
from nbformat.v4 import new_output
from published_sample import execute

from idp_analytics.organisation import Organisation
from idp_analytics.paths import slug
from idp_analytics.publish.engine import Failure, Job, Outcome, make
from idp_analytics.publish.run import RunResult, publish
from idp_analytics.report.mart import Mart

pytestmark = pytest.mark.browser

LARGEST, QUIETEST, FAILED = "storefront", "identity", "edge"
HOSTILE = f"teams/{slug(SCRIPT)}.html"
SAMPLE_PAGES = (
    "index.html",
    "../index.html",
    f"teams/{LARGEST}.html",
    f"teams/{QUIETEST}.html",
    f"teams/{FAILED}.html",
)
HOSTILE_PAGES = ("index.html", "../index.html", "organisation.html", *(f"teams/{slug(team)}.html" for team in TEAMS))
SEEN = "[...document.querySelectorAll('a[href], button, summary, input, select, [tabindex=\"0\"]')].filter(e => e.checkVisibility())"


def stopping(*teams: str) -> Callable[[Sequence[Job], int], Iterator[Outcome]]:
    """An engine without kernels that stops in the reports of ``teams`` behind the first section that has a chart for everybody."""

    def stopped(job: Job) -> Any:
        notebook, _ = execute(job)
        drawn = next(n for n, cell in enumerate(notebook.cells) if cell.id == "deployment-frequency-answer")
        after = [cell for cell in notebook.cells[drawn + 1 :] if cell.cell_type == "code"]
        for cell in after:
            cell.outputs = []
        told = f"no {SCRIPT}"
        code = after[0]
        code.outputs = [new_output("error", ename="ValueError", evalue=told, traceback=[])]
        return notebook, Failure("ValueError", told, "How often?", 11)

    def engine(jobs: Sequence[Job], _: int) -> Iterator[Outcome]:
        return (make(job, stopped if job.parameters.get("team") in teams else execute) for job in jobs)

    return engine


@pytest.fixture(scope="session")
def hostile(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """The company with hostile names, by the kit's own notebooks; the report of one team fails."""
    return publish(company(), tmp_path_factory.mktemp("hostile"), engine=stopping(SCRIPT))


@pytest.fixture(scope="session")
def partly(chromium: Any, sample: Organisation, mart: Mart, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """The largest, the quietest and a failed team of the demo; the mart, which is frozen, is not computed again."""
    reports = tmp_path_factory.mktemp("partly")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Mart, "of", lambda _organisation, **_: mart)
        return publish(sample, reports, teams=[LARGEST, QUIETEST, FAILED], engine=stopping(FAILED))


@pytest.fixture(scope="module")
def tab(chromium: Callable[[], Any]) -> Any:
    """A tab with the network off."""
    found = chromium()
    found.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    found.call("Page.addScriptToEvaluateOnNewDocument", source="window.alert = () => console.error('an alert')")
    return found


def show(tab: Any, result: RunResult, page: str, width: int = 1280, dark: bool = False) -> None:
    tab.call("Page.navigate", url="about:blank")
    tab.console.clear()
    tab.requests.clear()
    tab.show(result.folder / page, width=width, dark=dark)
    tab.open_chapters()


def check(tab: Any, width: int) -> None:
    """Silent, asking nobody for anything, every chart drawn, nothing sticking out at the side."""
    tab.settle(0.1)
    assert tab.console == []
    assert [url for url in tab.requests if not url.startswith(("file:", "data:", "blob:", "about:"))] == []
    sizes = tab.js("[...document.querySelectorAll('figure.idp-chart svg')].map(s => [s.clientWidth, s.clientHeight])")
    assert len(sizes) == tab.js("document.querySelectorAll('figure.idp-chart').length")
    assert all(w > 0 and h > 0 for w, h in sizes)
    assert tab.js("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("page", SAMPLE_PAGES)
def test_a_page_of_a_partly_failed_set_is_drawn_and_silent(tab: Any, partly: RunResult, page: str) -> None:
    show(tab, partly, page, 390)
    check(tab, 390)


@pytest.mark.parametrize("page", HOSTILE_PAGES)
def test_a_page_with_hostile_names_is_drawn_and_silent(tab: Any, hostile: RunResult, page: str) -> None:
    show(tab, hostile, page, 390)
    check(tab, 390)
    assert tab.js("document.querySelectorAll('main script:not([type=\"application/json\"])').length") == 0
    assert "\u202e" not in tab.js("document.documentElement.outerHTML")


def test_a_hostile_name_is_read_as_it_is_written(tab: Any, hostile: RunResult) -> None:
    show(tab, hostile, HOSTILE)
    assert tab.js("document.querySelector('h1').textContent") == SCRIPT
    assert SCRIPT in tab.js("document.title")
    show(tab, hostile, "index.html")
    assert SCRIPT in tab.js("[...document.querySelectorAll('tbody th a')].map(a => a.textContent)")


def test_a_script_that_came_in_with_data_would_not_run(tab: Any, hostile: RunResult, tmp_path: Path) -> None:
    """Even were a name not escaped, the policy of the page would hold it."""
    page = (hostile.folder / "index.html").read_text(encoding="utf-8")
    broken = page.replace("<main", "<script>document.title = 'run'</script><img src='https://example.org/x'><main", 1)
    (tmp_path / "broken.html").write_text(broken, encoding="utf-8")
    tab.show(tmp_path / "broken.html")
    tab.settle(0.2)
    assert tab.js("document.title") != "run"
    assert len([line for line in tab.console if "Content Security Policy" in line or "violates" in line]) == 2


def test_a_failed_report_says_so_first_and_shows_what_there_is(tab: Any, partly: RunResult) -> None:
    show(tab, partly, f"teams/{FAILED}.html")
    assert tab.js("document.querySelector('main').firstElementChild.getAttribute('role')") == "alert"
    told = tab.js("document.querySelector('[role=alert]').innerText")
    assert "This report could not be finished." in told
    assert f"ValueError: no {SCRIPT}" in told
    assert tab.js("document.querySelectorAll('figure.idp-chart svg').length") > 0
    assert "Not computed" in tab.js("document.querySelector('main').innerText")
    assert tab.js("document.querySelector('.idp-downloads a').getAttribute('href')") == f"{FAILED}.failed.ipynb"
    show(tab, partly, "index.html")
    assert "failed" in tab.js("[...document.querySelectorAll('td.idp-status')].map(e => e.innerText)")


@pytest.mark.parametrize(("width", "dark"), [(1280, True), (390, False)])
def test_a_failed_report_breaks_no_rule_of_accessibility(tab: Any, partly: RunResult, width: int, dark: bool) -> None:
    show(tab, partly, f"teams/{FAILED}.html", width, dark)
    assert violations(tab) == []


def test_links_lead_from_all_periods_to_a_team_and_back(tab: Any, partly: RunResult) -> None:
    show(tab, partly, "../index.html")
    for selector in (".idp-periods a", "tbody th a[href^='teams/']", ".idp-trail li:nth-child(2) a", ".idp-trail a"):
        before = tab.js("location.href")
        tab.js(f'document.querySelector("{selector}").click()')
        tab.until(f"location.href !== {before!r} && document.readyState === 'complete'")
    assert tab.js("location.href").endswith("/sample/index.html")
    show(tab, partly, f"teams/{LARGEST}.html")
    tab.js("document.querySelector('.idp-trail a').click()")
    tab.until("document.querySelector('.idp-whose')?.textContent === 'Storefront'")
    assert tab.js("document.querySelector('.idp-periods a').getAttribute('href')").endswith(f"/teams/{LARGEST}.html")


def test_all_periods_can_be_turned_to_one_team_and_back(tab: Any, partly: RunResult) -> None:
    show(tab, partly, "../index.html")
    first = "document.querySelector('.idp-periods a').getAttribute('href')"
    select = "document.querySelector('.idp-find select')"
    before = tab.js(first)
    for page, leads in ((f"teams/{LARGEST}.html", before.replace("index.html", f"teams/{LARGEST}.html")), ("", before)):
        tab.js(f"{select}.value = {page!r}; {select}.dispatchEvent(new Event('change', {{bubbles: true}})); 1")
        tab.until(f"{first} === {leads!r}")
    assert tab.js("document.querySelector('.idp-whose').textContent") == "All reports"
    assert tab.console == []


def test_a_team_is_found_by_its_name_and_by_what_its_report_says(tab: Any, partly: RunResult) -> None:
    show(tab, partly, "index.html")
    shown = "[...document.querySelectorAll('.idp-teams tbody:last-of-type tr')].filter(r => r.checkVisibility()).map(r => r.querySelector('th').innerText)"
    everyone = tab.js(shown)
    assert len(everyone) == 3

    def find(name: str, which: str) -> Any:
        return tab.js(
            f"(f => {{ f.name.value = {name!r}; f.which.value = {which!r}; f.name.dispatchEvent(new Event('input', {{bubbles: true}}));"
            " return f.found.value; })(document.querySelector('.idp-find').elements)"
        )

    assert find("STORE", "all") == "1 of 3 teams"
    assert [name.lower() for name in tab.js(shown)] == [LARGEST]
    assert find("", "failed") == "1 of 3 teams"
    assert [name.lower() for name in tab.js(shown)] == [FAILED]
    assert find("no such team", "all") == "0 of 3 teams"
    assert tab.js(shown) == []
    assert find("", "all") == "3 of 3 teams"


@pytest.mark.parametrize("page", ["index.html", f"teams/{FAILED}.html", f"teams/{LARGEST}.html"])
def test_in_the_dark_every_word_stands_out(tab: Any, partly: RunResult, page: str) -> None:
    contrasts = {}
    for dark in (False, True):
        show(tab, partly, page, dark=dark)
        contrasts[dark] = tab.js(CONTRAST)
    for found in contrasts.values():
        assert found["words"] > 20
        assert found["poor"] == []
    assert contrasts[True]["ground"] < 0.1
    assert contrasts[False]["ground"] > 0.8


CONTRAST = """(() => {
  const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(Number).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (e) => { for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)$|transparent/.test(c)) return light(c); } return 1; };
  const poor = []; let words = 0;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || e.closest('script, style, noscript, .idp-skip') || !e.checkVisibility()) continue;
    const style = getComputedStyle(e);
    const c = e.ownerSVGElement ? style.fill : style.color;
    if (c === 'none') continue;
    const [a, b] = [light(c), ground(e)].sort((x, y) => y - x);
    words += 1;
    if ((a + 0.05) / (b + 0.05) < 4.5) poor.push(e.outerHTML.slice(0, 120) + c);
  }
  return { words, poor, ground: ground(document.body) };
})()"""


def press(tab: Any, key: str, code: int) -> None:
    text = {"text": "\r"} if key == "Enter" else {}
    for kind in ("keyDown", "keyUp"):
        tab.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)


@pytest.mark.parametrize("page", ["index.html", "../index.html", f"teams/{FAILED}.html"])
def test_the_keyboard_reaches_everything_in_order_and_shows_where_it_is(tab: Any, partly: RunResult, page: str) -> None:
    show(tab, partly, page)
    tab.js(f"document.querySelectorAll('*').forEach((e, n) => e.dataset.n = n); window.wanted = {SEEN}.length; 1")
    reached: list[int] = []
    for _ in range(tab.js("window.wanted") + 1):
        press(tab, "Tab", 9)
        here = tab.js(
            "(e => e === document.body ? null : [+e.dataset.n, getComputedStyle(e).outlineStyle])(document.activeElement)"
        )
        if here is None or here[0] in reached:
            break
        assert here[1] != "none"
        reached.append(here[0])
    assert reached == tab.js(f"{SEEN}.map(e => +e.dataset.n)")


def test_the_skip_link_leads_past_the_head(tab: Any, partly: RunResult) -> None:
    show(tab, partly, f"teams/{LARGEST}.html")
    press(tab, "Tab", 9)
    assert tab.js("document.activeElement.className") == "idp-skip"
    assert tab.js("document.activeElement.getBoundingClientRect().left") >= 0
    press(tab, "Enter", 13)
    assert tab.js("document.activeElement.id") == "main"
    press(tab, "Tab", 9)
    assert tab.js("document.querySelector('main').contains(document.activeElement)")


def test_on_paper_there_is_all_and_only_what_can_be_read(tab: Any, partly: RunResult) -> None:
    show(tab, partly, f"teams/{LARGEST}.html", dark=True)
    tab.call("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    tab.js("dispatchEvent(new Event('beforeprint'))")
    folds = "summary:not(.idp-chapter > summary, .idp-definition-fold > summary)"
    for hidden in (".idp-trail", ".idp-contents", ".idp-save", ".idp-downloads", folds):
        assert tab.js(f"[...document.querySelectorAll('{hidden}')].filter(e => e.checkVisibility()).length") == 0
    assert tab.js("document.querySelectorAll('details:not([open], .idp-definition-fold)').length") == 0
    told = "[...document.querySelectorAll('.idp-definition-fold%s dl')].map(e => e.textContent)"
    printed, everything = tab.js(told % "[open]"), tab.js(told % "")
    assert len(printed) == len(set(everything)) < len(everything)  # each definition once, under its name
    assert set(printed) == set(everything)
    names = tab.js("[...document.querySelectorAll('.idp-definition-fold > summary')].map(e => e.checkVisibility())")
    assert names.count(True) == len(printed)
    assert tab.js("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.js("getComputedStyle(document.querySelector('figure')).breakInside") == "avoid"
    tab.js("dispatchEvent(new Event('afterprint'))")
    assert tab.js("document.querySelectorAll('details:not([open])').length") > 0
    tab.call("Emulation.setEmulatedMedia", media="", features=[])
    assert tab.pdf().startswith(b"%PDF")


def test_a_chart_can_be_taken_away_as_a_picture(tab: Any, partly: RunResult) -> None:
    show(tab, partly, f"teams/{LARGEST}.html", dark=True)
    tab.js(
        "window.taken = []; const make = URL.createObjectURL;"
        "URL.createObjectURL = (b) => { b.arrayBuffer().then(a => taken.push([b.type, a.byteLength])); return make(b); };"
        "HTMLAnchorElement.prototype.click = function () { taken.push([this.download, 1]); };"
        "document.querySelectorAll('.idp-save')[0].querySelectorAll('button').forEach(b => b.click())"
    )
    tab.until("taken.filter(([n]) => /[.](svg|png)$/.test(n)).length === 2 && taken.some(([n]) => n === 'image/png')")
    taken = tab.js("taken")
    assert all(size > 0 for _, size in taken)
    assert {name.rpartition(".")[2] for name, _ in taken if "/" not in name} == {"svg", "png"}
    assert tab.console == []
