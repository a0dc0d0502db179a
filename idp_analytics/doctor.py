"""What would make the numbers better: each finding says how many rows it would rescue and what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby

import polars as pl

from idp_analytics import mapping, sources
from idp_analytics.errors import nearest
from idp_analytics.metrics import CATALOGUE, HEADLINES, linked_incidents
from idp_analytics.metrics.allocation import explain
from idp_analytics.metrics.allocation.shares import shares
from idp_analytics.metrics.components import unmatched
from idp_analytics.metrics.interventions import overlapping
from idp_analytics.metrics.observed import day_of
from idp_analytics.organisation import Organisation
from idp_analytics.report.money import REMEDIES
from idp_analytics.sources.ledger_entries import FILE
from idp_analytics.tables.pseudonyms import KEY_VARIABLE

Finding = tuple[int, str]

_NAMED = 5
_DUE = 92
"""Days after its review is due for which a change is named: what was learnt is for the quarter that follows."""


def findings(org: Organisation) -> list[str]:
    """Sentences, the one that would rescue most rows first; none when there is nothing to mend."""
    found = [
        *_set_aside(org), *_unmapped(org), *_unclassified(org), *_unowned_services(org), *_unsaid(org), *_unsalted(org),
        *_unlinked_incidents(org), *_truncated(org), *_not_measured(org), *_pools(org), *_components(org),
        *_changes(org),
    ]  # fmt: skip
    return [text for _, text in sorted(found, key=lambda finding: (-finding[0], finding[1]))]


def _set_aside(org: Organisation) -> Iterator[Finding]:
    reasons = org.rejected.group_by("table", "file", "reason").len().sort("len", descending=True)
    for table, file, reason, n in reasons.iter_rows():
        yield n, f"{n} row(s) of {table} in {file} are set aside: {reason}."


def _unmapped(org: Organisation) -> Iterator[Finding]:
    for kind, names in groupby(sorted(mapping.unmapped(org), key=lambda one: one.kind), key=lambda one: one.kind):
        found = list(names)
        n = sum(one.rows for one in found)
        told = ", ".join(_meant(one) for one in found[:_NAMED]) + (", …" if len(found) > _NAMED else "")
        yield n, f"{n} row(s) name {len(found)} {kind}(s) the catalogue does not have: {told}. {_CURE[kind]}"


_CURE = {
    "service": "Add them to services, or map the names in the aliases file (kind = service).",
    "team": "Add them to teams, or map the names in the aliases file (kind = team).",
    "operation": "Add them to operations.csv, or map the names in the aliases file (kind = operation).",
    "environment": "Map the names in the aliases file (kind = environment), or by environments = { … } of the source.",
}


def _meant(one: mapping.Unmapped) -> str:
    guess = f", is it {one.canonical_id}?" if one.canonical_id else ""
    return f"{one.name} ({one.rows} by {one.system}{guess})"


def _unclassified(org: Organisation) -> Iterator[Finding]:
    found = mapping.unclassified(org)
    if found.height:
        n = int(found["runs"].sum())
        yield (
            n,
            (
                f"{n} run(s) are of {found.height} operation(s) whose risk nobody has said: {_shown(found)}. "
                "Say safe, sensitive or dangerous in operations.csv; it is never guessed."
            ),
        )


def _unsalted(org: Organisation) -> Iterator[Finding]:
    people = org.tables["people"]["person_id"].str.starts_with("person:").sum()
    if people and not os.environ.get(KEY_VARIABLE):
        yield (
            0,
            (
                f"People's pseudonyms are made without a secret: who knows a login can find its rows. Set {KEY_VARIABLE} in the "
                "environment to a long random text, the same on every run."
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
    kinds = {source.name: source.kind for source in org.settings.sources}
    for row in org.tables["loads"].filter(pl.col("truncated")).iter_rows(named=True):
        cure = f"export {row['table']} again, whole"
        if sources.forgets(kinds.get(row["source"], "")):
            cure = "the system forgets, so run idp collect after each export"
        yield row["rows_out"], f"{row['path']} is incomplete by its own account: {cure}."


def _components(org: Organisation) -> Iterator[Finding]:
    """Words of ``[[component]]`` that nothing in the data fits: misspelt, or of a source that is not loaded."""
    for component, word, name in unmatched(org.lazy, org.settings).iter_rows():
        yield (
            0,
            f"The component {component!r}: its {word} {name!r} fits nothing in the data. Mend the name, or load what tells of it.",
        )


def _pools(org: Organisation) -> Iterator[Finding]:
    """Rules of sharing that find nothing, that compete for a charge, or that leave cost unallocated."""
    if not org.settings.showback.pools:
        return
    for pool, n in explain.taken(org.lazy, org.settings).items():
        if not n:
            yield 0, f"The pool {pool!r} takes no charge: nothing fits its take. Mend it, or remove the rule."
    for row in explain.described_twice(org.lazy, org.settings).iter_rows(named=True):
        yield (
            row["charges"],
            f"{row['charges']} charge(s), {row['currency']} {row['amount']:,.2f}, fit the pools {row['pool']!r} and {row['also']!r}: "
            f"{row['pool']!r} takes them, being written first. If that is not meant, narrow one take.",
        )
    left = shares(org.lazy, org.settings).filter(pl.col("reason").is_not_null())
    for pool, reason, n in (
        left.group_by("pool", "reason").agg(pl.col("charges").sum()).sort("pool", "reason").iter_rows()
    ):
        yield n, f"The pool {pool!r} is in part unallocated, {reason}: {REMEDIES[reason]}"


def _changes(org: Organisation) -> Iterator[Finding]:
    """The change ledger: not read, judged by what is no metric, at the same units as another change, due to be looked at."""
    if (org.settings.root / FILE).is_file() and all(source.kind != "change_ledger" for source in org.settings.sources):
        yield 0, f'{FILE} is not read. Add a [[source]] with kind = "change_ledger" and paths = ["{FILE}"].'
    rows = org.tables["interventions"]
    known = {metric.name for metric in CATALOGUE}
    for name, metric, n in (
        rows.group_by("intervention_id", "metric").len().sort("intervention_id", "metric").iter_rows()
    ):
        if metric not in known:
            yield (
                n,
                f"The change {name!r} is judged by {metric!r}, which is no metric: nothing can be said of it.{nearest(metric, known)}",
            )
    for name, other, units in overlapping(rows).select("intervention_id", "other", "units").iter_rows():
        yield (
            0,
            f"The changes {name!r} and {other!r} are at {units} unit(s) at one time: what moves there can be put down to neither alone. Register the next at "
            "other units, or after the review of the first.",
        )
    today = day_of(org.as_of - timedelta(microseconds=1), org.settings.time_zone)
    resolved = dict(org.tables["actions"].group_by("origin_id").agg(pl.col("opened_on").max()).iter_rows())
    due = rows.group_by("intervention_id").agg(pl.col("review_on").max(), pl.col("adopted_on").count().alias("adopted"))
    for name, on, adopted in due.sort("intervention_id").iter_rows():
        is_reviewed = name in resolved and resolved[name] >= on
        if on <= today <= on + timedelta(days=_DUE) and not is_reviewed:
            yield (
                0,
                f"The change {name!r} was to be looked at on {on}: read what its report says, and write down what follows (idp intervention review)."
                if adopted
                else f"The change {name!r} was to be looked at on {on}, and no unit has taken it up: say who has (idp intervention adopt), or let it go.",
            )


def _not_measured(org: Organisation) -> Iterator[Finding]:
    for metric in HEADLINES:
        empty = [name for name in metric.tables if org.tables[name].is_empty()]
        if empty:
            yield 0, f"{metric.title} is not measured in full: no rows in {', '.join(empty)}."


def _shown(counts: pl.DataFrame) -> str:
    named = ", ".join(f"{name} ({n})" for name, n in counts.head(_NAMED).iter_rows())
    return named + (", …" if counts.height > _NAMED else "")
