"""The last look before anything is published: does any file hold a secret this process was given?"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from idp_analytics.errors import ReportError

LEAST = 8
"""A shorter value is no secret worth the name, and would be found in any text."""

_NAMES = re.compile(r"(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|_KEY|_PAT|_DSN)$", re.IGNORECASE)


def check(folder: Path, environment: Mapping[str, str]) -> None:
    """Raise :class:`ReportError` where a file below ``folder`` holds the value of a variable that is a secret by its name, or the password in
    an address, as it is or as HTML, JSON or an address would write it. The message names file and variable, never the value."""
    wanted = {name: forms for name, value in environment.items() if (forms := _forms(_secret(name, value)))}
    if not wanted:
        return
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        data = path.read_bytes()
        for name, forms in wanted.items():
            if any(form in data for form in forms):
                raise ReportError(
                    f"{path.relative_to(folder)} would hold the value of {name}, which is a secret by its name. Nothing was published. Find out where "
                    "in the exports or settings it stands, and take it out there."
                )


def _secret(name: str, value: str) -> set[str]:
    """What of a variable is secret: all of it by its name, else the password of the address it is."""
    try:
        password = urlsplit(value).password
    except ValueError:
        password = None
    return {value} if _NAMES.search(name) else {password, unquote(password)} if password else set()


def _forms(secrets: set[str]) -> frozenset[bytes]:
    return frozenset(
        form.encode("utf-8", "surrogateescape")
        for one in secrets
        if len(one) >= LEAST
        for form in (
            one,
            html.escape(one),
            json.dumps(one)[1:-1],
            json.dumps(one, ensure_ascii=False)[1:-1],
            quote(one, safe=""),
        )
    )
