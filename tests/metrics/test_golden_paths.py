"""Who is on which path when, by hand: every trap of evidence, looks and stays."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from idp_analytics.metrics import golden_paths
from idp_analytics.metrics.period_ends import period_ends

AS_OF = "2026-07-01"


def row(day: str, evidence: str | None = "uses", service: str = "shop", path: str = "pipe", **more):
    return {
        "service_id": service,
        "golden_path_id": path,
        "as_of": date.fromisoformat(day),
        "evidence": evidence,
        **more,
    }


def others(*days: str, path: str = "pipe"):
    """Another service seen on these days, so that each is a look at the path."""
    return [row(day, service="other", path=path) for day in days]


MONTHS = ("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30")


@pytest.fixture
def seen(company, settings, as_of):
    def build(*rows, at: str = AS_OF):
        return golden_paths.evidence(company(service_golden_path=rows), settings(), as_of(at))

    return build


@pytest.fixture
def status(seen, settings, as_of):
    """The status of shop on pipe at the end of each month named, ``None`` where it is not on it."""

    def build(*rows, at: str = AS_OF):
        ends = period_ends(settings(), as_of(at), date(2026, 1, 1), ("1mo",))
        found = golden_paths.statuses(seen(*rows, at=at), ends)
        of_shop = found.filter(service_id="shop", golden_path_id="pipe").select("at", "status")
        return ends.sort("at").join(of_shop, on="at", how="left", maintain_order="left")["status"].to_list()

    return build


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # Seen in use every month.
        ([row(day) for day in MONTHS], ["on"] * 6),
        # Missing from one look only: exports do that.
        ([row(MONTHS[n]) for n in (0, 1, 3, 4, 5)] + others(*MONTHS), ["on"] * 6),
        # Missing from two looks in a row: it left at the first of them.
        ([row(MONTHS[n]) for n in (0, 1)] + others(*MONTHS), ["on", "on", None, None, None, None]),
        # Missing twice and back again: a second stay.
        ([row(MONTHS[n]) for n in (0, 1, 4, 5)] + others(*MONTHS), ["on", "on", None, None, "on", "on"]),
        # Missing from one look so far, and no second one yet: still on it.
        ([row(day) for day in MONTHS[:5]] + others(*MONTHS), ["on"] * 6),
        # No further look at all: nobody knows once use was seen too long ago, but nothing says it left.
        ([row("2026-01-31")], ["on", "on", "on", "on", "unverified", "unverified"]),
        # Born on the path and nobody looks for use: not known, never counted as on it.
        ([row(day, "born") for day in MONTHS], ["unverified"] * 6),
        # Born on the path, and who looks for use does not show it: not on it today.
        ([row("2026-01-31", "born"), *others(*MONTHS[2:])], ["unverified", "unverified", "off", "off", "off", "off"]),
        # Declared, and then seen in use.
        ([row("2026-01-31", "declared"), row("2026-03-31"), row("2026-04-30")], ["unverified", "unverified", "on", "on", "on", "on"]),
        # How it is known is not told: no better than declared.
        ([row(day, None) for day in MONTHS], ["unverified"] * 6),
        # It said that it left.
        ([row("2026-01-31"), row("2026-02-28", left_at="2026-02-10")], ["on", None, None, None, None, None]),
        # It joined before anybody looked.
        ([row("2026-02-28", joined_at="2025-11-01")], ["unverified", "on", "on", "on", "unverified", "unverified"]),
        # Conforming to the path's policies is use.
        ([row(day, "conforms") for day in MONTHS], ["on"] * 6),
    ],
)  # fmt: skip
def test_status_at_the_end_of_each_month(status, rows, expected):
    assert status(*rows) == expected


def test_days_on_which_services_last_did_something_are_no_looks(status):
    """One file, each service once and under a day of its own: who was quiet for a month has not left."""
    runs = [
        row("2026-03-02"),
        row("2026-04-20", service="a"),
        row("2026-05-20", service="b"),
        row("2026-06-20", service="c"),
    ]
    assert status(*runs)[2:] == ["on", "on", "unverified", "unverified"]


def test_what_is_told_after_the_as_of_time_is_not_known(seen):
    assert seen(row("2026-06-30"), row("2026-07-01"))["as_of"].to_list() == [date(2026, 6, 30)]
    assert seen().is_empty()
    assert golden_paths.spells(seen()).is_empty()


def test_a_stay_begins_when_it_is_said_to_and_a_second_one_when_it_is_seen(seen):
    rows = [row(MONTHS[n], joined_at="2025-12-24") for n in (0, 1, 4)] + others(*MONTHS)
    found = golden_paths.spells(seen(*rows)).filter(service_id="shop")
    assert found.select("number", pl.col("began").dt.date(), pl.col("ended").dt.date()).rows() == [
        (1, date(2025, 12, 24), date(2026, 3, 31)), (2, date(2026, 5, 31), None)
    ]  # fmt: skip


def test_a_path_is_offered_from_its_release_until_it_is_retired(company, settings, as_of):
    paths = [
        {"golden_path_id": "new", "title": "New", "released_at": "2026-02-10"},
        {"golden_path_id": "old", "title": "Old", "retired_at": "2026-02-10"},
        {"golden_path_id": "told", "title": "Told", "announced_on": "2026-03-01"},
        {"golden_path_id": "ever", "title": "Ever"},
    ]
    ends = period_ends(settings(), as_of("2026-04-01"), date(2026, 1, 1), ("1mo",)).sort("at")
    found = golden_paths.applies(company(golden_paths=paths), ends)
    offered = [sorted(found.filter(pl.col("at") == at)["golden_path_id"]) for at in ends["at"]]
    assert offered == [["ever", "old"], ["ever", "new"], ["ever", "new", "told"]]


def test_periods_end_where_the_organisation_is_and_at_the_as_of_time(settings, as_of):
    found = period_ends(settings("Europe/Berlin"), as_of("2026-04-10T12:00"), date(2026, 2, 3))
    rows = {r["period"]: r for r in found.to_dicts()}
    assert rows["2026-02"]["at"] == as_of("2026-02-28T23:00")
    assert rows["2026-02"]["day"] == date(2026, 2, 28)
    assert rows["2026-03"]["at"] == as_of("2026-03-31T22:00")  # summer time
    assert rows["2026-Q2"]["at"] == rows["2026-04"]["at"] == as_of("2026-04-10T12:00")
    assert [r for r, told in rows.items() if told["is_partial"]] == ["2026-04", "2026-Q2"]
