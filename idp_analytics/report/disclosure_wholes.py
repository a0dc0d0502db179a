"""Could what somebody said be worked out from counts of the whole organisation? Prices (study :data:`PRICES`) and why people left (:data:`EXITS`).

Each price that is shown is a group of respondents; all of them together are the organisation, whose replies are told as well
(study ``survey_results``). So prices that are withheld may be neither one alone nor of few people altogether. And no count may move
by few from one report to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from idp_analytics.metrics.survey_price import PRICE

PRICES, EXITS = "survey_price", "exit_reasons"

STUDIES = (PRICES, EXITS)
"""The studies that this looks at."""

_WAVE = ["survey_id", "wave"]

Studies = Mapping[str, pl.DataFrame]


def problems(studies: Studies, earlier: Sequence[Studies], least: int) -> Iterator[str]:
    """One sentence for each price or reason of which something of fewer than ``least`` people follows; nothing where neither was asked."""
    yield from _of_few(_prices(studies), least)
    for row in _exits(studies).filter(pl.col("n") < least).to_dicts():
        yield f"{_reason(row)}: so few were interviewed that their reasons are theirs"
    for one in earlier:
        for mine, theirs, key, counts, called in (
            (_prices(studies), _prices(one), [*_WAVE, "price"], ("n", "said", "k"), _price),
            (_exits(studies), _exits(one), ["year_start", "title", "reason"], ("n", "k"), _reason),
        ):
            both = mine.join(theirs, on=key, suffix="_before", nulls_equal=True).sort(key, nulls_last=False)
            moved = pl.max_horizontal((pl.col(name) - pl.col(f"{name}_before")).abs() for name in counts)
            for row in both.filter(moved.is_between(1, least - 1)).to_dicts():
                yield f"{called(row)}: another number than published before, by so few that they are somebody's"


def checked(studies: Studies) -> None:
    """Raises what polars raises where the studies are not what they should be."""
    _prices(studies)
    _exits(studies)


def _of_few(now: pl.DataFrame, least: int) -> Iterator[str]:
    shown = pl.col("n").is_not_null()
    for row in now.filter(shown & (pl.col("n") < 2 * least)).to_dicts():
        yield f"{_price(row)}: so few saw this price that their answers are theirs"
    hidden = now.filter(~shown)
    beside = now.filter(shown).select(_WAVE).unique()
    for row in hidden.filter(pl.len().over(_WAVE) == 1).join(beside, on=_WAVE, how="semi").to_dicts():
        yield f"{_price(row)}: withheld alone, so its answers follow from those to the other prices and all replies together"


def _prices(studies: Studies) -> pl.DataFrame:
    kept = {**dict.fromkeys(_WAVE, pl.String), "price": pl.Float64, **dict.fromkeys(("n", "said", "k"), pl.Int64)}
    found = studies.get(PRICES)
    return pl.DataFrame(schema=kept) if found is None else found.filter(pl.col("measure") == PRICE).select(list(kept))


def _exits(studies: Studies) -> pl.DataFrame:
    kept = {"year_start": pl.Date, "title": pl.String, "reason": pl.String, "n": pl.Int64, "k": pl.Int64}
    found = studies.get(EXITS)
    return pl.DataFrame(schema=kept) if found is None else found.select(list(kept))


def _price(row: Mapping[str, object]) -> str:
    return f"{row['survey_id']} {row['wave']}, the price {row['price']:g}"


def _reason(row: Mapping[str, object]) -> str:
    return f"who left from {row['year_start']}, {row['title']}, {row['reason']!r}"
