"""What became of the answers that reports published before: a closed wave does not change, and where it has, the difference is somebody's.

Teams are called otherwise, dissolved and put together between two reports, and answers of a closed wave with them. Who has the same
numbers under another name is the same team. Of the others, none that is gone may be one or some of those that are new and a few more people, and none
that is new so of those that are gone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping

import polars as pl

from idp_analytics.report.disclosure_statements import TABLE, WAVE, called

TOGETHER = 4
"""So many teams at most are tried as parts of one that they were put together to, or that was taken apart."""
TRIED = 5000
"""So many ways of putting teams together at most are tried for one; of more teams, fewer at a time."""

_SIDE = ["entity_id", "low", "high", "is_answer"]


def changed(now: pl.DataFrame, before: pl.DataFrame) -> Iterator[str]:
    """One sentence per group whose numbers (:func:`disclosure_statements.stated`) are others than those published before."""
    key = [*TABLE, "entity_id", "is_answer"]
    sides = now.join(before, on=[*TABLE, *_SIDE], suffix="_before", nulls_equal=True)
    # Of all answers too: the sides may be cut elsewhere than before.
    whole = now.unique(key).join(before.unique(key), on=key, suffix="_before", nulls_equal=True)
    moved = pl.concat([
        sides.filter(pl.col("n") != pl.col("n_before")).select(*TABLE, "entity_id"),
        whole.filter(pl.col("of") != pl.col("of_before")).select(*TABLE, "entity_id"),
    ]).unique(maintain_order=True).sort(*TABLE, "entity_id", nulls_last=False)  # fmt: skip
    for row in moved.to_dicts():
        yield f"{called([row[name] for name in TABLE])}, {row['entity_id']}: another number of answers than published before"


def responded(now: pl.DataFrame, before: pl.DataFrame) -> Iterator[str]:
    """One sentence per group of which another number answered at all (:func:`disclosure_statements.responses`) than published before."""
    both = now.join(before, on=[*WAVE, "entity_id"], suffix="_before").filter(pl.col("k") != pl.col("k_before"))
    for row in both.sort(*WAVE, "entity_id").to_dicts():
        yield f"{row['survey_id']} {row['wave']}, {row['entity_id']}: another number of people answered than published before"


def renamed(now: pl.DataFrame, before: pl.DataFrame, gone: set[str], new: set[str]) -> Mapping[str, str]:
    """What teams of one wave are called now: those ``gone`` that state what one of the ``new`` states, and nobody else does; and the last one
    of each where neither states anything. ``now``, ``before``: the statements of the wave."""
    told_now, told_before = _signatures(now, new), _signatures(before, gone)
    found = {
        old: told_now[signature][0]
        for signature, (old, *more) in told_before.items()
        if not more and len(told_now.get(signature, ())) == 1
    }
    silent_old = sorted(gone - {one for names in told_before.values() for one in names})
    silent_new = sorted(new - {one for names in told_now.values() for one in names})
    if len(silent_old) == len(silent_new) == 1:
        found[silent_old[0]] = silent_new[0]
    return found


def regrouped(now: pl.DataFrame, before: pl.DataFrame, gone: set[str], new: set[str], least: int) -> Iterator[str]:
    """One sentence per team that is ``gone`` or ``new`` and is one to :data:`TOGETHER` of the others and, in every table, a few more."""
    old, young = (
        _sides(frame.filter(pl.col("entity_id").is_in(sorted(teams)))) for frame, teams in ((before, gone), (now, new))
    )
    yield from _left_over(young, old, least)
    yield from _left_over(old, young, least)


_Sides = Mapping[str, Mapping[tuple[object, ...], tuple[int, int]]]
"""Team → a side of a table → answers there, and in the whole table."""


def _sides(statements: pl.DataFrame) -> _Sides:
    found: dict[str, dict[tuple[object, ...], tuple[int, int]]] = {}
    sides = statements.filter(~pl.col("is_answer")).select("entity_id", *TABLE, "low", "high", "n", "of")
    for team, *side, n, of in sides.iter_rows():
        found.setdefault(team, {})[tuple(side)] = (n, of)
    return found


def _left_over(wholes: _Sides, parts: _Sides, least: int) -> Iterator[str]:
    """Teams that hold several others, in every table, and a few more: fewer than ``least``, or fewer than twice as many who agree."""
    for name, whole in sorted(wholes.items()):
        within = [part for part in sorted(parts) if _less(whole, [parts[part]])]
        for size in range(1, TOGETHER + 1):
            if math.comb(len(within), size) > TRIED:
                break
            for some in itertools.combinations(within, size):
                rest = _less(whole, [parts[part] for part in some])
                few = [side for side, (n, of) in rest.items() if 0 < of < least or (0 < of < 2 * least and n == 0)]
                if few:
                    yield f"{called(few[0][: len(TABLE)])}, {name}: less {', '.join(some)}, it is so few that their answers are theirs"


def _less(
    whole: Mapping[tuple[object, ...], tuple[int, int]], parts: list[Mapping[tuple[object, ...], tuple[int, int]]]
) -> dict[tuple[object, ...], tuple[int, int]]:
    """What is left of ``whole`` without ``parts``, in the tables all of them show; empty where they are not parts of it."""
    common = set(whole).intersection(*parts)
    rest = {
        side: (whole[side][0] - sum(p[side][0] for p in parts), whole[side][1] - sum(p[side][1] for p in parts))
        for side in common
    }
    return rest if all(n >= 0 and of >= 0 for n, of in rest.values()) else {}


def _signatures(statements: pl.DataFrame, teams: set[str]) -> dict[tuple[object, ...], list[str]]:
    """What is stated → the ``teams`` of which it is."""
    found: dict[tuple[object, ...], list[str]] = {}
    of_teams = statements.filter(pl.col("entity_id").is_in(sorted(teams))).sort(*TABLE, *_SIDE, nulls_last=False)
    for (team,), mine in of_teams.partition_by("entity_id", as_dict=True, maintain_order=True).items():
        found.setdefault(tuple(mine.drop("entity_id").rows()), []).append(str(team))
    return found
