"""The synthetic company: any size, the same bytes for the same seed, with what is true of it written beside it.

:func:`generate` makes it, :func:`write` saves it as the exports of its systems, and as a source (``kind = "sample"``)
:func:`read` hands its tables to the kit without any file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.errors import nearest
from idp_analytics.sources.sample.build import (
    MONTHS,
    SEED,
    SERVICES_PER_TEAM,
    TEAMS,
    UNTIL,
    Company,
    generate,
    unusable,
)
from idp_analytics.sources.sample.write import write
from idp_analytics.tables import Extract

_OPTIONS = {"teams": TEAMS, "months": MONTHS, "seed": SEED}


def problems(options: Mapping[str, Any]) -> list[str]:
    """What is wrong with the options of a ``sample`` source (``teams``, ``months``, ``seed``: whole numbers), one
    sentence each; empty: nothing."""
    found = [
        f"{name}: a sample source has no such option.{nearest(name, _OPTIONS)}"
        for name in options
        if name not in _OPTIONS
    ]
    given = {name: options.get(name, usual) for name, usual in _OPTIONS.items()}
    wrong = {name for name, value in given.items() if isinstance(value, bool) or not isinstance(value, int)}
    found += [f"{name} = {given[name]!r}: must be a whole number" for name in sorted(wrong)]
    right = {name: _OPTIONS[name] if name in wrong else value for name, value in given.items()}
    return found + unusable(right["teams"], SERVICES_PER_TEAM, right["months"], UNTIL, right["seed"])


def read(paths: Sequence[Path], options: Mapping[str, Any], root: Path) -> list[Extract]:
    """The tables of a company straight from the generator: one extract per table.

    ``paths`` and ``root`` are not used: there are no files. ``sha256`` is of the options, which make the rows.
    """
    del paths, root
    chosen = {name: options.get(name, usual) for name, usual in _OPTIONS.items()}
    words = ", ".join(f"{name} {value}" for name, value in chosen.items())
    shown = f"synthetic company ({words})"
    sha256 = hashlib.sha256(words.encode()).hexdigest()
    as_of = datetime(UNTIL.year, UNTIL.month, UNTIL.day, tzinfo=UTC)
    return [
        Extract(name, frame.with_columns(pl.int_range(1, pl.len() + 1).alias("_row")), shown, sha256, as_of)
        for name, frame in generate(**chosen).tables.items()
    ]


__all__ = ["Company", "generate", "problems", "read", "write"]
