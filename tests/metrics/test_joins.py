"""How joins came about, and who might have joined, by hand; the planted truth of the synthetic company."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from statsmodels.stats.proportion import proportion_confint

from idp_analytics.metrics.adoption_incidence import COLUMNS as INCIDENCE
from idp_analytics.metrics.adoption_incidence import adoption_incidence
from idp_analytics.metrics.adoption_kinds import COLUMNS, JOIN_COLUMNS, adoption_kinds, adoptions
from idp_analytics.metrics.adoption_retention import AHEAD_COLUMNS, adoption_retention, retention_ahead
from idp_analytics.metrics.adoption_retention import COLUMNS as RETENTION
from idp_analytics.metrics.joins import chances, joins
from idp_analytics.sources import sample as synthetic

LOOKS = [date(2026, month, 1) for month in range(1, 8)]
AS_OF = "2026-07-02"
PATH = {"golden_path_id": "pipe", "title": "Pipe", "released_at": "2025-10-01"}
MANDATE = {"golden_path_id": "base", "title": "Base", "released_at": "2025-10-01", "announced_on": date(2026, 3, 1), "mandated_from": date(2026, 5, 1)}  # fmt: skip


def on(service: str, *looks: int, joined_at: str | None = None, path: str = "pipe", **more):
    return [{"service_id": service, "golden_path_id": path, "as_of": LOOKS[n], "evidence": "uses", "joined_at": joined_at, **more} for n in looks]  # fmt: skip


ANCHORS = [
    *on("anchor", *range(7), joined_at="2025-11-01"),
    *on("anchor", *range(7), joined_at="2025-11-01", path="base"),
]


@pytest.fixture
def tables(company):
    def build(*stays, services=(), paths=(PATH, MANDATE), owners=(), **more):
        told = {row["service_id"] for row in services}
        names = sorted({stay["service_id"] for stay in stays} - told)
        usual = {"lifecycle": "production", "kind": "service"}
        return company(
            services=[*({**usual, **row} for row in services), *({"service_id": name, **usual} for name in names)],
            service_golden_path=stays, golden_paths=paths, ownership=owners, **more,
        )  # fmt: skip

    return build


def kinds(made, settings, as_of):
    return dict(
        joins(made, settings(), as_of(AS_OF)).filter(kind="counted").select("service_id", "adoption").iter_rows()
    )


def test_a_join_is_organic_until_the_mandate_is_announced_and_mandated_once_it_is_in_force(tables, settings, as_of):
    made = tables(
        *ANCHORS, *on("a", *range(2, 7), joined_at="2026-02-28T23:00", path="base"), *on("b", *range(3, 7), joined_at="2026-03-01", path="base"),
        *on("c", *range(4, 7), joined_at="2026-04-30T23:59", path="base"), *on("d", *range(5, 7), joined_at="2026-05-01", path="base"),
    )  # fmt: skip
    assert kinds(made, settings, as_of) == {"a": "organic", "b": "pre-mandate", "c": "pre-mandate", "d": "mandated"}


@pytest.mark.parametrize(
    ("announced", "day", "kind"),
    [
        (None, "2026-03-01", "organic"),  # 61 days before 1 May
        (None, "2026-03-02", "pre-mandate"),  # 60
        (date(2026, 6, 1), "2026-03-01", "organic"),  # announced after it was in force: no notice, the 60 days
        (date(2026, 2, 1), "2026-03-01", "pre-mandate"),
    ],
)
def test_where_no_announcement_is_told_notice_is_sixty_days(tables, settings, as_of, announced, day, kind):
    made = tables(*ANCHORS, *on("a", *range(3, 7), joined_at=day, path="base"), paths=(PATH, {**MANDATE, "announced_on": announced}))  # fmt: skip
    assert kinds(made, settings, as_of) == {"a": kind}


def test_the_day_is_that_of_the_organisation(tables, settings, as_of):
    made = tables(*ANCHORS, *on("a", *range(4, 7), joined_at="2026-04-30T22:30", path="base"))
    found = joins(made, settings("Europe/Berlin"), as_of(AS_OF)).filter(service_id="a")  # half past midnight on 1 May
    assert found["adoption"].to_list() == ["mandated"]


def test_who_was_there_at_the_first_look_joined_nobody_knows_when(tables, settings, as_of):
    """Neither in the first look of all nor in that of a source that begins to look later."""
    late = [{**row, "source": "other"} for row in on("new", 4, 5, 6)]
    made = tables(*ANCHORS, *on("there", *range(7)), *late, *[{**row, "source": "other"} for row in on("then", 5, 6)])
    found = joins(made, settings(), as_of(AS_OF)).filter(golden_path_id="pipe")
    assert dict(found.select("service_id", "kind").iter_rows()) == {"anchor": "early", "there": "early", "new": "early", "then": "counted"}  # fmt: skip


def test_shares_by_period_and_so_far(tables, settings, as_of):
    """April: two organic of pipe, one pre-mandate of base. May: one mandated. Before: one organic in February."""
    made = tables(
        *ANCHORS, *on("a", *range(2, 7), joined_at="2026-02-10"), *on("b", *range(4, 7), joined_at="2026-04-10"), *on("c", *range(4, 7), joined_at="2026-04-20"),
        *on("d", *range(4, 7), joined_at="2026-04-20", path="base"), *on("e", *range(5, 7), joined_at="2026-05-05", path="base"),
        owners=[{"service_id": "b", "team_id": "red"}, {"service_id": "e", "team_id": "red"}],
    )  # fmt: skip
    found = adoption_kinds(made, settings(), as_of(AS_OF))
    assert list(found.columns) == list(COLUMNS)
    org = found.filter(scope="org", every="1mo").filter(pl.col("golden_path_id").is_null())

    def row(period, span):
        one = org.filter(period=period, span=span).row(0, named=True)
        return tuple(one[name] for name in ("n", "organic", "pre_mandate", "mandated", "early"))

    assert row("2026-04", "period") == (3, 2, 1, 0, 0)
    assert row("2026-04", "so far") == (4, 3, 1, 0, 2)  # the two anchors are early
    assert row("2026-05", "so far") == (5, 3, 1, 1, 2)
    april = org.filter(period="2026-04", span="so far").row(0, named=True)
    assert april["share"] == 0.75
    assert (april["low"], april["high"]) == pytest.approx(proportion_confint(3, 4, method="wilson"))
    assert org.filter(period="2026-06", span="period").is_empty()
    red = found.filter(scope="team", entity_id="red", period="2026-Q2", span="period").filter(
        pl.col("golden_path_id").is_null()
    )
    assert red.select("n", "organic", "mandated").rows() == [(2, 1, 1)]
    listed = adoptions(made, settings(), as_of(AS_OF))
    assert list(listed.columns) == list(JOIN_COLUMNS)
    assert listed.select("service_id", "adoption", "standing").rows() == [
        ("b", "organic", "counted"),
        ("e", "mandated", "counted"),
    ]


def test_what_happens_after_the_as_of_time_is_not_known(tables, settings, as_of):
    made = tables(
        *ANCHORS, *on("a", *range(2, 7), joined_at="2026-02-10"), *on("b", *range(4, 7), joined_at="2026-04-10")
    )
    assert kinds(made, settings, lambda _: as_of("2026-03-15")) == {"a": "organic"}


def test_who_might_have_joined(tables, settings, as_of):
    only = {**PATH, "applies_to": ["service"]}
    made = tables(
        *ANCHORS, *on("a", *range(2, 7), joined_at="2026-02-10"),
        services=[
            {"service_id": "off"}, {"service_id": "library", "kind": "library"}, {"service_id": "try", "lifecycle": "experimental"},
            {"service_id": "before", "retired_at": "2025-12-01"}, {"service_id": "gone", "retired_at": "2026-04-01"},
            {"service_id": "own"}, {"service_id": "unnamed", "kind": None},
        ],
        paths=(only,), owners=[{"service_id": "own", "team_id": "plat"}], teams=[{"team_id": "plat", "kind": "platform"}],
    )  # fmt: skip
    found = chances(made, settings(), as_of(AS_OF))
    assert dict(found.select("service_id", "kind").iter_rows()) == {
        "a": "counted",
        "anchor": "early",
        "gone": None,
        "off": None,
    }


def test_incidence_by_hand(tables, settings, as_of):
    """Of four followed from 1 January: a joins after 40 days, b after 120 because of the mandate, gone is retired on day 90, off never.

    Organic after 90 days 1/4. Mandated after 180: 3/4 · 1/2 = 3/8, since two were left at risk on day 120.
    """
    made = tables(
        *on("anchor", *range(7), joined_at="2025-11-01", path="base"), *on("a", *range(2, 7), joined_at="2026-02-10", path="base"),
        *on("b", *range(5, 7), joined_at="2026-05-01", path="base"), services=[{"service_id": "off"}, {"service_id": "gone", "retired_at": "2026-04-01"}],
    )  # fmt: skip
    found = adoption_incidence(made, settings(), as_of(AS_OF))
    assert list(found.columns) == list(INCIDENCE)
    marks = (
        found.filter("is_mark", pl.col("golden_path_id") == "base")
        .select("adoption", "n", "k", "open", "early", "day", "at_risk", "share")
        .rows()
    )
    assert marks == [
        ("organic", 4, 1, 2, 1, 90, 3, 0.25), ("organic", 4, 1, 2, 1, 180, 1, 0.25), ("organic", 4, 1, 2, 1, 360, 0, None),
        ("pre-mandate", 4, 0, 2, 1, 90, 3, 0.0), ("pre-mandate", 4, 0, 2, 1, 180, 1, 0.0), ("pre-mandate", 4, 0, 2, 1, 360, 0, None),
        ("mandated", 4, 1, 2, 1, 90, 3, 0.0), ("mandated", 4, 1, 2, 1, 180, 1, 0.375), ("mandated", 4, 1, 2, 1, 360, 0, None),
    ]  # fmt: skip
    steps = found.filter(~pl.col("is_mark"), pl.col("golden_path_id") == "base", pl.col("adoption") == "organic")
    assert steps.select("day", "share").rows() == [(0, 0.0), (40, 0.25), (120, 0.25)]
    nobody = found.filter("is_mark", golden_path_id="base", adoption="mandated", day=90).row(0, named=True)
    assert (nobody["low"], nobody["high"]) == (0.0, pytest.approx(proportion_confint(0, 3, method="wilson")[1]))
    assert found.filter(pl.col("golden_path_id").is_null()).height > 0  # all paths together


def test_nothing_known(tables, settings, as_of):
    none = tables()
    for study, columns in (
        (adoption_kinds, COLUMNS), (adoptions, JOIN_COLUMNS), (adoption_incidence, INCIDENCE), (adoption_retention, RETENTION),
        (retention_ahead, AHEAD_COLUMNS),
    ):  # fmt: skip
        assert study(none, settings(), as_of(AS_OF)).schema == pl.Schema(columns)


# --- retention by way of joining ---------------------------------------------------------------------------------------


def cohort(rng, names, path, first_day, hazard, source="seen"):
    """Services that join in the first days and leave after an exponential time, told by ``left_at``."""
    rows = []
    for name in names:
        joined = np.datetime64(first_day) + np.timedelta64(int(rng.integers(0, 20)), "D")
        left = joined + np.timedelta64(1 + int(rng.exponential(1 / hazard)), "D")
        for look in LOOKS:
            if np.datetime64(look) > joined:
                gone = left <= np.datetime64(look)
                rows.append({"service_id": name, "golden_path_id": path, "as_of": look, "evidence": "uses", "joined_at": str(joined),
                             "left_at": str(left) if gone else None, "source": source})  # fmt: skip
                if gone:
                    break
    return rows


def test_planted_leaving_is_recovered_by_way_of_joining(tables, settings, as_of):
    """Organic joins leave at 0.002 a day, mandated ones at 0.01: after 30 days exp(−0.06) and exp(−0.3) are still there."""
    rng = np.random.default_rng(11)
    must = {**MANDATE, "announced_on": date(2025, 12, 1), "mandated_from": date(2026, 1, 2)}
    made = tables(
        *ANCHORS, *cohort(rng, [f"o{n:03}" for n in range(120)], "pipe", "2026-01-02", 0.002),
        *cohort(rng, [f"m{n:03}" for n in range(120)], "base", "2026-01-02", 0.01), paths=(PATH, must),
    )  # fmt: skip
    found = adoption_retention(made, settings(), as_of(AS_OF)).filter("is_mark", scope="org")
    for way, hazard in (("organic", 0.002), ("mandated", 0.01)):
        for day in (30, 90):
            row = found.filter(cohort=way, day=day).row(0, named=True)
            assert row["low"] <= np.exp(-hazard * day) <= row["high"]
            assert not row["is_small"]
    assert found["p"].unique().item() < 0.001
    ahead = retention_ahead(made, settings(), as_of(AS_OF)).filter(scope="org", adoption="mandated").row(0, named=True)
    assert ahead["k"] > 50
    if ahead["share"] is not None:
        assert ahead["low"] <= np.exp(-0.01 * 360) + 0.1


def test_cohorts_too_small_say_so_and_have_no_test_where_nobody_left(tables, settings, as_of):
    made = tables(
        *ANCHORS,
        *on("a", *range(2, 7), joined_at="2026-02-10"),
        *on("b", *range(5, 7), joined_at="2026-05-05", path="base"),
    )
    found = adoption_retention(made, settings(), as_of(AS_OF)).filter("is_mark", scope="org")
    assert found.select("cohort", "n", "k", "is_small", "p").unique(maintain_order=True).rows() == [("organic", 1, 0, True, None), ("mandated", 1, 0, True, None)]  # fmt: skip
    ahead = retention_ahead(made, settings(), as_of(AS_OF)).filter(scope="org")
    assert set(ahead["reason"]) == {"fewer than 3 looks"} or "fewer than 10 have left" in set(ahead["reason"])


# --- the synthetic company -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large():
    return synthetic.generate(teams=60, seed=7)


def test_planted_ways_of_joining_are_recovered(large, settings, as_of):
    """The canonical tables of a large synthetic company: what is organic by the planted days lies within the interval."""
    known = {name: frame.with_columns(pl.lit("made").alias("source"), pl.lit("l").alias("load_id")).lazy() for name, frame in large.tables.items()}  # fmt: skip
    found = adoption_kinds(known, settings(), as_of("2026-07-01")).filter(
        scope="org", every="1q", period="2026-Q2", span="so far"
    )
    truth = large.truth["golden_paths"]
    for path in ("delivery-pipeline", "secure-base", "postgres-module"):
        row = found.filter(golden_path_id=path).row(0, named=True)
        told = truth[path]["ways"]
        share = told["organic"] / max(1, sum(told.values()))
        assert row["low"] - 1e-9 <= share <= row["high"] + 1e-9
    base = found.filter(golden_path_id="secure-base").row(0, named=True)
    assert base["n"] > 100
    low, high = proportion_confint(base["mandated"], base["n"], method="wilson")
    told = truth["secure-base"]["ways"]
    assert low <= told["mandated"] / sum(told.values()) <= high
    assert found.filter(golden_path_id="delivery-pipeline")["share"].item() == 1.0


def test_nobody_leaves_the_synthetic_company_s_paths(sample):
    known = {name: frame.lazy() for name, frame in sample.tables.items()}
    found = adoption_retention(known, sample.settings, sample.as_of).filter("is_mark", scope="org")
    assert found["k"].sum() == 0  # planted: nobody leaves but by retirement
    assert set(found.drop_nulls("share")["share"]) == {1.0}
    assert all(truth["leaving_per_day"] == 0 for truth in synthetic.generate().truth["golden_paths"].values())
