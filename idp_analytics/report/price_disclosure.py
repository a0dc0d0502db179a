"""Could what somebody said of a price be worked out? The counts of the study :data:`PRICES` beside those of all replies together.

Each price that is shown is a group of respondents; all of them together are the organisation, whose replies are told as well
(study ``survey_results``). So prices that are withheld may be neither one alone nor of few people altogether, and no count may move
by few from one report to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from idp_analytics.metrics.survey_price import PRICE

PRICES = "survey_price"

_WAVE = ["survey_id", "wave"]


def problems(
    studies: Mapping[str, pl.DataFrame], earlier: Sequence[Mapping[str, pl.DataFrame]], least: int
) -> Iterator[str]:
    """One sentence for each price of which something of fewer than ``least`` people follows; nothing where no price was asked."""
    now = _prices(studies)
    shown = pl.col("n").is_not_null()
    for row in now.filter(shown & (pl.col("n") < 2 * least)).to_dicts():
        yield f"{_called(row)}: so few saw this price that their answers are theirs"
    hidden = now.filter(~shown)
    beside = now.filter(shown).select(_WAVE).unique()
    for row in hidden.filter(pl.len().over(_WAVE) == 1).join(beside, on=_WAVE, how="semi").to_dicts():
        yield f"{_called(row)}: withheld alone, so its answers follow from those to the other prices and all replies together"
    for one in earlier:
        both = now.join(_prices(one), on=[*_WAVE, "price"], suffix="_before").sort(*_WAVE, "price")
        moved = pl.max_horizontal((pl.col(c) - pl.col(f"{c}_before")).abs() for c in ("n", "said", "k"))
        for row in both.filter(moved.is_between(1, least - 1)).to_dicts():
            yield f"{_called(row)}: another number of answers than published before, by so few that they are somebody's"


def _prices(studies: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    found = studies.get(PRICES)
    kept = (*_WAVE, "price", "n", "said", "k")
    if found is None or found.is_empty():
        return pl.DataFrame(schema=dict(zip(kept, (pl.String, pl.String, pl.Float64, *[pl.Int64] * 3), strict=True)))
    return found.filter(pl.col("measure") == PRICE).select(kept)


def _called(row: Mapping[str, object]) -> str:
    return f"{row['survey_id']} {row['wave']}, the price {row['price']:g}"
