from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from company_building import CLIMBER, SCRIPT, TURNED, chart, executed
from nbconvert.exporters import get_exporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from idp_analytics.publish import exporter
from idp_analytics.publish.engine import Failure
from idp_analytics.publish.exporter import Block, Part, ReportExporter, read, render
from idp_analytics.publish.page import Link, Page, Source

PNG = "iVBORw0KGgo="


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A chart library of one line; the real one is a megabyte."""
    path = tmp_path / "vega.js"
    path.write_text("vegaEmbed = 0;", encoding="utf-8")
    return path


class Tags(HTMLParser):
    """Every start tag with its attributes, and the text of every script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.cdata_elem == "script":
            self.scripts.append(data)


def shown(**data: Any) -> Any:
    return new_output("display_data", {name.replace("_", "/", 1): value for name, value in data.items()})


def blocks(*outputs: Any) -> list[Block]:
    notebook = new_notebook(cells=[new_code_cell("x", outputs=list(outputs))])
    return [block for chapter in read(notebook)[1] for part in chapter.parts for block in part.blocks]


def parts_of(*cells: Any) -> list[Part]:
    """The parts of a notebook that has no chapters."""
    _, (chapter,) = read(new_notebook(cells=list(cells)))
    assert chapter.title == ""
    return chapter.parts


# --- the notebook, read ------------------------------------------------------------------------------------------------


def test_a_notebook_is_cut_at_its_second_level_headings() -> None:
    cells = [
        new_markdown_cell("# The *title*\n\nBefore."),
        new_code_cell("1", outputs=[new_output("stream", name="stdout", text="one\n")]),
        new_markdown_cell("## First\n\nText.\n\n### Not cut\n\n## `Second`"),
        new_code_cell("2"),
    ]
    title, (chapter,) = read(new_notebook(cells=cells))
    parts = chapter.parts
    assert title == "The title"
    assert [(p.title, p.anchor) for p in parts] == [("", ""), ("First", "first"), ("Second", "second")]
    assert [[block.kind for block in p.blocks] for p in parts] == [["html", "text"], ["html"], []]
    assert "<h3>Not cut</h3>" in parts[1].blocks[0].content
    assert parts[2].heading == "<code>Second</code>"


def test_first_level_headings_after_the_title_begin_chapters() -> None:
    source = "# Title\n\nBefore.\n\n# Cost\n\nOf cost.\n\n## What?\n\n# Empty\n\n# Delivery\n\n## What?"
    title, chapters = read(new_notebook(cells=[new_markdown_cell(source)]))
    assert title == "Title"
    assert [(c.title, c.anchor, [(p.title, p.anchor, len(p.blocks)) for p in c.parts]) for c in chapters] == [
        ("", "", [("", "", 1)]),
        ("Cost", "cost", [("", "", 1), ("What?", "what", 0)]),
        ("Empty", "empty", []),
        ("Delivery", "delivery", [("What?", "what-2", 0)]),
    ]
    assert [[p.title for p in c.questions] for c in chapters] == [[], ["What?"], [], ["What?"]]


def test_headings_of_the_same_words_have_anchors_of_their_own() -> None:
    anchors = [part.anchor for part in parts_of(new_markdown_cell("## What?\n## What?\n## What!\n## …"))]
    assert anchors[:3] == ["what", "what-2", "what-3"]
    assert len(set(anchors)) == 4


def test_a_heading_inside_a_quotation_cuts_nothing() -> None:
    assert [part.title for part in parts_of(new_markdown_cell("> ## Quoted\n\n- # listed"))] == [""]


def test_markup_in_prose_is_shown_not_obeyed() -> None:
    source = f"# {SCRIPT}\n\n{SCRIPT} [x](javascript:alert(1)) <img src=x onerror=alert(1)>"
    title, (chapter,) = read(new_notebook(cells=[new_markdown_cell(source)]))
    assert title == SCRIPT
    prose = str(chapter.parts[0].blocks[0].content)
    assert "<script" not in prose
    assert "<img" not in prose
    assert 'href="javascript' not in prose


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (shown(text_plain="words"), Block("text", "words")),
        (shown(text_plain=["wo", "rds"]), Block("text", "words")),
        (shown(text_html="<p>rich</p>", text_plain="rich"), Block("html", "<p>rich</p>")),
        (shown(image_png=f"{PNG}\n", text_plain="a picture"), Block("image", f"data:image/png;base64,{PNG}", "a picture")),
        (shown(image_jpeg=[PNG]), Block("image", f"data:image/jpeg;base64,{PNG}", "")),
        (new_output("display_data", {"image/svg+xml": "<svg/>"}), Block("html", "<figure><svg/></figure>")),
        (new_output("display_data", {"application/json": {}}), None),
        (new_output("stream", name="stdout", text="said\n"), Block("text", "said\n")),
        (new_output("stream", name="stdout", text=" \n"), None),
        (new_output("stream", name="stderr", text="warned"), None),
        (new_output("error", ename="E", evalue="\x1b[31mred\x1b[0m\x07", traceback=["t"]), Block("error", "red", "E")),
        (new_output("stream", name="stdout", text=f"{TURNED}\x1b[1m!\x1b[0m\n\ta\u200fb"), Block("text", "PayslaP!\n\tab")),
        (shown(text_plain=TURNED), Block("text", "PayslaP")),
        (shown(image_png=PNG, text_plain=TURNED), Block("image", f"data:image/png;base64,{PNG}", "PayslaP")),
    ],
)  # fmt: skip
def test_of_an_output_the_richest_form_is_shown(output: Any, told: Block | None) -> None:
    assert blocks(output) == ([told] if told else [])


def test_text_however_long_is_shown_whole() -> None:
    (block,) = blocks(new_output("stream", name="stdout", text="x" * 10_000))
    assert len(block.content) == 10_000


@pytest.mark.parametrize("kind", ["application/vnd.vegalite.v5+json", "application/vnd.vegalite.v6+json"])
@pytest.mark.parametrize(
    ("spec", "label"),
    [
        ({"description": "told", "title": "t"}, "told"),
        ({"title": "called"}, "called"),
        ({"title": {"text": "called"}}, "called"),
        ({"title": {"text": ["in two ", "lines"]}}, "in two lines"),
        ({"title": ["in two ", "lines"]}, "in two lines"),
        ({"title": {}}, "Chart"),
        ({"description": TURNED}, "PayslaP"),
        ({}, "Chart"),
    ],
)
def test_a_chart_has_a_sentence(kind: str, spec: dict[str, Any], label: str) -> None:
    assert blocks(new_output("display_data", {"text/html": "x", kind: spec})) == [Block("chart", spec, label)]


@pytest.mark.parametrize(
    ("text", "scrolls"),
    [("<table><td>1</table>", True), ('<div class="idp-scroll"><table></table></div>', False), ("<p>1</p>", False)],
)
def test_a_bare_table_scrolls_by_itself(text: str, scrolls: bool) -> None:
    (block,) = blocks(shown(text_html=text))
    assert ('tabindex="0"' in block.content) == scrolls
    assert text in block.content


def test_after_an_error_the_rest_is_said_not_to_be_computed() -> None:
    error = new_output("error", ename="E", evalue="e")
    cells = [new_code_cell("1", outputs=[error]), new_markdown_cell("## More"), new_code_cell("2", outputs=[error])]
    assert [[block.kind for block in part.blocks] for part in parts_of(*cells)] == [["error"], ["skipped"]]


# --- the page ----------------------------------------------------------------------------------------------------------


def test_a_page_is_one_file_that_asks_nobody_for_anything(library: Path) -> None:
    page = render(executed(), Page("Payments"), library)
    tags = Tags(page)
    assert not [value for _, attrs in tags.found for name, value in attrs.items() if name == "src"]
    hrefs = [attrs["href"] for _, attrs in tags.found if "href" in attrs]
    assert hrefs
    assert all(href and href.startswith("#") for href in hrefs)
    assert not {"link", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in tags.found}
    (policy,) = [str(a["content"]) for tag, a in tags.found if tag == "meta" and "http-equiv" in a]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy
    assert "http" not in policy


def test_only_the_scripts_of_the_page_are_allowed_by_their_hash(library: Path) -> None:
    from idp_analytics.publish.page import policy

    page = render(executed(), Page("Payments"), library)
    parsed = Tags(page)
    kinds = [attrs.get("type") for tag, attrs in parsed.found if tag == "script"]
    code = [text for kind, text in zip(kinds, parsed.scripts, strict=True) if kind is None]
    assert len(code) == 2
    assert html.escape(policy(tuple(code)), quote=False).replace("'", "&#39;") in page


def test_a_page_without_charts_has_no_scripts() -> None:
    page = render(executed(shown(text_plain="words")), Page("Payments"))
    assert "<script" not in page
    assert "script-src &#39;none&#39;" in page


@pytest.mark.parametrize("name", [SCRIPT, CLIMBER, "</script><!--", "a\"b'c&d"])
def test_a_hostile_name_is_text_wherever_it_stands(library: Path, name: str) -> None:
    outputs = [
        new_output("display_data", {"application/vnd.vegalite.v5+json": chart(name)}),
        new_output("stream", name="stdout", text=name),
        shown(image_png=PNG, text_plain=name),
        new_output("error", ename=name, evalue=name),
    ]
    about = Page(
        name, kicker=name, subtitle=name, trail=(Link(name, "../index.html"),), quality=name, clean=False,
        facts=((name, name),), sources=(Source(name, name, "ab" * 32, 1234, 2, True),),
        downloads=(Link(name, "run.json"),), failure=Failure(name, name, name),
    )  # fmt: skip
    harmless = render(executed(name="harmless"), Page("harmless"), library)
    page = render(executed(*outputs), about, library)
    tags = Tags(page)
    scripts = sum(tag == "script" for tag, _ in tags.found)
    assert scripts == sum(tag == "script" for tag, _ in Tags(harmless).found) == 3
    assert {tag for tag, _ in tags.found} - {tag for tag, _ in Tags(harmless).found} <= {
        "nav", "ol", "details", "summary", "table", "thead", "tbody", "tr", "th", "td", "em", "code", "dl", "dt", "dd",
        "ul", "li", "pre", "img", "strong", "span",
    }  # fmt: skip
    spec = tags.scripts[0]
    assert json.loads(spec) == chart(name)
    assert "<" not in spec
    if "<" in name:
        assert name not in page
    labels = [attrs["aria-label"] for tag, attrs in tags.found if tag == "figure" and "aria-label" in attrs]
    assert labels == [f"{name} has 3"]


def test_the_footer_says_where_the_numbers_come_from() -> None:
    about = Page(
        "Payments", quality="all rows used", facts=(("As of", "1 July"), ("Run", "abc")),
        sources=(Source("a.csv", "deployments", "ab" * 32, 1234, 1233, False),), downloads=(Link("CSV", "answers.csv"),),
    )  # fmt: skip
    footer = render(executed(shown(text_plain="x")), about).partition("<footer")[2]
    for text in ("About this run", "As of", "1 July", "1 file read", "1,234", "1,233", "abababab", "answers.csv"):
        assert text in footer
    assert "(incomplete)" not in footer


@pytest.mark.parametrize(
    ("failure", "where"),
    [
        (Failure("ValueError", "no", "How often?", 4), "under “How often?”"),
        (Failure("ValueError", "no", "", 4), "in cell 4"),
        (Failure("ValueError", ""), "before its first cell"),
    ],
)
def test_a_failed_page_says_where_it_stopped(failure: Failure, where: str) -> None:
    about = Page("Payments", downloads=(Link("n", "x.ipynb"), Link("CSV", "a.csv"))).failed(failure, "x.failed.ipynb")
    page = render(executed(shown(text_plain="x")), about)
    assert where in page
    assert "x.failed.ipynb" in page
    assert "x.ipynb" not in page
    assert "a.csv" in page


def test_the_contents_list_every_section_where_there_are_several() -> None:
    one = render(new_notebook(cells=[new_markdown_cell("## One")]), Page("p"))
    two = render(new_notebook(cells=[new_markdown_cell("## One\n\n## Two & three")]), Page("p"))
    assert 'class="idp-contents"' not in one
    assert re.findall(r'<li><a href="(#[^"]+)">([^<]+)</a>', two) == [
        ("#one", "One"),
        ("#two-three", "Two &amp; three"),
    ]


def test_a_chapter_is_folded_and_listed_with_what_is_in_it_unless_something_in_it_failed() -> None:
    error = new_output("error", ename="E", evalue="e")
    cells = [
        new_markdown_cell("# T\n\n## Seen\n\n# Cost\n\n## What?\n\n# Delivery\n\n## How often?"),
        new_code_cell("1", outputs=[error]),
    ]
    page = render(new_notebook(cells=cells), Page("p"))
    assert re.findall(r'<a href="(#[^"]+)">([^<]+)</a>', page.partition("<main")[0]) == [
        ("#seen", "Seen"), ("#cost", "Cost"), ("#what", "What?"),
        ("#delivery", "Delivery"), ("#how-often", "How often?"),
    ]  # fmt: skip
    assert re.findall(r'<details class="idp-chapter" id="([^"]+)"( open)?>', page) == [
        ("cost", ""),
        ("delivery", " open"),
    ]
    assert re.findall(r"<(h\d)[^>]*>([^<]+)</h\d>", page) == [
        ("h1", "p"), ("h2", "Seen"), ("h2", "Cost"), ("h3", "What?"), ("h2", "Delivery"), ("h3", "How often?"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("page", "resources", "title", "kicker"),
    [
        (Page("Payments"), {}, "Payments", "Report"),
        (Page("Payments", kicker="Own"), {}, "Payments", "Own"),
        (None, {}, "Report", None),
    ],
)
def test_the_notebooks_title_is_the_pages_where_it_has_none(
    page: Page | None, resources: dict[str, Any], title: str, kicker: str | None
) -> None:
    html, _ = ReportExporter().from_notebook_node(executed(shown(text_plain="x")), {"page": page, "metadata": {}})
    assert f"<h1>{title}</h1>" in html
    assert re.findall(r'idp-kicker">([^<]*)', html) == ([kicker] if kicker else [])


def test_a_notebook_without_a_title_is_called_as_its_file(tmp_path: Path) -> None:
    (tmp_path / "weekly.ipynb").write_text(json.dumps(new_notebook(cells=[new_markdown_cell("text")])))
    html, resources = ReportExporter().from_filename(str(tmp_path / "weekly.ipynb"))
    assert "<h1>weekly</h1>" in html
    assert resources["output_extension"] == ".html"


def test_nbconvert_knows_the_exporter_and_gives_the_same_page(library: Path) -> None:
    kind = get_exporter("idp")
    assert kind is ReportExporter
    page = Page("Payments")
    html, _ = kind().from_notebook_node(executed(), {"page": page, "library": library, "metadata": {}})
    assert html == render(executed(), page, library)


def test_the_notebook_is_left_as_it_is(library: Path) -> None:
    notebook = executed(name=SCRIPT)
    render(notebook, Page("p"), library)
    assert notebook == executed(name=SCRIPT)
    assert exporter.read(notebook) == exporter.read(executed(name=SCRIPT))
