"""What each system alone can answer of golden paths, approvals and ways round the rules, from what its reader declares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from idp_analytics.sources.system import Gives, System
from idp_analytics.sources.systems import systems

YES, NO = "yes", "no"


@dataclass(frozen=True)
class Question:
    """A question, the ``table`` it is asked of and the ``columns`` without which it has no answer; ``past``: it needs to know what was so
    before, which a system that shows only what is so now tells from collected copies alone; ``evidence``: of one of these kinds."""

    text: str
    table: str
    columns: tuple[str, ...]
    past: bool = False
    evidence: tuple[str, ...] = ()


SEEN = ("uses", "conforms")
QUESTIONS: tuple[Question, ...] = (
    Question("Which services are seen on a path?", "service_golden_path", ("service_id", "golden_path_id"), evidence=SEEN),
    Question("Which were born on one?", "service_golden_path", ("service_id", "golden_path_id"), evidence=("born",)),
    Question("Of how many services (kind, lifecycle)?", "services", ("kind", "lifecycle")),
    Question("Which version do they run?", "service_golden_path", ("version",)),
    Question("Who stays?", "service_golden_path", ("service_id", "golden_path_id"), past=True, evidence=SEEN),
    Question("Which deployments went through a path?", "deployments", ("golden_path_id",)),
    Question("How often do runs succeed?", "action_runs", ("outcome",)),
    Question("How soon is the result usable?", "action_runs", ("requested_at", "usable_at")),
    Question("Which runs are tries of one request?", "action_runs", ("requestor_id",)),
    Question("How long is the queue for approval?", "approvals", ("requested_at", "decided_at", "status")),
    Question("Does somebody else approve?", "approvals", ("requestor_id", "responder_id")),
    Question("Was it a machine?", "approvals", ("automated",)),
    Question("Which ways round stand open?", "escape_hatches", ("kind", "opened_at")),
    Question("Have they run out?", "escape_hatches", ("expires_at",)),
    Question("Who keeps the rules?", "policy_results", ("policy", "result", "service_id")),
)  # fmt: skip
"""In the order of the page. How much harm an operation can do no system says: people do, in ``operations.csv``."""

EVIDENCE: dict[str, tuple[str, ...]] = {
    "argocd": ("uses",), "backstage": ("born",), "crossplane": ("uses",), "flux": ("uses",), "github": ("uses",),
    "opentelemetry": ("uses", "conforms"), "terraform": ("uses",),
}  # fmt: skip
"""System → what its rows of ``service_golden_path`` are evidence of."""


def answer(system: System, question: Question) -> str:
    """:data:`YES`, *from copies* (what was so before it knows only from snapshots), *not told: columns*, or :data:`NO`."""
    given = [one for one in system.gives if one.table == question.table]
    if not given or (question.evidence and not set(question.evidence) & set(EVIDENCE.get(system.kind, ()))):
        return NO
    return min((_from(one, question) for one in given), key=lambda said: (said != YES, said))


def _from(given: Gives, question: Question) -> str:
    lost = [name for name in question.columns if name in given.lost]
    if lost:
        return f"not told: {', '.join(f'`{name}`' for name in lost)}"
    return "from copies" if question.past and given.is_state else YES


def lines() -> Iterator[str]:
    """The table of SOURCES.md: one row per question, one column per system that can answer any of them."""
    shown = [one for one in systems() if any(answer(one, question) != NO for question in QUESTIONS)]
    yield "## What each alone can answer\n"
    yield (
        "Of golden paths, approvals and ways round the rules. *From copies*: it shows what is so now, and what was so only where "
        "`idp collect` kept it. *Not told*: it has such rows without these columns, so that the number is missing and not zero. How much "
        "harm an operation can do no system says: people do, in `operations.csv`. A share of services needs one system that says which "
        "there are, beside one that sees them on a path.\n"
    )
    yield "| question | " + " | ".join(one.title for one in shown) + " |"
    yield "|---" * (len(shown) + 1) + "|"
    for question in QUESTIONS:
        yield f"| {question.text} | " + " | ".join(_cell(answer(one, question)) for one in shown) + " |"
    yield ""


def _cell(said: str) -> str:
    return "–" if said == NO else said
