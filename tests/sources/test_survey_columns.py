"""Responses by columns say what they say one by one."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.sources import survey_answers, survey_columns
from idp_analytics.sources.export import Document, Export, File
from idp_analytics.sources.over_time import is_row
from idp_analytics.sources.rows import frame
from idp_analytics.sources.survey_answers import CHOICE, UNKNOWN, Answer, Response, Said, last, merged, options
from idp_analytics.sources.survey_columns import Sheet, asked, cells
from idp_analytics.sources.system import COMMON, System
from idp_analytics.tables import TABLES

FILE = File("x.csv", "0" * 64, datetime(2026, 7, 1, tzinfo=UTC), None, {}, (), 0, {}, frozenset())
SYSTEM = System("tool", "Tool", (), (), (), options())
AT = "2026-02-03T10:00:00Z"
NAMES = ("a", "b", "several", "team", "who")
GIVEN = {
    "survey": "dx", "scales": {"a": "1-5"}, "points": {"Agree": "4", "Odd": "no number"}, "separators": {"b": ";"}, "team_question": "team",
    "person_question": "who", "fields": {"f": "field@1"}, "numbers": ["field@1"],
}  # fmt: skip
words = st.sampled_from([None, "1", " 5 ", "9", "Agree", "Odd", "x; y", "some words"])


def told(place: int, text: str) -> Answer:
    name = NAMES[place] if NAMES[place] != "several" or text != "1" else "b"
    return Answer((name,), (Said(text),), CHOICE if name in ("several", "a") else UNKNOWN)


@given(st.lists(st.tuples(words, words, words, words, words, words), min_size=1, max_size=7))
def test_by_columns_as_one_by_one(table: list[tuple[str | None, ...]]) -> None:
    chosen = {option.name: option.default for option in (*COMMON, *SYSTEM.options)}
    one, other = (Export(SYSTEM, [FILE], {}, {**chosen, **GIVEN}) for _ in range(2))
    single = []
    for number, row in enumerate(table, 1):
        said = [(place, text.strip()) for place, text in enumerate(row[:5]) if text]
        response = Response(
            f"r{number}", None, AT, merged(told(*each) for each in said), {"f": row[5].strip()} if row[5] else {}
        )
        document = Document({}, FILE, number)
        try:
            single += list(survey_answers.rows(document, one, response))
        except ValueError:
            single.append(document.left_out("is not shaped as Tool writes it (ValueError)"))
    columns = [cells(pl.Series([row[place] for row in table], dtype=pl.String)) for place in range(6)]
    questions = [asked(columns[place], lambda text, place=place: told(place, text)) for place in range(5)]
    sheet = Sheet(pl.Series(range(1, len(table) + 1), dtype=pl.Int64), [("f", columns[5])], questions)
    about = pl.DataFrame(
        {"native": [f"r{n}" for n in range(1, len(table) + 1)], "submitted": AT, "who": None, "reason": None},
        dict.fromkeys(("native", "submitted", "who", "reason"), pl.String),
    )
    whole = list(survey_columns.rows(Document({}, FILE, 1), other, sheet, about))
    by_one, by_columns = (_told(last(found)) for found in (single, whole))
    assert by_columns == by_one
    assert all(first <= second for first, second in pairwise(row["_row"] for row in by_columns[0]))


def test_cells_are_told_apart_without_pandas_or_the_functions_of_arrow():
    """Importing it takes longer than reading a survey of twenty thousand answers."""
    code = (
        "import sys; import polars as pl; from idp_analytics.sources.survey_columns import cells;"
        "found = cells(pl.Series(['a ', None, 'b', 'a', ' '])); print(found.texts.to_list(), {'pandas', 'pyarrow.compute'} & set(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert shown.strip() == "['a', None, 'b', 'a', None] set()"


def _told(found):
    counted: Counter[str] = Counter()
    for row in found:
        if not is_row(row):
            counted[row["_left_out"]] += row["_times"]
    rows = [row for row in found if is_row(row)]
    names = ("_row", *(column.name for column in TABLES["survey_responses"].columns))
    made = (
        frame(TABLES["survey_responses"], rows).with_columns(pl.col(pl.Enum).cast(pl.String))
        if rows
        else pl.DataFrame()
    )
    text = [{name: None if row.get(name) is None else str(row[name]) for name in names} for row in made.to_dicts()]
    return [{**row, "_row": int(row["_row"])} for row in text], counted
