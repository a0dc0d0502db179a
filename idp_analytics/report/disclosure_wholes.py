"""Could what somebody said be worked out from counts of the whole organisation, or from what became of counts since? Prices (study :data:`PRICES`),
why people left (:data:`EXITS`), and who assessed their team and how (:data:`FORMS`, :data:`ITEMS`).

Each price that is shown is a group of respondents; all of them together are the organisation, whose replies are told as well
(study ``survey_results``). So prices that are withheld may be neither one alone nor of few people altogether. And no count may move
by few from one report to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from idp_analytics.metrics.survey_price import PRICE

PRICES, EXITS = "survey_price", "exit_reasons"
FORMS, ITEMS = "self_agreement", "maturity_items"

STUDIES = (PRICES, EXITS, FORMS, ITEMS)
"""The studies that this looks at."""

_WAVE = ["survey_id", "wave"]
_ASSESSED = ["scope", "entity_id", "wave"]
_FORMS = ("respondents", "n", "levels", "unknown", "not_applicable")
_ITEMS = ("n", "said_1", "said_2", "said_3", "said_4", "unknown", "not_applicable")

Studies = Mapping[str, pl.DataFrame]


def problems(studies: Studies, earlier: Sequence[Studies], least: int) -> Iterator[str]:
    """One sentence for each price, reason or assessment of which something of fewer than ``least`` people follows; nothing where neither was asked."""
    yield from _of_few(_prices(studies), least)
    for row in _exits(studies).filter(pl.col("n") < least).to_dicts():
        yield f"{_reason(row)}: so few were interviewed that their reasons are theirs"
    for one in earlier:
        for mine, theirs, key, counts, called in (
            (_prices(studies), _prices(one), [*_WAVE, "price"], ("n", "said", "k"), _price),
            (_exits(studies), _exits(one), ["year_start", "title", "reason"], ("n", "k"), _reason),
            (_forms(studies), _forms(one), [*_ASSESSED, "aspect"], _FORMS, _assessed),
            (_items(studies), _items(one), [*_ASSESSED, "item_id"], _ITEMS, _assessed),
        ):
            both = mine.join(theirs, on=key, suffix="_before", nulls_equal=True).sort(key, nulls_last=False)
            moved = pl.max_horizontal((pl.col(name) - pl.col(f"{name}_before")).abs() for name in counts)
            for row in both.filter(moved.is_between(1, least - 1)).to_dicts():
                yield f"{called(row)}: another number than published before, by so few that they are somebody's"


def checked(studies: Studies) -> None:
    """Raises what polars raises where the studies are not what they should be."""
    for of in (_prices, _exits, _forms, _items):
        of(studies)


def _of_few(now: pl.DataFrame, least: int) -> Iterator[str]:
    shown = pl.col("n").is_not_null()
    for row in now.filter(shown & (pl.col("n") < 2 * least)).to_dicts():
        yield f"{_price(row)}: so few saw this price that their answers are theirs"
    hidden = now.filter(~shown)
    beside = now.filter(shown).select(_WAVE).unique()
    for row in hidden.filter(pl.len().over(_WAVE) == 1).join(beside, on=_WAVE, how="semi").to_dicts():
        yield f"{_price(row)}: withheld alone, so its answers follow from those to the other prices and all replies together"


def _prices(studies: Studies) -> pl.DataFrame:
    counts = dict.fromkeys(("n", "said", "k"), pl.Int64)
    found = _kept(studies, PRICES, {**dict.fromkeys((*_WAVE, "measure"), pl.String), "price": pl.Float64, **counts})
    return found.filter(pl.col("measure") == PRICE)


def _exits(studies: Studies) -> pl.DataFrame:
    return _kept(
        studies, EXITS, {"year_start": pl.Date, "title": pl.String, "reason": pl.String, "n": pl.Int64, "k": pl.Int64}
    )


def _forms(studies: Studies) -> pl.DataFrame:
    return _kept(
        studies, FORMS, {**dict.fromkeys((*_ASSESSED, "aspect"), pl.String), **dict.fromkeys(_FORMS, pl.Int64)}
    )


def _items(studies: Studies) -> pl.DataFrame:
    return _kept(
        studies, ITEMS, {**dict.fromkeys((*_ASSESSED, "item_id"), pl.String), **dict.fromkeys(_ITEMS, pl.Int64)}
    )


def _kept(studies: Studies, name: str, columns: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    found = studies.get(name)
    return pl.DataFrame(schema=columns) if found is None else found.select(list(columns))


def _price(row: Mapping[str, object]) -> str:
    return f"{row['survey_id']} {row['wave']}, the price {row['price']:g}"


def _reason(row: Mapping[str, object]) -> str:
    return f"who left from {row['year_start']}, {row['title']}, {row['reason']!r}"


def _assessed(row: Mapping[str, object]) -> str:
    what = row.get("item_id") or row.get("aspect") or "all aspects"
    return f"self-assessment {row['wave']}, {row['entity_id']}, {what}"
