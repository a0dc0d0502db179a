"""An executed notebook → one HTML page, by itself or one of a set. ``jupyter nbconvert --to idp notebook.ipynb`` uses the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup
from nbconvert.exporters.exporter import Exporter
from nbconvert.exporters.templateexporter import TemplateExporter
from traitlets import default

from idp_analytics.paths import anchor
from idp_analytics.publish import assets
from idp_analytics.publish.engine import plain, visible
from idp_analytics.publish.library import chart_library, script
from idp_analytics.publish.page import TEMPLATES, Page, Shared, prepared

if TYPE_CHECKING:
    from nbformat import NotebookNode

VEGA_LITE = re.compile(r"application/vnd\.vegalite\.v\d+\+json")
IMAGES = ("image/png", "image/jpeg")

_CELLS = 1024
"""Of so many cells of prose the HTML is kept: reports made of one notebook have the same ones."""


@dataclass(frozen=True)
class Block:
    """One piece of a page. ``kind``: html (trusted), chart, image, text, error or skipped; ``content`` is what it shows and
    ``label`` what it is called."""

    kind: str
    content: Any
    label: str = ""


@dataclass
class Part:
    """What stands under one second-level heading (the first part of a page or of a chapter has none)."""

    anchor: str = ""
    title: str = ""
    heading: Markup = field(default_factory=Markup)
    blocks: list[Block] = field(default_factory=list)


@dataclass
class Chapter:
    """What stands under one first-level heading after the title, folded until somebody opens it; what comes before the
    first of them has no title and is always seen."""

    anchor: str = ""
    title: str = ""
    parts: list[Part] = field(default_factory=lambda: [Part()])

    @property
    def questions(self) -> list[Part]:
        """Its parts with a heading."""
        return [part for part in self.parts if part.title]

    @property
    def stopped(self) -> bool:
        """Whether something in it could not be computed, which must not lie under a fold."""
        return any(block.kind in ("error", "skipped") for part in self.parts for block in part.blocks)


class ReportExporter(TemplateExporter):
    """nbconvert exporter ``idp``: code left out, charts drawn without network or ``eval``, everything in one file."""

    export_from_notebook = "Platform report (one offline page)"
    output_mimetype = "text/html"

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    @default("template_name")
    def _template_name_default(self) -> str:
        return "idp"

    @default("extra_template_basedirs")
    def _extra_template_basedirs_default(self) -> list[str]:
        return [str(TEMPLATES)]

    def _create_environment(self) -> Environment:
        return prepared(super()._create_environment())  # type: ignore[no-untyped-call]

    def from_notebook_node(  # type: ignore[override]  # as TemplateExporter's own
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        """HTML of a notebook; ``resources`` may hold ``page`` (:class:`Page`) and ``library`` (file of the chart library)."""
        notebook, resources = Exporter.from_notebook_node(self, nb, resources, **options)  # its preprocessors
        return self.page(
            notebook, resources.get("page") or Page(), resources.get("library"), resources["metadata"].get("name")
        ), resources

    def page(
        self,
        notebook: NotebookNode,
        page: Page,
        library: Path | None = None,
        name: str = "",
        shared: Shared | None = None,
    ) -> str:
        """HTML of a notebook whose outputs are as they are to be seen; ``name`` is its title where nothing else says one."""
        title, chapters = read(notebook)
        if page.title:
            page = replace(page, kicker=page.kicker or title)
        else:
            page = replace(page, title=title or name or "Report")
        scripts: tuple[str, ...] = ()
        if any(block.kind == "chart" for chapter in chapters for part in chapter.parts for block in part.blocks):
            scripts = (assets.loader(shared),) if shared else (chart_library(library), script("draw.js"))
        return str(
            self.template.render(page=page, chapters=chapters, scripts=tuple(map(Markup, scripts)), shared=shared)
        )


@cache
def _exporter() -> ReportExporter:
    return ReportExporter()  # type: ignore[no-untyped-call]


def render(notebook: NotebookNode, page: Page, library: Path | None = None, shared: Shared | None = None) -> str:
    """The page of a notebook executed by one of our engines: nbconvert's preprocessors, which copy and check every output several
    times over, find nothing left to do there. It refers to what is ``shared``, or has all in itself, with the chart library in the file ``library``
    (None: made anew)."""
    return _exporter().page(notebook, page, library, shared=shared)


def prepare(notebook: NotebookNode) -> None:
    """Make the prose of a notebook that many reports are made of, for all that are forked from this process."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            _headed(cell.source)


# --- the notebook, read ------------------------------------------------------------------------------------------------


def read(notebook: NotebookNode) -> tuple[str, list[Chapter]]:
    """A notebook's title (its first first-level heading) and its chapters, one per first-level heading after it, each cut
    at its second-level headings."""
    title = ""
    chapters = [Chapter()]
    anchors: set[str] = set()
    stopped = False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for piece in _headed(cell.source):
                if isinstance(piece, Markup):
                    chapters[-1].parts[-1].blocks.append(
                        Block("html", Markup('<div class="idp-prose">{}</div>').format(piece))
                    )
                elif piece.level == 1 and not title:
                    title = piece.text
                elif piece.level == 1:
                    chapters.append(Chapter(_anchor(piece.text, anchors), piece.text))
                else:
                    chapters[-1].parts.append(Part(_anchor(piece.text, anchors), piece.text, piece.html))
        else:
            blocks = [block for output in cell.get("outputs", []) if (block := _block(output))]
            chapters[-1].parts[-1].blocks += [Block("skipped", "")] if stopped else blocks
            stopped = stopped or any(block.kind == "error" for block in blocks)
    for chapter in chapters:
        chapter.parts = [part for part in chapter.parts if part.title or part.blocks]
    return title, [chapter for chapter in chapters if chapter.title or chapter.parts]


@dataclass(frozen=True)
class _Heading:
    level: int
    text: str
    html: Markup


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


@lru_cache(_CELLS)
def _headed(source: str) -> tuple[_Heading | Markup, ...]:
    """Markdown cut at its first- and second-level headings: the headings, and the HTML between them."""
    return tuple(_pieces(source))


def _pieces(source: str) -> Iterator[_Heading | Markup]:
    markdown = _markdown()
    between: list[Token] = []
    tokens = markdown.parse(source)
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token.type == "heading_open" and token.tag in ("h1", "h2") and token.level == 0:
            if between:
                yield _html(between)
                between = []
            inline = tokens[place + 1]
            text = "".join(t.content for t in inline.children or [] if t.type in ("text", "code_inline"))
            yield _Heading(int(token.tag[1]), text, _html([inline]))
            place += 3
        else:
            between.append(token)
            place += 1
    if between:
        yield _html(between)


def _html(tokens: list[Token]) -> Markup:
    return Markup(_markdown().renderer.render(tokens, _markdown().options, {}))  # noqa: S704 raw HTML is off


def _anchor(text: str, taken: set[str]) -> str:
    first = anchor(text)
    name, number = first, 2
    while name in taken:
        name, number = f"{first}-{number}", number + 1
    taken.add(name)
    return name


def _block(output: Mapping[str, Any]) -> Block | None:
    """What to show of one output: the richest form it comes in. What a cell says on stderr is not for the reader."""
    if output["output_type"] == "error":
        return Block("error", plain(output["evalue"]), output["ename"])
    if output["output_type"] == "stream":
        text = visible(output["text"])
        return Block("text", text) if output["name"] == "stdout" and text.strip() else None
    shown = output["data"]
    for kind, content in shown.items():
        if VEGA_LITE.fullmatch(kind):
            return Block("chart", content, _description(content))
    if "text/html" in shown:
        return Block("html", _scrolling(_text(shown["text/html"])))
    if "image/svg+xml" in shown:
        return Block("html", Markup("<figure>{}</figure>").format(Markup(_text(shown["image/svg+xml"]))))  # noqa: S704
    words = visible(_text(shown.get("text/plain", "")))
    for kind in IMAGES:
        if kind in shown:
            return Block("image", f"data:{kind};base64,{_text(shown[kind]).strip()}", words)
    return Block("text", words) if "text/plain" in shown else None


def _text(value: str | list[str]) -> str:
    return value if isinstance(value, str) else "".join(value)


def _description(spec: Mapping[str, Any]) -> str:
    """A chart's sentence for those who do not see it: its description, else its title."""
    title = spec.get("title", "")
    title = title.get("text", "") if isinstance(title, Mapping) else title
    return visible(str(spec.get("description") or ("".join(title) if isinstance(title, list) else title) or "Chart"))


def _scrolling(html: str) -> Markup:
    """A bare table (pandas, polars) gets a region that scrolls by itself and takes the keyboard."""
    trusted = Markup(html)  # noqa: S704 what a notebook displays as HTML has escaped what came from data
    if "<table" in html and "idp-" not in html:
        return Markup('<div class="idp-scroll" role="region" aria-label="Table" tabindex="0">{}</div>').format(trusted)
    return trusted
