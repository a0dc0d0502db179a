"""A page of a report as a PDF, printed by a Chromium that is on the machine: what the page draws, with no network."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping

from idp_analytics.errors import ReportError
from idp_analytics.publish import private_folder

VARIABLE = "IDP_CHROMIUM"
"""The environment variable that names the program, where it has another name or place."""

PROGRAMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "chrome",
    "msedge",
)
"""What Chromium and what is made of it are called."""

APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
"""Where macOS keeps them."""

SECONDS = 300.0
"""How long printing one page may take."""

_DRAWING = 60_000
"""Milliseconds of the page's own clock, which runs ahead where nothing is to be done, until it is printed; all charts are drawn long before."""

_FLAGS = (
    "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--no-pdf-header-footer", f"--virtual-time-budget={_DRAWING}",
)  # fmt: skip

_SHEET = (
    '<head>\n<style>@page {{ size: {paper}; margin: 14mm 14mm 16mm; @bottom-right {{ content: counter(page) " / " counter(pages); '
    "font: 8pt sans-serif; color: #56606b }} }}</style>"
)
_CHAPTER = '<details class="idp-chapter"'


def browser(environment: Mapping[str, str]) -> str:
    """The program that prints. Raises :class:`ReportError` where there is none."""
    named = environment.get(VARIABLE, "")
    for name in (named,) if named else (*PROGRAMS, *APPLICATIONS):
        if found := shutil.which(name, path=environment.get("PATH")):
            return found
    looked = f"{VARIABLE} says {named!r}, which is no program" if named else f"none of {', '.join(PROGRAMS)} is there"
    raise ReportError(
        f"A PDF is printed by Chromium or what is made of it: {looked}. Install one, or name its program in {VARIABLE}; without --pdf none is needed."
    )


def printed(html: str, *, whole: bool = False, paper: str = "A4") -> bytes:
    """The PDF of a page that is whole by itself (:func:`.attachment.attachment`), on sheets of ``paper``: what it shows when it is opened, or with all
    chapters (``whole``).

    Raises :class:`ReportError` where there is no Chromium, or it prints nothing.
    """
    program = browser(os.environ)
    page = html.replace("<head>", _SHEET.format(paper=paper), 1)
    if whole:
        page = page.replace(_CHAPTER, f"{_CHAPTER} open")
    with private_folder.made() as private:
        source, made = private / "page.html", private / "page.pdf"
        source.write_text(page, encoding="utf-8")
        kept = {key: os.environ[key] for key in ("PATH", "LANG", "LC_ALL", "DISPLAY") if key in os.environ}
        is_root = hasattr(os, "geteuid") and os.geteuid() == 0  # as whom Chromium starts in no other way
        command = [
            program, *_FLAGS, *(["--no-sandbox"] if is_root else []), f"--user-data-dir={private / 'profile'}", f"--print-to-pdf={made}",
            source.as_uri(),
        ]  # fmt: skip
        try:
            ended = subprocess.run(
                command, env={**kept, "HOME": str(private)}, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ReportError(
                f"{program}: printed nothing within {SECONDS:g} s and was stopped. Try again with less to do beside it, or print the page from a browser."
            ) from None
        except OSError as error:
            raise ReportError(f"{program}: cannot be started: {error.strerror}. Name another in {VARIABLE}.") from None
        pdf = made.read_bytes() if made.is_file() else b""
    if not pdf.startswith(b"%PDF-"):
        said = ended.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise ReportError(
            f"{program}: printed nothing and ended with {ended.returncode}{f' ({said})' if said else ''}. Name another in {VARIABLE}, or print the page "
            "from a browser."
        )
    return pdf
