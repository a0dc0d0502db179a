"""Who stays and who comes, by hand."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from statsmodels.stats.proportion import proportion_confint

from idp_analytics.metrics.path_retention import COLUMNS, ENTRY_COLUMNS, joined, path_entry, path_retention

LOOKS = [date(2026, 1, 1), *(date(2026, month, 1) for month in range(2, 8))]
AS_OF = "2026-07-02"
SERVICE = {"lifecycle": "production"}


def on(service: str, *looks: int, joined_at: str | None = None, path: str = "pipe", **more):
    return [
        {"service_id": service, "golden_path_id": path, "as_of": LOOKS[n], "evidence": "uses", "joined_at": joined_at, **more} for n in looks
    ]  # fmt: skip


ANCHOR = on("anchor", *range(7), joined_at="2025-06-01")  # makes every day a look; joined before the first: left out


@pytest.fixture
def tables(company):
    def build(*stays, services=(), paths=({"golden_path_id": "pipe", "title": "Pipe"},), owners=()):
        names = {stay["service_id"] for stay in stays} - {row["service_id"] for row in services}
        return company(
            services=[*({**SERVICE, **row} for row in services), *({"service_id": name, **SERVICE} for name in sorted(names))],
            service_golden_path=stays, golden_paths=paths, ownership=owners,
        )  # fmt: skip

    return build


def followed(made, settings, as_of):
    return {
        r["service_id"]: (round(r["x"]), r["hit"], r["kind"]) for r in joined(made, settings(), as_of(AS_OF)).to_dicts()
    }


def test_joins_by_hand(tables, settings, as_of):
    made = tables(
        *ANCHOR, *on("stays", *range(1, 7), joined_at="2026-01-20"), *on("left", 1, 2, joined_at="2026-01-20"),
        *on("blinked", 1, 2, 4, 5, 6, joined_at="2026-01-20"),  # missing from one look
        *on("perhaps", 1, 2, 3, 4, 5, joined_at="2026-01-20"),  # missing from the last one
        *on("told", 1, 2, joined_at="2026-01-20", left_at="2026-02-19"), *on("retired", 1, 2, joined_at="2026-01-20"),
        *on("both", 1, 2, joined_at="2026-01-20", left_at="2026-02-20"), *on("again", 1, 4, 5, 6, joined_at="2026-01-20"),
        {"service_id": "born", "golden_path_id": "pipe", "as_of": LOOKS[2], "evidence": "born", "joined_at": None},
        services=[{"service_id": "retired", "retired_at": "2026-03-15"}, {"service_id": "both", "retired_at": "2026-02-20"}],
    )  # fmt: skip
    found = followed(made, settings, as_of)
    assert found["anchor"][2] == "early"
    assert found["born"][2] == "unknown"
    assert {name: row[:2] for name, row in found.items() if row[2] == "counted"} == {
        "stays": (162, False), "left": (71, True), "blinked": (162, False), "perhaps": (132, False), "told": (30, True),
        "retired": (40, False),  # last seen on 1 March, retired a fortnight later: followed no further
        "both": (31, False),  # leaving in the moment of retirement is retiring
        "again": (40, True),  # the first stay counts; the return is another matter
    }  # fmt: skip


def test_the_share_still_there_by_quarter(tables, settings, as_of):
    stays = [
        *ANCHOR, *(row for name in "abc" for row in on(name, *range(1, 7), joined_at="2026-01-20")), *on("d", 1, 2, joined_at="2026-01-20"),
        *on("e", 4, 5, 6, joined_at="2026-04-20"),
    ]  # fmt: skip
    found = path_retention(tables(*stays), settings(), as_of(AS_OF)).filter(scope="org")
    assert list(found.columns) == list(COLUMNS)
    marks = found.filter("is_mark").select("cohort", "day", "n", "k", "at_risk", "share").rows()
    assert marks == [
        (None, 30, 5, 1, 5, 1.0), (None, 90, 5, 1, 3, 0.8), (None, 180, 5, 1, 0, None),
        ("2026-Q1", 30, 4, 1, 4, 1.0), ("2026-Q1", 90, 4, 1, 3, 0.75), ("2026-Q1", 180, 4, 1, 0, None),
        ("2026-Q2", 30, 1, 0, 1, 1.0), ("2026-Q2", 90, 1, 0, 0, None), ("2026-Q2", 180, 1, 0, 0, None),
    ]  # fmt: skip
    nobody = found.filter("is_mark", pl.col("cohort") == "2026-Q1", pl.col("day") == 30).row(0, named=True)
    assert nobody["low"] == pytest.approx(proportion_confint(4, 4, method="wilson")[0])
    assert found.filter(~pl.col("is_mark")).select("day", "share").rows() == [(0, 1.0), (71, 0.8)]
    assert set(found["early"]) == {0, 1}


def test_the_sample_s_services_stay_until_they_are_retired(sample):
    tables = {name: frame.lazy() for name, frame in sample.tables.items()}
    found = path_retention(tables, sample.settings, sample.as_of).filter(
        "is_mark", pl.col("cohort").is_null(), scope="org"
    )
    for row in found.to_dicts():
        assert row["k"] == 0  # planted: nobody leaves but by retirement
        assert row["low"] <= 1.0 <= row["high"]


def test_who_comes_unasked(tables, settings, as_of):
    paths = [
        {"golden_path_id": "pipe", "title": "Pipe"},
        {"golden_path_id": "base", "title": "Base", "mandated_from": date(2026, 4, 10)},
    ]
    made = tables(
        *ANCHOR, *on("free", 4, 5, 6, joined_at="2026-04-20"), *on("pushed", 4, 5, 6, joined_at="2026-04-20", path="base"),
        *on("early", 4, 5, 6, joined_at="2026-04-09", path="base"),  # before the mandate was in force
        *on("there", 1, 2, 3, 4, 5, 6, joined_at="2026-01-20"), *on("next", 6, joined_at="2026-06-20"),
        {"service_id": "said", "golden_path_id": "other", "as_of": LOOKS[2], "evidence": "declared"},
        services=[
            {"service_id": "off"}, {"service_id": "young", "created_at": "2026-04-15"}, {"service_id": "try", "lifecycle": "experimental"}
        ],
        paths=paths,
    )  # fmt: skip
    found = path_entry(made, settings(), as_of(AS_OF)).filter(scope="org")
    assert list(found.columns) == list(ENTRY_COLUMNS)
    april = found.filter(period="2026-04").row(0, named=True)
    # off, free, pushed, early, next began April on none; said is said to be on one and nobody looks.
    assert (april["n"], april["k"], april["mandated"], april["unknown"]) == (5, 2, 1, 1)
    assert (april["low"], april["high"]) == pytest.approx(proportion_confint(2, 5, method="wilson"))
    assert found.filter(period="2026-Q2").row(0, named=True)["k"] == 3
    assert found.filter(period="2026-01").is_empty()  # nobody knows who was off at its start


def test_nothing_known(tables, settings, as_of):
    assert path_retention(tables(), settings(), as_of(AS_OF)).schema == pl.Schema(COLUMNS)
    assert path_entry(tables(), settings(), as_of(AS_OF)).schema == pl.Schema(ENTRY_COLUMNS)
