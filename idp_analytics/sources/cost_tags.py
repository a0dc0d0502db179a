"""Whose a charge is, from its tags: each distinct set of tags is parsed once, however many rows carry it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from idp_analytics.tables.numbered import at, enum, numbered

_NAMES = (("key", "value"), ("Key", "Value"), ("name", "value"), ("Name", "Value"))

OWNERS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "owner_raw": pl.String,
    "service_raw": pl.String,
    "environment_raw": pl.String,
    "is_untagged": pl.Boolean,
    "has_spaced_key": pl.Boolean,
    "has_conflict": pl.Boolean,
    "is_unreadable": pl.Boolean,
}
"""What :func:`owners` says of a charge."""


@dataclass(frozen=True)
class Tags:
    """One set of tags: folded key → value (null: a key without value), and what is odd about it."""

    values: Mapping[str, str | None]
    conflicts: frozenset[str] = frozenset()
    has_spaced_key: bool = False
    is_unreadable: bool = False


def fold(key: str) -> str:
    """How tag keys are compared: without outer spaces and case, which exports change from row to row."""
    return key.strip().casefold()


def parse_tags(text: str | None) -> Tags:
    """Tags from text: a JSON object, with or without its braces, or a list of objects (one pair, or key and value, each).

    A key that comes twice with two values, after folding, is a conflict and has no value. A value ``true`` is how the
    specification writes a key without value.
    """
    content = (text or "").strip()
    if not content:
        return Tags({})
    pairs = _pairs(_loaded(content))
    if pairs is None:
        return Tags({}, is_unreadable=True)
    values: dict[str, str | None] = {}
    conflicts = set()
    for key, found in pairs:
        value = _text(found)
        known = values.setdefault(fold(key), value)
        if known is None:
            values[fold(key)] = value
        elif value is not None and fold(known) != fold(value):
            conflicts.add(fold(key))
    return Tags(values, frozenset(conflicts), any(key != key.strip() for key, _ in pairs))


def owners(
    tags: pl.Series,
    allocated: pl.Series | None,
    team_keys: Sequence[str],
    service_keys: Sequence[str],
    environment_keys: Sequence[str] = (),
) -> tuple[pl.DataFrame, pl.Series]:
    """One row per different pair of tags (:data:`OWNERS`), and of each charge its row there (:func:`of_each` puts these together).

    ``tags`` and ``allocated`` (FOCUS Tags and AllocatedTags; null: no such column) are text or Parquet maps, structs, lists. For
    each key in order ``allocated[key] ?? tags[key]`` is looked up; the first that is not blank is the owner. None but a blank one:
    ``""`` (the tag is there and empty); no tag at all, or a conflict: null. The same holds for service and environment;
    ``has_conflict`` is about team and service only.
    """
    own, texts = numbered(as_text(tags))
    given, others = numbered(as_text(allocated)) if allocated is not None else (None, pl.Series(dtype=pl.String))
    pairs, place = _different(own, given)
    parsed = [[parse_tags(text) for text in (*side, None)] for side in (texts, others)]
    keys = [[fold(key) for key in some] for some in (team_keys, service_keys, environment_keys)]
    found = [_owner(parsed[0][one], parsed[1][other], keys) for one, other in pairs]
    return pl.DataFrame(found, schema=dict(OWNERS), orient="row"), place


def of_each(answers: pl.DataFrame, place: pl.Series) -> pl.DataFrame:
    """One row per charge, in the order given; texts as Enums."""
    return pl.DataFrame([enum(place, column) if column.dtype == pl.String else at(column, place) for column in answers])


def _different(own: pl.Series, given: pl.Series | None) -> tuple[list[tuple[int, int]], pl.Series]:
    """The different pairs of numbers there are, where there is none -1, and the place of each row's."""
    if given is None or not given.count():
        most = own.max()
        last = most + 1 if isinstance(most, int) else 0
        return [*((one, -1) for one in range(last)), (-1, -1)], own.fill_null(last)
    rows = pl.DataFrame({"own": own.cast(pl.Int64).fill_null(-1), "given": given.cast(pl.Int64).fill_null(-1)})
    pairs = rows.unique(maintain_order=True)
    place = rows.join(pairs.with_row_index("place"), on=["own", "given"], how="left", maintain_order="left")["place"]
    return list(pairs.iter_rows()), place


def as_text(tags: pl.Series) -> pl.Series:
    """Tags of any type as JSON text, by number if they are; a struct's empty members are tags the row does not have."""
    if isinstance(tags.dtype, pl.Enum):
        return tags
    if not tags.dtype.is_nested() and not isinstance(tags.dtype, pl.Map):
        return tags.cast(pl.String)
    if (
        isinstance(tags.dtype, pl.Struct)
        and not tags.null_count()
        and {field.dtype for field in tags.dtype.fields} == {pl.String}
    ):
        return _struct_as_text(tags)
    encoded = pl.DataFrame({"t": tags}).select(
        pl.struct("t").struct.json_encode().str.strip_prefix('{"t":').str.head(-1)
    )
    text = encoded.to_series()
    text = text.set(text == "null", None)
    if isinstance(tags.dtype, pl.Struct):
        each = text.drop_nulls().unique()
        kept = [json.dumps({k: v for k, v in json.loads(t).items() if v is not None}) for t in each]
        text = text.replace(each, kept)
    return text


def _struct_as_text(tags: pl.Series) -> pl.Series:
    """Each different struct is written once; by number."""
    members = tags.struct.fields
    told = tags.struct.unnest()
    told.columns = [f"{place}" for place in range(len(members))]
    different = told.unique(maintain_order=True).with_row_index("at")
    place = told.join(different, on=told.columns, how="left", nulls_equal=True, maintain_order="left")["at"]
    encoded = different.select(
        pl.struct(pl.exclude("at")).struct.rename_fields(members).struct.json_encode()
    ).to_series()
    texts = [json.dumps({k: v for k, v in json.loads(text).items() if v is not None}) for text in encoded]
    return enum(place, pl.Series(tags.name, texts, dtype=pl.String))


def _owner(tags: Tags, allocated: Tags, keys: Sequence[Sequence[str]]) -> tuple[Any, ...]:
    (owner, clash), (serving, other), (environment, _) = (_first(tags, allocated, some) for some in keys)
    return (
        owner,
        serving,
        environment,
        not (tags.values or allocated.values or tags.is_unreadable or allocated.is_unreadable),
        tags.has_spaced_key or allocated.has_spaced_key,
        clash or other,
        tags.is_unreadable or allocated.is_unreadable,
    )


def _first(tags: Tags, allocated: Tags, keys: Sequence[str]) -> tuple[str | None, bool]:
    """The first value that is not blank under ``keys``, and whether a conflict stood in the way."""
    there = False
    for key in keys:
        for side in (allocated, tags):
            if key in side.conflicts:
                return None, True
            there |= key in side.values
            if (value := side.values.get(key)) is not None:
                if value.strip():
                    return value, False
                break
    return ("" if there else None), False


def _loaded(content: str) -> Any:
    """The JSON in ``content``, objects as lists of pairs so that a repeated key is seen; text that is none gives null."""
    # What begins with a name has no braces, and fails at once without them.
    ways = (content, f"{{{content}}}")
    for text in reversed(ways) if content[0] == '"' else ways:
        try:
            return _DECODER.decode(text)
        except (ValueError, RecursionError):
            continue
    return None


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object in order."""


_DECODER = json.JSONDecoder(object_pairs_hook=_Pairs, parse_int=str, parse_float=str)


def _pairs(value: Any) -> list[tuple[str, Any]] | None:
    if isinstance(value, _Pairs):
        return list(value)
    if isinstance(value, list) and all(isinstance(v, _Pairs) for v in value):
        return [pair for v in value for pair in _named(v)]
    return None


def _named(pairs: _Pairs) -> Iterator[tuple[str, Any]]:
    members = dict(pairs)
    for key, value in _NAMES:
        if set(members) == {key, value}:
            yield str(members[key]), members[value]
            return
    yield from pairs


def _text(value: Any) -> str | None:
    if value is None or value is True:
        return None
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return json.dumps(value, ensure_ascii=False)
