"""Whose a charge is: tags in every form providers write them, keys that differ by case and spaces, two values of one key."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.sources.cost_tags import OWNERS, as_text, fold, of_each, owners, parse_tags


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (None, {}),
        ("  ", {}),
        ("{}", {}),
        ("[]", {}),
        ('{"team": "pay"}', {"team": "pay"}),
        ('"team": "pay", "env": "prod"', {"team": "pay", "env": "prod"}),
        ('{"Team": "Pay"}', {"team": "Pay"}),
        ('{"team": null, "spot": true, "n": 1.50, "off": false}', {"team": None, "spot": None, "n": "1.50", "off": "false"}),
        ('[{"key": "team", "value": "pay"}, {"Key": "env", "Value": "prod"}]', {"team": "pay", "env": "prod"}),
        ('[{"name": "team", "value": "pay"}, {"Name": "env", "Value": null}]', {"team": "pay", "env": None}),
        ('[{"team": "pay"}, {"env": "prod"}]', {"team": "pay", "env": "prod"}),
        ('{"key": "a", "value": "b"}', {"key": "a", "value": "b"}),
        ('{"team": {"x": ["y"]}}', {"team": '[["x", ["y"]]]'}),
        (r'{"team": "\ud800"}', {"team": "\ufffd"}),
        ('{"STRASSE": "a"}', {"strasse": "a"}),
    ],
)  # fmt: skip
def test_tags_in_every_form(text: str | None, values: dict[str, str | None]) -> None:
    tags = parse_tags(text)
    assert tags.values == values
    assert (tags.conflicts, tags.is_unreadable) == (frozenset(), False)


@pytest.mark.parametrize("text", ["team=pay", "[1]", '["team"]', "3", '"pay"', '{"team": ', "[" * 100_000])
def test_tags_that_are_no_json_are_said_not_guessed(text: str) -> None:
    assert parse_tags(text).is_unreadable
    assert parse_tags(text).values == {}


@pytest.mark.parametrize(
    ("text", "value", "conflict", "spaced"),
    [
        ('{"team": "pay", "team": "web"}', "pay", True, False),
        ('{"team": "pay", "Team": "PAY"}', "pay", False, False),
        ('{"team": "pay", " team": "pay"}', "pay", False, True),
        ('{"team": "pay", " team": "web"}', "pay", True, True),
        ('{"team": null, "TEAM": "pay"}', "pay", False, False),
        ('{"team": "pay", "TEAM": null}', "pay", False, False),
        ('{"team ": "pay"}', "pay", False, True),
    ],
)
def test_a_key_that_comes_twice(text: str, value: str, conflict: bool, spaced: bool) -> None:
    tags = parse_tags(text)
    assert tags.values == {"team": value}
    assert tags.conflicts == ({"team"} if conflict else set())
    assert tags.has_spaced_key is spaced


def whose(tags: str | None, allocated: str | None = None, keys: tuple[str, ...] = ("team", "Owner")) -> dict[str, Any]:
    given = of_each(
        *owners(pl.Series([tags], dtype=pl.String), pl.Series([allocated], dtype=pl.String), keys, ("app",))
    )
    assert given.cast(OWNERS).columns == list(OWNERS)
    return given.row(0, named=True)


@pytest.mark.parametrize(
    ("tags", "allocated", "owner"),
    [
        ('{"team": "pay", "owner": "web"}', None, "pay"),
        ('{"OWNER": "web"}', None, "web"),
        ('{"team": " ", "owner": "web"}', None, "web"),
        ('{"team": null, "owner": "web"}', None, "web"),
        ('{"team": ""}', None, ""),
        ('{"team": true}', None, ""),
        ('{"env": "prod"}', None, None),
        (None, None, None),
        ('{"team": "pay", "team": "web", "owner": "ops"}', None, None),
        ('{"team": "pay"}', '{"team": "web"}', "web"),
        ('{"team": "pay"}', '{"env": "x"}', "pay"),
        ('{"team": "pay"}', '{"team": null}', "pay"),
        ('{"team": "pay"}', '{"team": ""}', ""),
        ('{"team": "pay", "owner": "ops"}', '{"team": ""}', "ops"),
        ("broken", '{"team": "web"}', "web"),
    ],
)
def test_the_first_key_that_is_not_blank_names_the_owner(
    tags: str | None, allocated: str | None, owner: str | None
) -> None:
    assert whose(tags, allocated)["owner_raw"] == owner


@pytest.mark.parametrize(
    ("tags", "allocated", "flags"),
    [
        (None, None, {"is_untagged"}),
        ("{}", "", {"is_untagged"}),
        ('{"env": "x"}', None, set()),
        (None, '{"env": "x"}', set()),
        ("broken", None, {"is_unreadable"}),
        (None, "broken", {"is_unreadable"}),
        ('{" env": "x"}', None, {"has_spaced_key"}),
        ('{"app": "x", "app": "y"}', None, {"has_conflict"}),
        ('{"env": "x", "env": "y"}', None, set()),
    ],
)
def test_what_is_odd_about_the_tags_of_a_charge(tags: str | None, allocated: str | None, flags: set[str]) -> None:
    row = whose(tags, allocated)
    assert {name for name in OWNERS if row[name] is True} == flags


def test_the_service_has_keys_of_its_own() -> None:
    row = whose('{"team": "pay", "app": "shop"}')
    assert (row["owner_raw"], row["service_raw"]) == ("pay", "shop")


STRUCTS = pl.Series([{"team": "pay", "env": None}, {"team": None, "env": None}, None])
PAIRS = pl.Series([[{"key": "team", "value": "pay"}], [], None])


@pytest.mark.parametrize(
    ("tags", "texts", "found"),
    [
        (STRUCTS, ['{"team": "pay"}', "{}", None], ["pay", None, None]),
        (PAIRS, ['[{"key":"team","value":"pay"}]', "[]", None], ["pay", None, None]),
        (pl.Series(['{"team": "pay"}', "", None]), ['{"team": "pay"}', "", None], ["pay", None, None]),
        (pl.Series(['{"team": "pay"}', "", None], dtype=pl.Categorical), ['{"team": "pay"}', "", None], ["pay", None, None]),
    ],
    ids=["struct", "map", "text", "categorical"],
)  # fmt: skip
def test_tags_of_any_type_become_text(tags: pl.Series, texts: list[str | None], found: list[str | None]) -> None:
    assert as_text(tags).to_list() == texts
    nothing = pl.Series([None] * 3, dtype=pl.String)
    assert of_each(*owners(tags, nothing, ["team"], ["app"]))["owner_raw"].to_list() == found


TAGS = st.none() | st.dictionaries(
    st.sampled_from(["team", "Team", " team", "owner", "env"]), st.sampled_from(["pay", "web", "", " ", None, True])
).map(json.dumps)


@given(st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=8))
def test_a_charge_is_read_the_same_alone_as_among_others(charges: list[tuple[str | None, str | None]]) -> None:
    tags, allocated = (pl.Series([c[i] for c in charges], dtype=pl.String) for i in (0, 1))
    together = of_each(*owners(tags, allocated, ("team", "owner"), ("app",)))
    assert together.height == len(charges)
    assert together.rows(named=True) == [whose(*charge) for charge in charges]


@given(st.text(max_size=6))
def test_keys_are_compared_without_case_and_outer_spaces(key: str) -> None:
    assert fold(f" {key} ") == fold(key) == fold(fold(key))


members = st.none() | st.sampled_from(["pay", "", 'say "x"', "\u00e9"])


@given(st.lists(st.fixed_dictionaries({"team": members, "at": members})))
def test_structs_are_written_as_each_of_them_alone(rows: list[dict[str, str | None]]) -> None:
    tags = pl.Series("tags", rows, dtype=pl.Struct({"team": pl.String, "at": pl.String}))
    alone = [json.dumps({key: row[key] for key in ("team", "at") if row[key] is not None}) for row in rows]
    assert as_text(tags).cast(pl.String).to_list() == alone
