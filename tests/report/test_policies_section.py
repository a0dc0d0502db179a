"""What a reader is told of rules: exemptions apart, breaches nothing stops, lists cut off, and names as text."""

from __future__ import annotations

from answer_building import SCRIPT, all_words, by_team, frame, mart, of_org

from idp_analytics.metrics.policy_study import COLUMNS
from idp_analytics.periods import parse
from idp_analytics.report.policies import policies

CELL = {
    "scope": "org", "entity_id": "org", "every": "1mo", "period": "2026-06", "period_start": parse("2026-06").start, "is_partial": False,
}  # fmt: skip
NONE = dict.fromkeys(
    ("fail", "warn", "exempt", "tolerated", "error", "skip", "unknown", "nameless", "nameless_failing", "truncated"), 0
)


def row(policy, n, k, listed=True, **more):
    told = {"value": k / n, "low": k / n / 2, "high": (k / n + 1) / 2} if listed and n else {}
    return {
        **CELL,
        **NONE,
        "policy": policy,
        "engine": "kyverno" if policy else None,
        "n": n,
        "k": k,
        "lists_passes": listed,
        "level": 0.95,
        **told,
        **more,
    }


def seen(*rows, of=of_org, **named):
    return policies(of(mart(studies={"policies": frame(rows, COLUMNS)}), **named))


def test_the_answer():
    made = seen(
        row(None, 4, 2, exempt=1, unknown=3), row("base", 4, 2, exempt=1, fail=1, enforcement="deny"),
        row("labels", 4, 3, warn=1, enforcement="audit, warn", tolerated=1),
    )  # fmt: skip
    assert made.answer == (
        "Of 4 services judged by a policy at the end of June 2026, 2 keep every policy that judged them: 50.0 % (95 % interval 25.0–75.0 %). "
        "With base 1 service more passes only because of being exempt; 2 of 4 conform. Breaches of labels are reported and not stopped. Of 3 "
        "active services no policy says anything."
    )
    assert made.trace == "idp explain policy_conformance --data data/acme --period 2026-06"
    first = made.tables[0].frame.to_dicts()[1]
    assert (first["A breach is"], first["Failing beside a hatch"]) == ("audit, warn", "1")


def test_failures_only_and_cut_off():
    made = seen(row("base", 20, 0, listed=False, fail=20, truncated=20))
    assert (
        made.answer
        == "At the end of June 2026 no share is known: no service was judged, or sources list failures only."
    )
    (only,) = made.tables[0].frame.to_dicts()
    assert (only["Services judged (n)"], only["Fail"]) == ("failures only", "at least 20")
    assert made.chart is None
    assert any("Gatekeeper at 20" in said for said in made.cautions)
    assert any("failures only" in said for said in made.cautions)
    assert any("does not tell what a rule does" in said for said in made.cautions)


def test_nothing_known_and_hostile_names():
    assert seen().answer == "Nothing tells how services stood with any policy at the end of June 2026."
    made = seen({**row(SCRIPT, 1, 1), "scope": "team", "entity_id": "red"}, of=by_team, team="red")
    assert SCRIPT in all_words(made)
    shown = "".join(str(bundle["text/html"]) for bundle in made.outputs() if "text/html" in bundle)
    assert "<script>alert" not in shown
