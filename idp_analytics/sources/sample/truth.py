"""What is true of the company, written beside its data: the planted parameters, and counts of what they came to."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl

from idp_analytics.sources.sample import (
    assessments,
    delivery,
    failures,
    gamers,
    golden,
    guardrails,
    money,
    platform,
    voice,
)
from idp_analytics.sources.sample.company import MOVED, ORGANISATION, QUIET, TITLE, World
from idp_analytics.sources.sample.draw import NEVER, Ints

COUNTED = ("planned", "redeploy", "rollback", "hotfix")
"""Roles of deployments that are successful, in production and told to the end: what delivery metrics count."""
LINK_HOURS = 24


def about(world: World, services_per_team: float) -> dict[str, Any]:
    """What the company is and how to make it again."""
    return {
        "id": "sample", "title": TITLE, "organisation": ORGANISATION, "synthetic": True,
        "teams": world.teams.height, "services": world.services.height, "people": world.people.height,
        "services_per_team": services_per_team, "months": world.months, "seed": world.seed,
        "from": world.start.isoformat(), "as_of": f"{world.until.isoformat()}T00:00:00Z",
    }  # fmt: skip


def reorganisation(world: World) -> dict[str, Any]:
    """What moved on which day; the day belongs to the new owner."""
    moved = world.people.filter(pl.col("team_before") != pl.col("team_after"))["person_id"]
    first, end = world.quiet_days()
    return {
        "on": world.reorganised_on.isoformat(), "from": "payments", "to": "storefront",
        "services": list(MOVED), "people": moved.to_list(),
        "quiet_team": {
            "team": QUIET if QUIET in world.teams["team_id"] else None,
            "no_events_from": _day(world, first), "no_events_to": _day(world, end),
            "no_events_in": ["deployments", "incidents", "pages", "tickets", "action_runs", "usage", "actions"],
        },
    }  # fmt: skip


def time_zones(teams: pl.DataFrame, people: pl.DataFrame) -> dict[str, Any]:
    """Who is elsewhere; all others are where their team is, and all other teams where the organisation is (UTC)."""
    known = pl.col("time_zone").is_not_null()
    return {
        "organisation": "UTC",
        "teams": dict(teams.filter(known).select("team_id", "time_zone").iter_rows()),
        "people": dict(people.filter(known).group_by("time_zone").len().sort("time_zone").iter_rows()),
        "note": "Things happen in the working day of central Europe wherever people are: for some of them that is out of hours.",
    }


def deliveries(
    world: World, deployed: pl.DataFrame, changed: pl.DataFrame, incidents: pl.DataFrame, forced: int
) -> dict[str, Any]:
    """The parameters of each team and service; how many deployments of each role; per team and month, how many counted
    and how many of them truly caused an incident."""
    return {
        "note": "A team's probability and medians hold for planned deployments of services it owns that day; a rate is its service's.",
        "lead_time_sigma": delivery.LEAD_SIGMA,
        "recovery_sigma": failures.RECOVERY_SIGMA,
        "teams": _team_parameters(world),
        "services": {
            name: {"deployments_per_day": round(rate, 6), "released_by_tag": tag}
            for name, rate, tag in world.services.select("service_id", "rate", "is_git").iter_rows()
        },
        "roles": dict(deployed.group_by("role").len().sort("role").iter_rows()),
        "forced_failures": forced,
        "counted": counted(world, deployed, incidents).to_dicts(),
        "rebased_changes": changed.filter("rebased")["change_id"].sort().to_list(),
        "reverts": changed.filter("is_revert")["change_id"].to_list(),
        "cherry_picks": changed.filter(pl.col("origin_sha").is_not_null() & ~pl.col("is_revert"))[
            "change_id"
        ].to_list(),
    }


def _team_parameters(world: World) -> dict[str, dict[str, float]]:
    rates = {
        when: dict(world.services.group_by(f"team_{when}").agg(pl.col("rate").sum()).iter_rows())
        for when in ("before", "after")
    }
    columns = ("team", "team_id", "fail", "lead_hours", "recovery_hours")
    return {
        name: {
            "deployments_per_day_before": round(rates["before"].get(team, 0.0), 6),
            "deployments_per_day_after": round(rates["after"].get(team, 0.0), 6),
            "change_fail_probability": fail,
            "lead_time_median_hours": lead,
            "lead_time_median_hours_on_pipeline": round(lead * golden.LEAD_FACTOR, 6),
            "recovery_median_hours": recovery,
        }
        for team, name, fail, lead, recovery in world.teams.select(columns).iter_rows()
    }


def counted(world: World, deployed: pl.DataFrame, incidents: pl.DataFrame) -> pl.DataFrame:
    """Per team (owner when it ended) and month: planned, deployments (counted), failed (truly caused an incident),
    rollbacks, hotfixes. Months without any are left out."""
    failed = incidents.select(pl.col("true_deployment_id").alias("deployment_id")).drop_nulls().unique()
    frame = deployed.filter(pl.col("role").is_in(COUNTED))
    owner = world.owner(frame["service"].to_numpy(), frame["finished"].to_numpy())
    return (
        frame.with_columns(
            world.teams["team_id"].gather(owner).alias("team"),
            pl.col("finished_at").dt.strftime("%Y-%m").alias("month"),
            pl.col("deployment_id").is_in(failed["deployment_id"].implode()).alias("failed"),
        )
        .group_by("team", "month")
        .agg(
            (pl.col("role") == "planned").sum().alias("planned"),
            pl.len().alias("deployments"),
            pl.col("failed").sum(),
            (pl.col("role") == "rollback").sum().alias("rollbacks"),
            (pl.col("role") == "hotfix").sum().alias("hotfixes"),
        )
        .sort("team", "month")
    )


def golden_paths(world: World, adopted: golden.Adoption) -> dict[str, Any]:
    """Who joined which path on which day, what that truly does, and what it seems to do to a careless eye."""
    effects: dict[str, dict[str, Any]] = {
        golden.PIPELINE: {
            "how": "by choice",
            "lead_time_factor": golden.LEAD_FACTOR,
            "deployment_rate_factor": golden.RATE_FACTOR,
            "change_fail_factor": 1.0,
            "note": "Fast teams came first: adopters against others shows more than the path does.",
        },
        golden.BASE: {
            "how": "mandated",
            "mandated_from": _day(world, adopted.mandated),
            "lead_time_factor": 1.0,
            "deployment_rate_factor": 1.0,
            "change_fail_factor": 1.0,
        },
        golden.DATABASE: {
            "how": "by choice",
            "database_ticket_factor": round(1 - voice.DEFLECTED, 6),
            "note": "From the first service of a team.",
        },
        golden.TEMPLATE: {"how": "at birth", "lead_time_factor": 1.0, "deployment_rate_factor": 1.0},
    }
    names = world.services["service_id"].to_list()
    return {
        path: {
            **effects[path],
            "announced_on": _day(world, adopted.announced[path]),
            "ways": _ways(path, days, adopted),
            "leaving_per_day": 0.0,
            "following": "none: services of one team join at like times because their team is fast or slow, not because one follows another",
            "joined": {name: _day(world, int(day)) for name, day in zip(names, days, strict=True) if day < NEVER},
        }
        for path, days in adopted.days.items()
    }


def maturity(world: World) -> dict[str, Any]:
    """Who claims more or less than can be seen, and who goes round rules under stress."""
    there = set(world.teams["team_id"])
    return {
        "over_claimers": [team for team in assessments.OVER_CLAIMERS if team in there],
        "under_claimers": [team for team in assessments.UNDER_CLAIMERS if team in there],
        "stress_bypassers": [team for team in guardrails.BYPASSERS if team in there],
        "bypassed_share_of_severe_incidents": guardrails.BYPASSED,
    }


def gaming(world: World) -> dict[str, Any]:
    """Who makes a number look better than things are, how, and since when."""
    there = set(world.teams["team_id"])
    return {
        "calls_failed_deployments_cancelled": {
            "team": gamers.RENAMER if gamers.RENAMER in there else None, "from": gamers.renamed_from(world).isoformat(),
            "share": gamers.RENAMED,
        },
        "closes_actions_as_a_quarter_ends": {
            "team": gamers.LATE_CLOSER if gamers.LATE_CLOSER in there else None, "last_days": gamers.LAST_DAYS, "share": gamers.LATE,
        },
    }  # fmt: skip


def _ways(path: str, days: Ints, adopted: golden.Adoption) -> dict[str, int]:
    """How many of the services that ever joined did so before anybody spoke of a mandate, in its notice, and under it."""
    joined = days[days < NEVER]
    if path != golden.BASE:
        return {"organic": len(joined), "pre-mandate": 0, "mandated": 0}
    early, must = int((joined < adopted.announced[path]).sum()), int((joined >= adopted.mandated).sum())
    return {"organic": early, "pre-mandate": len(joined) - early - must, "mandated": must}


def incident_causes(deployed: pl.DataFrame, incidents: pl.DataFrame) -> dict[str, Any]:
    """The true cause of each incident, and how the rule *recorded, else the latest within 24 hours* would do."""
    causes = incidents.filter(pl.col("true_deployment_id").is_not_null())
    counted = (
        deployed.filter(pl.col("role").is_in(COUNTED))
        .select("service_id", pl.col("deployment_id").alias("nearest"), pl.col("finished_at").alias("opened_at"))
        .sort("opened_at", "nearest")
    )
    asked = incidents.filter(pl.col("deployment_id").is_null() & pl.col("change_caused").fill_null(True))
    linked = asked.sort("opened_at").join_asof(
        counted, on="opened_at", by="service_id", strategy="backward", tolerance=timedelta(hours=LINK_HOURS), check_sortedness=False
    )  # fmt: skip
    true, near = pl.col("true_deployment_id"), pl.col("nearest")
    return {
        "by_cause": dict(incidents.group_by("cause").len().sort("cause").iter_rows()),
        "recorded": incidents["deployment_id"].count(),
        "not_recorded": {
            "right": linked.filter(true == near).height,
            "wrong": linked.filter(true != near).height,
            "none": linked.filter(true.is_not_null() & near.is_null()).height,
            "linked_though_no_change": linked.filter(true.is_null() & near.is_not_null()).height,
        },
        "without_service": incidents["service_id"].null_count(),
        "open": incidents.filter(pl.col("resolved_at").is_null())["incident_id"].to_list(),
        "overlapping_pairs": _overlapping(incidents),
        "deployment": dict(causes.select("incident_id", "true_deployment_id").iter_rows()),
    }


def _overlapping(incidents: pl.DataFrame) -> int:
    """Pairs of incidents of one service that were open at the same time."""
    spans = incidents.filter(pl.col("service_id").is_not_null()).select(
        "incident_id", "service_id", "opened_at", "resolved_at"
    )
    ends = pl.col("resolved_at").is_null() | (pl.col("resolved_at") > pl.col("opened_at_right"))
    later = (pl.col("opened_at_right") > pl.col("opened_at")) | (
        (pl.col("opened_at_right") == pl.col("opened_at")) & (pl.col("incident_id_right") > pl.col("incident_id"))
    )
    return spans.join(spans, on="service_id").filter(later & ends).height


def approval_habits(approvals: pl.DataFrame) -> dict[str, Any]:
    """Who approves without looking, and what became of the requests."""
    rubber = approvals.filter(pl.col("kind") == "rubber")
    return {
        "rubber_stamped_operations": list(platform.RUBBER_STAMPED),
        "rubber_stampers": rubber["responder_id"].drop_nulls().unique().sort().to_list(),
        "rubber_stamp_median_seconds": platform.RUBBER_SECONDS,
        "rubber_stamp_rejections": rubber.filter(pl.col("decision") == "rejected").height,
        "attentive_median_seconds": platform.ATTENTIVE_SECONDS,
        "attentive_rejection_probability": platform.REJECTED,
        "by_status": dict(approvals.group_by("status").len().sort("status").iter_rows()),
        "self_approved": approvals.filter("is_self")["approval_id"].to_list(),
    }


def components(usage: pl.DataFrame) -> dict[str, Any]:
    """What hardly anybody uses, and who did when; everything else of the platform every team uses."""
    found = usage.group_by("component").agg(
        pl.col("at").min().alias("first"), pl.col("at").max().alias("last"), pl.col("team_id").unique().sort().alias("teams")
    )  # fmt: skip
    told = {row["component"]: row for row in found.to_dicts()}
    planted = {"dead": guardrails.DEAD, "few": guardrails.FEW, "young": guardrails.YOUNG}
    return {
        kind: {
            "component": name, "teams": told.get(name, {}).get("teams", []),
            **{end: told[name][end].isoformat() if name in told else None for end in ("first", "last")},
        }
        for kind, name in planted.items()
    }  # fmt: skip


def policies(results: pl.DataFrame) -> dict[str, Any]:
    """Each policy at the last look: services that conform, those that only pass because they are exempt, those that do not."""
    last = results.filter(pl.col("as_of") == pl.col("as_of").max())
    passes, exempt = pl.col("result") == "pass", pl.col("hatch_id").is_not_null()
    counts = last.group_by("policy").agg(
        (passes & ~exempt).sum().alias("conform"), (passes & exempt).sum().alias("pass_exempt"),
        pl.col("result").is_in(["fail", "warn"]).sum().alias("do_not"), (pl.col("result") == "skip").sum().alias("skipped"),
    )  # fmt: skip
    return {row.pop("policy"): row for row in counts.sort("policy").to_dicts()}


def bills(owned: pl.DataFrame) -> dict[str, Any]:
    """Exact totals, as text."""
    effective = owned.filter(pl.col("basis") == "effective")
    return {
        "charges": effective.height,
        "totals": money.totals(owned),
        "effective_by_owner": money.totals(effective, "owner").get("effective", {}),
        "effective_unallocated": money.totals(effective, "reason").get("effective", {}),
        "corrections": effective.filter("is_correction").height,
        "negative": effective.filter(pl.col("amount") < 0).height,
        "unknown_owner": money.UNKNOWN_OWNER,
        "commitment_per_month": str(money.COMMITMENT // money.UNIT),
    }


def _day(world: World, day: int) -> str:
    return date.isoformat(world.start + timedelta(days=day))
