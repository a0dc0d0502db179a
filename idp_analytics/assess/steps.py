"""The next steps of a quarter → rows of ``actions`` in a file of the data folder, for teams to take up. Written again they change nothing."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from fnmatch import fnmatch
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from idp_analytics import data_folder
from idp_analytics.errors import ReportError, SourceError
from idp_analytics.metrics.maturity.next_steps import AT_ONCE, PROPOSED, RECOMMENDED, action_id, maturity_steps
from idp_analytics.metrics.maturity.step_outcomes import quarter
from idp_analytics.organisation import Organisation
from idp_analytics.periods import following
from idp_analytics.settings import Settings
from idp_analytics.tables import LINEAGE, TABLES

TARGET = "maturity_steps.csv"
SOURCE = f'[[source]]\nname = "maturity-steps"\nkind = "canonical"\ntable = "actions"\npaths = ["{TARGET}"]'
"""What ``settings.toml`` needs so that the file is read."""

_COLUMNS = [column.name for column in TABLES["actions"].columns if column not in LINEAGE]


@dataclass(frozen=True)
class Written:
    """The steps proposed (columns of the study ``maturity_steps``), the ids added to the ``target``, of whom nobody can be told to do
    them, and whether the settings read the file."""

    steps: pl.DataFrame
    added: tuple[str, ...]
    target: Path
    is_read: bool
    without_a_team: int


def write(organisation: Organisation, period: str) -> Written:
    """Propose the steps that follow from how things stood at the end of the quarter ``period``, and add them to ``maturity_steps.csv``.

    Nobody is given more than two for one quarter, and none twice. Steps of the organisation are the platform team's. Raises
    :class:`ReportError` for what is no quarter that is over, and :class:`SourceError` where the file is another's.
    """
    settings = organisation.settings
    span = quarter(period)
    end = datetime.combine(span.end, time(), ZoneInfo(settings.time_zone)).astimezone(UTC) if span else None
    if span is None or end is None or end > organisation.as_of:
        raise ReportError(
            f"{period}: steps follow from a quarter that is over, such as 2026-Q2; the data end at {organisation.as_of:%Y-%m-%d}."
        )
    steps = maturity_steps(organisation.lazy, settings, end).filter(pl.col("status") == PROPOSED)
    target = settings.root / TARGET
    with data_folder.held(settings.root):
        text, known = _before(target)
        opened, due = span.end - timedelta(days=1), following(span.end, "1q") - timedelta(days=1)
        rows, alone = [], 0
        for step in steps.to_dicts():
            whose = step["entity_id"] if step["scope"] == "team" else settings.platform_team
            name = action_id(period, step["scope"], step["entity_id"], step["criterion"])
            given = sum(one.startswith(action_id(period, step["scope"], step["entity_id"], "")) for one in known)
            if whose is None:
                alone += 1
            elif name not in known and given < AT_ONCE:
                known.append(name)
                rows.append(
                    {"action_id": name, "team_id": whose, "origin": RECOMMENDED, "origin_id": step["criterion"], "opened_on": opened, "due_on": due,
                     "carried_over": step["earlier"]}
                )  # fmt: skip
        if rows:
            _add(target, text, rows)
    return Written(steps, tuple(row["action_id"] for row in rows), target, _is_read(settings), alone)


def _before(target: Path) -> tuple[str, list[str]]:
    """The text of the file as it stands, and the ids in it."""
    text = target.read_text(encoding="utf-8-sig") if target.exists() else ""
    if not text.strip():
        return "", []
    found = csv.DictReader(io.StringIO(text))
    absent = [name for name in _COLUMNS if name not in (found.fieldnames or ())]
    if absent:
        raise SourceError(
            f"{target}: has no column {', '.join(absent)}; steps cannot be added to it. Put it right, or move it away."
        )
    return text, [row["action_id"] for row in found]


def _add(target: Path, text: str, rows: list[dict[str, object]]) -> None:
    """Leave what stands in the file as it is and write the rows below it, whole or not at all."""
    columns = csv.DictReader(io.StringIO(text)).fieldnames if text else _COLUMNS
    below = io.StringIO()
    writer = csv.DictWriter(below, list(columns or ()), restval="", lineterminator="\n")
    if not text:
        writer.writeheader()
    writer.writerows(rows)
    data_folder.write(target, (text + ("" if not text or text.endswith("\n") else "\n") + below.getvalue()).encode())


def _is_read(settings: Settings) -> bool:
    return any(
        source.kind == "canonical" and source.options.get("table") == "actions" and any(fnmatch(TARGET, path) for path in source.paths)
        for source in settings.sources
    )  # fmt: skip
