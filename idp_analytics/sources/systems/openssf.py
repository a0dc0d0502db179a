"""OpenSSF Scorecard: checks of repositories, each with 0 to 10 points or −1 where the tool could not tell.

−1 is neither failed nor passed: the tool leaves such a check out of its whole, which can hide more than two points of ten. What a check found
(details, reasons, annotations) is not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import compress
from operator import not_
from typing import Any

from idp_analytics.sources import repositories
from idp_analytics.sources.batch import Batch, each, either
from idp_analytics.sources.export import Export
from idp_analytics.sources.system import SERVICE_PATTERN, Gives, Recipe, Row, Shape, System
from idp_analytics.tables.facts import LEVEL_SAID

CARD, MOST = "openssf", 10
CRITICAL, HIGH, MEDIUM, LOW = "critical", "high", "medium", "low"
WEIGHTS = {CRITICAL: 10.0, HIGH: 7.5, MEDIUM: 5.0, LOW: 2.5}
"""How much a check weighs in the whole, by its risk (ossf/scorecard at 40c1e35, 2026: ``GetAggregateScore`` in pkg/scorecard/scorecard_result.go)."""
RISKS = {
    "Binary-Artifacts": HIGH, "Branch-Protection": HIGH, "CI-Tests": LOW, "CII-Best-Practices": LOW, "Code-Review": HIGH, "Contributors": LOW,
    "Dangerous-Workflow": CRITICAL, "Dependency-Update-Tool": HIGH, "Fuzzing": MEDIUM, "License": LOW, "Maintained": HIGH, "Packaging": MEDIUM,
    "Pinned-Dependencies": MEDIUM, "SAST": MEDIUM, "SBOM": MEDIUM, "Security-Policy": MEDIUM, "Signed-Releases": HIGH, "Token-Permissions": HIGH,
    "Vulnerabilities": HIGH, "Webhooks": CRITICAL,
}  # fmt: skip
"""The risk of each of the twenty checks there are (the same, docs/checks/internal/checks.yaml)."""


def scorecard_results(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per check of a repository, and one for the whole as the tool says it. A check that is not among those known weighs nothing, which is said."""
    batch = _small(batch)
    names = _names(batch)
    yield from (one.left_out("names no repository") for one in batch.those(map(not_, names)))
    batch, repos = batch.where(names), [repositories.repository(name) or name for name in names if name]
    if not len(batch):
        return
    times = either(batch.texts("date"), [batch.documents[0].taken_at] * len(batch))
    shared: dict[str, Any] = {"tool": "openssf", "scorecard": CARD, "score_most": float(MOST)}
    about: dict[str, list[Any]] = {"resource": repos, "as_of": times, "service_id": each(export.service, repos)}
    checks, places = batch.every("checks")
    checks = _small(checks)
    rules, said = checks.texts("name"), checks.texts("score")
    risks, scores = each(lambda rule: RISKS.get(rule or ""), rules), each(_points, said)
    for rule in dict.fromkeys(compress(rules, [risk is None for risk in risks])):
        if rule:
            yield batch.documents[0].warning(
                f"{rule[:60]!r} is a check that is not known: it weighs nothing in the whole"
            )
    own = {
        "rule": rules, "category": risks, "weight": each(lambda risk: WEIGHTS[risk] if risk else 0.0, risks), "score": scores,
        "state": each(_state, scores), "state_raw": said,
    }  # fmt: skip
    yield from batch.several(places, own, times, **shared, **about)
    wholes = each(_points, batch.texts("score"))
    which = [whole is not None for whole in wholes]
    told = {name: list(compress(values, which)) for name, values in about.items()}
    yield from batch.where(which).rows(
        list(compress(times, which)), **shared, **told, rule=LEVEL_SAID, score=list(compress(wholes, which))
    )


def _small(batch: Batch) -> Batch:
    """The same with names of members in small letters: old versions wrote capitals."""
    if all(str(name).islower() for name in set().union(*batch.bodies)):
        return batch
    return Batch(batch.table, batch.documents, [{str(name).lower(): of for name, of in body.items()} for body in batch.bodies])  # fmt: skip


def _names(batch: Batch) -> list[str | None]:
    """What each calls its repository."""
    plain = [(one.strip() or None) if isinstance(one, str) else None for one in batch.at("repo")]
    return either(plain, batch.texts("repo", "name"), batch.texts("repo", "Name"))


def _points(text: str | None) -> float | None:
    """Points of ten; null for −1, which is *could not tell*, and for what is no such number."""
    try:
        points = float(text) if text is not None else None
    except ValueError:
        return None
    return points if points is not None and 0 <= points <= MOST else None


def _state(score: float | None) -> str | None:
    if score is None:
        return None
    return "passed" if score == MOST else "failed" if score == 0 else "partial"


def _is_result(body: Any) -> bool:
    if {"repo", "checks"} <= body.keys():
        named = body["repo"]
        return isinstance(body["checks"], list) and (isinstance(named, str) or "name" in (named or {}))
    return {"Repo", "Checks"} <= body.keys() and isinstance(body["Checks"], list)


SYSTEM = System(
    kind="openssf",
    title="OpenSSF Scorecard",
    shapes=(Shape("result", "a result of OpenSSF Scorecard", _is_result),),
    gives=(
        Gives("scorecard_results", None, ("result",), "all runs that were kept", lost=("team_id", "level", "level_number"), at_once=scorecard_results),
    ),
    recipes=(
        Recipe("results/*.json", 'scorecard --repo="github.com/$OWNER/$REPO" --format=json > "results/$REPO.json"', "a token that may read the repository",
               "One result per file, or many as JSON lines; keep each run. Some checks need an administrator's token and are −1 without."),
        Recipe("published.json", 'curl -fsS "https://api.scorecard.dev/projects/github.com/$OWNER/$REPO" > published.json', "none", "Of public repositories that publish their results."),
    ),
    options=(SERVICE_PATTERN,),
)  # fmt: skip
