"""Levels by the rules of others, each by its own, to set beside ours: Port, Tech Insights (Backstage), OWASP SAMM, the CNCF community's assessment.

Documents are what the tools export, as JSON values; nothing is evaluated but the comparisons named here, and what is none of them is said to be
unknown rather than failed. For notebooks: ``port_levels(json.loads(…), entities)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from idp_analytics.errors import ReportError

Document = Mapping[str, Any]


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def held(found: Any, wanted: Any) -> bool:
        try:
            return found is not None and compare(found, wanted)
        except TypeError:  # a text beside a number
            return False

    return held


_EMPTY: tuple[Any, ...] = (None, "", [], {})
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda found, wanted: found == wanted,
    "!=": lambda found, wanted: found != wanted,
    "<": _ordered(lambda found, wanted: found < wanted),
    "<=": _ordered(lambda found, wanted: found <= wanted),
    ">": _ordered(lambda found, wanted: found > wanted),
    ">=": _ordered(lambda found, wanted: found >= wanted),
    "contains": lambda found, wanted: isinstance(found, (str, list)) and wanted in found,
    "doesNotContains": lambda found, wanted: isinstance(found, (str, list)) and wanted not in found,
    "beginsWith": lambda found, wanted: isinstance(found, str) and found.startswith(wanted),
    "doesNotBeginsWith": lambda found, wanted: isinstance(found, str) and not found.startswith(wanted),
    "endsWith": lambda found, wanted: isinstance(found, str) and found.endswith(wanted),
    "doesNotEndsWith": lambda found, wanted: isinstance(found, str) and not found.endswith(wanted),
    "isEmpty": lambda found, _: found in _EMPTY,
    "isNotEmpty": lambda found, _: found not in _EMPTY,
}


def _holds(query: Document | None, entity: Document) -> bool:
    if not query:
        return True
    results = []
    for one in query.get("conditions", ()):
        operator = one.get("operator")
        if operator not in _OPERATORS:
            raise ReportError(
                f"The operator {operator!r} of a scorecard is not known; known are {', '.join(_OPERATORS)}."
            )
        results.append(_OPERATORS[operator](entity.get(one.get("property")), one.get("value")))
    return any(results) if query.get("combinator") == "or" else all(results)


def port_level(scorecard: Document, entity: Document) -> str | None:
    """The level of one entity by a Port scorecard: the highest all of whose rules hold, and all of the levels below; rules have no weight.

    The first level is the floor and needs nothing. Null where the scorecard's filter leaves the entity out. Raises :class:`ReportError` for an operator that
    is not known.
    """
    if not _holds(scorecard.get("filter"), entity):
        return None
    names = [level["title"] for level in scorecard["levels"]]
    reached: str = names[0]
    for name in names[1:]:
        rules = [rule for rule in scorecard["rules"] if rule["level"] == name]
        if not all(_holds(rule["query"], entity) for rule in rules):
            break
        reached = name
    return reached


def tech_insights_rank(checks: Sequence[Document], ranks: Mapping[str, int]) -> tuple[str, str]:
    """The rank by results of Backstage Tech Insights checks (``rank``, ``result``), and the highest there could be: one below the lowest rank of which a
    check failed. Of a group, give the checks of all its components: its weakest decides."""
    names = {number: name for name, number in ranks.items()}
    reached, most = _rank(checks)
    return names[reached], names[most]


def _rank(checks: Sequence[Document]) -> tuple[int, int]:
    """The number of the rank reached, and of the highest there could be."""
    most = max((int(check["rank"]) for check in checks), default=0)
    return max(0, min((int(check["rank"]) - 1 for check in checks if not check["result"]), default=most)), most


@dataclass(frozen=True)
class Progress:
    """Checks that passed, of how many, and that as Tech Insights shows it: percent without a fraction, halves up; 0 of none is 0 there."""

    passed: int
    total: int
    percent: int


def tech_insights_progress(checks: Sequence[Document]) -> tuple[Progress, Progress, int]:
    """What the maturity plugin of Tech Insights shows beside the rank: progress over all checks, progress over those of the next rank (of the highest where
    that is reached), and points, 100 for each rank of a check that passed (``ScoringDataFormatter`` of backstage/community-plugins, 2025)."""
    reached, most = _rank(checks)
    following = min(reached + 1, most)
    points = sum(100 * int(check["rank"]) for check in checks if check["result"])
    return _progress(checks), _progress([check for check in checks if int(check["rank"]) == following]), points


def _progress(checks: Sequence[Document]) -> Progress:
    passed, total = sum(bool(check["result"]) for check in checks), len(checks)
    return Progress(passed, total, (200 * passed + total) // (2 * total) if total else 0)


_RULES: Mapping[str, Callable[[Any, Any], bool]] = {
    "equal": _OPERATORS["="],
    "notEqual": _OPERATORS["!="],
    "lessThan": _OPERATORS["<"],
    "lessThanInclusive": _OPERATORS["<="],
    "greaterThan": _OPERATORS[">"],
    "greaterThanInclusive": _OPERATORS[">="],
    "in": lambda found, wanted: isinstance(wanted, (list, str)) and found in wanted,
    "notIn": lambda found, wanted: isinstance(wanted, (list, str)) and found not in wanted,
    "contains": lambda found, wanted: isinstance(found, (list, str)) and wanted in found,
    "doesNotContain": lambda found, wanted: isinstance(found, (list, str)) and wanted not in found,
}


def tech_insights_check(check: Document, facts: Document) -> bool | None:
    """Whether a check of Tech Insights (``rule.conditions`` of json-rules-engine) passes on ``facts``; null where a fact it needs is not
    there and decides, for Tech Insights shows no result then. Raises :class:`ReportError` for an operator that is not known."""
    return _decided(check["rule"]["conditions"], facts)


def _decided(condition: Document, facts: Document) -> bool | None:
    if "not" in condition:
        inner = _decided(condition["not"], facts)
        return None if inner is None else not inner
    for name, settles in (("all", False), ("any", True)):
        if name in condition:
            found = [_decided(one, facts) for one in condition[name]]
            return settles if settles in found else None if None in found else not settles
    operator = str(condition.get("operator"))
    if operator not in _RULES:
        raise ReportError(f"The operator {operator!r} of a check is not known; known are {', '.join(_RULES)}.")
    fact = facts.get(condition.get("fact", ""))
    return None if fact is None else _RULES[operator](fact, condition.get("value"))


def community_scores(answers: Mapping[str, int | None]) -> dict[str, float | None]:
    """Aspect → the CNCF community assessment's own score: the mean of what was answered (``investment_1`` … 1–4); null: nothing was.

    Not one of our numbers: 3.00 is as well two 3s as a 2 and a 4, and what was not answered is not seen in it.
    """
    given: dict[str, list[int]] = {}
    for name, level in answers.items():
        given.setdefault(name.rpartition("_")[0], []).extend([level] if level else [])
    return {aspect: sum(levels) / len(levels) if levels else None for aspect, levels in given.items()}


def samm_practice(activities: Mapping[str, float]) -> float:
    """The score of one OWASP SAMM practice, 0–3, from its activities (0, 0.25, 0.5 or 1): the mean of its two streams, each the sum of its three levels.

    What was not answered counts as 0. Nothing is gated: a third level counts without the first.
    """
    return sum(activities.values()) / 2


def samm_mean(scores: Sequence[float]) -> tuple[float, float]:
    """The score of an OWASP SAMM function (of its three practices), or of the whole (of its five functions): the mean; and the lowest of them beside it, for a mean
    of 2.0 is as well three of 2 as one of 0 beside two of 3."""
    return sum(scores) / len(scores), min(scores)


def percent_to_target(current: Mapping[str, float], target: Mapping[str, float]) -> float | None:
    """How much of what targets ask is there (OWASP SAMM, *relative scoring*): 1 − Σ max(0, target − current) ÷ Σ target.

    More than a target asks makes up for nothing elsewhere. What is not applicable has no target. Null where no target asks anything.
    """
    whole = sum(target.values())
    missing = sum(max(0.0, wanted - current.get(name, 0.0)) for name, wanted in target.items())
    return 1 - missing / whole if whole else None


def progress_to_target(baseline: float, current: float, target: float) -> float:
    """How much of the way from ``baseline`` to ``target`` is made (SAMM, *progress to date*); 1 where there was none to make."""
    return 1.0 if target == baseline else (current - baseline) / (target - baseline)
