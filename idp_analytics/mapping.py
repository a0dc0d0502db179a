"""Names that stand for nothing we know, how many rows each would rescue, and what it may stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

import polars as pl

from idp_analytics.organisation import Organisation
from idp_analytics.tables import TABLES
from idp_analytics.tables.numbered import as_text

COLUMNS = ("kind", "system", "alias", "canonical_id", "valid_from", "valid_to", "rows", "certainty")
"""Of a proposal: the columns of table ``aliases``, and what a person needs to judge it."""

LEAST_ALIKE = 0.9
"""Names less alike than this (ratio of matching letters) are not proposed."""

_ENVIRONMENTS = {
    "prod": "production", "production": "production", "prd": "production", "live": "production",
    "stage": "staging", "staging": "staging", "stg": "staging", "preprod": "staging", "uat": "staging",
    "test": "test", "qa": "test", "testing": "test", "dev": "development", "development": "development", "sandbox": "development",
}  # fmt: skip
_EMPTY_WORDS = frozenset(
    (*_ENVIRONMENTS, "service", "svc", "app", "application", "component", "group", "team", "default")
)
_OWNED = (
    "deployments",
    "changes",
    "incidents",
    "pages",
    "costs",
    "tickets",
    "action_runs",
    "approvals",
    "policy_results",
    "scorecard_results",
    "escape_hatches",
)


@dataclass(frozen=True)
class Unmapped:
    """A name of ``kind`` that ``system`` writes in ``rows`` rows and that is none of ours; ``canonical_id`` is what it may
    be, ``certainty`` (0–1) how alike they are; null: nothing is alike."""

    kind: str
    system: str
    name: str
    rows: int
    canonical_id: str | None
    certainty: float


def unmapped(org: Organisation) -> list[Unmapped]:
    """Every such name, the one in most rows first. Kinds of which the catalogue knows nothing at all are left out."""
    found = [*_services(org), *_teams(org), *_operations(org), *_environments(org)]
    return sorted(found, key=lambda one: (-one.rows, one.kind, one.system, one.name))


def proposals(org: Organisation) -> pl.DataFrame:
    """The same as rows for the mapping file (:data:`COLUMNS`), to be looked at by a person before it is used."""
    rows = [
        (
            one.kind,
            one.system,
            one.name,
            one.canonical_id,
            None,
            None,
            one.rows,
            round(one.certainty, 2) if one.canonical_id else None,
        )
        for one in unmapped(org)
    ]
    kinds = [pl.String] * 6 + [pl.Int64, pl.Float64]
    return pl.DataFrame(rows, schema=dict(zip(COLUMNS, kinds, strict=True)), orient="row")


def unclassified(org: Organisation) -> pl.DataFrame:
    """Operations that ran and whose risk nobody has said: ``operation_id``, ``runs``; most runs first."""
    said = org.tables["operations"].filter(pl.col("risk").is_not_null()).select("operation_id")
    return (
        org.tables["action_runs"].join(said, on="operation_id", how="anti")
        .group_by("operation_id").agg(pl.len().cast(pl.Int64).alias("runs")).sort("runs", "operation_id", descending=[True, False])
    )  # fmt: skip


# --- by kind ----------------------------------------------------------------------------------------------------------


def _services(org: Organisation) -> Iterator[Unmapped]:
    services = org.tables["services"]
    names: dict[str, str] = {}
    for ours, title, repo in services.select("service_id", "name", "repo").iter_rows():
        for word in (ours, title, repo and repo.rsplit("/", 1)[-1]):
            if word:
                names.setdefault(word, ours)
    yield from _strange(org, "service", "service_id", names, set(services["service_id"]))


def _teams(org: Organisation) -> Iterator[Unmapped]:
    teams = org.tables["teams"]
    names = {word: ours for ours, title in teams.select("team_id", "name").iter_rows() for word in (title, ours)}
    yield from _strange(org, "team", "team_id", names, set(teams["team_id"]))


def _operations(org: Organisation) -> Iterator[Unmapped]:
    operations = org.tables["operations"]
    names = {
        word: ours for ours, title in operations.select("operation_id", "title").iter_rows() for word in (title, ours)
    }
    yield from _strange(org, "operation", "operation_id", names, set(operations["operation_id"]))


def _strange(
    org: Organisation, kind: str, column: str, names: Mapping[str, str], known: set[str]
) -> Iterator[Unmapped]:
    if not known:
        return
    tables = [
        as_text(org.tables[name].select("source", pl.col(column).alias("name")))
        for name in _OWNED
        if column in TABLES[name].schema
    ]  # fmt: skip
    counted = (
        pl.concat(tables).filter(pl.col("name").is_not_null(), ~pl.col("name").is_in(list(known)))
        .group_by("source", "name").len().sort("source", "name")
    )  # fmt: skip
    for system, name, rows in counted.iter_rows():
        yield Unmapped(kind, system, name, rows, *closest(name, names))


def _environments(org: Organisation) -> Iterator[Unmapped]:
    tables = [
        as_text(org.tables[name].select("source", "environment", "environment_raw"))
        for name in ("deployments", "costs")
    ]
    unknown = pl.concat(tables).filter(pl.col("environment").is_null(), pl.col("environment_raw") != "")
    counted = unknown.group_by("source", "environment_raw").len().sort("source", "environment_raw")
    for system, name, rows in counted.iter_rows():
        meant = {_ENVIRONMENTS[word] for word in _words(name) if word in _ENVIRONMENTS}
        word = meant.pop() if len(meant) == 1 else None
        yield Unmapped("environment", system, name, rows, word, 0.9 if word else 0.0)


# --- likeness ---------------------------------------------------------------------------------------------------------


def closest(name: str, names: Mapping[str, str]) -> tuple[str | None, float]:
    """What ``name`` most likely stands for of ``names`` (a word → our id), and how sure that is: 1 when both say the same
    once case, separators and words such as ``service`` or ``prod`` are left out, else the ratio of matching letters."""
    plain = _plain(name)
    scored = [(_alike(plain, _plain(word)), ours) for word, ours in names.items()]
    best = max(scored, key=lambda one: one[0], default=(0.0, None))
    rivals = {ours for score, ours in scored if score == best[0]}
    return (best[1], best[0]) if best[0] >= LEAST_ALIKE and len(rivals) == 1 else (None, 0.0)


def _alike(one: str, other: str) -> float:
    if not one or not other:
        return 0.0
    return 1.0 if one == other else min(0.99, SequenceMatcher(None, one, other, autojunk=False).ratio())


def _plain(name: str) -> str:
    words = _words(name.rsplit("/", 1)[-1])
    return "".join([word for word in words if word not in _EMPTY_WORDS] or words)


def _words(name: str) -> list[str]:
    # camelCase and digits part words too: "CheckoutProd1" is checkout, prod, 1.
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)]
