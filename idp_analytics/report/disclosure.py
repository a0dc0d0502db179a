"""Could anybody be singled out by all that is about to be published, and all that was before? If so, nothing is.

What is published of a survey are counts of groups (studies :data:`RESULTS`, :data:`ANSWERS` and :data:`THEMES`); every other number follows
from them. This takes them as they stand in the mart, whoever decided what may be shown, together with those of every report
published before, as so many statements about the same answers, and asks what follows from all of them at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.errors import IdpError
from idp_analytics.estimates import disclosure_audit
from idp_analytics.report import price_disclosure

RESULTS, ANSWERS, THEMES = "survey_results", "survey_answers", "themes"

STUDIES = (RESULTS, ANSWERS, THEMES, price_disclosure.PRICES)
"""Everything of a mart that counts people who answered a survey."""

_TABLE = ["survey_id", "wave", "question_id", "option"]
_SHOWN_AT_MOST = 20
_NOBODYS = "people of no known team"

Studies = Mapping[str, pl.DataFrame]


class DisclosureError(IdpError):
    """What is to be published would single people out; nothing is published."""

    exit_code = 3

    @classmethod
    def listing(cls, found: Sequence[str]) -> DisclosureError:
        """One error for all cells found, for whoever runs the reports and nobody else."""
        lines = "\n".join(f"  - {sentence}" for sentence in found[:_SHOWN_AT_MOST])
        more = f"\n  … and {len(found) - _SHOWN_AT_MOST} more" if len(found) > _SHOWN_AT_MOST else ""
        return cls(
            f"Nothing is published: {len(found)} answer(s) of few people could be worked out from these reports together with "
            f"those published before. Withdraw the earlier reports of these waves (their folders in .runs too), or restore the data "
            f"they were made from.\n{lines}{more}"
        )


def audit(studies: Studies, earlier: Sequence[Studies] = (), least: int = 5) -> None:
    """Raise :class:`DisclosureError`, naming the cells, where a count that is withheld follows from what is shown.

    ``studies``: the mart's, with all of :data:`STUDIES`; ``earlier``: those of reports published before, which may have only the first two. A wave whose answers
    are no longer what they were tells those of the few people in between: refused where those are fewer than ``least``, and
    otherwise audited without the earlier numbers, which speak of other answers.
    """
    said = [(_statements(one), one) for one in (studies, *earlier) if one[RESULTS].height]
    if not said:
        return
    now = said[0][0]
    problems = list(price_disclosure.problems(studies, earlier, least))
    problems += list(_of_few(now, [statements for statements, _ in said[1:]], least))
    same = [statements for statements, _ in said[1:]]
    for table, mine in now.partition_by(_TABLE, as_dict=True, maintain_order=True).items():
        here = [_of(statements, table) for statements in same]
        alike = [one for one in here if one.height and not _contradict(mine, one)]
        problems += _too_few(table, mine, least)
        problems += _pinned(table, pl.concat([mine, *alike]), _groups(studies, table))
    if problems:
        raise DisclosureError.listing(problems)


def read(mart: Path, files: Collection[str]) -> Studies | None:
    """The studies of a ``mart`` published before, of whose run ``files`` were written (names below the run's folder); None where it
    said nothing of surveys. Raises :class:`DisclosureError` where it did and cannot be read: what is not known cannot be audited."""
    written = {
        study for study in STUDIES if f"{mart.name}/{study}.parquet" in files or (mart / f"{study}.parquet").is_file()
    }
    if not written:
        return None
    try:
        held = {study: pl.read_parquet(mart / f"{study}.parquet") for study in sorted(written)}
        _statements(held)
    except (OSError, KeyError, pl.exceptions.PolarsError) as error:
        raise DisclosureError(
            f"{mart}: what was published here of surveys cannot be read ({type(error).__name__}), so that what it tells together with "
            "these reports is not known. Nothing is published: restore the folder, or withdraw it (with its run in .runs)."
        ) from None
    return held


def _statements(studies: Studies) -> pl.DataFrame:
    """What is shown: ``entity_id`` (:data:`ORG`: all), ``low`` and ``high`` (from and to which answer), ``n``, and ``is_answer``
    (told of each answer, not of all favourable ones) per table.

    A given answer was given (1) or not (0). Of a question with an order the favourable answers run from the cut to the top.
    """
    results = _told(studies).filter(pl.col("k").is_not_null())
    is_given = pl.col("option").is_not_null()
    low, cut, high = (
        pl.when(is_given).then(given).otherwise(name).alias(name)
        for given, name in ((0.0, "answer_low"), (1.0, "favourable"), (1.0, "answer_high"))
    )
    sides = results.with_columns(low, cut, high)
    rest = (pl.col("n") - pl.col("k")).alias("n")
    parts = [
        sides.select(*_TABLE, "entity_id", pl.col("favourable").alias("low"), pl.col("answer_high").alias("high"), pl.col("k").alias("n"), is_answer=pl.lit(False)),
        sides.select(*_TABLE, "entity_id", pl.col("answer_low").alias("low"), (pl.col("favourable") - 1).alias("high"), rest, is_answer=pl.lit(False)),
        studies[ANSWERS].select(
            "survey_id", "wave", "question_id", pl.lit(None, pl.String).alias("option"), "entity_id",
            pl.col("answer_low").alias("low"), pl.col("answer_high").alias("high"), "n",
            is_answer=pl.lit(True),
        ),
    ]  # fmt: skip
    return pl.concat(parts).unique(maintain_order=True)


def _told(studies: Studies) -> pl.DataFrame:
    """Every group of every question, given answer and theme, shown or not."""
    of_question = ("scope", "entity_id", *_TABLE, "answer_low", "answer_high", "favourable", "n", "k")
    results = studies[RESULTS].filter(pl.col("question_id").is_not_null()).select(of_question)
    if THEMES not in studies:
        return results
    themes = studies[THEMES].with_columns(
        pl.col("theme").alias("option"), *(pl.lit(None, pl.Float64).alias(name) for name in of_question[6:9])
    )
    return pl.concat([results, themes.select(of_question)])


def _of(statements: pl.DataFrame, table: tuple[object, ...]) -> pl.DataFrame:
    return statements.filter(pl.col(name).eq_missing(pl.lit(value)) for name, value in zip(_TABLE, table, strict=True))


def _contradict(mine: pl.DataFrame, theirs: pl.DataFrame) -> bool:
    """Whether they tell of other answers: a number is another, or that of all answers of a group. Another cut through the same
    answers (``favourable`` changed in the settings) contradicts nothing: together the two tell more than each."""
    both = mine.join(theirs, on=["entity_id", "low", "high"], suffix="_before")
    whole = _whole(mine, []).join(_whole(theirs, []), on=["entity_id", "is_answer"], suffix="_before")
    return any(one.select((pl.col("n") != pl.col("n_before")).any()).item() for one in (both, whole))


def _whole(statements: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """All answers of each group."""
    return statements.group_by([*by, "entity_id", "is_answer"], maintain_order=True).agg(pl.col("n").sum())


def _too_few(table: tuple[object, ...], mine: pl.DataFrame, least: int) -> Iterator[str]:
    """Groups shown though they are too small, or though all of a small one said the same: whoever decided, it is not published."""
    sides = (
        mine.filter(~pl.col("is_answer"))
        .group_by("entity_id", maintain_order=True)
        .agg(pl.col("n").sum().alias("all"), pl.col("n").min())
    )
    found = sides.filter((pl.col("all") < least) | ((pl.col("all") < 2 * least) & (pl.col("n") == 0)))
    each = _whole(mine.filter("is_answer"), []).filter(pl.col("n") < 2 * least)
    for entity in [*found["entity_id"], *each["entity_id"]]:
        yield f"{_called(table)}, {entity}: shown, though so few people answered, or all the same"


def _groups(studies: Studies, table: tuple[object, ...]) -> list[str]:
    """The innermost groups that answered: every team with a row, shown or not, and the people of no known team."""
    rows = _of(_told(studies), table).filter(pl.col("scope") == "team", pl.col("n").is_null() | (pl.col("n") > 0))
    return rows["entity_id"].fill_null(_NOBODYS).to_list()


def _of_few(now: pl.DataFrame, earlier: Sequence[pl.DataFrame], least: int) -> Iterator[str]:
    """Groups whose numbers moved by fewer people than may be shown, since a report published before."""
    key = [*_TABLE, "entity_id", "low", "high", "is_answer"]
    for statements in earlier:
        both = now.join(statements, on=key, suffix="_before", nulls_equal=True)
        # Of all answers too: the sides may be cut elsewhere than before.
        all_of = _whole(now, _TABLE).join(
            _whole(statements, _TABLE), on=[*_TABLE, "entity_id", "is_answer"], suffix="_before", nulls_equal=True
        )
        group = [*_TABLE, "entity_id", "is_answer"]
        moved = (pl.col("n") - pl.col("n_before")).abs()
        by_side = both.group_by(group, maintain_order=True).agg(
            moved.sum().alias("moved"), (moved > 0).sum().alias("sides")
        )
        whole = pl.concat([by_side, all_of.select(*group, moved.alias("moved"), pl.lit(2, pl.UInt32).alias("sides"))])
        # As of a group: from twice as many where all who came or went said the same.
        few = whole.filter(
            pl.col("moved").is_between(1, least - 1)
            | (pl.col("moved").is_between(1, 2 * least - 1) & (pl.col("sides") == 1))
        )
        for row in few.unique([*_TABLE, "entity_id"], keep="first", maintain_order=True).to_dicts():
            yield f"{_called(tuple(row[name] for name in _TABLE))}, {row['entity_id']}: another number of answers than published before, by so few that they are somebody's"


def _pinned(table: tuple[object, ...], statements: pl.DataFrame, groups: list[str]) -> Iterator[str]:
    """Groups of which something they do not show can be worked out: how many were favourable, or each answer."""
    favourable, each = statements.filter(~pl.col("is_answer")), statements.filter("is_answer")
    try:
        for stated, shown in ((favourable, favourable), (statements, each)):
            told_of = set(shown["entity_id"])
            hidden = [group for group in groups if group not in told_of]
            if not hidden or shown.is_empty():
                continue
            known = _known(stated, groups)
            for group in hidden:
                own = favourable.filter(entity_id=group)
                told = [low for low in known.get(group, ()) if not _follows(own, low, stated)]
                if told:
                    yield f"{_called(table)}, {group}: {len(told)} of its answers can be worked out"
    except disclosure_audit.ContradictionError:
        yield f"{_called(table)}: the numbers shown contradict each other, so what they tell of whom cannot be checked"


def _known(statements: pl.DataFrame, groups: list[str]) -> dict[str, list[float]]:
    """Group → the cells of it (by their lowest answer) whose count follows from ``statements``."""
    cells = _cells(statements)
    rows = [
        (f"{number}", f"{group}\0{low}", row["n"])
        for number, row in enumerate(statements.to_dicts())
        for group in (groups if row["entity_id"] == ORG else [row["entity_id"]])
        for low, high in cells
        if row["low"] <= low and high <= row["high"] + 1
    ]
    whole = pl.DataFrame(rows, schema={"statement": pl.String, "cell": pl.String, "total": pl.Int64}, orient="row")
    found: dict[str, list[float]] = {}
    for cell in disclosure_audit.fixed(whole.select("statement", "cell"), whole.select("statement", "total").unique()):
        group, low = cell.split("\0")
        found.setdefault(group, []).append(float(low))
    return found


def _cells(statements: pl.DataFrame) -> list[tuple[float, float]]:
    """The finest pieces that the statements cut the scale into: from, up to but without."""
    return list(itertools.pairwise(sorted({*statements["low"], *(value + 1 for value in statements["high"])})))


def _follows(own: pl.DataFrame, low: float, statements: pl.DataFrame) -> bool:
    """What a group shows itself says what is in the cell: the cell is all of a side it shows, or of a side that is empty."""
    end = next(high for start, high in _cells(statements) if start == low)
    sides = own.filter(pl.col("low") <= low, pl.col("high") + 1 >= end)
    return any(row["n"] == 0 or (row["low"] == low and row["high"] + 1 == end) for row in sides.to_dicts())


def _called(table: tuple[object, ...]) -> str:
    survey, wave, question, option = table
    return f"{survey} {wave}, {question}" + (f", {option!r}" if option is not None else "")
