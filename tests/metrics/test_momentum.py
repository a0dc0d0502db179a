"""Whether services come of themselves beside others that are there, and how far a path has spread, by hand."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from idp_analytics.estimates.rates import exact_poisson
from idp_analytics.metrics.momentum import COLUMNS, FOLLOWING_COLUMNS, adoption_following, adoption_momentum
from idp_analytics.metrics.path_diffusion import COLUMNS as POINTS
from idp_analytics.metrics.path_diffusion import FIT_COLUMNS, MODELS, diffusion, diffusion_fits
from idp_analytics.sources import sample as synthetic

ENDS = [
    date(2026, 1, 31),
    date(2026, 2, 28),
    date(2026, 3, 31),
    date(2026, 4, 30),
    date(2026, 5, 31),
    date(2026, 6, 30),
]
AS_OF = "2026-07-01"
PATH = {"golden_path_id": "pipe", "title": "Pipe", "released_at": "2026-01-05"}


def on(service: str, first: int, joined_at: str):
    return [{"service_id": service, "golden_path_id": "pipe", "as_of": day, "evidence": "uses", "joined_at": joined_at} for day in ENDS[first:]]  # fmt: skip


@pytest.fixture
def tables(company):
    def build(*stays, services=(), owners=(), path=PATH):
        told = {row["service_id"] for row in services}
        names = sorted({stay["service_id"] for stay in stays} - told)
        usual = {"lifecycle": "production", "kind": "service"}
        return company(
            services=[*({**usual, **row} for row in services), *({"service_id": name, **usual} for name in names)],
            service_golden_path=stays, golden_paths=[path], ownership=owners,
        )  # fmt: skip

    return build


RED = [{"service_id": name, "team_id": "red"} for name in ("first", "second", "off")]


def test_exposed_months_by_hand(tables, settings, as_of):
    """First joined in January, before the months begin. Second, of its team, joins in March; off never does; lone has nobody beside it.

    February: second and off exposed, none joins. March: the same, second joins. April to June: off. Quarter 1 holds February and March.
    """
    made = tables(*on("first", 0, "2026-01-10"), *on("second", 2, "2026-03-10"), services=[{"service_id": "off"}, {"service_id": "lone"}], owners=RED)  # fmt: skip
    found = adoption_momentum(made, settings(), as_of(AS_OF))
    assert list(found.columns) == list(COLUMNS)
    pipe = found.filter(golden_path_id="pipe")
    months = (
        pipe.filter(every="1mo")
        .select("period", "exposed_months", "exposed_joins", "other_months", "other_joins")
        .rows()
    )
    assert months == [
        ("2026-02", 2, 0, 1, 0), ("2026-03", 2, 1, 1, 0), ("2026-04", 1, 0, 1, 0), ("2026-05", 1, 0, 1, 0), ("2026-06", 1, 0, 1, 0),
    ]  # fmt: skip
    first, second = pipe.filter(every="1q").to_dicts()
    assert (first["exposed_months"], first["exposed_joins"], first["rate"]) == (4, 1, 0.25)
    low, high = exact_poisson([1], [4])
    assert (first["low"], first["high"]) == pytest.approx((low[0], high[0]))
    assert (first["change"], first["verdict"]) == (None, "not identified")  # nothing before it
    assert (second["rate"], second["change"], second["verdict"]) == (0.0, 0.0, "no detectable change")
    assert found.filter(pl.col("golden_path_id").is_null(), every="1q")["exposed_months"].to_list() == [4, 3]


def test_one_system_is_beside_too_and_ownership_is_as_of_the_month(tables, settings, as_of):
    made = tables(
        *on("first", 0, "2026-01-10"), services=[{"service_id": "sys", "system": "shop"}, {"service_id": "first", "system": "shop"}, {"service_id": "moved"}],
        owners=[
            {"service_id": "first", "team_id": "red"}, {"service_id": "moved", "team_id": "blue", "valid_to": date(2026, 4, 1)},
            {"service_id": "moved", "team_id": "red", "valid_from": date(2026, 4, 1)},
        ],
    )  # fmt: skip
    found = adoption_momentum(made, settings(), as_of(AS_OF)).filter(every="1mo", golden_path_id="pipe")
    assert found.select("exposed_months", "other_months").rows() == [(1, 1), (1, 1), (2, 0), (2, 0), (2, 0)]


def test_under_a_mandate_nobody_can_come_unasked(tables, settings, as_of):
    path = {**PATH, "announced_on": date(2026, 4, 1), "mandated_from": date(2026, 6, 1)}
    made = tables(
        *on("first", 0, "2026-01-10"),
        *on("second", 2, "2026-03-10"),
        services=[{"service_id": "off"}],
        owners=RED,
        path=path,
    )
    found = adoption_momentum(made, settings(), as_of(AS_OF)).filter(every="1mo", golden_path_id="pipe")
    assert found["period"].to_list() == ["2026-02", "2026-03"]


def test_too_few_joins_are_not_identified(tables, settings, as_of):
    made = tables(
        *on("first", 0, "2026-01-10"), *on("second", 2, "2026-03-10"), services=[{"service_id": "off"}], owners=RED
    )
    found = adoption_following(made, settings(), as_of(AS_OF))
    assert list(found.columns) == list(FOLLOWING_COLUMNS)
    assert found.select("golden_path_id", "exposed_joins", "odds_ratio", "reason").rows() == [
        (None, 1, None, "1 joins, and 10 are needed"), ("pipe", 1, None, "1 joins, and 10 are needed"),
    ]  # fmt: skip


def test_team_mates_that_come_one_after_the_other_are_found(tables, settings, as_of):
    """Ten teams of four; in five of them the first was there in January and all others come in March, in the others nobody but one does."""
    stays, owners, services = [], [], []
    for team in range(10):
        for member in range(4):
            name = f"t{team}-{member}"
            owners.append({"service_id": name, "team_id": f"t{team}"})
            services.append({"service_id": name})
            if team < 5:
                stays += on(name, 0, "2026-01-10") if member == 0 else on(name, 2, f"2026-03-{10 + member}")
            elif member == 0:
                stays += on(name, 3, "2026-04-10")
    found = adoption_following(tables(*stays, services=services, owners=owners), settings(), as_of(AS_OF)).row(
        0, named=True
    )
    assert (found["exposed_joins"], found["other_joins"]) == (15, 5)
    assert found["low"] > 1
    assert found["p"] < 0.05


def test_the_synthetic_company_s_teams_are_alike_and_do_not_follow(sample):
    """Planted: nobody follows anybody."""
    known = {name: frame.lazy() for name, frame in sample.tables.items()}
    whole = adoption_following(known, sample.settings, sample.as_of).row(0, named=True)
    assert whole["low"] <= 1 <= whole["high"]
    assert whole["p"] > 0.05


def test_teams_that_are_alike_look_like_teams_that_follow(settings, as_of):
    """The trap the sentence in every report is about: in the synthetic company fast teams come first and nobody follows anybody, and yet
    with enough teams services beside one that is on the pipeline join much more often."""
    large = synthetic.generate(teams=200, months=24, seed=3)
    known = {name: frame.with_columns(pl.lit("made").alias("source"), pl.lit("l").alias("load_id")).lazy() for name, frame in large.tables.items()}  # fmt: skip
    found = adoption_following(known, settings(), as_of("2026-07-01"))
    pipeline = found.filter(golden_path_id="delivery-pipeline").row(0, named=True)
    assert "not because one follows another" in large.truth["golden_paths"]["delivery-pipeline"]["following"]
    assert pipeline["low"] > 1
    assert pipeline["p"] < 0.05
    database = found.filter(golden_path_id="postgres-module").row(0, named=True)  # taken up without regard to speed
    assert database["low"] <= 1 <= database["high"]


# --- diffusion -----------------------------------------------------------------------------------------------------------


def test_points_by_hand(tables, settings, as_of):
    made = tables(*on("a", 0, "2026-01-10"), *on("b", 2, "2026-03-10"), *on("c", 2, "2026-03-12"), services=[{"service_id": "off"}, {"service_id": "gone", "retired_at": "2026-05-01"}])  # fmt: skip
    found = diffusion(made, settings(), as_of(AS_OF))
    assert list(found.columns) == list(POINTS)
    assert found.select("month", "joined", "adopted", "eligible").rows() == [
        (date(2026, 1, 1), 1, 1, 4), (date(2026, 2, 1), 0, 1, 4), (date(2026, 3, 1), 2, 3, 4), (date(2026, 4, 1), 0, 3, 4),
        (date(2026, 5, 1), 0, 3, 4), (date(2026, 6, 1), 0, 3, 4),
    ]  # fmt: skip
    assert found["curve"].null_count() == 6
    fits = diffusion_fits(made, settings(), as_of(AS_OF))
    assert list(fits.columns) == list(FIT_COLUMNS)
    assert fits["model"].to_list() == list(MODELS)
    assert fits.filter(model="bass, eligible").select("k", "n", "ceiling", "is_identified", "reason").rows() == [
        (3, 4, 4.0, False, "fewer than 10 adopters")
    ]


def test_a_month_that_was_not_looked_at_to_its_end_is_left_out(tables, settings, as_of):
    stays = [row for row in on("a", 0, "2026-01-10") if row["as_of"] < date(2026, 6, 1)]
    stays.append({**stays[0], "as_of": date(2026, 6, 15)})
    assert diffusion(tables(*stays), settings(), as_of(AS_OF))["month"].max() == date(2026, 5, 1)


def test_a_curve_put_in_comes_out_and_the_undated_are_set_apart(tables, settings, as_of):
    """1, 3, 7, 9, 6, 2 of 32 join in six months, and two are there at the first look, nobody knows since when."""
    stays, number = [], 0
    for month, joins in enumerate((1, 3, 7, 9, 6, 2)):
        for _ in range(joins):
            stays += on(f"s{number:02}", month, f"2026-{month + 1:02}-15")
            number += 1
    there = [{**row, "joined_at": None} for name in ("x", "y") for row in on(name, 0, "2026-01-01")]
    made = tables(*stays, *there, services=[{"service_id": f"off{n}"} for n in range(2)])
    fits = {row["model"]: row for row in diffusion_fits(made, settings(), as_of(AS_OF)).to_dicts()}
    assert (fits["bass, eligible"]["k"], fits["bass, eligible"]["undated"], fits["bass, eligible"]["n"]) == (28, 2, 32)
    assert fits["bass, eligible"]["ceiling"] == 30.0
    assert 2 < fits["bass, eligible"]["middle"] < 4
    assert all(fits[model]["is_identified"] for model in ("bass, eligible", "logistic, eligible"))
    points = diffusion(made, settings(), as_of(AS_OF))
    assert points["adopted"].to_list() == [3, 6, 13, 22, 28, 30]
    assert points["curve"].to_list() == pytest.approx(points["adopted"].to_list(), abs=2.5)


def test_nothing_known(tables, settings, as_of):
    for study, columns in ((adoption_momentum, COLUMNS), (adoption_following, FOLLOWING_COLUMNS), (diffusion, POINTS), (diffusion_fits, FIT_COLUMNS)):  # fmt: skip
        assert study(tables(), settings(), as_of(AS_OF)).schema == pl.Schema(columns)
