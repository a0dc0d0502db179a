"""What became of the answers that reports published before: a closed wave does not change, and where it has, the difference is somebody's.

Teams are called otherwise, dissolved and put together between two reports, and answers of a closed wave with them. Who has the same
numbers under another name is the same team. Of the others, one that is gone and one that is new may differ by few people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from idp_analytics.report.disclosure_statements import TABLE, WAVE, called

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
    """One sentence per team that is ``gone`` and one that is ``new`` where fewer than ``least`` people make the difference."""
    old = before.filter(pl.col("entity_id").is_in(sorted(gone))).select(*TABLE, "entity_id", "of").unique()
    young = now.filter(pl.col("entity_id").is_in(sorted(new))).select(*TABLE, "entity_id", "of").unique()
    apart = (pl.col("of") - pl.col("of_before")).abs()
    both = young.join(old, on=TABLE, suffix="_before", nulls_equal=True).filter(apart.is_between(1, least - 1))
    for row in both.unique(["entity_id", "entity_id_before"]).sort("entity_id", "entity_id_before").to_dicts():
        yield (
            f"{called([row[name] for name in TABLE])}, {row['entity_id']}: so few answers more or fewer than of {row['entity_id_before']}, which "
            "was published before and is gone, that the difference is somebody's"
        )


def _signatures(statements: pl.DataFrame, teams: set[str]) -> dict[tuple[object, ...], list[str]]:
    """What is stated → the ``teams`` of which it is."""
    found: dict[tuple[object, ...], list[str]] = {}
    of_teams = statements.filter(pl.col("entity_id").is_in(sorted(teams))).sort(*TABLE, *_SIDE, nulls_last=False)
    for (team,), mine in of_teams.partition_by("entity_id", as_dict=True, maintain_order=True).items():
        found.setdefault(tuple(mine.drop("entity_id").rows()), []).append(str(team))
    return found
