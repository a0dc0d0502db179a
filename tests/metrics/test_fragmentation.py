"""In how many ways one thing is done, by hand."""

from __future__ import annotations

import math
from datetime import date

import polars as pl
import pytest

from idp_analytics.metrics.fragmentation import COLUMNS, fragmentation

AS_OF = "2026-04-01"
DAY = date(2026, 3, 31)


def deployed(service: str, path: str | None, day: str = "2026-03-10", **more):
    return {
        "deployment_id": f"{service}{day}",
        "service_id": service,
        "golden_path_id": path,
        "finished_at": day,
        **more,
    }


def on(service: str, path: str, version: str | None = None):
    return {"service_id": service, "golden_path_id": path, "as_of": DAY, "evidence": "uses", "version": version}


@pytest.fixture
def ways(company, settings, as_of):
    def build(deployments=(), stays=(), services="abcdef"):
        made = company(
            teams=[{"team_id": "red"}], services=[{"service_id": s} for s in services], deployments=deployments, service_golden_path=stays,
            golden_paths=[{"golden_path_id": n, "title": n, "kind": "module"} for n in ("one", "two")],
            ownership=[{"service_id": s, "team_id": "red"} for s in "ab"],
        )  # fmt: skip
        return fragmentation(made, settings(), as_of(AS_OF)).filter(period="2026-03")

    return build


def test_the_latest_deployment_says_how_a_service_is_deployed(ways):
    found = ways([
        deployed("a", None, "2026-01-20"), deployed("a", "pipe"), deployed("b", "pipe"), deployed("c", "pipe"),
        deployed("d", None), deployed("e", None, source="other"), deployed("f", "pipe", "2025-12-01"),  # too long ago
    ])  # fmt: skip
    row = found.filter(scope="org").row(0, named=True)
    assert (row["capability"], row["n"], row["variants"], row["most"], row["most_share"]) == (
        "deploying",
        5,
        3,
        "pipe",
        0.6,
    )
    assert row["value"] == pytest.approx(math.exp(-0.6 * math.log(0.6) - 0.4 * math.log(0.2)))
    team = found.filter(scope="team").row(0, named=True)
    assert (team["entity_id"], team["n"], team["value"]) == ("red", 2, 1.0)


def test_paths_of_a_kind_and_versions_of_a_path(ways):
    found = ways(
        stays=[on("a", "one", "1.0"), on("b", "one", "1.1"), on("c", "two"), on("c", "one", "1.0"), on("d", "one")]
    )
    rows = {row["capability"]: row for row in found.filter(scope="org").to_dicts()}
    assert (rows["module"]["n"], rows["module"]["variants"]) == (5, 2)  # c is on both and counts with both
    versions = rows["version of one"]
    assert (versions["n"], versions["unknown"], versions["variants"]) == (3, 1, 2)
    assert versions["same"] == pytest.approx(5 / 9)
    assert (rows["version of two"]["n"], rows["version of two"]["unknown"], rows["version of two"]["value"]) == (
        0,
        1,
        None,
    )


def test_nothing_known(company, settings, as_of):
    assert fragmentation(company(), settings(), as_of(AS_OF)).schema == pl.Schema(COLUMNS)


def test_the_sample_s_pipeline_wins(sample):
    tables = {name: frame.lazy() for name, frame in sample.tables.items()}
    found = fragmentation(tables, sample.settings, sample.as_of).filter(scope="org", every="1q", capability="deploying")
    assert (
        found.sort("period_start")["most"].to_list()[-1] == "delivery-pipeline"
    )  # planted: adopted by choice over the year
    assert found["value"].is_between(1, found["variants"].max()).all()
