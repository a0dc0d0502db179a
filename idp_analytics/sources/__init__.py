"""Readers of what systems export. One module per system; each gives extracts for the canonical tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idp_analytics.errors import SettingsError, nearest
from idp_analytics.settings.limits import Limits
from idp_analytics.sources import native
from idp_analytics.sources.files import limited, state, unchanged
from idp_analytics.sources.snapshots import FOLDER as SNAPSHOTS
from idp_analytics.sources.systems import modules, system

if TYPE_CHECKING:
    from idp_analytics.tables import Extract

SOURCES: Mapping[str, str] = {
    "canonical": "idp_analytics.sources.canonical",
    "git": "idp_analytics.sources.git",
    "focus": "idp_analytics.sources.focus",
    "sample": "idp_analytics.sources.sample",
}
"""Every ``kind`` of source with a reader of its own, and its module, imported on first use: it has
``problems(options) -> list[str]`` and ``read(paths, options, root) -> list[Extract]``. The others are declared
(:mod:`idp_analytics.sources.systems`) and read in one way (:mod:`idp_analytics.sources.native`).
"""


GIT = "git"
"""The kind whose files change while they are read and are whole all the same: git sees to it."""


def check(kind: str, options: Mapping[str, Any]) -> list[str]:
    """What is wrong with the options of one ``[[source]]``, one sentence each; empty: nothing."""
    if kind in SOURCES:
        found: list[str] = import_module(SOURCES[kind]).problems(options)
        return found
    if kind not in modules():
        return [f"kind = {kind!r}: there is no such source.{nearest(kind, (*SOURCES, *modules()))}"]
    return native.problems(system(kind), options)


def read(kind: str, paths: Sequence[Path], options: Mapping[str, Any], root: Path) -> list[Extract]:
    """Read the files of one source; they are shown relative to ``root`` where they lie in it.

    Raises :class:`SettingsError` for a kind that does not exist, :class:`SourceError` for a file that cannot be read, or is written to
    while it is.
    """
    if kind not in SOURCES and kind not in modules():
        raise SettingsError(check(kind, options)[0])
    with unchanged(state(() if kind == GIT else paths), root):
        if kind in SOURCES:
            extracts: list[Extract] = import_module(SOURCES[kind]).read(paths, options, root)
            return extracts
        return native.read(system(kind), paths, options, root)


def gives(kind: str, options: Mapping[str, Any]) -> frozenset[str] | None:
    """The tables that a source with these options (which are as they should be) may give; None: any."""
    if kind == "focus":
        return frozenset({"costs"})
    if kind == "canonical":
        return frozenset({options["table"]})
    if kind not in modules():
        return None
    tables = frozenset(system(kind).tables)
    return tables & frozenset(options["tables"]) if "tables" in options else tables


def forgets(kind: str) -> bool:
    """The system shows what is so now and forgets what was, so that its exports are worth collecting."""
    return kind in modules() and any(gives.is_state for gives in system(kind).gives)


__all__ = ["SNAPSHOTS", "SOURCES", "Limits", "check", "forgets", "gives", "limited", "read", "state", "unchanged"]
