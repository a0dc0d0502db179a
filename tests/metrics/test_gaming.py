"""Each check is raised by what it looks for and by nothing else; and in a company where nothing happens hardly ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import binomtest, fisher_exact

from idp_analytics.metrics import gaming as study
from idp_analytics.metrics.gaming import CHECKS, COLUMNS, LOOK, NOT_MEASURED, NOTHING, TOO_LITTLE, gaming

AS_OF = datetime(2026, 5, 1, tzinfo=UTC)
MONTHS = {"before": datetime(2026, 3, 1, tzinfo=UTC), "now": datetime(2026, 4, 1, tzinfo=UTC)}
Rows = list[dict[str, Any]]


def spread(month: str, n: int) -> list[datetime]:
    """``n`` moments evenly over a month."""
    return [MONTHS[month] + timedelta(hours=29 * 24 * i / max(n, 1)) for i in range(n)]


def built(
    deployments=(60, 60), redeploys=(0, 0), rollbacks=(0, 0), cancelled=(5, 5), failed=(5, 5), changes=(60, 60),
    small=(30, 30), incidents=(20, 20), linked=(10, 10), severe=(5, 5), pages=(20, 20), elsewhere=(40, 40),
) -> dict[str, Rows]:  # fmt: skip
    """A company whose counts are these in March and in April. Of the deployments so many are redeploys or rollbacks."""
    made: dict[str, Rows] = {
        name: [] for name in ("deployments", "changes", "deployment_changes", "incidents", "pages")
    }
    for which, month in enumerate(MONTHS):
        times = spread(month, deployments[which])
        for i, at in enumerate(times):
            # The first and so many after it bring the same commit; every other brings a new one.
            sha = f"{month}-same" if i <= redeploys[which] else f"{month}-{i}"
            back = i >= deployments[which] - rollbacks[which]
            made["deployments"].append(
                {"deployment_id": f"{month}-{i}", "finished_at": at, "sha": sha, "is_rollback": back}
            )
        for i, at in enumerate(spread(month, elsewhere[which])):
            made["deployments"].append(
                {"deployment_id": f"{month}-else-{i}", "finished_at": at, "environment": "staging" if i % 2 else None}
            )
        for outcome, many in (("cancel", cancelled[which]), ("failure", failed[which])):
            for i, at in enumerate(spread(month, many)):
                made["deployments"].append(
                    {"deployment_id": f"{month}-{outcome}-{i}", "finished_at": at, "outcome": outcome}
                )
        for i in range(changes[which]):
            lines = 10 if i < small[which] else 1000
            made["changes"].append(
                {
                    "change_id": f"{month}-{i}",
                    "kind": "pull_request",
                    "lines": lines,
                    "first_commit_at": times[0] - timedelta(days=1),
                }
            )
            made["deployment_changes"].append(
                {"deployment_id": f"{month}-{i % len(times)}", "change_id": f"{month}-{i}"}
            )
        for i, at in enumerate(spread(month, incidents[which])):
            cause = f"{month}-{i}" if i < linked[which] else "nothing-known"
            made["incidents"].append(
                {"incident_id": f"{month}-{i}", "opened_at": at + timedelta(hours=1), "resolved_at": at + timedelta(hours=2),
                 "deployment_id": cause, "severity": 1 if i < severe[which] else 3}
            )  # fmt: skip
        for i, at in enumerate(spread(month, pages[which])):
            made["pages"].append({"page_id": f"{month}-{i}", "paged_at": at, "service_id": "shop", "team_id": "red"})
    return made


def run(company, settings, **counts: tuple[int, int]) -> pl.DataFrame:
    tables = company(teams=[{"team_id": "red"}], services=[{"service_id": "shop"}], **built(**counts))
    return gaming(tables, settings(), AS_OF)


def verdicts(found: pl.DataFrame, scope: str = "team", period: str = "2026-04") -> dict[str, str]:
    rows = found.filter(scope=scope, period=period)
    return dict(rows.select("check", "verdict").unique().iter_rows())


def raised(found: pl.DataFrame) -> set[str]:
    return {check for check, verdict in verdicts(found).items() if verdict == LOOK}


@pytest.mark.parametrize(
    ("counts", "check"),
    [
        ({"redeploys": (0, 30)}, {"empty deployments"}),
        ({"deployments": (60, 120), "changes": (60, 30), "small": (30, 15)}, {"more deployments, less work"}),
        ({"changes": (60, 120), "small": (20, 100)}, {"split changes"}),
        ({"incidents": (40, 10), "linked": (20, 5), "severe": (10, 3), "pages": (20, 60)}, {"fewer incidents, more pages"}),
        ({"incidents": (40, 10), "linked": (20, 5), "severe": (10, 3), "rollbacks": (2, 20)}, {"fewer incidents, more rollbacks"}),
        ({"linked": (18, 4)}, {"incidents no longer linked"}),
        ({"severe": (16, 2)}, {"incidents made milder"}),
        ({"cancelled": (2, 20), "failed": (20, 2)}, {"cancelled instead of failed"}),
        ({"deployments": (60, 25), "elsewhere": (40, 80)}, {"relabelled out of production"}),
    ],
    ids=[check.name for check in CHECKS],
)  # fmt: skip
def test_a_check_is_raised_by_what_it_looks_for_and_no_other(company, settings, counts, check):
    assert raised(run(company, settings, **counts)) == check


@pytest.mark.parametrize(
    "counts",
    [
        {},
        {"deployments": (60, 120), "changes": (60, 120), "small": (30, 60)},  # twice the work
        {"incidents": (40, 10), "linked": (20, 5), "severe": (10, 3), "pages": (60, 20)},  # it did get better
        {"redeploys": (30, 0)},  # the other way
        {"changes": (120, 60), "small": (20, 50)},  # smaller, but not more
        {"linked": (4, 18)},
        {"severe": (2, 16)},
        {"cancelled": (20, 2), "failed": (2, 20)},
        {"elsewhere": (40, 120)},  # more tried out, as much to production
        {"incidents": (40, 10), "linked": (20, 5), "severe": (10, 3), "rollbacks": (10, 3)},
    ],
)
def test_its_innocent_twin_is_not(company, settings, counts):
    assert raised(run(company, settings, **counts)) == set()


def test_the_numbers_of_a_share_by_hand(company, settings):
    row = (
        run(company, settings, linked=(18, 4))
        .filter(scope="team", period="2026-04", check="incidents no longer linked")
        .row(0, named=True)
    )
    assert (row["before"], row["now"], row["n_before"], row["n"]) == (18 / 20, 4 / 20, 20, 20)
    assert row["change"] == pytest.approx(-0.7)
    assert row["low"] < -0.7 < row["high"] < 0
    assert row["p"] == pytest.approx(fisher_exact([[4, 16], [18, 2]], alternative="less").pvalue)
    assert row["p"] <= row["q"] <= 0.05


def test_the_numbers_of_a_rate_are_per_day(company, settings):
    found = run(company, settings, deployments=(62, 120), changes=(60, 30), small=(30, 15))
    row = found.filter(scope="org", period="2026-04", check="more deployments, less work").row(0, named=True)
    assert (row["before"], row["now"]) == (pytest.approx(2.0), pytest.approx(4.0))  # 31 days, 30 days
    assert row["change"] == pytest.approx(2.0)
    assert not row["is_share"]


def test_p_of_a_rising_share_and_of_two_rates_is_that_of_the_exact_tests(company, settings):
    found = run(company, settings, redeploys=(3, 12), deployments=(62, 60), elsewhere=(31, 45))
    p = dict(found.filter(scope="team", period="2026-04").select("check", "p").unique().iter_rows())
    # 3 of the 62 and 12 of the 60 are redeploys.
    assert p["empty deployments"] == pytest.approx(fisher_exact([[12, 48], [3, 59]], alternative="greater").pvalue)
    # 60 of 122 and 45 of 76 fell in the later month, which has 30 of the 61 days; the check has the larger p.
    fewer = binomtest(60, 122, 30 / 61, alternative="less").pvalue
    more = binomtest(45, 76, 30 / 61, alternative="greater").pvalue
    assert more < fewer
    assert p["relabelled out of production"] == pytest.approx(fewer)
    # And where the other of the two has it.
    found = run(company, settings, deployments=(62, 30), elsewhere=(31, 45))
    p = dict(found.filter(scope="team", period="2026-04").select("check", "p").unique().iter_rows())
    assert p["relabelled out of production"] == pytest.approx(more)


def test_a_month_without_one_before_it_is_not_measured_and_a_quiet_team_has_too_little(company, settings):
    tables = built()
    made = company(teams=[{"team_id": "red"}, {"team_id": "blue"}], services=[{"service_id": "shop"}, {"service_id": "till"}], **{
        **tables, "deployments": [*tables["deployments"], {"deployment_id": "t", "finished_at": "2026-04-02", "service_id": "till", "team_id": "blue"}],
    })  # fmt: skip
    found = gaming(made, settings(), AS_OF)
    assert set(verdicts(found, period="2026-03").values()) == {NOT_MEASURED}
    blue = found.filter(entity_id="blue", period="2026-04")
    assert set(blue["verdict"]) == {TOO_LITTLE}
    assert blue["q"].null_count() == blue.height


def test_without_pages_the_check_that_needs_them_is_not_measured(company, settings):
    found = verdicts(run(company, settings, pages=(0, 0)))
    assert {name for name, verdict in found.items() if verdict == NOT_MEASURED} == {"fewer incidents, more pages"}


def test_a_partial_month_is_not_compared(company, settings):
    tables = company(teams=[{"team_id": "red"}], services=[{"service_id": "shop"}], **built())
    found = gaming(tables, settings(), AS_OF - timedelta(days=10))
    assert "2026-04" not in found["period"]


def test_nothing_at_all_is_a_typed_empty_frame(company, settings):
    found = gaming(company(), settings(), AS_OF)
    assert found.is_empty()
    assert found.schema == pl.Schema(COLUMNS)


def test_every_check_says_what_is_innocent_and_its_signals_are_counted():
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert check.innocent
        assert check.look_at
        assert set(check.needs) <= set(study._FIRST)


@pytest.mark.slow
def test_where_nothing_changes_hardly_anything_is_raised(company, settings):
    """200 companies of one team: of those with any check raised, at most what the level allows (5 %), within chance."""
    rng = np.random.default_rng(20260701)
    alarms = 0
    for _ in range(200):
        two = lambda mean: tuple(int(n) for n in rng.poisson(mean, 2))  # noqa: E731
        deployments, changes, incidents = two(60), two(60), two(20)
        part = lambda of, share: tuple(int(rng.binomial(n, share)) for n in of)  # noqa: E731
        found = run(
            company, settings, deployments=deployments, changes=changes, incidents=incidents, pages=two(20),
            rollbacks=part(deployments, 0.05), small=part(changes, 0.5), linked=part(incidents, 0.5),
            severe=part(incidents, 0.3), cancelled=two(5), failed=two(5), elsewhere=two(40),
        )  # fmt: skip
        alarms += bool(raised(found))
    assert alarms / 200 <= 0.05 + 1.96 * np.sqrt(0.05 * 0.95 / 200)


def of_team(team: str, made: dict[str, Rows]) -> dict[str, Rows]:
    """The same rows as another team's, with ids of its own."""
    ids = ("deployment_id", "change_id", "incident_id", "page_id")
    return {
        name: [
            {key: f"{team}-{value}" if key in ids else value for key, value in row.items()}
            | ({} if name == "deployment_changes" else {"service_id": f"{team}-shop", "team_id": team})
            for row in rows
        ]
        for name, rows in made.items()
    }


def of_many(company, teams: dict[str, dict[str, Rows]]):
    parts = [of_team(team, made) for team, made in teams.items()]
    return company(
        teams=[{"team_id": team} for team in teams],
        services=[{"service_id": f"{team}-shop"} for team in teams],
        **{name: [row for part in parts for row in part[name]] for name in parts[0]},
    )


def test_one_team_is_raised_among_others(company, settings):
    teams = {f"t{n}": built(redeploys=(0, 30 if n == 3 else 0)) for n in range(8)}
    found = gaming(of_many(company, teams), settings(), AS_OF).filter(scope="team", period="2026-04", verdict=LOOK)
    assert found.select("entity_id", "check").rows() == [("t3", "empty deployments")]


def asked(**columns: list[Any]) -> pl.DataFrame:
    """Cells of one month and scope, one team each, as :func:`_adjusted` takes them."""
    n = len(columns["p"])
    return pl.DataFrame(
        {
            "scope": ["team"] * n, "entity_id": [f"t{i}" for i in range(n)], "every": ["1mo"] * n,
            "period_start": [MONTHS["now"].date()] * n, "check": ["x"] * n, "measured": [True] * n, "sound": [True] * n,
            "clear": [True] * n, **columns,
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "q", "says"),
    [
        # Benjamini-Hochberg by hand: p times (how many are asked ÷ rank), never more than that of the next.
        ({"p": [0.01, 0.04, 0.9]}, [0.03, 0.06, 0.9], [LOOK, NOTHING, NOTHING]),
        ({"p": [0.03, 0.04]}, [0.04, 0.04], [LOOK, LOOK]),
        # What cannot be asked is not counted among those that are.
        ({"p": [0.04, 0.01, 0.01], "measured": [True, False, True], "sound": [True, True, False]},
         [0.04, None, None], [LOOK, NOT_MEASURED, TOO_LITTLE]),
        # An interval that holds no change is not called one.
        ({"p": [0.04], "clear": [False]}, [0.04], [NOTHING]),
    ],
)  # fmt: skip
def test_false_alarms_are_held_down_over_all_that_is_asked(columns, q, says):
    found = study._adjusted(asked(**columns), 0.95)
    assert found["q"].to_list() == pytest.approx(q, nan_ok=True)
    assert found["verdict"].to_list() == says


@pytest.mark.slow
def test_in_a_company_of_many_teams_hardly_anything_is_raised(company, settings):
    """40 companies of 12 teams where nothing changes: 9 checks of 12 teams are asked at once, and few companies have an alarm."""
    rng = np.random.default_rng(20260702)

    def steady() -> dict[str, Rows]:
        two = lambda mean: tuple(int(n) for n in rng.poisson(mean, 2))  # noqa: E731
        part = lambda of, share: tuple(int(rng.binomial(n, share)) for n in of)  # noqa: E731
        deployments, changes, incidents = two(60), two(60), two(20)
        return built(
            deployments=deployments, changes=changes, incidents=incidents, pages=two(20), elsewhere=two(40),
            redeploys=part(deployments, 0.1), rollbacks=part(deployments, 0.05), small=part(changes, 0.5),
            linked=part(incidents, 0.5), severe=part(incidents, 0.3), cancelled=two(8), failed=two(8),
        )  # fmt: skip

    alarms = 0
    for _ in range(40):
        found = gaming(of_many(company, {f"t{n}": steady() for n in range(12)}), settings(), AS_OF)
        alarms += found.filter(scope="team", period="2026-04", verdict=LOOK).height > 0
    assert alarms / 40 <= 0.05 + 1.96 * np.sqrt(0.05 * 0.95 / 40)
