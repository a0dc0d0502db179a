"""Could anybody be singled out by all that is about to be published, and all that was before? If so, nothing is.

What is published of a survey are counts of groups (:mod:`disclosure_statements`); every other number follows from them. This takes them
as they stand in the mart, whoever decided what may be shown, together with those of every report published before, as so many
statements about the same answers, and asks what follows from all of them at once. What each study that holds counts of people says of
itself is in :data:`idp_analytics.metrics.studies.STUDIES`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.errors import IdpError
from idp_analytics.estimates import disclosure_audit
from idp_analytics.report import disclosure_cells, disclosure_earlier, disclosure_responses, disclosure_wholes
from idp_analytics.report.disclosure_statements import (
    ANSWERS,
    NOBODYS,
    PASSED,
    RESULTS,
    TABLE,
    THEMES,
    WAVE,
    Studies,
    called,
    groups,
    responses,
    stated,
)  # fmt: skip

STUDIES = (RESULTS, ANSWERS, THEMES, *disclosure_wholes.STUDIES)
"""Everything of a mart that is audited."""

_SHOWN_AT_MOST = 20
_CHOSEN = ("several", "choice")


class DisclosureError(IdpError):
    """What is to be published would single people out; nothing is published."""

    exit_code = 3

    @classmethod
    def listing(cls, found: Sequence[str]) -> DisclosureError:
        """One error for all cells found, for whoever runs the reports and nobody else."""
        lines = "\n".join(f"  - {sentence}" for sentence in found[:_SHOWN_AT_MOST])
        more = f"\n  … and {len(found) - _SHOWN_AT_MOST:,} more" if len(found) > _SHOWN_AT_MOST else ""
        return cls(
            f"Nothing is published: {len(found):,} answer(s) of few people could be worked out from these reports together with "
            f"those published before. Withdraw the earlier reports of these waves (their folders in .runs too), or restore the data "
            f"they were made from.\n{lines}{more}"
        )


@dataclass
class _Report:
    """What one report states, its innermost groups per wave, and which further ones make up the organisation (teams that another knows)."""

    statements: pl.DataFrame
    groups: pl.DataFrame
    responses: pl.DataFrame
    others: dict[tuple[object, ...], set[str]] = field(default_factory=dict)

    @classmethod
    def all_of(cls, reports: Sequence[Studies]) -> list[_Report]:
        return [
            cls(told, groups(studies), responses(studies))
            for told, studies in zip(stated(reports), reports, strict=True)
        ]

    def teams(self) -> dict[tuple[object, ...], set[str]]:
        """Wave → its teams."""
        found = self.groups.filter(pl.col("entity_id") != NOBODYS)
        return {key: set(part["entity_id"]) for key, part in found.partition_by(WAVE, as_dict=True).items()}

    def called_anew(self, names: Mapping[tuple[object, ...], Mapping[str, str]]) -> _Report:
        """The same with teams as they are called now; ``names``: wave → before → now."""
        rows = [(*wave, old, new) for wave, pairs in names.items() for old, new in pairs.items()]
        if not rows:
            return self
        pairs = pl.DataFrame(rows, schema=[*WAVE, "entity_id", "_now"], orient="row")

        def named(frame: pl.DataFrame) -> pl.DataFrame:
            both = frame.join(pairs, on=[*WAVE, "entity_id"], how="left", maintain_order="left")
            return both.with_columns(pl.coalesce("_now", "entity_id").alias("entity_id")).drop("_now")

        return _Report(named(self.statements), named(self.groups), named(self.responses), self.others)


def audit(studies: Studies, earlier: Sequence[Studies] = (), least: int = 5) -> None:
    """Raise :class:`DisclosureError`, naming the cells, where a count that is withheld follows from what is shown.

    ``studies``: the mart's, with all of :data:`STUDIES`; ``earlier``: those of reports published before, which may have only the first two.
    Answers of a closed wave that are no longer what they were are refused: what lies between two reports is somebody's. Teams may be
    called otherwise or be gone, as long as no difference is that of few people.
    """
    problems = list(disclosure_wholes.problems(studies, earlier, least))
    if studies[RESULTS].height:
        now, *before = _Report.all_of([studies, *(one for one in earlier if one[RESULTS].height)])
        before = [one.called_anew(_renamed(now, one)) for one in before]
        for one in before:
            problems += disclosure_earlier.changed(now.statements, one.statements)
            problems += disclosure_earlier.responded(now.responses, one.responses)
            problems += _regrouped(now, one, least)
        if not problems:
            problems += _too_few(now.statements, least)
            problems += _followed([now, *before])
            problems += _answered([now, *before], studies)
    if problems:
        raise DisclosureError.listing(list(dict.fromkeys(problems)))


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
        _Report.all_of([held])
        disclosure_wholes.checked(held)
    except (OSError, KeyError, pl.exceptions.PolarsError) as error:
        raise DisclosureError(
            f"{mart}: what was published here of surveys cannot be read ({type(error).__name__}), so that what it tells together with "
            "these reports is not known. Nothing is published: restore the folder, or withdraw it (with its run in .runs)."
        ) from None
    return held


# --- teams that only one of two reports knows ----------------------------------------------------------------------------


def _renamed(now: _Report, before: _Report) -> dict[tuple[object, ...], Mapping[str, str]]:
    """Wave → what teams were called → what they are called now."""
    here, there = now.teams(), before.teams()
    found = {}
    for wave in here.keys() & there.keys():
        gone, new = there[wave] - here[wave], here[wave] - there[wave]
        if gone and new:
            mine, theirs = (_of(report.statements, WAVE, wave) for report in (now, before))
            found[wave] = disclosure_earlier.renamed(mine, theirs, gone, new)
    return found


def _regrouped(now: _Report, before: _Report, least: int) -> Iterator[str]:
    """What the two groupings of a wave tell of few. Where only one of them knows teams that the other does not, those are part of what
    the other does not tell apart, and so of its organisation too."""
    here, there = now.teams(), before.teams()
    for wave in sorted(here.keys() & there.keys(), key=str):
        gone, new = there[wave] - here[wave], here[wave] - there[wave]
        if gone and new:
            mine, theirs = (_of(report.statements, WAVE, wave) for report in (now, before))
            yield from disclosure_earlier.regrouped(mine, theirs, gone, new, least)
        else:
            now.others.setdefault(wave, set()).update(gone)
            before.others.setdefault(wave, set()).update(new)


# --- what follows --------------------------------------------------------------------------------------------------------


def _of(frame: pl.DataFrame, names: Sequence[str], values: Sequence[object]) -> pl.DataFrame:
    return frame.filter(pl.col(name).eq_missing(pl.lit(value)) for name, value in zip(names, values, strict=True))


def _too_few(now: pl.DataFrame, least: int) -> Iterator[str]:
    """Groups shown though they are too small, or though all of a small one said the same: whoever decided, it is not published."""
    is_side = ~pl.col("is_answer")
    alike = (pl.col("n") == 0) & (pl.col("of") < 2 * least)
    found = now.filter(
        (is_side & ((pl.col("of") < least) | alike)) | (pl.col("is_answer") & (pl.col("of") < 2 * least))
    )
    for row in found.unique([*TABLE, "entity_id"], maintain_order=True).to_dicts():
        yield f"{called([row[name] for name in TABLE])}, {row['entity_id']}: shown, though so few people answered, or all the same"


def _followed(reports: Sequence[_Report]) -> Iterator[str]:
    """Table by table, what follows from all that any of the ``reports`` states."""
    tables = [
        (
            one.statements.partition_by(TABLE, as_dict=True, maintain_order=True),
            one.groups.partition_by(TABLE, as_dict=True),
        )
        for one in reports
    ]
    heads = _heads(reports[0].responses)
    for table in tables[0][0]:
        stated, everybody = [], set()
        wholes: dict[tuple[str, ...], int] = {}
        for report, (told, members) in zip(reports, tables, strict=True):
            if table in told:
                mine = {*members[table]["entity_id"], *report.others.get(table[:2], ())} if table in members else set()
                everybody |= mine
                number = wholes.setdefault(tuple(sorted(mine)), len(wholes))
                is_whole = pl.col("entity_id") == ORG
                stated.append(told[table].with_columns(pl.when(is_whole).then(number).alias("whole")))
        said = pl.concat(stated).unique(["entity_id", "low", "high", "n", "is_answer", "whole"], maintain_order=True)
        yield from _pinned(table, said, sorted(everybody), list(wholes), heads.get(table[:2], {}))


def _heads(responses: pl.DataFrame) -> dict[tuple[object, ...], dict[str, int]]:
    """Wave → team → how many could have answered."""
    of_teams = responses.filter(pl.col("scope") == "team").drop_nulls("headcount")
    parts = of_teams.partition_by(WAVE, as_dict=True)
    return {wave: dict(part.select("entity_id", "headcount").iter_rows()) for wave, part in parts.items()}


def _answered(reports: Sequence[_Report], studies: Studies) -> Iterator[str]:
    """Wave by wave, whether it follows how many of a group answered at all."""
    of_all = frozenset(studies[RESULTS].filter(pl.col("kind").is_in(_CHOSEN))["question_id"])
    every = pl.concat([one.responses for one in reports])
    counted = pl.concat([one.statements for one in reports]).select(*WAVE, "question_id", "entity_id", "of").unique()
    numbers = counted.partition_by(WAVE, as_dict=True, include_key=False)
    for wave, told in (
        every.join(reports[0].responses, on=WAVE, how="semi")
        .partition_by(WAVE, as_dict=True, maintain_order=True)
        .items()
    ):
        yield from disclosure_responses.problems(told, numbers.get(wave, counted.clear()), of_all)


def _pinned(
    table: tuple[object, ...],
    statements: pl.DataFrame,
    groups: list[str],
    wholes: Sequence[Sequence[str]],
    heads: Mapping[str, int],
) -> Iterator[str]:
    """Groups of which something they do not show can be worked out: how many were favourable, or each answer. ``wholes``: what the organisation
    was made up of; ``heads``: how many could have answered, which everybody there knows."""
    favourable, each = statements.filter(~pl.col("is_answer")), statements.filter("is_answer")
    try:
        for stated, shown in ((favourable, favourable), (statements, each)):
            told_of = set(shown["entity_id"])
            hidden = [group for group in groups if group not in told_of]
            if not hidden or shown.is_empty():
                continue
            known = _known(stated, groups, wholes, {team: heads[team] for team in hidden if team in heads})
            ends = dict(disclosure_cells.pieces(stated))
            sides = _sides(favourable)
            for group in sorted(known.keys() & set(hidden)):
                own = sides.get(group, [])
                told = [low for low in known[group] if low > PASSED and not _follows(own, low, ends[low])]
                if told and (group in heads or not _is_empty(group, stated, groups, wholes)):
                    yield f"{called(table)}, {group}: {len(told):,} of its answers can be worked out"
    except disclosure_audit.ContradictionError:
        yield f"{called(table)}: the numbers shown contradict each other, so what they tell of whom cannot be checked"


def _known(
    statements: pl.DataFrame, groups: Sequence[str], wholes: Sequence[Sequence[str]], heads: Mapping[str, int]
) -> dict[str, list[float]]:
    """Group → the cells of it (by their lowest answer) whose count follows from ``statements``, no group of ``heads`` having given more; from
    ``statements`` alone where people are not where memberships say."""
    cells = disclosure_cells.cells(statements, groups, wholes, heads)
    try:
        return cells.lows(disclosure_audit.follows(cells.relations, cells.right))
    except disclosure_audit.ContradictionError:
        if not heads:
            raise
        return _known(statements, groups, wholes, {})


def _is_empty(group: str, statements: pl.DataFrame, groups: Sequence[str], wholes: Sequence[Sequence[str]]) -> bool:
    """Nobody of the group answered, as it follows. Where it is not known that anybody is in it, that tells of nobody."""
    cells = disclosure_cells.cells(statements, groups, wholes, {})
    limits = disclosure_audit.limits(cells.relations, cells.right, cells.of(group).tolist())
    return all(high is not None and high < 0.5 for _, high in limits)


_Side = tuple[float, float, int]
"""Answers from, to, and how many."""


def _sides(favourable: pl.DataFrame) -> dict[str, list[_Side]]:
    """Group → the sides it shows."""
    found: dict[str, list[_Side]] = {}
    for entity, low, high, n in favourable.select("entity_id", "low", "high", "n").iter_rows():
        found.setdefault(entity, []).append((low, high, n))
    return found


def _follows(own: Sequence[_Side], start: float, end: float) -> bool:
    """What a group shows itself says what is in the cell: the cell is all of a side it shows, or of a side that is empty."""
    sides = [(low, high, n) for low, high, n in own if low <= start and high + 1 >= end]
    return any(n == 0 or (low == start and high + 1 == end) for low, high, n in sides)
