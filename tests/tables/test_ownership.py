from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from idp_analytics.tables import TABLES, empty
from idp_analytics.tables.ownership import (
    ambiguous,
    attribute,
    by_kind,
    latest,
    overlaps,
    resolve,
    without_logins,
)
from idp_analytics.tables.pseudonyms import pseudonym


def table(name: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    filled = [{column: row.get(column) for column in TABLES[name].schema} for row in rows]
    return pl.DataFrame(filled, schema=TABLES[name].schema) if rows else empty(name)


def deployments(*rows: tuple[str | None, datetime | None]) -> pl.DataFrame:
    return table(
        "deployments",
        [
            {"deployment_id": f"d{i}", "service_id": s, "finished_at": t, "source": "ci"}
            for i, (s, t) in enumerate(rows)
        ],
    )


OWNERSHIP = table(
    "ownership",
    [
        {"service_id": "checkout", "team_id": "payments", "valid_to": date(2024, 3, 15)},
        {"service_id": "checkout", "team_id": "storefront", "valid_from": date(2024, 3, 15)},
        {"service_id": "search", "team_id": "discovery", "valid_from": date(2024, 1, 1), "valid_to": date(2024, 2, 1)},
    ],
)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("service", "when", "zone", "owner"),
    [
        ("checkout", at(2020, 1, 1), "UTC", "payments"),  # open at the start
        ("checkout", at(2024, 3, 14, 23, 59), "UTC", "payments"),
        ("checkout", at(2024, 3, 15), "UTC", "storefront"),  # half-open: the day itself is the new owner's
        ("checkout", at(2024, 3, 14, 23, 30), "Europe/Berlin", "storefront"),  # the day where the people are
        ("checkout", at(2030, 1, 1), "UTC", "storefront"),
        ("search", at(2023, 12, 31), "UTC", None),  # before anybody
        ("search", at(2024, 1, 31), "UTC", "discovery"),
        ("search", at(2024, 2, 1), "UTC", None),  # after the last
        ("unheard-of", at(2024, 3, 1), "UTC", None),
        (None, at(2024, 3, 1), "UTC", None),
        ("checkout", None, "UTC", None),
    ],
)
def test_owner_as_of_the_event(service: str | None, when: datetime | None, zone: str, owner: str | None) -> None:
    facts = deployments((service, when))
    assert attribute(TABLES["deployments"], facts, OWNERSHIP, zone)["team_id"].to_list() == [owner]


def test_a_team_the_source_names_stays_and_order_and_rows_are_kept() -> None:
    incidents = table(
        "incidents",
        [
            {"incident_id": "i2", "service_id": "checkout", "opened_at": at(2024, 5, 1)},
            {"incident_id": "i1", "service_id": "checkout", "team_id": "sre", "opened_at": at(2024, 1, 1)},
        ],
    )
    owned = attribute(TABLES["incidents"], incidents, OWNERSHIP, "UTC")
    assert owned.select("incident_id", "team_id").rows() == [("i2", "storefront"), ("i1", "sre")]
    assert owned.columns == incidents.columns


def test_a_table_that_is_not_owned_is_left_alone() -> None:
    assert attribute(TABLES["usage"], empty("usage"), OWNERSHIP, "UTC").equals(empty("usage"))


def test_only_explicit_ends_inside_a_later_span_overlap() -> None:
    spans = table(
        "ownership",
        [
            {"service_id": "a", "team_id": "x", "valid_from": date(2024, 1, 1)},  # open, then moved: no overlap
            {"service_id": "a", "team_id": "y", "valid_from": date(2024, 2, 1), "valid_to": date(2024, 4, 1)},
            {"service_id": "a", "team_id": "z", "valid_from": date(2024, 3, 1)},
        ],
    )
    assert overlaps(spans)["team_id"].to_list() == ["y"]
    assert overlaps(OWNERSHIP).is_empty()


def test_aliases_own_source_first_dated_and_case_blind() -> None:
    aliases = table(
        "aliases",
        [
            {"kind": "service", "alias": "Checkout-API", "canonical_id": "checkout"},
            {"kind": "service", "system": "ci", "alias": "web", "canonical_id": "shop"},
            {"kind": "service", "alias": "web", "canonical_id": "website"},
            {"kind": "service", "alias": "old", "canonical_id": "new", "valid_from": date(2024, 3, 1)},
            {"kind": "environment", "alias": "prod-eu", "canonical_id": "production"},
        ],
    )
    facts = deployments(
        (" checkout-api", at(2024, 1, 1)),
        ("web", at(2024, 1, 1)),
        ("old", at(2024, 2, 1)),
        ("old", at(2024, 3, 1)),
        ("x", None),
        (None, None),
    ).with_columns(environment_raw=pl.lit("PROD-EU"))
    out = resolve(TABLES["deployments"], facts, by_kind(aliases))
    assert out["service_id"].to_list() == ["checkout", "shop", "old", "new", "x", None]
    assert out["environment"].unique().to_list() == ["production"]


def test_of_two_aliases_that_are_valid_the_later_counts_and_it_is_said() -> None:
    def spans(*told: tuple[str, date | None, date | None]) -> pl.DataFrame:
        rows = [
            {"kind": "service", "alias": "Web", "canonical_id": i, "valid_from": b, "valid_to": e} for i, b, e in told
        ]
        return table("aliases", rows)

    april = [("web", at(2024, 4, 1)), ("web", at(2024, 2, 1))]
    for told, expected, doubled in (
        ([("old", date(2024, 1, 1), None), ("new", date(2024, 3, 1), None)], ["new", "old"], ["service"]),
        ([("new", date(2024, 3, 1), None), ("old", date(2024, 1, 1), None)], ["new", "old"], ["service"]),
        ([("old", None, None), ("new", date(2024, 3, 1), None)], ["new", "old"], ["service"]),
        ([("old", None, date(2024, 3, 1)), ("new", date(2024, 3, 1), None)], ["new", "old"], []),
        ([("same", None, None), ("same", date(2024, 3, 1), None)], ["same", "same"], []),
    ):
        aliases = spans(*told)
        assert resolve(TABLES["deployments"], deployments(*april), by_kind(aliases))["service_id"].to_list() == expected
        assert ambiguous(aliases) == doubled


def test_nobody_is_named_in_the_aliases() -> None:
    aliases = table(
        "aliases",
        [
            {"kind": "person", "alias": "Jane@example.invalid", "canonical_id": "jane"},
            {"kind": "person", "alias": "joe", "canonical_id": "joe@example.invalid"},
            {"kind": "person", "alias": "p-12", "canonical_id": "p-13"},
            {"kind": "service", "alias": "shop@eu", "canonical_id": "shop"},
        ],
    )
    people = [pseudonym("jane"), "p-12", "p-13"]
    assert without_logins(aliases, people).select("alias", "canonical_id").rows() == [
        (pseudonym("jane@example.invalid"), pseudonym("jane")),
        (pseudonym("joe"), pseudonym("joe@example.invalid")),
        ("p-12", "p-13"),
        ("shop@eu", "shop"),
    ]
    assert set(by_kind(aliases, people)["person"]["canonical_id"]) == {*people, pseudonym("joe@example.invalid")} - {
        "p-12"
    }


def test_the_row_read_last_stays() -> None:
    facts = deployments(("a", None), ("b", None)).with_columns(deployment_id=pl.lit("d"))
    kept, replaced = latest("deployments", facts)
    assert (kept["service_id"].to_list(), replaced["service_id"].to_list()) == (["b"], ["a"])


def test_names_held_by_number_are_resolved_and_owned_as_texts_are() -> None:
    known = by_kind(
        table(
            "aliases",
            [
                {"kind": "service", "system": "ci", "alias": "Kasse", "canonical_id": "checkout"},
                {"kind": "service", "alias": "find", "canonical_id": "search", "valid_to": date(2024, 1, 20)},
            ],
        )
    )
    facts = deployments(
        (" kasse", at(2024, 3, 1)), ("find", at(2024, 1, 15)), ("find", at(2024, 3, 1)), (None, at(2024, 3, 1)), ("checkout", at(2024, 3, 20))
    )  # fmt: skip
    by_number = [pl.col(name).cast(pl.Enum(facts[name].unique().drop_nulls())) for name in ("service_id", "source")]
    done = [
        attribute(TABLES["deployments"], resolve(TABLES["deployments"], frame, known), OWNERSHIP, "UTC").select(
            pl.col("service_id", "team_id").cast(pl.String)
        )
        for frame in (facts, facts.with_columns(by_number))
    ]
    assert done[1].equals(done[0])
    assert done[0].rows() == [
        ("checkout", "payments"), ("search", "discovery"), ("find", None), (None, None), ("checkout", "storefront"),
    ]  # fmt: skip
    same = facts.with_columns(by_number)
    assert attribute(TABLES["deployments"], same, OWNERSHIP, "UTC")["team_id"].to_list() == [
        None,
        None,
        None,
        None,
        "storefront",
    ]
