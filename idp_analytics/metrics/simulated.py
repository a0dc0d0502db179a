"""What was counted over drawn companies whose truth is known: kept as TOML beside who counts it, from which METRICS.md tells it."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from scipy.stats import norm


@dataclass(frozen=True)
class Simulated:
    """``counts``, at which ``level``, over how many ``seeds`` of ``teams`` each, the first of them ``seed``."""

    level: float
    seed: int
    seeds: int
    teams: int
    counts: pl.DataFrame


def read(path: Path, columns: Mapping[str, pl.DataType | type[pl.DataType]]) -> Simulated:
    """What a file of :func:`text` holds, its counts with these columns."""
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    counts = pl.DataFrame(told["counted"], schema=dict(columns), orient="row")
    return Simulated(told["level"], told["seed"], told["seeds"], told["teams"], counts)


def text(told: Simulated, head: str) -> str:
    """The file, below the comment ``head``."""
    numbers = f"level = {told.level:g}\nseed = {told.seed}\nseeds = {told.seeds}\nteams = {told.teams}\n"
    rows = "".join(
        f"  [{', '.join(f'{chr(34)}{one}{chr(34)}' if isinstance(one, str) else str(one) for one in row)}],\n"
        for row in told.counts.rows()
    )
    return f"{head}# Each row: {', '.join(told.counts.columns)}.\n{numbers}counted = [\n{rows}]\n"


def margin(share: float, number: int, level: float = 0.95) -> float:
    """How far a share of ``number`` simulated cases may be from the true one: half the width of its normal interval."""
    return float(norm.isf((1 - level) / 2)) * math.sqrt(share * (1 - share) / number)
