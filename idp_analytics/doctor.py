"""What would make the numbers better: each finding says how many rows it would rescue and what to do."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from idp_analytics.metrics import HEADLINES, linked_incidents
from idp_analytics.organisation import Organisation

Finding = tuple[int, str]

_NAMED = 5


def findings(org: Organisation) -> list[str]:
    """Sentences, the one that would rescue most rows first; none when there is nothing to mend."""
    found = [
        *_set_aside(org), *_unknown_services(org), *_unowned_services(org), *_unsaid(org),
        *_unlinked_incidents(org), *_truncated(org), *_not_measured(org),
    ]  # fmt: skip
    return [text for _, text in sorted(found, key=lambda finding: (-finding[0], finding[1]))]


def _set_aside(org: Organisation) -> Iterator[Finding]:
    reasons = org.rejected.group_by("table", "file", "reason").len().sort("len", descending=True)
    for table, file, reason, n in reasons.iter_rows():
        yield n, f"{n} row(s) of {table} in {file} are set aside: {reason}."


def _unknown_services(org: Organisation) -> Iterator[Finding]:
    known = org.tables["services"].select("service_id")
    if known.is_empty():
        return
    for name in ("deployments", "changes", "incidents", "costs"):
        strange = (
            org.tables[name].filter(pl.col("service_id").is_not_null()).join(known, on="service_id", how="anti")
            .group_by("service_id").len().sort("len", "service_id", descending=[True, False])
        )  # fmt: skip
        if strange.height:
            n = int(strange["len"].sum())
            yield (
                n,
                (
                    f"{n} row(s) of {name} name {strange.height} service(s) the catalogue does not have: {_shown(strange)}. "
                    "Add them to services, or map the names in an aliases file (kind = service)."
                ),
            )


def _unowned_services(org: Organisation) -> Iterator[Finding]:
    for name in ("deployments", "changes", "incidents"):
        facts = org.tables[name]
        orphaned = facts.filter(pl.col("service_id").is_not_null() & pl.col("team_id").is_null())
        if orphaned.height:
            shown = _shown(orphaned.group_by("service_id").len().sort("len", "service_id", descending=[True, False]))
            yield (
                orphaned.height,
                (
                    f"{orphaned.height} of {facts.height} row(s) of {name} happened when nobody owned the service: {shown}. "
                    "Give ownership rows that cover those days."
                ),
            )


def _unsaid(org: Organisation) -> Iterator[Finding]:
    for name, column, consequence in (
        ("deployments", "service_id", "they count for the organisation only"),
        ("deployments", "environment", "they cannot be told to be production and count nowhere"),
        ("deployments", "outcome", "they are not counted as successful"),
        ("incidents", "service_id", "they cannot be linked to a deployment"),
        ("changes", "first_commit_at", "they have no lead time"),
    ):
        n = int(org.tables[name][column].null_count())
        if n:
            yield n, f"{n} of {org.tables[name].height} row(s) of {name} have no {column}: {consequence}."


def _unlinked_incidents(org: Organisation) -> Iterator[Finding]:
    linked = linked_incidents(org.lazy, org.settings).collect()
    n = int((~linked["linked"]).sum()) if linked.height else 0
    if n:
        yield (
            n,
            (
                f"{n} of {linked.height} incident(s) that a change may have caused are linked to no deployment within "
                f"{org.settings.rules.link_hours:g} h. Record deployment_id on incidents, or say change_caused = false."
            ),
        )


def _truncated(org: Organisation) -> Iterator[Finding]:
    for row in org.tables["loads"].filter(pl.col("truncated")).iter_rows(named=True):
        yield row["rows_out"], f"{row['path']} is incomplete by its own account: export {row['table']} again, whole."


def _not_measured(org: Organisation) -> Iterator[Finding]:
    for metric in HEADLINES:
        empty = [name for name in metric.tables if org.tables[name].is_empty()]
        if empty:
            yield 0, f"{metric.title} is not measured in full: no rows in {', '.join(empty)}."


def _shown(counts: pl.DataFrame) -> str:
    named = ", ".join(f"{name} ({n})" for name, n in counts.head(_NAMED).iter_rows())
    return named + (", …" if counts.height > _NAMED else "")
