"""From how widely the platform is used back to the rows: as many as the study counts, and nobody of them a person."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from idp_analytics.errors import ReportError
from idp_analytics.metrics.breadth import adoption_breadth, capability_use
from idp_analytics.metrics.breadth_rows import COLUMNS, NEITHER, OTHERS, UNKNOWN, USE, VIEW, breadth_rows

LAST = "2026-06"


def moment(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T10:00+00:00")


def behind(sample, team: str | None = None, period: str = LAST) -> pl.DataFrame:
    return sample.trace("adoption_breadth", period, team)


def counted(rows: pl.DataFrame) -> dict[str, int]:
    """What the rows add up to, by the names of the study."""
    did = dict(rows.group_by("what").agg(pl.col("uses").sum()).iter_rows())
    teams = {what: set(rows.filter(pl.col("what") == what)["team_id"]) for what in (USE, VIEW, NEITHER)}
    return {
        "n": len(teams[USE] | teams[VIEW] | teams[NEITHER]), "k": len(teams[USE]), "looked": len(teams[VIEW] - teams[USE]),
        "uses": did.get(USE, 0), "views": did.get(VIEW, 0), "others": did.get(OTHERS, 0), "unknown": did.get(UNKNOWN, 0),
        "capabilities": rows.filter(what=USE)["capability"].n_unique(),
    }  # fmt: skip


@pytest.mark.parametrize("period", [LAST, "2026-Q2", "2025-11"])
def test_the_rows_add_up_to_what_is_shown(sample, period):
    row = sample.study("adoption_breadth").filter(scope="org", period=period).row(0, named=True)
    found = counted(behind(sample, period=period))
    assert found == {name: row[name] for name in found}
    assert found["uses"] > 0


@pytest.mark.parametrize("team", ["payments", "ledger"])
def test_the_rows_of_a_team_add_up(sample, team):
    row = sample.study("adoption_breadth").filter(scope="team", entity_id=team, period=LAST).row(0, named=True)
    rows = behind(sample, team)
    found = counted(rows)
    assert found == {name: row[name] or 0 for name in found}
    assert rows.drop("team_id").equals(behind(sample).filter(team_id=team).drop("team_id"))


def test_each_capability_adds_up(sample):
    told = (
        sample.study("capability_use")
        .filter(scope="org", period=LAST)
        .select("capability", "uses", "k")
        .sort("capability")
    )
    rows = behind(sample).filter(what=USE)
    found = (
        rows.group_by("capability")
        .agg(pl.col("uses").sum(), pl.col("team_id").n_unique().alias("k"))
        .sort("capability")
    )
    assert found.cast(told.schema).equals(told)  # fmt: skip


def test_a_run_has_its_row_and_events_of_people_stand_together(sample):
    rows = behind(sample)
    assert rows.schema == pl.Schema(COLUMNS)
    of_people = rows.filter(source_table="usage")
    assert of_people.select("on", "source_key", "path", "source_row").null_count().row(0) == (of_people.height,) * 4
    assert of_people.select("team_id", "capability", "what").is_unique().all()
    single = rows.filter(pl.col("source_table").is_in(["action_runs", "deployments"]))
    assert single.select("path", "source_row").null_count().row(0) == (0, 0)
    assert single["uses"].unique().to_list() == [1]
    runs = single.filter(source_table="action_runs").join(
        sample.tables["action_runs"], left_on=["source_key", "source_row"], right_on=["run_id", "source_row"], how="anti"
    )  # fmt: skip
    assert runs.is_empty()


def test_by_hand(company, settings, as_of):
    """Two people of one team: the rows tell what the team did, and of neither what."""
    tables = company(
        teams=[{"team_id": "duo", "kind": "team"}, {"team_id": "idle", "kind": "team"}, {"team_id": "plat", "kind": "platform"}],
        operations=[{"operation_id": "make", "title": "Make"}],
        usage=[
            *({"event_id": f"u{n}", "component": "cli", "action": "do", "team_id": "duo", "person_id": who, "at": moment(f"2026-06-0{n}"), "purposeful": did}
              for n, who, did in ((1, "ann", True), (2, "bob", True), (3, "bob", False))),
            {"event_id": "u4", "component": "cli", "action": "do", "team_id": "plat", "at": moment("2026-06-04"), "purposeful": True},
            {"event_id": "u5", "component": "cli", "action": "do", "team_id": None, "at": moment("2026-06-04"), "purposeful": True},
            {"event_id": "u6", "component": "cli", "action": "do", "team_id": "duo", "at": moment("2026-07-04"), "purposeful": True},
        ],
        action_runs=[{"run_id": "r1", "operation_id": "make", "team_id": "duo", "requested_at": "2026-06-05T10:00", "requestor_id": "ann"}],
    )  # fmt: skip
    rows = breadth_rows(tables, settings(), as_of("2026-08-01"), "adoption_breadth", "org", "org", LAST)
    assert rows.select("team_id", "capability", "what", "uses", "source_table").sort("what", "uses").rows() == [
        ("idle", None, NEITHER, 0, None), ("plat", "cli", OTHERS, 1, "usage"), (None, "cli", UNKNOWN, 1, "usage"), ("duo", None, VIEW, 1, "usage"),
        ("duo", "Make", USE, 1, "action_runs"), ("duo", "cli", USE, 2, "usage"),
    ]  # fmt: skip
    said = rows.write_csv()
    assert "ann" not in said and "bob" not in said
    row = adoption_breadth(tables, settings(), as_of("2026-08-01")).filter(scope="org", period=LAST).row(0, named=True)
    found = counted(rows)
    assert found == {name: row[name] for name in found}
    assert capability_use(tables, settings(), as_of("2026-08-01")).filter(scope="org", period=LAST)["uses"].sum() == 3


def test_nothing_known_and_nothing_of_that_name(company, settings, as_of, sample):
    empty = breadth_rows(company(), settings(), as_of("2026-08-01"), "adoption_breadth", "org", "org", LAST)
    assert empty.schema == pl.Schema(COLUMNS)
    assert empty.is_empty()
    with pytest.raises(ReportError, match="of the organisation and of teams"):
        sample.trace("adoption_breadth", LAST, service="checkout")
    with pytest.raises(ReportError, match="no team 'nobody'"):
        behind(sample, "nobody")
