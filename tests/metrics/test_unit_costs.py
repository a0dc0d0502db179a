"""What a unit costs: exact totals over counts, and none where the count is too small, withheld or not known."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from idp_analytics.metrics.unit_costs import COLUMNS, PER, unit_costs

CENT = Decimal("0.01")


def charge(number: int, at: str, amount: str, team: str | None = "red", **told) -> dict:
    return {
        "cost_id": f"k{number}",
        "period_start": at,
        "period_end": at,
        "amount": Decimal(amount),
        "team_id": team,
        **told,
    }


def deployment(number: int, day: int, service: str = "shop", month: str = "2026-05", **told) -> dict:
    return {"deployment_id": f"d{number}", "finished_at": f"{month}-{day:02}", "service_id": service, **told}


def change(number: int, author: str | None, month: str = "2026-05", **told) -> dict:
    return {"change_id": f"c{number}", "author_id": author, "merged_at": f"{month}-10", **told}


def row(found: pl.DataFrame, per: str, entity: str = "red", period: str = "2026-05", currency: str = "USD") -> dict:
    return found.filter(entity_id=entity, per=per, period=period, currency=currency).row(0, named=True)


def test_costs_are_divided_by_what_was_counted(company, settings, as_of):
    tables = company(
        teams=[{"team_id": "red"}, {"team_id": "blue"}],
        costs=[
            charge(1, "2026-05-01", "70"), charge(2, "2026-05-31", "30.01"), charge(3, "2026-05-02", "5", "blue"),
            charge(4, "2026-05-02", "4", None), charge(5, "2026-05-02", "9", currency="EUR"),
        ],
        deployments=[
            *(deployment(n, n, service) for n, service in enumerate(["shop", "shop", "search", "shop", "pay", "shop"], 1)),
            deployment(8, 9, environment="staging"), deployment(9, 9, outcome="failure"),
            deployment(10, 9, outcome=None), deployment(11, 9, "api", team_id="blue"),
        ],
        people=[{"person_id": f"p{n}"} for n in range(6)] + [{"person_id": "bot", "is_bot": True}, {"person_id": "boss", "is_developer": False}],
        changes=[
            *(change(n, f"p{n % 6}") for n in range(12)), change(20, "bot"), change(21, "boss"), change(22, None),
            change(23, "p0", team_id="blue", service_id="api"), change(24, "p9", merged_at=None),
        ],
    )  # fmt: skip
    found = unit_costs(tables, settings(), as_of("2026-07-01"))
    assert dict(found.schema) == COLUMNS
    per = row(found, "deployment")
    assert (per["amount"], per["n"], per["missing"], per["lines"]) == (Decimal("100.01"), 6, 1, 2)
    assert abs(per["value"] - Decimal("100.01") / 6) < Decimal("1e-20")
    assert per["verdict"] == "not identified"
    assert (row(found, "active service")["n"], row(found, "active service")["value"].quantize(CENT)) == (
        3,
        Decimal("33.34"),
    )
    developers = row(found, "active developer")
    assert (developers["n"], developers["missing"], developers["value"].quantize(CENT)) == (6, 1, Decimal("16.67"))
    # Of the organisation the whole bill, and nobody counted twice.
    assert row(found, "deployment", "org")["amount"] == Decimal("109.01")
    assert row(found, "deployment", "org")["n"] == 7
    assert row(found, "active developer", "org")["n"] == 6
    assert row(found, "deployment", currency="EUR")["value"] == Decimal("1.5")
    assert row(found, "deployment", period="2026-Q2")["n"] == 6


def test_small_counts_give_none_and_few_people_are_withheld(company, settings, as_of):
    tables = company(
        teams=[{"team_id": "red"}],
        costs=[charge(1, "2026-05-01", "70")],
        deployments=[deployment(n, n) for n in range(1, 5)],
        changes=[change(n, f"p{n}") for n in range(4)],
    )
    found = unit_costs(tables, settings(), as_of("2026-06-01"))
    told = {per: row(found, per) for per in PER}
    assert [told[per]["verdict"] for per in PER] == ["insufficient data", "insufficient data", "suppressed"]
    assert [told[per]["n"] for per in PER] == [4, 1, None]
    assert [told[per]["value"] for per in PER] == [None] * 3
    assert told["active developer"]["missing"] is None
    assert row(unit_costs(tables, settings(min_cohort=3), as_of("2026-06-01")), "active developer")["value"] == Decimal(
        "17.5"
    )


def test_what_is_not_covered_is_not_measured_and_what_begins_within_is_partial(company, settings, as_of):
    costs = [charge(1, "2026-04-01", "70"), charge(2, "2026-05-01", "70"), charge(3, "2026-06-01", "70")]
    tables = company(teams=[{"team_id": "red"}], costs=costs, deployments=[deployment(n, n + 9) for n in range(1, 7)])
    found = unit_costs(tables, settings(), as_of("2026-07-01"))
    assert [row(found, "deployment", period=p)["verdict"] for p in ("2026-04", "2026-05", "2026-06")] == [
        "not measured", "not identified", "insufficient data"
    ]  # fmt: skip
    assert row(found, "deployment", period="2026-05")["is_partial"]
    assert not row(found, "deployment", period="2026-06")["is_partial"]
    assert row(found, "active developer")["verdict"] == "not measured"


def test_without_costs_there_is_nothing(company, settings, as_of):
    assert unit_costs(company(), settings(), as_of("2026-06-01")).is_empty()


def test_the_samples_deployments_are_those_of_its_answers(sample):
    found = unit_costs(sample.lazy, sample.settings, sample.as_of).filter(per="deployment")
    counts = sample.answers(metric="deployment_frequency", by=("org", "team")).select(
        "scope", "entity_id", "every", "period", pl.col("n").alias("counted")
    )
    compared = found.join(counts, on=["scope", "entity_id", "every", "period"], how="left")
    assert (compared["n"] == compared["counted"]).all()
    assert compared.filter(pl.col("value").is_not_null()).height > 200


@pytest.mark.parametrize("per", PER)
def test_the_samples_values_times_their_counts_are_its_cost(sample, per):
    found = unit_costs(sample.lazy, sample.settings, sample.as_of).filter(
        pl.col("per") == per, pl.col("value").is_not_null()
    )
    for row_ in found.iter_rows(named=True):
        assert abs(row_["value"] * row_["n"] - row_["amount"]) < Decimal("1e-15")
