"""The synthetic company with an attack before every text: each column of each table and each title of its settings."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from attacks import attack
from payloads import company
from published_sample import execute

from idp_analytics.organisation import load
from idp_analytics.publish.engine import make
from idp_analytics.publish.run import RunResult, publish
from idp_analytics.tables import LINEAGE, TABLES
from idp_analytics.tables.declare import Kind

LEFT = {
    "metric", "sha", "origin_sha", "version", "current_version", "question_id", "item_id", "model_version", "wave", "theme", "survey_id",
    "person_id", "respondent_id", "author_id", "initiated_by", "requestor_id", "responder_id", "approver_id", "assessment_id", "response_id", "currency",
}  # fmt: skip
"""Columns whose words mean something to us, and people, who are never shown."""

SHOWN = {"title", "name", "wording", "cause", "capability", "said_by", "says", "ends", "why"}
"""Words of settings that are shown as they are."""


@dataclass
class Spoiler:
    """Puts an attack before each text, the same before the same; ``places`` says where each number was put."""

    first: int = 0
    places: list[str] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)

    def text(self, text: str, place: str) -> str:
        """The text with an attack before it."""
        if text not in self.known:
            if not self.places or self.places[-1] != place:
                self.places.append(place)
            told = attack(self.first + len(self.known), len(self.places) - 1).strip()  # as reading does
            self.known[text] = f"{told} {text}"
        return self.known[text]

    def table(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Every text of a table that could be shown."""
        frame = frame.drop([column.name for column in LINEAGE], strict=False)
        for column in TABLES[name].columns:
            if (
                column.kind in (Kind.ID, Kind.TEXT, Kind.TEXTS)
                and column.name not in LEFT
                and column.name in frame.columns
            ):
                held = frame[column.name].explode() if column.kind is Kind.TEXTS else frame[column.name]
                new = {
                    old: self.text(old, f"{name}.{column.name}")
                    for old in held.drop_nulls().unique(maintain_order=True)
                }
                swapped = pl.element() if column.kind is Kind.TEXTS else pl.col(column.name)
                swap = swapped.replace(new) if new else swapped
                frame = frame.with_columns(pl.col(column.name).list.eval(swap) if column.kind is Kind.TEXTS else swap)
        return frame

    def words(self, value: Any, key: str = "") -> Any:
        """Settings with the same texts in them, and attacks before all that is only shown."""
        if isinstance(value, Mapping):
            ours = key == "shares"
            return {self.known.get(name, name) if ours else name: self.words(one, name) for name, one in value.items()}
        if isinstance(value, list):
            return [self.words(one, key) for one in value]
        if isinstance(value, str) and key not in ("by", "metric", "id", "time_zone", "kind", "unit"):
            return self.text(value, f"settings.{key}") if key in SHOWN else self.known.get(value, value)
        return value


def toml(value: Any) -> str:
    """A value as TOML, on one line."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case datetime() | date():
            return value.isoformat()
        case Mapping():
            return "{" + ", ".join(f"{toml(str(name))} = {toml(one)}" for name, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
    return str(value)


def write(folder: Path, settings: str, first: int = 0) -> Spoiler:
    """Write the company to a folder; ``settings`` are the sample's, whose sources are replaced."""
    spoiler = Spoiler(first)
    blocks = []
    for name, frame in company().items():
        if name == "loads" or not frame.height:
            continue
        called = attack(len(blocks), 0).translate(dict.fromkeys(map(ord, "/\\\0")))  # the name of a folder
        spoiler.table(name, frame).write_parquet(folder / f"{name}.parquet")
        blocks.append(
            {
                "name": f"{len(blocks)} {called} {name}",
                "kind": "canonical",
                "table": name,
                "paths": [f"{name}.parquet"],
            }
        )
    told = {name: one for name, one in tomllib.loads(settings).items() if name != "source"}
    told = {name: one if name in ("rules", "calendar") else spoiler.words(one, name) for name, one in told.items()}
    lines = [f"{name} = {toml(one)}" for name, one in ({**told, "source": blocks}).items()]
    (folder / "settings.toml").write_text("\n".join(lines), encoding="utf-8")
    return spoiler


def publish_it(root: Path, repository: Path, first: int = 0) -> tuple[Spoiler, RunResult]:
    """The company written below ``root``, loaded and published by this process with the kit's own notebooks."""
    data = root / "data"
    data.mkdir()
    spoiler = write(data, (repository / "data" / "sample" / "settings.toml").read_text(encoding="utf-8"), first)
    return spoiler, publish(load(data), root / "reports", engine=lambda jobs, _: (make(job, execute) for job in jobs))
