"""Responses that are rows of a table → rows of answers, by columns: what a cell says is read once, however many people said it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.ma  # Polars asks for it with the first array, which would be in the midst of reading
import polars as pl

from idp_analytics.sources import survey_answers as survey
from idp_analytics.sources.export import Document, Export, misshapen
from idp_analytics.sources.survey_answers import CHOICE, Answer, Said
from idp_analytics.sources.system import Row
from idp_analytics.sources.tabular import ROW
from idp_analytics.tables.numbered import numbered, once

Numbers = np.ndarray[Any, np.dtype[Any]]

SHEET = "responses"
"""The member of a document under which a :class:`Sheet` stands."""


@dataclass(frozen=True)
class Cells:
    """A column: the different ``words`` in it without the space around them (the last is null: an empty cell), and per response
    the place (``at``) of its own among them."""

    words: Sequence[str | None]
    at: Numbers

    @cached_property
    def texts(self) -> pl.Series:
        """The word of each response; null: none."""
        return pl.Series(self.words, dtype=pl.String).gather(self.at)


def cells(column: pl.Series) -> Cells:
    """The cells of a column of text."""
    # Not by Arrow, which would import its functions and pandas first.
    at, different = numbered(column)
    words = [*(word.strip() or None for word in different.to_list()), None]
    return Cells(words, at.fill_null(len(words) - 1).to_numpy())


@dataclass(frozen=True)
class Asked:
    """A column of answers to a question: its ``cells``, and what answer each different word is (null: the empty cell)."""

    cells: Cells
    answers: Sequence[Answer | None]


def asked(column: Cells, answer: Callable[[str], Answer]) -> Asked:
    """The column, ``answer`` made of each different word."""
    return Asked(column, [None if word is None else answer(word) for word in column.words])


@dataclass(frozen=True)
class Sheet:
    """Responses as columns: their ``numbers`` in the file, the ``fields`` beside the answers, by name, and the answers."""

    numbers: pl.Series
    fields: Sequence[tuple[str, Cells]]
    asked: Sequence[Asked]

    def only(self, which: pl.Series) -> Sheet:
        """The responses that are meant."""
        if which.all():
            return self
        some = which.to_numpy()
        return replace(
            self, numbers=self.numbers.filter(which), fields=[(name, Cells(one.words, one.at[some])) for name, one in self.fields],
            asked=[replace(one, cells=Cells(one.cells.words, one.cells.at[some])) for one in self.asked],
        )  # fmt: skip

    def field(self, name: str | None, alike: Callable[[str], str] = survey.plain) -> pl.Series:
        """What stands in the field of that name, the last one where there are several; ``alike`` is how names are compared."""
        wanted = alike(name) if name else None
        return self.first([one.texts for told, one in reversed(self.fields) if alike(told) == wanted])

    def said(self, name: str | None) -> pl.Series:
        """The first answer to the question of that name, else what stands in the field of that name."""
        if not name:
            return self.first([])
        found = []
        for column in self.asked:
            words = [
                answer.said[0].label if answer and survey.plain(name) in survey.plain_names(answer.keys) else None
                for answer in column.answers
            ]
            if any(words):
                found.append(Cells(words, column.cells.at).texts)
        return self.first([*found, self.field(name)])

    def first(self, texts: Sequence[pl.Series]) -> pl.Series:
        """Per response the first text there is; null: none."""
        nothing = pl.Series([None], dtype=pl.String).new_from_index(0, len(self.numbers))
        return pl.select(pl.coalesce(*texts, nothing)).to_series()


def is_sheet(body: Mapping[str, Any]) -> bool:
    """The document is a table of responses."""
    return isinstance(body.get(SHEET), Sheet)


def rows(document: Document, export: Export, sheet: Sheet, told: pl.DataFrame) -> Iterator[Row]:
    """The answers of all responses of a table, as :func:`survey_answers.rows` gives those of one; what is not kept is counted.

    ``told`` has a row per response: its id (``native``), its time as ``conform`` reads it (``submitted``), what tells that two are
    one person's (``who``), and the ``reason`` why it is left out as a whole; null: none.
    """
    given = export.options
    for reason, times in told.drop_nulls("reason").group_by("reason", maintain_order=True).len().iter_rows():
        yield document.left_out(reason, times)
    sheet, told = sheet.only(told["reason"].is_null()), told.filter(pl.col("reason").is_null())
    if told.is_empty():
        return
    name, submitted = survey.named(document, export, None), told["submitted"]
    waves = once(submitted, lambda at: given["wave"] or survey.quarter(at))
    person = sheet.said(given["person_question"])
    team = pl.select(pl.coalesce(sheet.said(given["team_question"]), sheet.field(given["team_field"]))).to_series()
    about = pl.DataFrame({
        ROW: sheet.numbers, "response_id": pl.select(pl.lit(export.id("")) + told["native"]).to_series(), "survey_id": _text([name]).new_from_index(0, len(waves)),
        "wave": waves, "submitted_at": submitted, "team_id": team, "person_id": once(person, export.person), "_newest": submitted,
        "_who": _identities(name, waves, pl.select(pl.coalesce(told["who"], person)).to_series()),
    })  # fmt: skip
    readings, at = _read(sheet, export)
    broken = np.array([isinstance(reading, str) for reading in readings])[at].any(axis=1)
    if broken.any():
        yield document.left_out(next(reading for reading in readings if isinstance(reading, str)), int(broken.sum()))
        about, at = about.filter(pl.Series(~broken)), at[~broken]
    counted: Counter[str] = Counter()
    for reading, times in zip(readings, np.bincount(at.ravel(), minlength=len(readings)).tolist(), strict=True):
        counted.update({one: times * reading.count(one) for one in reading if isinstance(one, str)})
    yield from _spread(
        document, about, [[one for one in reading if not isinstance(one, str)] for reading in readings], at
    )
    yield from (document.left_out(reason, times) for reason, times in counted.items() if times)


def _identities(name: str, waves: pl.Series, who: pl.Series) -> pl.Series:
    """:func:`survey_answers.identity` of each, around none of whom there is space."""
    told = pl.select(pl.concat_str(pl.lit(name.lstrip()), waves.fill_null(""), who, separator="\0")).to_series()
    if (told.str.len_bytes() == told.str.len_chars()).all():
        return told.str.to_lowercase()
    return _text(one and one.lower() for one in told)


def _text(values: Iterable[str | None]) -> pl.Series:
    return pl.Series(list(values), dtype=pl.String)


# --- what cells say ---------------------------------------------------------------------------------------------------


def _read(sheet: Sheet, export: Export) -> tuple[list[Sequence[Row | str] | str], Numbers]:
    """What all different answers say (a text: why the whole response cannot be read), and which of these each response has,
    question by question."""
    readings: list[Sequence[Row | str] | str] = []
    at: list[Numbers] = []
    fields = [
        [asked(cells(sheet.field(name)), lambda text, ours=ours: Answer((ours,), (Said(text),), CHOICE))]  # type: ignore[misc]
        for name, ours in (export.options["fields"] or {}).items()
    ]
    for columns in (*_together(sheet.asked), *fields):
        different, places = _combined(columns)
        at.append(places + len(readings))
        for one in different:
            answers = [answer for column, place in zip(columns, one, strict=True) if (answer := column.answers[place])]
            try:
                readings.append(survey.read(survey.merged(answers), export))
            except ValueError as error:
                readings.append(misshapen(export, error))
    return readings, np.column_stack(at) if at else np.zeros((len(sheet.numbers), 0), dtype=np.int64)


def _together(columns: Sequence[Asked]) -> Iterator[Sequence[Asked]]:
    """Columns whose answers may be parts of one, with all that stand between them, because a response has its answers in the
    order of its columns."""
    last: dict[tuple[str, str], int] = {}
    parts = [{(answer.keys[0], answer.kind) for answer in column.answers if answer} for column in columns]
    for place, part in enumerate(parts):
        last.update(dict.fromkeys(part, place))
    begin, reach = 0, 0
    for place, part in enumerate(parts):
        reach = max(reach, place, *(last[one] for one in part))
        if place == reach:
            yield columns[begin : place + 1]
            begin = place + 1


def _combined(columns: Sequence[Asked]) -> tuple[list[tuple[int, ...]], Numbers]:
    """The different combinations of words in columns, each as their places, and per response which it has."""
    first, *others = (column.cells for column in columns)
    different: list[tuple[int, ...]] = [(place,) for place in range(len(first.words))]
    places = first.at.astype(np.int64)
    for other in others:
        met, places = np.unique(places * len(other.words) + other.at, return_inverse=True)
        different = [(*different[both // len(other.words)], both % len(other.words)) for both in met.tolist()]
    return different, places


# --- rows -------------------------------------------------------------------------------------------------------------


def _spread(document: Document, about: pl.DataFrame, said: Sequence[Sequence[Row]], at: Numbers) -> Iterator[Row]:
    """One row that stands for all: per response and thing ``said`` what is ``about`` the response and what the answer says."""
    counts = np.array([len(one) for one in said], dtype=np.int64)
    own = [one for several in said for one in several]
    each = counts[at.ravel()]
    if not each.sum():
        return
    each_response = counts[at].sum(axis=1)
    # A response that says nothing takes no other one's place.
    about, each_response = about.filter(pl.Series(each_response > 0)), each_response[each_response > 0]
    of = pl.Series(np.repeat(np.arange(len(about), dtype=np.uint32), each_response))
    inside = np.arange(len(of)) - np.repeat(np.cumsum(each) - each, each)
    answers = pl.Series((np.repeat((np.cumsum(counts) - counts)[at.ravel()], each) + inside).astype(np.uint32))
    names = dict.fromkeys(name for one in own for name in one)
    columns = [pl.Series(name, [one.get(name) for one in own]) for name in names]
    frame = pl.DataFrame([
        *(_coded(column).gather(of) for column in about.drop("_who")),
        *(_coded(column.cast(pl.String)).gather(answers) for column in columns),
    ])  # fmt: skip
    yield document.columns(frame, _about=about, _of=of)


def _coded(column: pl.Series) -> pl.Series:
    """A column of text as its different texts and numbers that stand for them."""
    return column.cast(pl.Enum(column.unique().drop_nulls())) if column.dtype == pl.String else column
