"""Where a run's numbers come from: the key that names it, and what a page's footer and ``run.json`` say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from idp_analytics.charts.wording import count, named, period
from idp_analytics.paths import PACKAGE, resource
from idp_analytics.publish.page import Source
from idp_analytics.report.mart import Mart

TOOLS = ("papermill", "nbclient", "nbconvert", "vl-convert-python")
"""What pages are made with, beside what the numbers are computed with."""

_KEY_LENGTH = 20


def described(mart: Mart, label: str, teams: Sequence[str], notebooks: Mapping[str, Path]) -> dict[str, Any]:
    """All a run depends on, as JSON values: what is equal here gives the same bytes.

    ``teams``: the ids of those asked for, empty for all. ``notebooks``: scope → file.
    """
    inputs = mart.loads.select("source", "table", "path", "sha256", "rows_in", "rows_out", "truncated")
    return {
        **mart.meta,
        "versions": {**mart.meta["versions"], **{name: version(name) for name in TOOLS}},
        "period": label,
        "teams": list(teams),
        "inputs": inputs.sort(inputs.columns).to_dicts(),
        "rejected_rows": mart.rejected.height,
        "notebooks": {path.name: _digest([path]) for path in notebooks.values()},
        "code_sha256": code(),
        "expectations_sha256": _digest(_files(resource("expectations"))),
    }


def code() -> str:
    """One hash of the kit's own files."""
    return _digest(_files(PACKAGE))


def key(told: Mapping[str, Any]) -> str:
    """The name of a run: a hash of all it depends on (:func:`described`)."""
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:_KEY_LENGTH]


def facts(told: Mapping[str, Any], run: str, notebook: str | None = None) -> tuple[tuple[str, str], ...]:
    """Term and text for the footer of a page; ``notebook`` is the name of the one that made it."""
    rules = told["rules"]
    as_of = datetime.fromisoformat(told["as_of"]).astimezone(ZoneInfo(told["time_zone"]))
    cut = _incomplete(told)
    made = (("Notebook", f"{notebook} {told['notebooks'][notebook][:16]}"),) if notebook else ()
    return (
        ("Organisation", named(told["title"])),
        ("Period", f"{period(told['period'])} ({told['period']})"),
        ("As of", f"{as_of:%-d %B %Y, %H:%M} ({told['time_zone']}); nothing that happened then or later is used"),
        ("Rules", f"{rules['environment']} deployments; incidents linked up to {rules['link_hours']:g} h after one; "
                  f"{rules['cost_basis']} cost; {100 * rules['level']:g} % intervals"),
        ("Set aside", f"{count(told['rejected_rows'], 'row')} that could not be used"),
        *((("Incomplete", f"{count(cut, 'export')} by {('their', 'its')[cut == 1]} own account; what rests on {('them', 'it')[cut == 1]} is a lower bound"),) if cut else ()),
        ("Settings", told["settings_sha256"][:16] or "none"),
        *made,
        ("Run", run),
        ("Made with", ", ".join(f"{name} {number}" for name, number in sorted(told["versions"].items()))),
    )  # fmt: skip


def sources(told: Mapping[str, Any]) -> tuple[Source, ...]:
    """The files read, for the footer."""
    return tuple(
        Source(named(i["path"]), i["table"], i["sha256"], i["rows_in"], i["rows_out"], i["truncated"])
        for i in told["inputs"]
    )


def quality(told: Mapping[str, Any]) -> tuple[str, bool]:
    """The badge: what was set aside or incomplete, and whether all is well."""
    rejected, cut = told["rejected_rows"], _incomplete(told)
    parts = [f"{count(rejected, 'row')} set aside"] if rejected else []
    parts += [f"{count(cut, 'export')} incomplete"] if cut else []
    return (", ".join(parts), False) if parts else ("all rows used", True)


def _incomplete(told: Mapping[str, Any]) -> int:
    """How many files are known to hold less than there is."""
    return len({i["path"] for i in told["inputs"] if i["truncated"]})


def _files(folder: Path) -> list[Path]:
    kinds = {".py", ".json", ".j2", ".html", ".css", ".js", ".toml"}
    return sorted(p for p in folder.rglob("*") if p.suffix in kinds and "__pycache__" not in p.parts)


def _digest(files: Iterable[Path]) -> str:
    """One hash of names and contents."""
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()
