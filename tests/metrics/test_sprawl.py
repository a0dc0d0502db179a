"""Parts of the platform by hand: who uses them, what the rule comes to, what silence means, and what the sample's truth says."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from statsmodels.stats.proportion import proportion_confint

from idp_analytics.errors import ReportError
from idp_analytics.metrics import component_rows
from idp_analytics.metrics.sprawl import COLUMNS, sprawl
from idp_analytics.metrics.sprawl_costs import PAIR_COLUMNS, sprawl_costs, sprawl_pairs
from idp_analytics.settings.components import Component

AS_OF = "2026-04-01"
TEAMS = [f"t{i}" for i in range(1, 9)]
TAKE = {"service": ("old",)}


def use(team: str | None, on: str, component: str = "ci", **more):
    return {
        "event_id": f"{component} {team} {on}",
        "component": component,
        "action": "run",
        "team_id": team,
        "at": f"{on}T10:00:00+00:00",
        **more,
    }


def always(team: str, component: str, first: date = date(2025, 1, 1), last: date = date(2026, 3, 31), every: int = 10):
    """Uses of one team, day by day, so that the source is known to tell of the whole time."""
    days = range(0, (last - first).days + 1, every)
    return [use(team, (first + timedelta(days=d)).isoformat(), component) for d in days]


@pytest.fixture
def tables(company):
    def build(usage=(), teams=TEAMS, costs=(), **more):
        made = company(
            teams=[{"team_id": team} for team in teams], services=more.pop("services", [{"service_id": "old"}, {"service_id": "new"}]),
            costs=[{"cost_id": "first", "service_id": "none", "amount": Decimal(1), "period_start": "2025-01-01", "period_end": "2025-01-02"}, *costs], **more,
        )  # fmt: skip
        frame = pl.DataFrame(
            list(usage),
            schema={
                "event_id": pl.String,
                "component": pl.String,
                "action": pl.String,
                "team_id": pl.String,
                "at": pl.String,
            },
        )
        whole = frame.with_columns(
            pl.col("at").str.to_datetime(time_unit="us", time_zone="UTC"),
            pl.lit("portal").alias("source"),
            pl.lit("load-1").alias("load_id"),
        )
        empty = made["usage"].collect()
        made["usage"] = pl.concat([empty, whole], how="diagonal_relaxed").lazy()
        return made

    return build


@pytest.fixture
def read(tables, settings, as_of):
    def build(*parts, usage=(), period="2026-03", study=sprawl, **given):
        frame = study(tables(usage, **given), replace(settings(), components=parts), as_of(AS_OF))
        return frame.filter(period=period)

    return build


def charge(service="old", amount="10.10", on="2026-03-01", currency="USD"):
    return {
        "cost_id": f"{service} {on} {currency}",
        "service_id": service,
        "amount": Decimal(amount),
        "period_start": on,
        "period_end": "2026-03-31",
        "currency": currency,
    }


ALIVE = always("t1", "other")
"""Another component of the same source, so that silence about the first is known to be silence."""
OLD = [use("t1", "2025-01-05"), use("t2", "2025-02-01")]


def one(frame):
    (row,) = frame.filter(component="ci").to_dicts()
    return row


PART = Component("ci", "Build farm", usage=("ci",), take=TAKE)
OTHER = Component("other", "Other", usage=("other",))


def test_nobody_of_eight_is_at_most_a_third(read):
    row = one(read(PART, OTHER, usage=[*OLD, *ALIVE], costs=[charge()]))
    assert (row["active_teams"], row["teams"], row["share"], row["low"]) == (0, 8, 0.0, 0.0)
    assert row["high"] == pytest.approx(proportion_confint(0, 8, method="wilson")[1])  # 32.4 %
    assert (row["reading"], row["because"], row["but"]) == ("retire candidate", "no use in 90 days", [])
    assert row["last_used"].date() == date(2025, 2, 1)


@pytest.mark.parametrize(
    ("changed", "given", "but"),
    [
        ({"take": {}}, {}, ["its cost is not known"]),
        ({"take": {"service": ("never",)}}, {}, ["its cost is not known"]),
        ({}, {"costs": [charge(on="2025-06-01")]}, ["it costs nothing"]),
        ({"since": date(2025, 12, 1)}, {}, ["it is young"]),
        ({"required_by": "SOX"}, {}, ["a rule demands it"]),
        ({"needed_by": ("other",)}, {}, ["other components need it"]),
        ({}, {"usage": [*OLD, *ALIVE, use("t3", "2025-11-01")]}, ["teams came unasked in two quarters"]),
    ],
)
def test_what_stands_against_retiring_it(read, changed, given, but):
    given = {"usage": [*OLD, *ALIVE], "costs": [charge()], **given}
    row = one(read(replace(PART, **changed), OTHER, **given))
    assert (row["reading"], row["but"]) == ("watch", but)


def test_what_is_not_loaded_is_not_measured(read):
    """The only source of it fell silent in June: that nobody used it since is not known."""
    silent = one(read(PART, usage=[*OLD, use("t1", "2025-06-01")], costs=[charge()]))
    assert (silent["reading"], silent["because"], silent["is_covered"]) == ("not measured", None, False)
    never = one(read(PART, OTHER, usage=ALIVE, costs=[charge()]))
    assert (never["reading"], never["last_used"]) == ("not measured", None)
    short = one(
        read(PART, OTHER, usage=[use("t1", "2026-02-20"), *always("t1", "other", date(2026, 2, 1))], costs=[charge()])
    )
    assert short["reading"] == "not measured"  # the source tells of 59 of the 90 days


@pytest.mark.parametrize(
    ("teams", "users", "reading", "because"),
    [
        (8, 2, "retire candidate", "at most 2 teams"),
        (8, 3, "keep", None),
        (4, 2, "keep", None),  # two of four teams are half of the company
        (3, 1, "retire candidate", "at most 2 teams"),
        (200, 10, "retire candidate", "surely below 10% of teams"),  # 5 %, at most 9.0 %
        (200, 13, "keep", None),  # 6.5 %, at most 10.8 %
    ],
)
def test_few_by_count_or_by_share(read, teams, users, reading, because):
    names = [f"t{i}" for i in range(teams)]
    uses = [use(name, on) for name in names[:users] for on in ("2025-01-01", "2026-03-20")]
    row = one(read(PART, OTHER, usage=[*uses, *always("t1", "other")], teams=names, costs=[charge()]))
    assert (row["active_teams"], row["reading"], row["because"]) == (users, reading, because)


def test_whose_use_counts(read, settings):
    """The platform's own use does not; of a use by nobody knows whom nobody can say that few made it."""
    parts = (PART, OTHER)
    row = one(read(*parts, usage=[*OLD, *ALIVE, use("stranger", "2026-03-01")], costs=[charge()]))
    assert (row["active_teams"], row["uses"], row["reading"]) == (0, 1, "retire candidate")
    row = one(read(*parts, usage=[*OLD, *ALIVE, use(None, "2026-03-01")], costs=[charge()]))
    assert (row["unknown"], row["reading"], row["but"]) == (1, "watch", ["some use is of no known team"])


def test_the_window_is_half_open(read):
    """90 days before 1 April begin with 1 January 2026."""
    row = one(
        read(
            PART, OTHER, usage=[*OLD, *ALIVE, use("t1", "2026-01-01"), use("t2", "2025-12-31"), use("t3", "2026-04-01")]
        )
    )
    assert (row["uses"], row["users"]) == (1, ["t1"])


def test_runs_deployments_and_services_on_a_path_are_use(read):
    part = Component("db", "Databases", operations=("create",), golden_paths=("pg",), tickets=("database",))
    found = read(
        part, golden_paths=[{"golden_path_id": "pg", "title": "PG", "mandated_from": date(2025, 12, 1)}],
        action_runs=[{"run_id": "1", "operation_id": "create", "team_id": "t1", "service_id": "old", "requested_at": "2026-03-02"},
                     {"run_id": "0", "operation_id": "create", "team_id": "t1", "requested_at": "2025-01-02"}],
        deployments=[{"deployment_id": "d", "golden_path_id": "pg", "team_id": "t2", "service_id": "new", "finished_at": "2026-03-03"},
                     {"deployment_id": "e", "golden_path_id": None, "team_id": "t2", "service_id": "old", "finished_at": "2025-01-03"}],
        service_golden_path=[{"service_id": "old", "golden_path_id": "pg", "as_of": date(2026, 3, 30), "evidence": "uses", "joined_at": "2026-02-01"}],
        ownership=[{"service_id": "old", "team_id": "t3"}],
        tickets=[{"ticket_id": "a", "category": "database", "created_at": "2026-03-01"}, {"ticket_id": "b", "golden_path_id": "pg", "created_at": "2026-03-02"},
                 {"ticket_id": "c", "category": "network", "created_at": "2026-03-02"}, {"ticket_id": "d", "category": "network", "created_at": "2025-03-02"}],
    ).to_dicts()[0]  # fmt: skip
    assert found["users"] == ["t1", "t2", "t3"]
    assert (found["active_services"], found["tickets"], found["reading"]) == (
        1,
        2,
        "keep",
    )  # old is on the path, and not active
    assert found["new_teams"] == 0  # t2 and t3 came after it was mandated


def test_without_settings_everything_named_is_a_part_of_unknown_cost(read):
    found = read(
        usage=[use("t1", "2026-03-01")],
        operations=[{"operation_id": "o", "title": "Operate"}],
        golden_paths=[{"golden_path_id": "pg", "title": "PG"}],
    )
    assert dict(found.select("component", "reading").iter_rows()) == {
        "ci": "not measured",
        "o": "not measured",
        "pg": "not measured",
    }
    assert found["has_cost"].to_list() == [None] * 3


def test_a_trend_needs_eight_months(read):
    grows = [
        use(f"t{i % 8 + 1}", f"{2025 + (2 + m) // 12}-{(2 + m) % 12 + 1:02d}-{i + 1:02d}")
        for m in range(13)
        for i in range(m + 1)
    ]
    row = one(read(PART, usage=grows))
    assert (row["months"], row["slope"], row["slope_low"], row["slope_high"]) == (
        12,
        1.0,
        1.0,
        1.0,
    )  # the first month is not whole
    short = one(read(PART, usage=grows, period="2025-08"))
    assert (short["months"], short["slope"]) == (5, None)


def test_what_falls_is_watched(read):
    falls = [
        use(f"t{i % 8 + 1}", f"{2025 + m // 12}-{m % 12 + 1:02d}-{i + 1:02d}") for m in range(15) for i in range(25 - m)
    ]
    row = one(read(PART, usage=falls, costs=[charge()]))
    assert (row["slope"], row["reading"], row["because"]) == (-1.0, "watch", None)


def test_costs_by_currency_to_the_last_digit(read):
    second = Component("b", "Second", usage=("other",), take={"service": ("new", "old")})
    found = read(
        PART, second, usage=[*OLD, *ALIVE], study=sprawl_costs,
        costs=[charge(amount="0.1"), charge(amount="0.2", on="2026-03-02"), charge(currency="EUR", amount="5"), charge("new", "0.3"), charge(on="2025-12-31", amount="9")],
    )  # fmt: skip
    rows = {(r["component"], r["currency"]): r for r in found.to_dicts()}
    assert set(rows) == {("ci", "USD"), ("ci", "EUR"), ("b", "USD")}
    assert (rows["ci", "USD"]["amount"], rows["ci", "USD"]["of"], rows["ci", "USD"]["charges"]) == (
        Decimal("0.3"),
        Decimal("0.6"),
        2,
    )
    assert (rows["ci", "USD"]["cost_share"], rows["ci", "USD"]["use_share"]) == (0.5, 0.0)
    assert (rows["b", "USD"]["use_share"], rows["ci", "EUR"]["cost_share"], rows["ci", "EUR"]["use_share"]) == (
        1.0,
        1.0,
        None,
    )


def test_pairs_of_one_capability(read):
    parts = [
        Component(name, name, usage=(name,), capability="building" if name != "x" else None) for name in ("a", "b", "x")
    ]
    usage = [
        use(team, "2026-03-01", name)
        for name, teams in (("a", "123"), ("b", "34"), ("x", "1"))
        for team in (f"t{i}" for i in teams)
    ]
    found = read(*parts, usage=usage, study=sprawl_pairs).to_dicts()
    assert [(r["first"], r["second"], r["n"], r["k"], r["only_first"], r["only_second"]) for r in found] == [
        ("a", "b", 4, 1, 2, 1)
    ]
    assert (found[0]["low"], found[0]["high"]) == pytest.approx(proportion_confint(1, 4, method="wilson"))


def test_the_way_back_to_the_rows(tables, settings, as_of):
    made = tables([*OLD, *ALIVE, use("t2", "2026-03-01")], costs=[charge(), charge("new")])
    chosen = replace(settings(), components=(PART, OTHER))
    rows = component_rows(made, chosen, as_of(AS_OF), "ci", "2026-03")
    assert rows.select("source_table", "source_key", "amount").rows() == [
        ("costs", "old 2026-03-01 USD", Decimal("10.1")), ("usage", "ci t2 2026-03-01", None),
    ]  # fmt: skip
    with pytest.raises(ReportError, match="no component 'cj'"):
        component_rows(made, chosen, as_of(AS_OF), "cj", "2026-03")
    with pytest.raises(ReportError, match="begins after the as-of time"):
        component_rows(made, chosen, as_of(AS_OF), "ci", "2026-05")


def test_nothing_known_has_columns(company, settings, as_of):
    given = company(), settings(), as_of(AS_OF)
    assert sprawl(*given).schema == pl.Schema(COLUMNS)
    assert sprawl_costs(*given).is_empty()
    assert sprawl_pairs(*given).schema == pl.Schema(PAIR_COLUMNS)


def test_an_export_that_says_when_it_was_taken_covers_the_time_up_to_then(read):
    """The same silence, but the export was taken at the end of March: nobody used it, and that is known."""
    taken = [{"load_id": "l", "source": "portal", "table": "usage", "as_of": datetime(2026, 3, 31, tzinfo=UTC)}]
    row = one(read(PART, usage=[*OLD, use("t1", "2025-06-01")], costs=[charge()], loads=taken))
    assert (row["reading"], row["is_covered"]) == ("retire candidate", True)


def test_the_planted_parts_are_found(sample, repository):
    """The synthetic company: one part nobody uses any more, one of two teams, a new one; everything else is kept."""
    told = json.loads((repository / "data/sample/truth.json").read_text())["components"]
    found = sample.study("sprawl").filter(period="2026-06")
    readings = dict(found.select("component", "reading").iter_rows())
    assert readings.pop(told["dead"]["component"]) == "retire candidate"
    assert readings.pop(told["few"]["component"]) == "retire candidate"
    assert readings.pop(told["young"]["component"]) == "watch"
    assert set(readings.values()) == {"keep"}
    dead = found.filter(component=told["dead"]["component"]).to_dicts()[0]
    assert dead["last_used"].isoformat() == told["dead"]["last"]
    few = found.filter(component=told["few"]["component"]).to_dicts()[0]
    assert few["users"] == told["few"]["teams"]
    # To the last digit, from the tables: the charges of the dead part in the 90 days before July.
    since = datetime(2026, 7, 1, tzinfo=UTC) - timedelta(days=90)
    rows = (
        sample.tables["costs"]
        .filter(basis="effective", service_id="deploy-console")
        .filter(pl.col("period_start") >= since)
    )
    (cost,) = sample.study("sprawl_costs").filter(period="2026-06", component="deploy-console").to_dicts()
    assert (cost["amount"], cost["charges"]) == (rows["amount"].sum(), rows.height)
