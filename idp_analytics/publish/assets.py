"""What all pages of a set share, once per set: the style, the chart library and the script that draws, in ``assets/``.

A file's name holds the hash of what is in it, so that a browser that has kept it never shows an older one. A page loads the scripts
with a small one of its own, which the page's policy allows by its hash and which may load more (``'strict-dynamic'``): the only way
that holds on a page opened from a disk as on one that is served. A browser checks the ``integrity`` of a script that is served; of a
file on a disk it cannot, and would refuse it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup, escape

from idp_analytics.errors import ReportError
from idp_analytics.publish.library import chart_library, script
from idp_analytics.publish.page import Shared, css, policy

FOLDER = "assets"
"""Where they lie in a set."""

_LISTED = "const scripts = [];"
_STYLE = re.compile(r'<link rel="stylesheet" href="([^"]*)">')
_LOADER = re.compile(r"<script>\n// Loads .*?\n  const scripts = (\[.*?\]);\n.*?</script>", re.DOTALL)
_POLICY = re.compile(r'(?<=<meta http-equiv="Content-Security-Policy" content=")[^"]*(?=">)')


class Asset(NamedTuple):
    """One file: its ``name`` in the folder, and what is in it."""

    name: str
    text: str

    @property
    def integrity(self) -> str:
        """Its hash, as a browser checks it."""
        return _integrity(self.text)


def gathered(library: Path | None = None) -> tuple[Asset, ...]:
    """The style and the scripts, in the order they run; ``library`` is the file that holds the chart library, made anew if there is none."""
    held = {"page.css": str(css()), "vega.js": chart_library(library), "draw.js": script("draw.js")}
    return tuple(Asset(_named(name, text), text) for name, text in held.items())


def write(folder: Path, assets: Sequence[Asset]) -> None:
    """Write them to ``folder``, made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    for asset in assets:
        (folder / asset.name).write_text(asset.text, encoding="utf-8", newline="\n")


def shared(assets: Sequence[Asset], up: str = "") -> Shared:
    """The files as a page refers to them that lies ``up`` (``../``) from the set."""
    style, *scripts = assets
    return Shared(f"{up}{FOLDER}/{style.name}", tuple((f"{up}{FOLDER}/{one.name}", one.integrity) for one in scripts))


def loader(given: Shared) -> Markup:
    """The script that stands in a page and loads the shared ones."""
    listed = json.dumps(given.scripts, separators=(",", ":"))
    return Markup("\n" + script("load.js").replace(_LISTED, f"const scripts = {listed};"))  # noqa: S704 our own file


def inlined(html: str, folder: Path) -> str:
    """A page that lies in ``folder`` with all it shares put into it; one that refers to nothing as it is.

    Raises :class:`ReportError` for a file that is missing, or is not what the page was published with.
    """
    style, loads = _STYLE.search(html), _LOADER.search(html)
    if style is None:
        return html
    scripts = tuple(_read(folder, address, integrity) for address, integrity in json.loads(loads[1])) if loads else ()
    if loads is not None:
        tags = "\n".join(f"<script>{text}</script>" for text in scripts)
        html = html[: loads.start()] + tags + html[loads.end() :]
    text = _read(folder, style[1])
    html = html[: style.start()] + f"<style>{text}</style>" + html[style.end() :]
    return _POLICY.sub(lambda _: str(escape(policy(scripts))), html, count=1)


def _read(folder: Path, address: str, integrity: str = "") -> str:
    path = Path(os.path.normpath(folder / address))
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise ReportError(
            f"{path}: cannot be read: {error.strerror}. The page needs it; copy the whole set, or publish it again."
        ) from None
    stem, _, ending = path.name.rpartition(".")
    asset = Asset(_named(f"{stem.rpartition('-')[0]}.{ending}", text), text)
    if asset.name != path.name or integrity not in ("", asset.integrity):
        raise ReportError(f"{path}: is not what the page was published with. Publish the set again.")
    return text


@lru_cache(8)
def _integrity(text: str) -> str:
    """Told once of each text: every page of a set names all of them, and the chart library has a megabyte."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _named(name: str, text: str) -> str:
    stem, _, ending = name.rpartition(".")
    return f"{stem}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.{ending}"
