"""What published studies state about answers to surveys: which group gave how many answers of which kind.

A *table* is what the same people could answer in one wave: a question with an order, one of several given answers (given or not), all
answers to a question of which one may be given, or a theme of comments by one version of the codebook. Its cells are pieces of a
scale: answers from ``low`` to ``high``; a given answer was given (1) or not (0); the answers of a choice are numbered from 1, and
:data:`PASSED` is to have given none of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

RESULTS, ANSWERS, THEMES = "survey_results", "survey_answers", "themes"

TABLE = ["survey_id", "wave", "question_id", "option"]
WAVE = ["survey_id", "wave"]
NOBODYS = "people of no known team"
PASSED = -1e6
"""Below any scale: the cell of those who gave no answer to a choice. Whether somebody passed a question over is no answer to it."""

Studies = Mapping[str, pl.DataFrame]

_RESPONSE, _CHOICE = "response", "choice"
_OF_GROUP = ("scope", "entity_id", *TABLE, "kind", "answer_low", "answer_high", "favourable", "n", "k")


def stated(reports: Sequence[Studies]) -> list[pl.DataFrame]:
    """Per report what it states: :data:`TABLE`, ``entity_id``, ``low``, ``high``, ``n`` (answers in the cells between), ``of`` (all its
    answers in the table) and ``is_answer`` (told of each answer, not of all favourable ones)."""
    told = [_told(studies) for studies in reports]
    numbers = pl.concat([one.filter(pl.col("kind") == _CHOICE).select(*TABLE[:3], "option") for one in told]).unique()
    numbers = numbers.sort(TABLE).with_columns(
        pl.int_range(1, pl.len() + 1).over(TABLE[:3]).cast(pl.Float64).alias("at"),
        pl.len().over(TABLE[:3]).cast(pl.Float64).alias("last"),
    )
    return [_statements(one, studies, numbers) for one, studies in zip(told, reports, strict=True)]


def _statements(told: pl.DataFrame, studies: Studies, numbers: pl.DataFrame) -> pl.DataFrame:
    shown = told.filter(pl.col("k").is_not_null())
    choice = shown.filter(pl.col("kind") == _CHOICE).join(numbers, on=TABLE)
    no_option = pl.lit(None, pl.String).alias("option")
    head: list[str | pl.Expr] = [*TABLE[:3], no_option, "entity_id"]
    passed, both = pl.lit(PASSED).alias("low"), pl.lit(False).alias("is_answer")
    one_of = [
        choice.select(*head, pl.col("at").alias("low"), pl.col("at").alias("high"), pl.col("k").alias("n"), pl.col("n").alias("of"), both),
        choice.select(*head, passed, pl.col("last").alias("high"), "n", pl.col("n").alias("of"), both),
    ]  # fmt: skip
    is_given = pl.col("option").is_not_null()
    # Of a question with an order the favourable answers run from the cut to the top.
    low, cut, high = (
        pl.when(is_given).then(given).otherwise(name).alias(name)
        for given, name in ((0.0, "answer_low"), (1.0, "favourable"), (1.0, "answer_high"))
    )
    sides = shown.filter(pl.col("kind").ne_missing(pl.lit(_CHOICE))).with_columns(low, cut, high)
    rest = (pl.col("n") - pl.col("k")).alias("n")
    of = pl.col("n").alias("of")
    each = studies[ANSWERS]
    whole = pl.col("n").sum().over(*TABLE[:3], "entity_id")
    return pl.concat([
        *one_of,
        sides.select(*TABLE, "entity_id", pl.col("favourable").alias("low"), pl.col("answer_high").alias("high"), pl.col("k").alias("n"), of, both),
        sides.select(*TABLE, "entity_id", pl.col("answer_low").alias("low"), (pl.col("favourable") - 1).alias("high"), rest, of, both),
        each.select(
            *head, pl.col("answer_low").alias("low"), pl.col("answer_high").alias("high"), "n", whole.alias("of"), is_answer=pl.lit(True),
        ),
    ]).unique(maintain_order=True)  # fmt: skip


def _told(studies: Studies) -> pl.DataFrame:
    """Every group of every question, given answer and theme, shown or not."""
    results = studies[RESULTS].filter(pl.col("question_id").is_not_null()).select(_OF_GROUP)
    if THEMES not in studies:
        return results
    themes = studies[THEMES].with_columns(
        # By another codebook it is another count of the same comments.
        pl.format("{} (codebook {})", "theme", pl.col("version").fill_null(0)).alias("option"), pl.lit("theme").alias("kind"),
        *(pl.lit(None, pl.Float64).alias(name) for name in ("answer_low", "answer_high", "favourable")),
    )  # fmt: skip
    return pl.concat([results, themes.select(_OF_GROUP)])


def groups(studies: Studies) -> pl.DataFrame:
    """The innermost groups of each table: :data:`TABLE` and ``entity_id``, every team with a row, shown or not, and :data:`NOBODYS`."""
    option = pl.when(pl.col("kind").ne_missing(pl.lit(_CHOICE))).then("option").alias("option")
    return (
        _told(studies)
        .filter(pl.col("scope") == "team", pl.col("n").is_null() | (pl.col("n") > 0))
        .select(*TABLE[:3], option, pl.col("entity_id").fill_null(NOBODYS))
        .unique(maintain_order=True)
    )


def responses(studies: Studies) -> pl.DataFrame:
    """How many of each group answered at all: :data:`WAVE`, ``entity_id`` (:data:`NOBODYS`), ``scope``, ``headcount`` (who could have; null: not
    known), ``k`` (null: withheld)."""
    found = studies[RESULTS].filter(pl.col("kind") == _RESPONSE)
    return found.select(*WAVE, pl.col("entity_id").fill_null(NOBODYS), "scope", "headcount", "k")


def called(table: Sequence[object]) -> str:
    """The table in words, for whoever runs the reports."""
    survey, wave, question, option = table
    return f"{survey} {wave}, {question}" + (f", {option!r}" if option is not None else "")
