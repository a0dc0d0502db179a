"""Drift and upgrade lag by hand: which version is newer, since when that makes somebody behind, and how long they take."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from statsmodels.stats.proportion import proportion_confint

from idp_analytics.metrics.drift import COLUMNS, LIST_COLUMNS, drift, services_behind
from idp_analytics.metrics.path_versions import behind, ranked, releases
from idp_analytics.metrics.upgrade_lag import COLUMNS as LAG
from idp_analytics.metrics.upgrade_lag import upgrade_lag, upgrades

AS_OF = "2026-04-01"
PIPE = {"golden_path_id": "pipe", "title": "Pipe"}


def out(**versions: str | None):
    """Versions of pipe (``_`` for a dot) and when each was released."""
    return [
        {"golden_path_id": "pipe", "version": name.replace("_", "."), "released_at": day}
        for name, day in versions.items()
    ]


def on(service: str, version: str | None, day: str = "2026-03-31", **more):
    return {"service_id": service, "golden_path_id": "pipe", "as_of": date.fromisoformat(day), "evidence": "uses",
            "version": version, **more}  # fmt: skip


FIRST, SECOND = "2026-01-10", "2026-02-19"  # 81 and 41 days before the as-of time


@pytest.mark.parametrize(
    ("versions", "used", "expected"),  # versions behind, when the first newer one came out
    [
        ({"1.9": "2025-12-01", "1.10": FIRST}, "1.9", (1, FIRST)),  # not as text, where 1.10 would be older
        ({"1.9": "2025-12-01", "1.10": FIRST}, "1.10", (0, None)),
        ({"v1.9": "2025-12-01", "1.10.0": FIRST}, "1.9.0", (1, FIRST)),  # a leading v is the same version
        ({"1.9": "2025-12-01", "1.10": FIRST, "2.0": SECOND}, "1.9", (2, FIRST)),  # behind since the first newer one
        ({"2.0": "2025-12-01", "1.9.9": SECOND}, "2.0", (0, None)),  # an old line mended later is no newer version
        ({"1.9": "2025-12-01", "1.10": "2026-04-02"}, "1.9", (0, None)),  # not out yet
        ({"1.9": "2025-12-01", "2.0rc1": FIRST}, "1.9", (0, None)),  # not for everyone yet
        (
            {"1.9": "2025-12-01", "1.10": FIRST},
            "1.9.5",
            (1, FIRST),
        ),  # never released as far as told, yet it has a place
        ({"1.9": "2025-12-01", "1.10": FIRST}, "main", (None, None)),  # a branch is no version
        ({"1.9": "2025-12-01", "1.10": FIRST}, "~> 1.9", (None, None)),  # nor is a range
        ({"blue": "2025-12-01", "amber": FIRST}, "blue", (1, FIRST)),  # names: by when they were released
        ({"blue": "2025-12-01", "amber": FIRST}, "amber", (0, None)),
        ({"blue": "2025-12-01", "amber": FIRST}, "crimson", (None, None)),  # nobody says when that was
        ({"1.9": "2025-12-01", "blue": FIRST}, "1.9", (1, FIRST)),  # one that is no version: all by release
    ],
)
def test_which_version_is_newer(company, as_of, versions, used, expected):
    made = company(golden_path_versions=out(**versions))
    asked = pl.DataFrame(
        {"golden_path_id": ["pipe"], "version": [used], "at": [as_of(AS_OF)]},
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )
    row = behind(ranked(releases(made, as_of(AS_OF)), asked), asked).row(0, named=True)
    steps, since = expected
    assert row["versions_behind"] == steps
    assert row["first_newer_at"] == (as_of(since) if since else None)


def one(company, settings, as_of, versions, *stays, paths=(PIPE,), **rules):
    made = company(golden_paths=paths, golden_path_versions=versions, service_golden_path=stays,
                   services=[{"service_id": s} for s in {stay["service_id"] for stay in stays}])  # fmt: skip
    return (
        drift(made, settings(**rules), as_of(AS_OF)).filter(scope="org", period="2026-03", by="all").row(0, named=True)
    )


def test_days_are_counted_from_the_release_of_the_first_newer_version(company, settings, as_of):
    versions = out(**{"1_0": "2025-12-01", "1_1": FIRST, "1_2": SECOND})
    row = one(
        company,
        settings,
        as_of,
        versions,
        on("a", "1.0"),
        on("b", "1.1"),
        on("c", "1.2"),
        on("d", None),
        on("e", "main"),
    )
    assert (row["n"], row["k"], row["unknown"], row["in_grace"]) == (3, 1, 2, 0)
    assert row["share"] == pytest.approx(1 / 3)
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint(1, 3, method="wilson"))
    assert (row["dated"], row["days_behind"], row["versions_behind"]) == (2, (81 + 41) / 2, 1.5)


@pytest.mark.parametrize(("grace", "current"), [(30.0, 1), (41.0, 2), (40.9, 1), (0.0, 1), (81.0, 3)])
def test_grace(company, settings, as_of, grace, current):
    versions = out(**{"1_0": "2025-12-01", "1_1": FIRST, "1_2": SECOND})
    row = one(
        company, settings, as_of, versions, on("a", "1.0"), on("b", "1.1"), on("c", "1.2"), drift_grace_days=grace
    )
    assert (row["k"], row["in_grace"], row["grace_days"]) == (current, current - 1, grace)


@pytest.mark.parametrize(
    ("said", "version", "expected"),  # n, k, unknown, dated
    [
        (
            "behind",
            "main",
            (1, 0, 0, 0),
        ),  # the source's own word, where nothing can be compared; for how long is not known
        ("current", None, (1, 1, 0, 0)),
        ("unknown", None, (0, 0, 1, 0)),
        (None, None, (0, 0, 1, 0)),
        ("behind", "1.2", (1, 1, 0, 0)),  # not believed against the versions
        ("current", "1.0", (1, 0, 0, 1)),
    ],
)
def test_what_the_source_says_stands_only_where_versions_do_not_tell(company, settings, as_of, said, version, expected):
    versions = out(**{"1_0": "2025-12-01", "1_2": FIRST})
    row = one(company, settings, as_of, versions, on("a", version, drift=said))
    assert (row["n"], row["k"], row["unknown"], row["dated"]) == expected


@pytest.mark.parametrize(("version", "expected"), [("1.0", (0, 0, 1)), ("1.2", (1, 1, 0))])
def test_a_current_version_of_unknown_age_makes_nobody_behind_for_sure(company, settings, as_of, version, expected):
    row = one(company, settings, as_of, (), on("a", version), paths=[{**PIPE, "current_version": "1.2"}])
    assert (row["n"], row["k"], row["unknown"]) == expected


def test_born_on_a_version_says_nothing_of_today(company, settings, as_of):
    stays = [on("a", "1.0", "2026-01-31", evidence="born"), on("a", None)]
    row = one(company, settings, as_of, out(**{"1_0": "2025-12-01", "1_2": FIRST}), *stays)
    assert (row["n"], row["unknown"]) == (0, 1)


def test_the_list_of_who_is_behind_is_a_team_s(company, settings, as_of):
    made = company(
        golden_paths=[PIPE], golden_path_versions=out(**{"1_0": "2025-12-01", "1_1": FIRST, "1_2": SECOND}),
        service_golden_path=[on("a", "1.1"), on("b", "1.0"), on("c", "1.2")],
        services=[{"service_id": name} for name in "abc"], ownership=[{"service_id": name, "team_id": "red"} for name in "abc"],
    )  # fmt: skip
    found = services_behind(made, settings(), as_of(AS_OF))
    assert list(found.columns) == list(LIST_COLUMNS)
    march = found.filter(period="2026-03").select("entity_id", "service_id", "versions_behind", "days_behind").rows()
    assert march == [("red", "b", 2, 81.0), ("red", "a", 1, 41.0)]


def test_nothing_known(company, settings, as_of):
    assert drift(company(), settings(), as_of(AS_OF)).schema == pl.Schema(COLUMNS)
    assert services_behind(company(), settings(), as_of(AS_OF)).is_empty()
    assert upgrade_lag(company(), settings(), as_of(AS_OF)).schema == pl.Schema(LAG)


# --- upgrade lag ------------------------------------------------------------------------------------------------------------

LOOKS = ("2026-01-05", "2026-01-15", "2026-01-25", "2026-02-04")
VERSIONS = {"1_9": "2025-12-01", "1_10": "2026-01-10"}


def path(service: str, *versions: str | None):
    return [on(service, version, day) for version, day in zip(versions, LOOKS, strict=False)]


def due(company, settings, as_of, *stays, services=(), versions=VERSIONS):
    names = {stay["service_id"] for stay in stays}
    described = [*services, *({"service_id": name} for name in names - {s["service_id"] for s in services})]
    made = company(
        golden_paths=[PIPE], golden_path_versions=out(**versions), service_golden_path=stays, services=described
    )
    return made, {r["service_id"]: (r["x"], r["hit"]) for r in upgrades(made, settings(), as_of(AS_OF)).to_dicts()}


def test_upgrades_by_hand(company, settings, as_of):
    stays = [
        *path("quick", "1.9", "1.10", "1.10", "1.10"),  # seen on the 15th
        *path("slow", "1.9", "1.9", "1.9", "1.10"),
        *path("never", "1.9", "1.9", "1.9", "1.9"),  # up to the last look
        *path("gone", "1.9", "1.9"),  # not seen at the two looks after: it left on the 25th
        *path("unread", None, "1.10", "1.10", "1.10"),  # what it was on is not known
        *path("blind", "1.9", None, "1.10", "1.10"),
    ]
    stays += [on("new", "1.10", day) for day in LOOKS[1:]]  # joined after the release: nothing to upgrade
    stays += [on("ahead", "1.10", day) for day in LOOKS]  # had it before it was out
    made, found = due(company, settings, as_of, *stays)
    assert found == {
        "quick": (5.0, True), "slow": (25.0, True), "never": (25.0, False), "gone": (5.0, False), "unread": (None, True),
        "blind": (15.0, True),
    }  # fmt: skip
    row = (
        upgrade_lag(made, settings(), as_of(AS_OF)).filter(pl.col("part").is_null(), scope="org").row(0, named=True)
    )  # fmt: skip
    assert (row["n"], row["k"], row["unknown"], row["releases"]) == (5, 3, 1, 1)
    # 5 days: 1 of 5; the one that left is lost there; 15: 1 of 3; 25: 1 of 2, the curve comes from 0.8 to 0.53 to 0.27.
    assert (row["half"], row["most"]) == (25.0, None)


def test_a_newer_release_still_counts_as_taking_up_this_one(company, settings, as_of):
    versions = {"1_9": "2025-12-01", "1_10": "2026-01-10", "1_11": "2026-01-12"}
    made, _ = due(company, settings, as_of, *path("jump", "1.9", "1.11", "1.11"), versions=versions)
    found = upgrades(made, settings(), as_of(AS_OF))
    assert found.select("release", "x", "hit").rows() == [("1.10", 5.0, True), ("1.11", 3.0, True)]


def test_a_retired_service_is_followed_no_further(company, settings, as_of):
    stays = path("old", "1.9", "1.9", "1.9", "1.9")
    _, found = due(company, settings, as_of, *stays, services=[{"service_id": "old", "retired_at": "2026-01-20"}])
    assert found == {"old": (10.0, False)}


def test_the_curve_of_the_sample_has_the_planted_pace(sample):
    """Services lag behind by an exponential 45 days, half within 31; looks a month apart add up to 30."""
    tables = {name: frame.lazy() for name, frame in sample.tables.items()}
    found = upgrade_lag(tables, sample.settings, sample.as_of).filter(scope="org", part="delivery-pipeline")
    row = found.row(0, named=True)
    assert row["half_low"] <= 31 + 30
    assert row["half_high"] >= 31
    assert found["share"].is_sorted()
    assert (found["low"].drop_nulls() <= found["share"].head(found["low"].count())).all()
