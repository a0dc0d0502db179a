"""Every section of the pages has a way back to its rows, or says why there is none; and what it names gives rows."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import nbformat
import polars as pl
import pytest
from click.testing import CliRunner

from idp_analytics.cli import cli
from idp_analytics.errors import ReportError
from idp_analytics.metrics import CATALOGUE, STUDIES, WAYS_BACK
from idp_analytics.report import Section

NO_NUMBER = ("glossary", "provenance")
"""Sections in which nothing is counted: what words mean, and which files were read."""

WHY_NOT = re.compile(r"rows.*(?:not|never) shown|no rows behind|nothing to compare with", re.IGNORECASE)


def asked(notebook: Path) -> Iterator[tuple[str, list[str]]]:
    """The sections a notebook shows, each with what it is asked for."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        for line in ast.parse(cell.source).body:
            call = line.value if isinstance(line, ast.Expr) else None
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and ast.unparse(call.func.value) == "report"
            ):
                yield call.func.attr, [ast.literal_eval(one) for one in call.args]  # fmt: skip


def parts(section: Section) -> Iterator[Section]:
    yield section
    for part in section.parts:
        yield from parts(part)


@pytest.fixture(params=["org", "team"])
def shown(request, repository, organisation_report, team_report) -> dict[str, list[Section]]:
    """What a page shows: section → it and its parts."""
    report = organisation_report() if request.param == "org" else team_report()
    found = {}
    for name, given in asked(repository / "notebooks" / f"{request.param}.ipynb"):
        section = getattr(report, name)(*given)
        if isinstance(section, Section):
            found[" ".join([name, *given])] = list(parts(section))
    assert len(found) > 40
    return found


def test_every_section_has_a_way_back_or_says_why_not(shown):
    silent = [
        name
        for name, sections in shown.items()
        for one in sections
        if not one.trace and name not in NO_NUMBER and not WHY_NOT.search(" ".join([one.answer, *one.cautions]))
    ]
    assert silent == []


def test_what_a_way_back_names_gives_rows(shown, sample):
    ways = {tuple(shlex.split(one.trace)) for sections in shown.values() for one in sections if one.trace}
    explained = [way for way in ways if way[:2] == ("idp", "explain") and "--component" not in way]
    assert len(explained) > 20
    for _, _, name, *options in explained:
        given = dict(zip(options[::2], options[1::2], strict=True))
        assert sample.trace(name, given["--period"], given.get("--team")).height > 0, name


def test_no_way_back_shows_people(sample):
    """Nobody's id, nor what somebody wrote, stands in any column of any of them."""
    people = re.compile(
        r"person|respondent|requestor|responder|approver|author|initiated|coder|excused_by|reason|comment|text|title|label|hypothesis"
    )
    told = [
        frame[column].cast(pl.String).drop_nulls().unique()
        for frame in sample.tables.values()
        for column, dtype in frame.schema.items()
        if people.search(column) and column != "title" and dtype in (pl.String, pl.Categorical, pl.Enum)
    ]
    words = pl.concat([one for one in told if one.len()]).unique()
    # A word of an answer that anything may be called, as “deploying”, says nothing of anybody.
    words = words.filter(words.str.contains(r"\d|^person:") | (words.str.count_matches(" ") > 3))
    assert words.len() > 100
    for name, way in WAYS_BACK.items():
        rows = way(sample.lazy, sample.settings, sample.as_of, name, "org", "org", "2026-06")
        assert not [column for column in rows.columns if people.search(column)], name
        assert "team_id" in rows.columns, name
        for column in rows.select(pl.col(pl.String)).iter_columns():
            assert not column.is_in(words.implode()).any(), (name, column.name)  # fmt: skip


def test_ways_back_are_of_studies(sample):
    assert set(WAYS_BACK) <= {study.name for study in STUDIES}
    assert not set(WAYS_BACK) & {metric.name for metric in CATALOGUE}


def test_the_command_and_the_documents_name_every_study_it_takes(repository):
    told = " ".join(CliRunner().invoke(cli, ["explain", "--help"]).output.split())
    document = (repository / "METRICS.md").read_text(encoding="utf-8")
    assert [name for name in WAYS_BACK if not re.search(rf"\b{name}\b", told) or f"| `{name}` |" not in document] == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("fragmentatoin", "There is no metric 'fragmentatoin', and no study of that name. Did you mean 'fragmentation'?"),
        ("trend", "The study 'trend' has no rows to list. These have: adoption_breadth, adoption_kinds,"),
    ],
)  # fmt: skip
def test_what_has_no_rows_is_said_before_anything_is_read(sample, name, says):
    refused = CliRunner().invoke(cli, ["explain", name, "--data", "nowhere", "--period", "2026-06"])
    assert refused.exit_code != 0
    assert says in refused.output
    with pytest.raises(ReportError, match=re.escape(says)):
        sample.trace(name, "2026-06")
