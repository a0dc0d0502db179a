from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from statistics import median
from typing import Any

import polars as pl
import pytest
from scipy import stats

from idp_analytics.sources import sample
from idp_analytics.sources.sample.company import GIT_SERVICES

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
START = datetime(2025, 7, 1, tzinfo=UTC)
MOVE = date(2026, 1, 15)


@pytest.fixture(scope="module")
def company() -> sample.Company:
    return sample.generate()


@pytest.fixture(scope="module")
def large() -> sample.Company:
    return sample.generate(teams=60, seed=7)


def rows(company: sample.Company, table: str) -> list[dict[str, Any]]:
    return company.tables[table].to_dicts()


def owner_of(company: sample.Company, service: str | None, day: date) -> str | None:
    for span in rows(company, "ownership"):
        begins, ends = span["valid_from"] or date.min, span["valid_to"] or date.max
        if span["service_id"] == service and begins <= day < ends:
            return str(span["team_id"])
    return None


def counted(company: sample.Company) -> list[dict[str, Any]]:
    return [
        row
        for row in rows(company, "deployments")
        if row["environment"] == "production" and row["outcome"] == "success" and row["finished_at"] and not row["is_resync"]
    ]  # fmt: skip


# --- the planted truths ------------------------------------------------------------------------------------------------


def test_the_reorganisation(company: sample.Company) -> None:
    told = company.truth["reorganisation"]
    assert (told["on"], told["services"]) == ("2026-01-15", ["checkout", "payment-links"])
    for service in told["services"]:
        spans = [
            (r["team_id"], r["valid_from"], r["valid_to"])
            for r in rows(company, "ownership")
            if r["service_id"] == service
        ]
        assert spans == [("payments", None, MOVE), ("storefront", MOVE, None)]
    for person in told["people"]:
        spans = [(r["team_id"], r["valid_to"]) for r in rows(company, "memberships") if r["person_id"] == person]
        assert spans == [("payments", MOVE), ("storefront", None)]
    assert sum(r["valid_to"] is not None for r in rows(company, "ownership")) == 2
    days = [r["finished_at"].date() for r in counted(company) if r["service_id"] == "checkout"]
    assert min(days) < MOVE <= max(days)
    parents = {r["team_id"]: r["parent_team_id"] for r in rows(company, "teams")}
    assert (parents["payments"], parents["commerce"], parents["larkspur"]) == ("commerce", "larkspur", None)


def test_change_failures_recounted_by_hand(company: sample.Company) -> None:
    causes = company.truth["incidents"]["deployment"]
    failing = set(causes.values())
    again: dict[tuple[str | None, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in counted(company):
        cell = again[owner_of(company, row["service_id"], row["finished_at"].date()), f"{row['finished_at']:%Y-%m}"]
        cell[0] += 1
        cell[1] += row["deployment_id"] in failing
        cell[2] += bool(row["is_rollback"])
    told = {
        (r["team"], r["month"]): [r["deployments"], r["failed"], r["rollbacks"]]
        for r in company.truth["delivery"]["counted"]
    }
    assert dict(again) == told
    assert sum(cell[1] for cell in told.values()) == len(failing) > 150


def test_each_recorded_cause_is_the_true_one_and_precedes_its_incident(company: sample.Company) -> None:
    finished = {r["deployment_id"]: r for r in counted(company)}
    causes = company.truth["incidents"]["deployment"]
    recorded = 0
    for row in rows(company, "incidents"):
        true = causes.get(row["incident_id"])
        if row["deployment_id"] is not None:
            recorded += 1
            assert row["deployment_id"] == true
            assert row["change_caused"] is True
        if true is None:
            assert row["change_caused"] is not True
        else:
            assert finished[true]["finished_at"] <= row["opened_at"]
            assert row["change_caused"] is not False
    assert recorded == company.truth["incidents"]["recorded"]


def test_the_link_rule_recounted_by_hand(company: sample.Company) -> None:
    causes = company.truth["incidents"]["deployment"]
    by_service = defaultdict(list)
    for row in counted(company):
        by_service[row["service_id"]].append((row["finished_at"], row["deployment_id"]))
    tally: Counter[str] = Counter()
    for row in rows(company, "incidents"):
        if row["deployment_id"] is not None or row["change_caused"] is False:
            continue
        at, true = row["opened_at"], causes.get(row["incident_id"])
        near = [d for d in by_service[row["service_id"]] if at - timedelta(hours=24) <= d[0] <= at]
        found = max(near)[1] if near else None
        if true is None:
            tally["linked_though_no_change"] += found is not None
        else:
            tally["right" if found == true else "none" if found is None else "wrong"] += 1
    told = company.truth["incidents"]["not_recorded"]
    assert {k: v for k, v in told.items() if v} == dict(tally)
    assert told["right"] > 50
    assert told["linked_though_no_change"] > 0


def test_incidents_of_every_kind(company: sample.Company) -> None:
    told, table = company.truth["incidents"], rows(company, "incidents")
    assert set(told["by_cause"]) == {"change", "cloud outage", "expired certificate", "other"}
    assert sum(told["by_cause"].values()) == len(table)
    assert told["open"] == [r["incident_id"] for r in table if r["resolved_at"] is None]
    assert len(told["open"]) >= 3
    assert told["without_service"] == sum(r["service_id"] is None for r in table) > 0
    assert {r["change_caused"] for r in table} == {True, False, None}
    pairs = 0
    for i, a in enumerate(table):
        for b in table[i + 1 :]:
            same = a["service_id"] is not None and a["service_id"] == b["service_id"]
            pairs += same and (a["resolved_at"] or AS_OF) > b["opened_at"]
    assert pairs == told["overlapping_pairs"] > 0


def test_rollbacks_put_back_an_earlier_commit_and_hotfixes_fall_inside_the_incident(company: sample.Company) -> None:
    roles = company.truth["delivery"]["roles"]
    deployed = rows(company, "deployments")
    assert roles["rollback"] == sum(bool(r["is_rollback"]) for r in deployed) > 20
    assert roles["resync"] == sum(bool(r["is_resync"]) for r in deployed) > 5
    seen: dict[str, list[str]] = defaultdict(list)
    spans = defaultdict(list)
    for incident in rows(company, "incidents"):
        spans[incident["service_id"]].append((incident["opened_at"], incident["resolved_at"] or AS_OF))
    known = company.tables["incidents"]["service_id"].null_count()
    outside = 0
    for row in sorted(counted(company), key=lambda r: r["finished_at"]):
        if row["is_rollback"] or re.fullmatch(r"1\.\d+\.1", row["version"]):
            outside += not any(a < row["started_at"] and row["finished_at"] < b for a, b in spans[row["service_id"]])
        if row["is_rollback"]:
            assert row["sha"] in seen[row["service_id"]]
        seen[row["service_id"]].append(row["sha"])
    assert outside <= known  # only incidents without a service hide their repairs
    again = Counter((r["service_id"], r["sha"]) for r in counted(company) if not r["is_rollback"])
    assert sum(n > 1 for n in again.values()) >= roles["redeploy"] * 0.9 > 20
    assert {r["outcome"] for r in deployed} == {"success", "failure", "error", "cancel", None}
    assert {r["environment"] for r in deployed} == {"production", "staging"}
    assert any(r["finished_at"] is None and r["outcome"] == "success" for r in deployed)
    assert any(r["finished_at"] is not None and r["outcome"] is None for r in deployed)


def planned(made: sample.Company) -> list[dict[str, Any]]:
    """Planned deployments: the first successful one of each commit, hotfixes left out."""
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for row in sorted(counted(made), key=lambda r: r["finished_at"]):
        if not row["is_rollback"] and row["version"].endswith(".0"):
            first.setdefault((row["service_id"], row["sha"]), row)
    return list(first.values())


def test_the_planted_parameters_are_in_the_data(large: sample.Company) -> None:
    told = large.truth["delivery"]["teams"]
    owners = {
        (span["service_id"], after): span["team_id"]
        for span in rows(large, "ownership")
        for after in (False, True)
        if (span["valid_from"] is None or after) and (span["valid_to"] is None or not after)
    }
    pipeline = {s: date.fromisoformat(d) for s, d in large.truth["golden_paths"]["delivery-pipeline"]["joined"].items()}
    failing = set(large.truth["incidents"]["deployment"].values())
    first = {r["change_id"]: r["first_commit_at"] for r in rows(large, "changes")}
    rebased = set(large.truth["delivery"]["rebased_changes"])
    brought = defaultdict(list)
    for link in rows(large, "deployment_changes"):
        if link["change_id"] not in rebased:
            brought[link["deployment_id"]].append(first[link["change_id"]])
    fails: dict[str, list[bool]] = defaultdict(list)
    above: dict[tuple[str, bool], list[bool]] = defaultdict(list)
    for row in planned(large):
        team = owners[row["service_id"], row["finished_at"].date() >= MOVE]
        adopted = pipeline.get(row["service_id"], date.max) <= row["finished_at"].date()
        fails[team].append(row["deployment_id"] in failing)
        key = "lead_time_median_hours_on_pipeline" if adopted else "lead_time_median_hours"
        for at in brought[row["deployment_id"]]:
            above[team, adopted].append((row["finished_at"] - at).total_seconds() / 3600 > told[team][key])
    # 60 teams, two-sided 1 in 100 000 each: a wrong parameter fails, chance does not.
    for team, hits in fails.items():
        assert stats.binomtest(sum(hits), len(hits), told[team]["change_fail_probability"]).pvalue > 1e-5, team
    for (team, adopted), over in above.items():
        assert stats.binomtest(sum(over), len(over), 0.5).pvalue > 1e-5, (team, adopted)
    assert sum(map(len, fails.values())) > 10_000
    assert len(above) > 80


def test_the_deployment_rate_is_as_planted(large: sample.Company) -> None:
    joined = large.truth["golden_paths"]["delivery-pipeline"]["joined"]
    lives = {r["service_id"]: (r["created_at"], r["retired_at"]) for r in rows(large, "services")}
    seen = Counter(r["service_id"] for r in planned(large))
    expected = 0.0
    for service, told in large.truth["delivery"]["services"].items():
        created, retired = lives[service]
        if service in ("sign-in", "directory"):
            continue
        first, last = max(created.date(), START.date()), min((retired or AS_OF).date(), AS_OF.date())
        change = min(max(date.fromisoformat(joined[service]), first), last) if service in joined else last
        days = (change - first).days + 1.35 * (last - change).days
        expect = told["deployments_per_day"] * days
        expected += expect
        assert abs(seen[service] - expect) < 5.5 * expect**0.5 + 4, service
    assert sum(seen.values()) == pytest.approx(expected, rel=0.03)


def test_the_golden_path_lowers_lead_time_and_fast_teams_took_it_up_first(large: sample.Company) -> None:
    told = large.truth["golden_paths"]["delivery-pipeline"]
    assert (told["lead_time_factor"], told["deployment_rate_factor"], told["how"]) == (0.6, 1.35, "by choice")
    cohorts = Counter(day[:7] for day in told["joined"].values() if day >= "2025-07")
    assert len(cohorts) >= 9
    parameters = large.truth["delivery"]["teams"]
    owner = {r["service_id"]: r["team_id"] for r in rows(large, "ownership") if r["valid_from"] is None}
    services = [s for s in large.truth["delivery"]["services"] if s not in GIT_SERVICES]
    lead = [parameters[owner[s]]["lead_time_median_hours"] for s in services]
    when = [told["joined"].get(s, "9999") for s in services]
    assert stats.spearmanr(lead, [sorted(set(when)).index(w) for w in when]).statistic > 0.3
    mandated = large.truth["golden_paths"]["secure-base"]
    before = sum(day < mandated["mandated_from"] for day in mandated["joined"].values())
    assert before < len(mandated["joined"]) < len(services)
    exempt = large.tables["escape_hatches"].filter(pl.col("kind") == "exemption")
    assert set(exempt["service_id"]).isdisjoint(mandated["joined"])


def test_recovery_is_as_planted(large: sample.Company) -> None:
    causes = large.truth["incidents"]["deployment"]
    told = large.truth["delivery"]["teams"]
    longer = []
    for row in rows(large, "incidents"):
        team = owner_of(large, row["service_id"], row["opened_at"].date()) if row["incident_id"] in causes else None
        if team is not None and row["resolved_at"] is not None:
            hours = (row["resolved_at"] - row["opened_at"]).total_seconds() / 3600
            longer.append(hours > told[team]["recovery_median_hours"])
    assert stats.binomtest(sum(longer), len(longer), 0.5).pvalue > 1e-4
    assert len(longer) > 1000


def test_the_quiet_team_is_quiet(company: sample.Company) -> None:
    told = company.truth["reorganisation"]["quiet_team"]
    first, end = (date.fromisoformat(told[key]) for key in ("no_events_from", "no_events_to"))
    assert (told["team"], first, end) == ("identity", date(2025, 10, 1), date(2026, 1, 1))
    mine = {"sign-in", "directory"}
    for table, column in (
        ("deployments", "started_at"), ("incidents", "opened_at"), ("pages", "paged_at"), ("tickets", "created_at"),
        ("action_runs", "requested_at"), ("usage", "at"), ("actions", "opened_on"),
    ):  # fmt: skip
        frame = company.tables[table]
        belongs = [pl.col("service_id").is_in(mine)] if "service_id" in frame.columns else []
        belongs += [pl.col("team_id") == "identity"] if "team_id" in frame.columns else []
        days = frame.filter(pl.any_horizontal(belongs)).select(pl.col(column).cast(pl.Date)).to_series()
        assert days.len() > 0, table
        assert not days.is_between(first, end, closed="left").any(), table


def test_changes_of_every_kind(company: sample.Company) -> None:
    changes = company.tables["changes"]
    linked = set(company.tables["deployment_changes"]["change_id"])
    waiting = changes.filter(pl.col("merged_at").is_not_null() & ~pl.col("change_id").is_in(linked))
    assert 5 < waiting.height < 200
    assert set(waiting["service_id"]) & set(GIT_SERVICES)
    assert changes.filter(pl.col("merged_at").is_null() & pl.col("closed_at").is_not_null()).height > 50
    assert changes.filter(pl.col("merged_at").is_null() & pl.col("closed_at").is_null()).height > 5
    assert set(changes["kind"]) == {"pull_request", "commit"}
    ends = dict(company.tables["deployments"].select("deployment_id", "finished_at").iter_rows())
    first = dict(changes.select("change_id", "first_commit_at").iter_rows())
    negative = {
        c
        for d, c in company.tables["deployment_changes"].select("deployment_id", "change_id").iter_rows()
        if first[c] > ends[d]
    }
    assert negative == set(company.truth["delivery"]["rebased_changes"]) & linked
    assert len(negative) >= 3
    assert set(changes.filter("is_revert")["change_id"]) == set(company.truth["delivery"]["reverts"])
    assert len(company.truth["delivery"]["reverts"]) == len(company.truth["delivery"]["cherry_picks"]) == 2


def test_approvals_of_every_kind(company: sample.Company) -> None:
    told = company.truth["approvals"]
    table = rows(company, "approvals")
    assert Counter(r["status"] for r in table) == told["by_status"]
    assert set(told["by_status"]) == {"approved", "cancelled", "expired", "pending", "rejected"}
    rubber = [r for r in table if r["operation_id"] in told["rubber_stamped_operations"] and r["responder_id"]]
    assert {r["responder_id"] for r in rubber} == set(told["rubber_stampers"])
    assert all(r["decision"] == "approved" for r in rubber)
    wait = [(r["decided_at"] - r["requested_at"]).total_seconds() for r in rubber]
    assert median(wait) == pytest.approx(told["rubber_stamp_median_seconds"], rel=0.15)
    assert len(rubber) > 100
    itself = [r["approval_id"] for r in table if r["responder_id"] and r["requestor_id"] == r["responder_id"]]
    assert set(told["self_approved"]) == set(itself)
    assert len(itself) > 0
    assert {r["subject_kind"] for r in table} == {"action_run", "deployment"}
    runs = {r["run_id"]: r for r in rows(company, "action_runs")}
    for row in table:
        run = runs.get(row["subject_id"])
        if run is not None and row["status"] != "approved":
            assert run["started_at"] is None
            assert run["outcome"] == (None if row["status"] == "pending" else "cancel")
    gates = {(r["risk"], r["gate"]) for r in rows(company, "operations")}
    assert {
        ("safe", "human"),
        ("dangerous", "none"),
        (None, "human"),
        ("safe", "none"),
        ("dangerous", "human"),
    } <= gates


def test_the_database_path_saves_tickets(large: sample.Company) -> None:
    told = large.truth["tickets"]
    saved, asked = told["database_tickets_saved"], told["database_tickets_without_path"]
    assert stats.binomtest(saved, asked, 0.6).pvalue > 1e-3
    first: dict[str, date] = {}
    owner = {r["service_id"]: r["team_id"] for r in rows(large, "ownership") if r["valid_from"] is None}
    for service, day in large.truth["golden_paths"]["postgres-module"]["joined"].items():
        first[owner[service]] = min(first.get(owner[service], date.max), date.fromisoformat(day))
    after = sum(
        r["category"] == "database" and first.get(r["team_id"], date.max) <= r["created_at"].date()
        for r in rows(large, "tickets")
    )
    assert after == asked - saved


# --- money -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def many_digits() -> Iterator[None]:
    """Python's own decimals round sums to 28 digits unless told otherwise."""
    with localcontext(prec=60):
        yield


@pytest.mark.usefixtures("many_digits")
def test_money_recounted_to_the_last_digit(company: sample.Company) -> None:
    told = company.truth["costs"]
    teams = set(company.tables["teams"]["team_id"])
    aliases = {r["alias"]: r["canonical_id"] for r in rows(company, "aliases") if r["kind"] == "team"}
    total: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    owned: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    nobody: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    places = 0
    for row in rows(company, "costs"):
        total[row["basis"], row["currency"]] += row["amount"]
        if row["basis"] != "effective":
            continue
        places = max(places, len(f"{row['amount']:f}".rstrip("0").partition(".")[2]))
        team = aliases.get(row["team_id"], row["team_id"]) or owner_of(
            company, row["service_id"], row["period_start"].date()
        )
        if team in teams:
            owned[row["currency"], team] += row["amount"]
            continue
        reason = (
            row["category"] if row["category"] in ("tax", "credit")
            else "unused commitment" if row["is_unused_commitment"]
            else "unknown owner" if team
            else "empty tag" if row["owner_raw"] == ""
            else "no owner"
        )  # fmt: skip
        nobody[row["currency"], reason] += row["amount"]

    def read(found: dict[str, dict[str, str]]) -> dict[tuple[str, str], Decimal]:
        return {(a, b): Decimal(text) for a, inner in found.items() for b, text in inner.items()}

    assert total == {(b, c): Decimal(v["all"]) for b, inner in told["totals"].items() for c, v in inner.items()}
    assert owned == read(told["effective_by_owner"])
    assert nobody == read(told["effective_unallocated"])
    for currency in ("EUR", "USD"):
        parts = [v for d in (owned, nobody) for (c, _), v in d.items() if c == currency]
        assert sum(parts, Decimal()) == total["effective", currency]
    assert places >= 20
    assert set(told["effective_unallocated"]["EUR"]) == {
        "tax", "credit", "unused commitment", "unknown owner", "empty tag", "no owner",
    }  # fmt: skip


def test_a_commitment_is_used_or_not_to_the_last_digit(company: sample.Company) -> None:
    charges = company.charges.filter(pl.col("committed").is_not_null())
    month: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in charges.iter_rows(named=True):
        cell = month[f"{row['start']:%Y-%m}"]
        cell["bought"] += Decimal(row["billed"])
        cell["amortised"] += Decimal(row["effective"])
    assert len(month) == 12
    assert all(cell["bought"] == cell["amortised"] == Decimal(1150) for cell in month.values())
    assert charges["is_unused"].any()


def test_bills_hold_what_bills_hold(company: sample.Company) -> None:
    costs = company.tables["costs"].filter(pl.col("basis") == "effective")
    assert set(costs["category"]) == {"usage", "purchase", "tax", "credit", "adjustment"}
    late = costs.filter("is_correction")
    assert late.height == company.truth["costs"]["corrections"] == 3
    assert (late["billing_period_on"] > late["period_start"].dt.date().dt.month_start()).all()
    assert costs.filter((pl.col("amount") < 0) & (pl.col("category") == "usage") & ~pl.col("is_correction")).height == 1
    assert (costs.filter(pl.col("category") == "credit")["amount"] < 0).all()
    assert company.tables["costs"].group_by("currency").agg(pl.col("provider").n_unique())["provider"].to_list() == [
        1,
        1,
    ]


def test_what_hardly_anybody_uses_and_what_passes_only_because_exempt(company: sample.Company) -> None:
    told = company.truth["components"]
    by: dict[str, set[str]] = defaultdict(set)
    late: set[str] = set()
    for row in rows(company, "usage"):
        by[row["component"]].add(row["team_id"])
        if row["at"].date() > date(2026, 4, 2):
            late.add(row["component"])
    planted = {kind: told[kind]["component"] for kind in ("dead", "few", "young")}
    assert planted["dead"] in by
    assert planted["dead"] not in late
    assert (len(by[planted["few"]]), len(by[planted["young"]])) == (2, 1)
    assert all(sorted(by[name]) == told[kind]["teams"] for kind, name in planted.items())
    assert all(len(by[name]) == 9 for name in by.keys() - set(planted.values()))

    last = max(row["as_of"] for row in rows(company, "policy_results"))
    ours = [r for r in rows(company, "policy_results") if r["as_of"] == last and r["policy"] == "image-provenance"]
    passing = [row for row in ours if row["result"] == "pass"]
    exempt = [row for row in passing if row["hatch_id"]]
    assert exempt
    assert company.truth["policies"]["image-provenance"] == {
        "conform": len(passing) - len(exempt), "pass_exempt": len(exempt),
        "do_not": sum(row["result"] == "fail" for row in ours), "skipped": sum(row["result"] == "skip" for row in ours),
    }  # fmt: skip
