"""The scripts of a page: Vega, Vega-Lite and vega-embed in one, made by vl-convert without network, and our own."""

from __future__ import annotations

import os
import re
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path

from idp_analytics.publish.page import TEMPLATES


def script(name: str) -> str:
    """One of our own scripts, as it may stand in a page."""
    return _inline((TEMPLATES / "idp" / name).read_text(encoding="utf-8"))


@cache
def chart_library(kept: Path | None = None) -> str:
    """Vega, Vega-Lite and vega-embed as one script, read from the file ``kept`` where there is one, else made anew."""
    if kept is not None:
        return kept.read_text(encoding="utf-8")
    import vl_convert

    # The bundle declares names like `n` and `t`: in a function of its own they meet nobody else's.
    return _inline("(function(){" + vl_convert.javascript_bundle() + "})();")  # type: ignore[call-arg]


def keep(folder: Path) -> Path:
    """The file in ``folder`` that holds the chart library of the vl-convert installed; written if it is not there yet.

    Making it takes a second and more, so runs share it. Raises ``OSError`` when ``folder`` cannot be written.
    """
    path = _kept(folder)
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=folder, suffix=".js")
        with os.fdopen(number, "w", encoding="utf-8", newline="\n") as file:
            file.write(chart_library())
        Path(name).replace(path)
    return path


def foresee(folder: Path) -> None:
    """Make the chart library while there is time, if ``folder`` does not hold it yet: whoever keeps it there need not wait then."""
    if not _kept(folder).is_file():
        chart_library()


def _kept(folder: Path) -> Path:
    return folder / f"vega-{version('vl-convert-python')}.js"


def _inline(code: str) -> str:
    """Code that no HTML parser ends early, and whose bytes are the ones its hash in the policy was taken of."""
    code = code.replace("\r\n", "\n").replace("\r", "\n")
    code = re.sub(r"</(?=script)", r"<\\/", code, flags=re.IGNORECASE)
    return code.replace("<!--", r"<\!--")
