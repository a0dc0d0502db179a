"""One number of several ratings: the mean of their favourable shares, with how sure it is and whether it changed.

It stays a share, so it reads as one: *on average so many are content with an area*. A group has an index where it shows every answer to
every rating of an area that the wave asked (:mod:`survey_groups`): its interval comes from how people answered several questions, which
is told of no smaller group.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt
import polars as pl

from idp_analytics.estimates import changes, shares
from idp_analytics.metrics import survey_groups
from idp_analytics.metrics.survey_waves import WAVE
from idp_analytics.settings import Settings

DRAWS, SEED = 1000, 20260601
"""How often the respondents of a group are drawn again, and with which seed."""
OTHER_QUESTIONS = "not the questions of the wave before: a new series"

_GROUP = [*WAVE, "scope", "team_id"]
_TOGETHER = 64
"""Groups of one size that are drawn at once."""

Array = npt.NDArray[np.float64]

INDEX: dict[str, pl.DataType | type[pl.DataType]] = {
    "survey_id": pl.String,
    "wave": pl.String,
    "scope": pl.String,
    "team_id": pl.String,
    "items": pl.Int64,  # ratings it is the mean of
    "n": pl.Int64,  # the fewest answers to one of them
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "change": pl.Float64,  # against the wave before, same questions
    "change_low": pl.Float64,
    "change_high": pl.Float64,
    "verdict": pl.String,
    "caution": pl.String,
}
"""The columns of :func:`index`."""


def index(
    answers: pl.DataFrame, counts: pl.DataFrame, waves: pl.DataFrame, heads: pl.DataFrame, moved: pl.DataFrame, settings: Settings
) -> pl.DataFrame:  # fmt: skip
    """The index of every group that may have one, per closed wave (:data:`INDEX`).

    ``answers``, ``waves``, ``heads``: of :mod:`survey_waves`; ``counts``: of the ``answers`` (:func:`survey_groups.levels`); ``moved``: teams whose change would be that of few people (:func:`survey_change.few_moved`). Bounds are
    percentiles over respondents drawn again, the same for the same data. Those of the index are of what these people say now, so the more of the
    group answered the closer they lie (:func:`shares.finite`); of a change both waves are drawn, each for itself, and nothing is corrected.
    """
    rated = answers.filter(
        pl.col("part") == "drivers", pl.col("kind") == "scale", pl.col("is_favourable").is_not_null()
    )
    mine = counts.join(rated.select(*WAVE, "question_id").unique(), on=[*WAVE, "question_id"], how="semi")
    shown = mine.group_by(_GROUP).agg(
        (pl.col("detail") == survey_groups.ANSWERS).all().alias("all_shown"), pl.len().alias("items"), pl.col("n").min(),
        (pl.col("k") / pl.col("n")).sort_by("question_id").mean().alias("value"), pl.col("question_id").sort().str.join(" ").alias("_asked"),
    )  # fmt: skip
    asked = rated.select(*WAVE, "question_id").unique().group_by(WAVE).agg(pl.len().alias("_all"))
    usable = (
        shown.join(asked, on=WAVE)
        .filter("all_shown", pl.col("items") == pl.col("_all"), pl.col("items") > 1)
        .join(waves.select(*WAVE, "number"), on=WAVE)
        .sort("survey_id", "number", "scope", "team_id", nulls_last=False)
    )
    drawn = _drawn(rated, usable)
    level = settings.rules.level
    tails = [(1 - level) / 2, (1 + level) / 2]
    ends = _ends(drawn, usable, level)
    whole = usable.join(heads, on=[*WAVE, "team_id"], how="left", nulls_equal=True, maintain_order="left")["headcount"]
    correction = shares.finite(usable["n"], whole.cast(pl.Float64).fill_null(np.nan))
    places = {
        (row["survey_id"], row["number"], row["scope"], row["team_id"]): at for at, row in enumerate(usable.to_dicts())
    }
    blocked = set(moved.filter("moved").select("team_id", *WAVE).iter_rows())
    rows = []
    for at, row in enumerate(usable.to_dicts()):
        low, high = ends[at]
        before = places.get((row["survey_id"], row["number"] - 1, row["scope"], row["team_id"]))
        told = {name: row[name] for name in ("survey_id", "wave", "scope", "team_id", "items", "n", "value")}
        told |= {
            name: row["value"] + float(correction[at] * (end - row["value"]))
            for name, end in (("low", low), ("high", high))
        }
        if before is not None and usable["_asked"][before] != row["_asked"]:
            told["caution"] = OTHER_QUESTIONS
        elif before is not None and (row["team_id"], row["survey_id"], row["wave"]) not in blocked:
            if min(np.ptp(drawn[at]), np.ptp(drawn[before])) > 0:
                least, most = np.nanquantile(drawn[at] - drawn[before], tails)
            else:  # one side's people are all alike: from the two intervals alone
                was = usable["value"][before]
                _, least, most = changes.difference_from_intervals(row["value"], low, high, was, *ends[before])
            told |= {
                "change": row["value"] - usable["value"][before],
                "change_low": float(least),
                "change_high": float(most),
            }
        rows.append(told)
    frame = pl.DataFrame(rows, schema={name: dtype for name, dtype in INDEX.items() if name != "verdict"})
    lows, highs = (frame[c].cast(pl.Float64).fill_null(np.nan).to_numpy() for c in ("change_low", "change_high"))
    said = changes.verdict(lows, highs, 0.0, np.full(frame.height, "higher"))
    return frame.with_columns(pl.Series("verdict", said.tolist(), dtype=pl.String)).select(*INDEX)


def _ends(drawn: Array, groups: pl.DataFrame, level: float) -> Array:
    """Groups × (low, high). Where all respondents of a group are alike the draws are too: then Wilson's interval of as many people."""
    if groups.is_empty():
        return np.empty((0, 2))
    value, n = groups["value"].to_numpy(), groups["n"].to_numpy()
    alike = np.ptp(drawn, axis=1) < 1e-12
    wilson = np.column_stack(shares.wilson(value * n, n, level))
    percentiles = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=1).T
    found: Array = np.where(alike[:, None], wilson, percentiles)
    return found


def _drawn(rated: pl.DataFrame, groups: pl.DataFrame) -> Array:
    """Groups × draws: the index of each group with its respondents drawn again. Groups of one size are drawn at once; a wave and the one before
    are drawn apart from each other."""
    found = np.full((groups.height, DRAWS), np.nan)
    wide = {
        key: part.pivot("question_id", index=["response_id", "team_id"], values="is_favourable", aggregate_function="first").sort("response_id")
        for key, part in rated.partition_by(WAVE, as_dict=True).items()
    }  # fmt: skip
    alike: dict[tuple[int, int, int], list[tuple[int, Array]]] = defaultdict(list)
    for at, row in enumerate(groups.to_dicts()):
        frame = wide[row["survey_id"], row["wave"]]
        frame = frame if row["scope"] == "org" else frame.filter(pl.col("team_id") == row["team_id"])
        held = frame.select(sorted(set(frame.columns) - {"response_id", "team_id"}))
        hits = held.select(pl.all().cast(pl.Float64).fill_null(np.nan)).to_numpy()
        alike[*hits.shape, row["number"] % 2].append((at, hits))
    for (size, _, turn), members in sorted(alike.items(), key=lambda one: one[0]):
        times = (
            np.random.default_rng([SEED, size, turn]).multinomial(size, np.full(size, 1 / size), DRAWS).astype(float)
        )
        for start in range(0, len(members), _TOGETHER):
            some = members[start : start + _TOGETHER]
            hits = np.stack([one for _, one in some])
            # Whole numbers add up to the same whatever the order, so the bytes are the same whatever the machine.
            favourable, known = times @ np.nan_to_num(hits), times @ (~np.isnan(hits)).astype(float)
            with np.errstate(invalid="ignore", divide="ignore"):
                found[[at for at, _ in some]] = (favourable / known).mean(-1)
    return found
