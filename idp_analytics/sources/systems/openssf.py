"""OpenSSF Scorecard: checks of repositories, each with 0 to 10 points or −1 where the tool could not tell.

−1 is neither failed nor passed: the tool leaves such a check out of its whole, which can hide more than two points of ten. What a check found
(details, reasons, annotations) is not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from idp_analytics.sources import members, repositories
from idp_analytics.sources.export import Document, Export
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


def scorecard_results(document: Document, export: Export) -> Iterator[Row]:
    """One row per check of a repository, and one for the whole as the tool says it. A check that is not among those known weighs nothing, which is said."""
    body = {str(name).lower(): value for name, value in document.body.items()}
    named = body.get("repo")
    name = named if isinstance(named, str) else members.text(named, "name") or members.text(named, "Name")
    if not name or not name.strip():
        yield document.left_out("names no repository")
        return
    repo = repositories.repository(name) or name
    at = members.text(body, "date") or document.taken_at
    shared: dict[str, Any] = {"tool": "openssf", "scorecard": CARD, "resource": repo, "as_of": at, "service_id": export.service(repo)}  # fmt: skip
    for one in members.every(body, "checks"):
        check = {str(key).lower(): value for key, value in one.items()}
        rule, score = members.text(check, "name"), _points(check.get("score"))
        risk = RISKS.get(rule or "")
        if rule and risk is None:
            yield document.warning(f"{rule[:60]!r} is a check that is not known: it weighs nothing in the whole")
        yield document.row(
            at, **shared, rule=rule, category=risk, weight=WEIGHTS[risk] if risk else 0.0, score=score, score_most=float(MOST), state=_state(score),
            state_raw=members.text(check, "score"),
        )  # fmt: skip
    whole = _points(body.get("score"))
    if whole is not None:
        yield document.row(at, **shared, rule=LEVEL_SAID, score=whole, score_most=float(MOST))


def _points(said: Any) -> float | None:
    """Points of ten; null for −1, which is *could not tell*, and for what is no such number."""
    text = members.text(said)
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
        Gives("scorecard_results", scorecard_results, ("result",), "all runs that were kept", lost=("team_id", "level", "level_number")),
    ),
    recipes=(
        Recipe("results/*.json", 'scorecard --repo="github.com/$OWNER/$REPO" --format=json > "results/$REPO.json"', "a token that may read the repository",
               "One result per file, or many as JSON lines; keep each run. Some checks need an administrator's token and are −1 without."),
        Recipe("published.json", 'curl -fsS "https://api.scorecard.dev/projects/github.com/$OWNER/$REPO" > published.json', "none", "Of public repositories that publish their results."),
    ),
    options=(SERVICE_PATTERN,),
)  # fmt: skip
