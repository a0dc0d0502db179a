"""What DORA published, as data: read, checked, and true to what we could look up."""

from __future__ import annotations

import pytest

from idp_analytics.errors import SettingsError
from idp_analytics.metrics import CATALOGUE
from idp_analytics.metrics.editions import FILE, MEASURED, editions, quick_checks, read


def of(year: int, metric: str):
    (edition,) = (e for e in editions() if e.year == year)
    return edition, next(m for m in edition.metrics if m.metric == metric)


def test_every_year_is_there_with_its_source():
    assert [e.year for e in editions()] == [2019, 2021, 2022, 2023, 2024, 2025]
    for edition in editions():
        assert edition.url.startswith("https://dora.dev/research/")
        assert {m.metric for m in edition.metrics} == set(MEASURED) - {"deployment_rework_rate"}
    assert set(MEASURED) <= {m.name for m in CATALOGUE}


def test_what_the_tiers_are_worth_by_year():
    assert [e.year for e in editions() if e.kind == "tiers" and not e.orderable] == [2024]
    assert [e.year for e in editions() if e.kind == "distribution"] == [2025]
    assert not any(r.name in ("elite", "high", "medium", "low") for m in editions()[-1].metrics for r in m.ranges)
    assert [r.name for r in of(2022, "change_lead_time")[1].ranges] == ["high", "medium", "low"]
    # In 2024 the cluster called medium fails less often than the one called high.
    fails = {r.name: r.low for r in of(2024, "change_fail_rate")[1].ranges}
    assert fails == {"elite": 5, "medium": 10, "high": 20, "low": 40}


def test_only_what_was_seen_in_a_report_is_called_verified():
    assert [e.year for e in editions() if all(m.verified for m in e.metrics)] == [2019, 2021]
    seen = {(r.name, r.verified) for m in of(2023, "change_lead_time")[0].metrics for r in m.ranges}
    assert seen == {("elite", True), ("high", False), ("medium", False), ("low", False)}
    assert [e.year for e in editions() if e.shares_verified] == [2019, 2021]


@pytest.mark.parametrize(
    ("year", "metric", "bounds"),
    [
        (2019, "change_fail_rate", [(0, 15), (0, 15), (0, 15), (46, 60)]),
        (2021, "change_fail_rate", [(0, 15), (16, 30), (16, 30), (16, 30)]),
        (2019, "change_lead_time", [(0, 24), (24, 168), (168, 730.5), (730.5, 4383)]),
        (2021, "failed_deployment_recovery_time", [(0, 1), (1, 24), (24, 168), (4383, float("inf"))]),
        (2021, "deployment_frequency", [(1, float("inf")), (24 / 730.5, 1 / 7), (24 / 4383, 24 / 730.5), (0, 24 / 4383)]),
    ],
)  # fmt: skip
def test_bounds_as_the_reports_print_them(year, metric, bounds):
    assert [(r.low, r.high) for r in of(year, metric)[1].ranges] == [pytest.approx(pair) for pair in bounds]


def test_answers_of_2025_add_up_where_all_are_known():
    totals = {m.metric: round(sum(r.share for r in m.ranges), 1) for m in editions()[-1].metrics}
    assert totals == {
        "deployment_frequency": 100.0, "change_lead_time": 99.8, "change_fail_rate": 8.5, "failed_deployment_recovery_time": 99.9,
    }  # fmt: skip


def test_the_inverted_figures_by_size_are_named_and_not_used():
    latest = quick_checks()[-1]
    assert latest.means["failed_deployment_recovery_time"] == 7.4
    assert "wrong way round" in latest.note


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ('kind = "distribution"', 'kind = "guess"', "2025: kind 'guess' is neither tiers nor distribution"),
        ("elite = 20", "elite = 2", "2019: shares add up to 81 %"),
        ('under = "1 d"', 'under = "1 year"', "2019 change_lead_time elite: has no bounds that can be read"),
        ("year = 2021", "year = 2018", "editions are not in order of year"),
        ('name = "change_fail_rate"\nwhere = "table, p. 18"', 'name = "luck"', "2019 luck: there is no such metric"),
        ("percent = [0, 15], verified = true", "percent = [0, 15]", "does not say whether it is verified"),
        ("share = 16.2", "share = 99", "2025 deployment_frequency: answers add up to"),
        ("tiers = [\n  { name = \"elite\", on_demand = true, verified = true },\n  { name = \"high\", between = [\"1 d\", \"1 wk\"], verified = true },", "others = [", "2019 deployment_frequency: nothing is listed"),
        ("orderable = true\n", "", "2019: no orderable"),
        ('[[quick_check]]\nyear = 2024\nurl = "https://dora.dev/quickcheck/"\nwhere', '[[quick_check]]\nyear = 2024\nthere', "quick check 2024: no where"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told_in_full(tmp_path, was, now, told):
    text = FILE.read_text(encoding="utf-8")
    assert was in text
    path = tmp_path / "benchmarks.toml"
    path.write_text(text.replace(was, now, 1), encoding="utf-8")
    with pytest.raises(SettingsError, match=told.replace("(", r"\(")):
        read(path)
