"""Readers of what systems export. One module per system; each gives extracts for the canonical tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idp_analytics.errors import SettingsError, nearest

if TYPE_CHECKING:
    from idp_analytics.tables import Extract

SOURCES: Mapping[str, str] = {
    "canonical": "idp_analytics.sources.canonical",
    "git": "idp_analytics.sources.git",
    "focus": "idp_analytics.sources.focus",
    "sample": "idp_analytics.sources.sample",
}
"""Every ``kind`` of source and its module, imported on first use.

A module has ``problems(options) -> list[str]`` and ``read(paths, options, root) -> list[Extract]``.
"""


def check(kind: str, options: Mapping[str, Any]) -> list[str]:
    """What is wrong with the options of one ``[[source]]``, one sentence each; empty: nothing."""
    if kind not in SOURCES:
        return [f"kind = {kind!r}: there is no such source.{nearest(kind, SOURCES)}"]
    found: list[str] = import_module(SOURCES[kind]).problems(options)
    return found


def read(kind: str, paths: Sequence[Path], options: Mapping[str, Any], root: Path) -> list[Extract]:
    """Read the files of one source; they are shown relative to ``root`` where they lie in it.

    Raises :class:`SettingsError` for a kind that does not exist, :class:`SourceError` for a file that cannot be read.
    """
    if kind not in SOURCES:
        raise SettingsError(check(kind, options)[0])
    extracts: list[Extract] = import_module(SOURCES[kind]).read(paths, options, root)
    return extracts
