"""Answers to download: those of all teams and of services beside the index, and beside each page those it is made from, each with the way back to its rows."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.paths import written
from idp_analytics.periods import parse
from idp_analytics.publish.page import Link
from idp_analytics.report import comparison, cost_change, pools, unit_costs
from idp_analytics.report.mart import Mart
from idp_analytics.report.service_answers import ServiceAnswers

KINDS = {"csv": "CSV", "parquet": "Parquet"}
"""Ending of a file → what it is called."""

ROWS = "rows"
"""Column beside an answer's own: the command that lists the rows behind it. Null where no number is given, or none may be."""

ANSWERS, SERVICES = "answers", "service_answers"
"""What the files of answers of all teams, and of services, are called, without their ending."""

MOST_LINES = 1_048_576
"""Lines of a sheet that spreadsheets open, with the head."""

BY_TEAM = (comparison.STUDY, pools.METHODS, cost_change.STUDY, unit_costs.STUDY)
"""Studies whose rows of all teams lie beside the index as CSV: on the organisation's page stand only some of many teams."""

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)

_WITHOUT = (Verdict.SUPPRESSED, Verdict.NOT_MEASURED)


def write(folder: Path, mart: Mart, kept: Path, label: str, files: Mapping[tuple[str, str], str]) -> Iterator[Path]:
    """Write ``answers.csv`` and ``answers.parquet`` (that of the mart, which was written to the folder ``kept``), the answers of services as
    :data:`SERVICES`, and for each of ``files`` ((scope, entity) → name without ending, below ``folder``)
    the answers of that entity up to the period ``label`` by periods of its length. The rows of all teams in the studies :data:`BY_TEAM` stand in
    ``<study>.csv``. Gives each file once it is written.

    Nothing is in a file of a page that is not among the answers of all teams: what is withheld is null in both.
    """
    shutil.copyfile(kept / f"{ANSWERS}.parquet", file := folder / f"{ANSWERS}.parquet")
    yield file
    yield _write_csv(folder / ANSWERS, mart.answers)
    if mart.service_answers is not None:
        yield from _write_services(folder / SERVICES, mart.service_answers)
    own = with_rows(mart.answers, mart.meta["asked"], label)
    found = own.partition_by("scope", "entity_id", as_dict=True, maintain_order=True)
    for entity, name in files.items():
        yield from _write(folder / name, found.get(entity, own.clear()))
    for study in BY_TEAM:
        rows = mart.studies[study].filter(pl.col("scope") == "team", pl.col("period") == label)
        written(path := folder / f"{study}.csv", spreadsheet_safe(rows).write_csv)
        yield path


def links(folder: Path) -> list[Link]:
    """The answers of all teams and of services that were written to ``folder``, for its index."""
    titles = {ANSWERS: "Answers of all teams", SERVICES: "Answers of services"}
    found = (
        (f"{title} ({kind})", f"{name}.{ending}") for name, title in titles.items() for ending, kind in KINDS.items()
    )
    return [Link(text, file) for text, file in found if (folder / file).is_file()]


def with_rows(answers: pl.DataFrame, asked: list[str], label: str) -> pl.DataFrame:
    """The answers of organisation and teams up to ``label`` by periods of its length, with the column :data:`ROWS`; ``asked`` is how a
    command names the data."""
    span = parse(label)
    shown = answers.filter(
        pl.col("scope").is_in(["org", "team"]),
        pl.col("every") == span.every,
        pl.col("period_start") <= span.start,
    )
    teams = shown.filter(scope="team")["entity_id"].unique()
    words = {team: f" --team {shlex.quote(team)}" for team in teams}
    whose = pl.col("entity_id").replace_strict(words, default=None, return_dtype=pl.String)
    command = pl.concat_str(
        pl.lit("idp explain "), "metric", pl.lit(" " + shlex.join(asked) if asked else ""),
        pl.when(pl.col("scope") == "team").then(whose).otherwise(pl.lit("")), pl.lit(" --period "), "period",
    )  # fmt: skip
    return shown.with_columns(pl.when(~pl.col("verdict").is_in([v.value for v in _WITHOUT])).then(command).alias(ROWS))


def _write(path: Path, frame: pl.DataFrame) -> Iterator[Path]:
    written(file := path.with_name(f"{path.name}.parquet"), frame.write_parquet)
    yield file
    yield _write_csv(path, frame)


def _write_csv(path: Path, frame: pl.DataFrame) -> Path:
    written(file := path.with_name(f"{path.name}.csv"), spreadsheet_safe(frame).write_csv)
    return file


def _write_services(path: Path, answers: ServiceAnswers) -> Iterator[Path]:
    """Copy the file, and write as CSV what a spreadsheet can open, a part of the rows after the other."""
    file = path.with_name(f"{path.name}.parquet")
    answers.write(file)
    yield file
    rows = pl.scan_parquet(file)
    if rows.select(pl.len()).collect().item() < MOST_LINES:
        written(file := path.with_name(f"{path.name}.csv"), spreadsheet_safe(rows).sink_csv)
        yield file


_RUN = "[=+\\-@＝＋－＠]"
"""What a formula begins with."""

_FORMULA = rf"^(?:\s*{_RUN}|[\t\r\n])"
"""What a spreadsheet would run."""

_CUTS = r"[;\t\r\n][;\s]*"
"""Where spreadsheets of other countries cut, with what they skip."""

_NO_TEXT = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
"""What controls a terminal or turns the text beside it, and stands in no table."""

_TOUCHED = rf"{_FORMULA}|\r|{_NO_TEXT}|{_CUTS}{_RUN}"
"""What is not written as it is. One look for it spares nearly every column the rest."""


def write_unchanged(path: Path, frame: pl.DataFrame) -> tuple[int, int]:
    """Write a CSV that is looked through in a spreadsheet and read again as it is, without the rows in which that would run something; how many rows
    were written, and how many not."""
    kept = frame.filter(~pl.any_horizontal(pl.col(pl.String).str.contains(_FORMULA).fill_null(value=False)))
    written(path, kept.write_csv)
    return kept.height, frame.height - kept.height


def is_touched(texts: pl.Series) -> bool:
    """Is there a text among them that :func:`spreadsheet_safe` changes?"""
    return texts.str.contains(_TOUCHED).any()


def spreadsheet_safe(frame: Frame) -> Frame:
    """The frame for a CSV, which people open: a text that a spreadsheet would run as a formula gets an apostrophe before it, and so does one behind a
    semicolon, a tab or an end of line, at which spreadsheets of other countries cut; what controls a terminal becomes �, an end of line ``\\n``."""
    texts = pl.col(pl.String)
    if isinstance(frame, pl.DataFrame):
        touched = [column.name for column in frame.select(texts.str.contains(_TOUCHED).any()) if column.any()]
        if not touched:
            return frame
        texts = pl.col(touched)
    text = texts.str.replace_all(r"\r\n?", "\n").str.replace_all(_NO_TEXT, "�")
    text = text.str.replace_all(rf"({_CUTS})({_RUN})", "${1}'${2}")
    safe = pl.when(texts.str.contains(_FORMULA)).then(pl.lit("'") + text).otherwise(text)
    return frame.with_columns(safe.name.keep())
