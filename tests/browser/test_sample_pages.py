"""The demo's pages in a real browser, with nothing but the files: drawn whole, silent, and asking nobody for anything."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from idp_analytics.publish.attachment import attachment, opened
from idp_analytics.publish.run import RunResult

pytestmark = pytest.mark.browser

PAGES = ("index.html", "organisation.html", "teams/payments.html", "teams/identity.html", "../index.html")

TOUCHING = """[...document.querySelectorAll('.idp-plot .role-axis-label')].flatMap((axis) => {
  const shown = [...axis.querySelectorAll('text')].filter((text) => text.textContent && text.getAttribute('opacity') !== '0');
  const boxes = shown.map((text) => [text.getBoundingClientRect(), text.textContent]).sort((a, b) => a[0].left - b[0].left);
  return boxes.slice(1).flatMap(([box, said], n) =>
    Math.abs(boxes[n][0].top - box.top) < 4 && box.left < boxes[n][0].right + 1 ? [[boxes[n][1], said]] : []);
})"""
"""Neighbours below an axis that touch or cover one another, and so cannot be told apart."""

CUT = """[...document.querySelectorAll('.idp-plot svg')].flatMap((drawing) => {
  const room = drawing.getBoundingClientRect();
  const shown = [...drawing.querySelectorAll('text')].filter((text) => text.textContent && text.getAttribute('opacity') !== '0');
  return shown.filter((text) => {
    const box = text.getBoundingClientRect();
    return box.left < room.left - 1.5 || box.right > room.right + 1.5 || box.top < room.top - 1.5 || box.bottom > room.bottom + 1.5;
  }).map((text) => text.textContent);
})"""
"""Words of charts that reach beyond the drawing: titles, legends and labels that end at its edge."""

COVERED = """[...document.querySelectorAll('.idp-plot svg')].flatMap((drawing) => {
  const shown = [...drawing.querySelectorAll('text')].filter((text) => text.textContent && text.getAttribute('opacity') !== '0');
  const boxes = shown.map((text) => [text.getBoundingClientRect(), text.textContent]);
  return boxes.flatMap(([one, said], n) => boxes.slice(n + 1).filter(([box]) =>
    Math.min(one.right, box.right) - Math.max(one.left, box.left) > 1 && Math.min(one.bottom, box.bottom) - Math.max(one.top, box.top) > 3
  ).map(([_, other]) => [said, other]));
})"""
"""Words of a chart that lie on others of it."""

TOWERS = """[...document.querySelectorAll('.idp-table :is(td, tbody th)')].flatMap((cell) => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  const lines = new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size;
  return lines > 6 && cell.textContent.length < 10 * lines ? [[lines, cell.textContent]] : [];
})"""
"""Texts in tables that stand in many lines of a word or two each."""


@pytest.fixture(scope="module")
def tab(chromium: Callable[[], Any]) -> Any:
    found = chromium()
    found.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    return found


def shown(tab: Any, published: RunResult, page: str, width: int = 1280, dark: bool = False) -> Path:
    tab.console.clear()
    tab.requests.clear()
    path = published.folder / page
    tab.call("Page.navigate", url="about:blank")
    tab.show(path, width=width, dark=dark)
    tab.open_chapters()
    return path


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_drawn_whole_says_nothing_and_asks_for_nothing(
    tab: Any, published: RunResult, page: str, width: int
) -> None:
    shown(tab, published, page, width)
    tab.settle()
    assert tab.console == []
    assert [url for url in tab.requests if not url.startswith(("file:", "data:", "blob:", "about:"))] == []
    sizes = tab.js("[...document.querySelectorAll('figure.idp-chart svg')].map(s => [s.clientWidth, s.clientHeight])")
    figures = tab.js("document.querySelectorAll('figure.idp-chart').length")
    assert len(sizes) == figures
    assert all(w > 200 and h > 40 for w, h in sizes)
    assert figures > 5 or "index" in page
    assert tab.js(TOUCHING) == []
    assert tab.js(CUT) == []
    assert tab.js(COVERED) == []
    cut = tab.js(
        "[...document.querySelectorAll('.idp-plot text')].map(e => e.textContent).filter(said => said.endsWith('…'))"
    )
    assert tab.js(TOWERS) == []
    assert [said for said in cut if "canonical" not in said] == []  # the rows of what the data cover have one line each
    # Nothing sticks out at the side: what is wider than the page scrolls in a frame of its own.
    assert tab.js("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [320, 360])
@pytest.mark.parametrize("page", ["organisation.html", "teams/payments.html"])
def test_on_a_small_phone_no_word_of_a_chart_is_cut_or_covered(
    tab: Any, published: RunResult, page: str, width: int
) -> None:
    shown(tab, published, page, width)
    assert tab.js(CUT) == []
    assert tab.js(COVERED) == []
    assert tab.js(TOUCHING) == []
    assert tab.js("document.documentElement.scrollWidth") <= width
    if page == "organisation.html":  # on how many it rests stands in a second line
        labels = tab.js(
            "[...document.querySelectorAll('.idp-plot .role-axis-label text')].map((text) => text.textContent)"
        )
        assert "at EUR 120.00,n 18" in labels


def test_marks_are_drawn_not_only_axes(tab: Any, published: RunResult) -> None:
    shown(tab, published, "organisation.html")
    marks = tab.js(
        "[...document.querySelectorAll('figure.idp-chart')].map(f => f.querySelectorAll('[aria-roledescription$=point],"
        '[aria-roledescription$=bar],[aria-roledescription*="mark"]\').length)'
    )
    assert marks
    assert all(n > 0 for n in marks)


def test_dark_is_dark_and_can_be_read(tab: Any, published: RunResult) -> None:
    shown(tab, published, "teams/payments.html", dark=True)
    ground, ink = (
        sum(map(int, tab.js(f"getComputedStyle(document.body).{name}").strip("rgba()").split(",")[:3]))
        for name in ("backgroundColor", "color")
    )
    assert ground < 150
    assert ink > 450


def test_the_keyboard_reaches_the_report_and_everything_in_it(tab: Any, published: RunResult) -> None:
    shown(tab, published, "teams/payments.html")
    reached = []
    for _ in range(400):
        for kind in ("keyDown", "keyUp"):
            tab.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        here = tab.js("(e => e === document.body ? '' : e.outerHTML.slice(0, 120))(document.activeElement)")
        if not here or (reached and here == reached[0]):
            break
        reached.append(here)
    assert "Skip to the report" in reached[0]
    wanted = tab.js("[...document.querySelectorAll('a[href], button, summary')].filter(e => e.offsetParent).length")
    assert len(reached) >= wanted


def test_what_is_folded_is_drawn_when_it_is_opened_and_printed_only_then(tab: Any, published: RunResult) -> None:
    tab.show(published.folder / "organisation.html")
    in_chapters = "[...document.querySelectorAll('.idp-chapter figure.idp-chart')]"
    assert tab.js(f"{in_chapters}.length") > 5
    assert tab.js(f"{in_chapters}.filter(f => 'drawn' in f.dataset || f.checkVisibility()).length") == 0
    short = tab.js("document.documentElement.scrollHeight")
    assert short < 6_000  # a few screens, of some hundred
    tab.call("Emulation.setEmulatedMedia", media="print")
    assert tab.js("[...document.querySelectorAll('.idp-chapter')].filter(c => c.checkVisibility()).length") == 0
    assert not tab.js("document.querySelector('.idp-behind').checkVisibility()")  # paper has no links
    tab.js("document.querySelector('#cost').open = true; 1")
    assert tab.js("document.querySelector('#cost h2').checkVisibility()")
    tab.call("Emulation.setEmulatedMedia", media="")
    tab.until("![...document.querySelectorAll('#cost figure.idp-chart')].some(f => !('drawn' in f.dataset))")
    assert tab.js("[...document.querySelectorAll('.idp-chapter:not(#cost) figure[data-drawn]')].length") == 0


def test_a_link_opens_the_chapter_it_leads_into(tab: Any, published: RunResult) -> None:
    tab.show(published.folder / "organisation.html")
    assert not tab.js("document.querySelector('#cost').open")
    tab.js("document.querySelector('.idp-contents a[href=\"#which-cost-has-no-known-owner-and-why\"]').click()")
    tab.until("document.querySelector('#cost').open")
    tab.until("!document.querySelector('#cost figure.idp-chart:not([data-drawn])')")
    tab.settle(1)
    top = tab.js("document.querySelector('#which-cost-has-no-known-owner-and-why').getBoundingClientRect().top")
    assert 0 <= top < 60  # however many charts above it took their room meanwhile


def test_printed_it_is_all_there(tab: Any, published: RunResult) -> None:
    shown(tab, published, "organisation.html")
    assert tab.pdf().startswith(b"%PDF")


@pytest.mark.parametrize("page", ["organisation.html", "index.html"])
def test_on_paper_no_table_is_cut(tab: Any, published: RunResult, page: str) -> None:
    """A4 between its margins is 688 px wide; a browser makes a whole page smaller for one table that is wider."""
    shown(tab, published, page, width=690)
    tab.js("document.querySelectorAll('details').forEach((one) => { one.open = true; }); 1")
    tab.call("Emulation.setEmulatedMedia", media="print")
    wide = "[...document.querySelectorAll('.idp-scroll')].filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.ariaLabel)"
    assert tab.js(wide) == []
    tab.call("Emulation.setEmulatedMedia", media="")


def test_a_page_sent_alone_is_drawn_as_it_was(tab: Any, published: RunResult, tmp_path: Path) -> None:
    page = opened(published.folder / "teams" / "identity.html")
    (tmp_path / page.file_name).write_text(attachment(page), encoding="utf-8")
    drawn = {}
    for path in (page.path, tmp_path / page.file_name):
        tab.console.clear()
        tab.requests.clear()
        tab.show(path, width=1280)
        tab.open_chapters()
        tab.settle()
        assert tab.console == []
        asked = [url for url in tab.requests if not url.startswith(("data:", "blob:", "about:"))]
        assert asked[0] == path.as_uri()
        assert [url.rpartition("/")[0].rpartition("/")[2] for url in asked[1:]] == ["assets"] * 3 * (path == page.path)
        drawn[path] = tab.js("document.querySelectorAll('figure.idp-chart svg').length")
    assert len(set(drawn.values())) == 1
    assert drawn[page.path] > 5


def test_a_page_that_is_served_checks_what_it_loads(
    chromium: Callable[[], Any], published: RunResult, tmp_path: Path
) -> None:
    shutil.copytree(published.folder, tmp_path / "set", ignore=shutil.ignore_patterns("mart", "*.ipynb"))
    handler = partial(Quiet, directory=str(tmp_path / "set"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        tab, address = chromium(), f"http://127.0.0.1:{server.server_port}"
        for changed in (False, True):
            if changed:
                (library,) = (tmp_path / "set" / "assets").glob("vega-*.js")
                library.write_text(library.read_text(encoding="utf-8") + "\n// changed", encoding="utf-8")
            tab.call("Page.navigate", url=f"{address}/teams/identity.html?{changed}")
            tab.until("document.readyState === 'complete' && document.title.startsWith('Identity')")
            tab.settle()
            assert {url.partition("/teams")[0].partition("/assets")[0] for url in tab.requests} == {address}
            if not changed:
                tab.open_chapters()
                assert tab.console == []
                assert tab.js("document.querySelectorAll('figure.idp-chart svg').length") > 5
        assert any("integrity" in said for said in tab.console)
        assert "needs the files in the folder assets" in tab.js("document.querySelector('.idp-plot').textContent")
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing; a browser is to keep nothing of it."""

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""
