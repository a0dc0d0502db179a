"""The part of the catalogue about what people ask the platform for: how fast it comes, and who has to agree."""

from __future__ import annotations

from idp_analytics.answers import Estimator, Metric
from idp_analytics.metrics import uses

ENTRIES: tuple[Metric, ...] = (
    Metric(
        name="exposed_run_share",
        title="Dangerous runs unchecked",
        question="How much that is dangerous is done without anybody else having agreed?",
        formula="dangerous uses carried out ungated, round their gate, approved by who asked for them, or approved after they "
        "began ÷ dangerous uses carried out",
        unit="share of runs",
        better="lower",
        tables=("action_runs", "operations"),
        estimator=Estimator.SHARE,
        population="Runs of self-service operations classified as dangerous (operations.risk; nobody's guess), what else approval "
        "was asked for, and escape hatches of such operations, that were carried out; dated by when they were asked for. An "
        "automatic gate is a gate.",
        link_rule="approvals.subject_id: which run or deployment an approval is for; the approvals of one request hold for all of "
        "its runs. Where a person is said to stand before an operation, and others asked one, a run without approval went round.",
        null_policy="Missing: what stood before it is neither said nor seen, for no approval is in the data. Operations nobody has "
        "classified are not in it: they are listed, never taken for safe. When a decision is not known exactly, it is not said to "
        "come after the fact. What is done off the platform is not seen.",
        min_n=5,
        source="gate by risk: own definition, after CDEvents approval (draft 0.6, 2026) and DORA, streamlining change approval "
        "(dora.dev capabilities, as of 2026); interval: Wilson 1927",
        observations=uses.exposed_run_share,
        scopes=("org", "team"),
    ),
)  # fmt: skip
"""The entries, in the order documents show them."""
