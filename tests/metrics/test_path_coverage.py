"""Coverage by hand: who is eligible, who is active, and of whom nobody knows; and the sample company's planted joins."""

from __future__ import annotations

import json
from datetime import date

import polars as pl
import pytest
from statsmodels.stats.proportion import proportion_confint

from idp_analytics.metrics.path_coverage import BY, COLUMNS, path_coverage

AS_OF = "2026-04-01"
DAY = date(2026, 3, 31)


def on(service: str, evidence: str = "uses", path: str = "pipe", day: date = DAY, **more):
    return {"service_id": service, "golden_path_id": path, "as_of": day, "evidence": evidence, **more}


def service(name: str, **more):
    return {"service_id": name, "kind": "service", "lifecycle": "production", **more}


def deployed(name: str, *days: str):
    return [{"deployment_id": f"{name}-{day}", "service_id": name, "finished_at": day} for day in days]


@pytest.fixture
def coverage(company, settings, as_of):
    def build(services, stays, deployments, at=AS_OF, paths=({"golden_path_id": "pipe", "title": "Pipe"},), **tables):
        made = company(
            teams=[{"team_id": "red"}, {"team_id": "floor", "kind": "platform"}], services=services, service_golden_path=stays,
            deployments=[*deployments, *deployed("ancient", "2025-06-01")], golden_paths=paths, **tables,
        )  # fmt: skip
        return path_coverage(made, settings(), as_of(at))

    return build


def whole(found: pl.DataFrame, by: str = "all", **where):
    rows = found.filter(scope="org", period="2026-03", by=by, **where).to_dicts()
    return [(r["n"], r["k"], r["unknown"], r["missing"]) for r in rows]


def test_the_three_parts_of_a_month(coverage):
    names = ("used", "born", "off", "two")
    found = coverage(
        [service(name) for name in names],
        [on("used"), on("born", "born", "mould"), on("two"), on("two", "born", "mould")],
        [row for name in names for row in deployed(name, "2026-03-10")],
        paths=[{"golden_path_id": "pipe", "title": "Pipe"}, {"golden_path_id": "mould", "title": "Mould"}],
    )
    assert whole(found) == [(4, 2, 1, 0)]
    assert whole(found, "path", part="pipe") == [(4, 2, 0, 0)]
    assert whole(found, "path", part="mould") == [(4, 0, 2, 0)]  # nobody looks whether the mould is still kept
    row = found.filter(scope="org", period="2026-03", by="all").row(0, named=True)
    assert row["share"] == 0.5
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint(2, 4, method="wilson"))
    assert list(found.columns) == list(COLUMNS)
    assert set(found["by"]) <= set(BY)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (1, 1, 0, 0)),
        ({"lifecycle": "experimental"}, None),
        ({"lifecycle": None}, (0, 0, 0, 1)),  # not known whether it is eligible
        ({"kind": "library"}, None),  # no path is for libraries
        ({"kind": None}, (0, 0, 0, 1)),
        ({"retired_at": "2026-03-20"}, None),
        ({"created_at": "2026-04-01"}, None),
        ({"created_at": "2026-03-31T23:00"}, (1, 1, 0, 0)),
    ],
)
def test_who_is_eligible(coverage, given, expected):
    paths = [{"golden_path_id": "pipe", "title": "Pipe", "applies_to": ["service", "website"]}]
    found = coverage([service("shop", **given)], [on("shop")], deployed("shop", "2026-03-10"), paths=paths)
    assert whole(found) == ([] if expected is None else [expected])


def test_a_path_for_no_kind_in_particular_is_for_all(coverage):
    for kinds in (None, []):
        paths = [{"golden_path_id": "pipe", "title": "Pipe", "applies_to": kinds}]
        found = coverage([service("lib", kind=None)], [on("lib")], deployed("lib", "2026-03-10"), paths=paths)
        assert whole(found) == [(1, 1, 0, 0)]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-03-31", [(1, 1, 0, 0)]),
        ("2026-01-02", [(1, 1, 0, 0)]),  # within 90 days
        ("2025-12-30", []),  # longer ago: not active, and the data reach back that far
    ],
)
def test_active_means_deployed_in_90_days(coverage, day, expected):
    assert whole(coverage([service("shop")], [on("shop")], deployed("shop", day))) == expected


def test_without_deployments_that_reach_back_far_enough_activity_is_not_known(company, settings, as_of):
    for deployments in ([], deployed("other", "2026-02-01")):
        made = company(services=[service("shop")], service_golden_path=[on("shop")], deployments=deployments,
                       golden_paths=[{"golden_path_id": "pipe", "title": "Pipe"}])  # fmt: skip
        assert whole(path_coverage(made, settings(), as_of(AS_OF))) == [(0, 0, 0, 1)]


def test_telemetry_shows_a_service_to_be_active(coverage):
    paths = [{"golden_path_id": "eyes", "title": "Eyes", "kind": "instrumentation"}]
    assert whole(coverage([service("shop")], [on("shop", path="eyes")], [], paths=paths)) == [(1, 1, 0, 0)]


def test_the_platform_team_s_own_services_are_not_counted(coverage):
    owned = [{"service_id": "shop", "team_id": "red"}, {"service_id": "ci", "team_id": "floor"}]
    made = [*deployed("shop", "2026-03-10"), *deployed("ci", "2026-03-10")]
    found = coverage([service("shop"), service("ci")], [on("ci")], made, ownership=owned)
    assert whole(found) == [(1, 0, 0, 0)]
    assert found.filter(scope="team")["entity_id"].unique().to_list() == ["red"]


def test_a_service_counts_for_who_owned_it_at_the_end(coverage):
    owned = [
        {"service_id": "shop", "team_id": "red"},
        {"service_id": "shop", "team_id": "blue", "valid_from": date(2026, 2, 15)},
    ]
    stays = [on("shop", day=date(2026, 1, 31)), on("shop", day=date(2026, 2, 28)), on("shop")]
    found = coverage([service("shop")], stays, deployed("shop", "2026-01-10", "2026-03-10"), ownership=owned)
    months = found.filter(scope="team", by="all", every="1mo").select("period", "entity_id").rows()
    assert sorted(months) == [("2026-01", "red"), ("2026-02", "blue"), ("2026-03", "blue")]
    assert found.filter(scope="team", by="all", every="1q")["entity_id"].to_list() == ["blue"]  # no sum of months


def test_weighed_by_deployments_the_interval_rests_on_services(coverage):
    made = [
        *deployed("busy", *(f"2026-03-{d:02d}" for d in range(1, 11))),
        *deployed("calm", "2026-03-02", "2026-03-03"),
    ]
    found = coverage([service("busy"), service("calm")], [on("busy")], made)
    assert whole(found, "deployments") == [(12, 10, 0, 0)]
    weighed = found.filter(scope="org", period="2026-03", by="deployments").row(0, named=True)
    naive = proportion_confint(10, 12, method="wilson")
    assert weighed["low"] < naive[0]
    both = coverage([service("busy"), service("calm")], [on("busy"), on("calm")], made)
    row = both.filter(scope="org", period="2026-03", by="deployments").row(0, named=True)
    effective = 12**2 / (10**2 + 2**2)
    assert row["low"] == pytest.approx(proportion_confint(effective, effective, method="wilson")[0])


def test_without_a_look_nothing_is_measured(coverage):
    assert coverage([service("shop")], [], deployed("shop", "2026-03-10")).is_empty()


def test_the_sample_s_joins_come_back(sample, repository):
    """The paths whose use is seen: of the eligible and active, exactly those that joined are found on them."""
    joined = json.loads((repository / "data/sample/truth.json").read_text())["golden_paths"]
    tables = {name: frame.lazy() for name, frame in sample.tables.items()}
    found = path_coverage(tables, sample.settings, sample.as_of).filter(scope="org", every="1q")
    services = sample.tables["services"].filter(lifecycle="production")
    for_path = {
        row["golden_path_id"]: set(
            services.filter(pl.col("kind").is_in(row["applies_to"] or services["kind"].unique().to_list()))[
                "service_id"
            ]
        )
        for row in sample.tables["golden_paths"].iter_rows(named=True)
    }
    looked = [(path, "2026-Q2") for path in joined] + [("delivery-pipeline", "2025-Q4")]
    assert len(looked) == 5
    for path, last in looked:
        row = found.filter(by="path", part=path, period=last).row(0, named=True)
        end = "2026-07-01" if last == "2026-Q2" else "2026-01-01"
        there = {name for name, day in joined[path]["joined"].items() if day < end} & for_path[path]
        truth = len(there) / len(for_path[path])
        assert row["unknown"] == 0
        assert row["k"] <= len(there)
        assert row["low"] <= truth <= row["high"], (path, last)
    whole = found.filter(by="all", period="2026-Q2").row(0, named=True)
    anywhere = {name for path in joined for name in joined[path]["joined"]} & set(services["service_id"])
    assert whole["k"] <= len(anywhere) < services.height
    assert whole["low"] <= len(anywhere) / services.height <= whole["high"]


def test_nobody_is_shown_on_a_path_that_never_joined_it(sample, repository):
    """Each export of the sample says of each path who truly is on it, and of no other service."""
    joined = json.loads((repository / "data/sample/truth.json").read_text())["golden_paths"]
    told = sample.tables["service_golden_path"].select("source", "golden_path_id", "service_id").unique()
    assert told["source"].n_unique() == 5
    assert {(row[0], *row[1:]) for row in told.rows() if row[2] not in joined[row[1]]["joined"]} == set()
