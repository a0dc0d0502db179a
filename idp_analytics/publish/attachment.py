"""A published page as one file to send: what its set shares is put into it, and links to what stays behind are changed."""

from __future__ import annotations

import json
import re
from html import escape
from html.parser import HTMLParser
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from idp_analytics.errors import ReportError
from idp_analytics.paths import slug
from idp_analytics.publish.assets import inlined

RUN = "run.json"
_DEPTH = 2
"""Of how many folders the page of a report may lie in one before the set itself."""

_DOWNLOADS = re.compile(r'<ul class="idp-downloads">.*?</ul>\n', re.DOTALL)
_ROWS = re.compile(r' <a class="idp-behind" href="[^"#][^>]*>[^<]*</a>')
"""A link to rows beside a statement, which says nothing else."""
_OR_ROWS = re.compile(r'(<p class="idp-trace">)<a href="[^"]*">([^<]*)</a> \([^)]*\), or ')
"""What stands before the command that lists the rows, where they also lie beside the page."""
_HREF = re.compile(r'\shref="[^"]*"')


class Page(NamedTuple):
    """A page of a published set: where it lies in it, and what the set says of itself (``run.json``)."""

    path: Path
    place: str
    run: dict[str, Any]

    @property
    def file_name(self) -> str:
        """A name that says whose it is once it lies in somebody's downloads: ``acme-2026-06-payments.html``."""
        return f"{slug(self.run['org'])}-{self.run['period']}-{self.path.name}"


def opened(path: Path) -> Page:
    """The page of a report at ``path``; raises :class:`ReportError` for a file that is none."""
    for folder in path.absolute().parents[:_DEPTH]:
        if (folder / RUN).is_file():
            run = json.loads((folder / RUN).read_text(encoding="utf-8"))
            place = path.absolute().relative_to(folder).as_posix()
            if path.is_file() and place in {report["page"] for report in run["reports"]}:
                return Page(path, place, run)
    raise ReportError(
        f"{path}: is not the page of a published report. Name one, as in reports/acme/2026-06/organisation.html."
    )


def attachment(page: Page, site: str = "") -> str:
    """The page's HTML for somebody who has nothing but this file.

    A link to another file of the reports leads to ``site``, the address (http or https) at which the folder of the set is served; without
    one its words stay and it leads nowhere, and what there would be to download is left out, rows too. Style and scripts are in it, and its content
    security policy allows these scripts and no others. All else is the same to the byte.
    """
    if site and urlsplit(site).scheme not in ("http", "https"):
        raise ReportError(f"{site!r} is not a web address. Write it as in https://reports.example.com/acme/2026-06/.")
    html = inlined(page.path.read_text(encoding="utf-8"), page.path.parent)
    if not site:
        html = _OR_ROWS.sub(r"\1\2: ", _ROWS.sub("", _DOWNLOADS.sub("", html)))
    base = urljoin(site if site.endswith("/") else f"{site}/", page.place)
    parts: list[str] = []
    done = 0
    for start, tag, href in _Links(html).found:
        parts += html[done:start], _HREF.sub(f' href="{escape(urljoin(base, href))}"' if site else "", tag, count=1)
        done = start + len(tag)
    return "".join([*parts, html[done:]])


class _Links(HTMLParser):
    """The links of a page to other files: where the tag begins, the tag, and where it leads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[int, str, str]] = []
        self._lines = [0, *accumulate(len(line) for line in html.splitlines(keepends=True))]
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if tag == "a" and href and not href.startswith("#") and not urlsplit(href).scheme:
            line, column = self.getpos()
            self.found.append((self._lines[line - 1] + column, self.get_starttag_text() or "", href))
