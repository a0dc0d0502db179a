"""What a page says about itself, and the Jinja environment every page is made in."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from idp_analytics.publish import json_text
from idp_analytics.publish.engine import visible

if TYPE_CHECKING:
    from idp_analytics.publish.engine import Failure

TEMPLATES = Path(__file__).resolve().parent / "templates"


@dataclass(frozen=True)
class Link:
    """Words that lead somewhere."""

    text: str
    href: str


@dataclass(frozen=True)
class Source:
    """One file the numbers come from; ``sha256`` of what was read, rows in it and rows kept."""

    path: str
    table: str
    sha256: str
    rows_in: int
    rows_out: int
    truncated: bool


@dataclass(frozen=True)
class Page:
    """What stands around a report: title and trail above it, where its numbers come from below it.

    ``quality`` is the sentence on rows set aside (``clean`` false: there are some); ``facts`` are term and text in the
    footer; ``failure`` and ``failed_notebook`` say what went wrong, where something did.
    """

    title: str = ""
    kicker: str = ""
    subtitle: str = ""
    trail: tuple[Link, ...] = ()
    quality: str = ""
    clean: bool = True
    facts: tuple[tuple[str, str], ...] = ()
    sources: tuple[Source, ...] = ()
    downloads: tuple[Link, ...] = ()
    failure: Failure | None = None

    def failed(self, failure: Failure, notebook: str) -> Page:
        """The same page for a report that failed; the notebook to download is the failed one."""
        return replace(
            self, failure=failure, downloads=(Link("The notebook, with the error", notebook), *self.downloads[1:])
        )


@dataclass(frozen=True)
class Shared:
    """The files all pages of a set share, as one of them refers to them: the address of the ``style``, and of each of the
    ``scripts``, in the order they run, its address and its hash (``integrity``)."""

    style: str
    scripts: tuple[tuple[str, str], ...]


def environment(*folders: Path) -> Environment:
    """Jinja that escapes everything not marked as HTML and stops at a name it does not know."""
    return prepared(Environment(loader=FileSystemLoader([*folders, TEMPLATES, TEMPLATES / "idp"]), autoescape=True))


def prepared(jinja: Environment) -> Environment:
    """``jinja`` as our templates expect it."""
    jinja.autoescape = True
    jinja.undefined = StrictUndefined
    jinja.finalize = _seen
    jinja.trim_blocks = jinja.lstrip_blocks = True
    jinja.filters["data"] = data
    jinja.globals["css"] = css()
    jinja.globals["policy"] = policy
    return jinja


def _seen(value: Any) -> Any:
    """Whoever forgets to clean a text: nothing in it controls a device or turns the text beside it."""
    return visible(value) if type(value) is str else value


@cache
def css() -> Markup:
    """The style of every page."""
    return Markup((TEMPLATES / "idp" / "page.css").read_text(encoding="utf-8"))  # noqa: S704 our own file


def policy(scripts: tuple[str, ...] = (), shared: Shared | None = None) -> str:
    """The content security policy: nothing from anywhere, and of scripts only these, by their hash. Where files are ``shared``, the scripts may
    load those, and a style may lie beside the page."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
    more, style = (" 'strict-dynamic'" if scripts else "", " 'self' file:") if shared else ("", "")
    return (
        f"default-src 'none'; script-src {allowed}{more}; style-src 'unsafe-inline'{style}; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def data(value: Any) -> Markup:
    """JSON for a ``<script type="application/json">``: nothing in it can end the element, and its order is that of names."""
    text = json_text.compact(value)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))  # noqa: S704
