"""What a reader is told of how many ways there are."""

from __future__ import annotations

from answer_building import SCRIPT, frame, mart, of_org

from idp_analytics.metrics.fragmentation import COLUMNS
from idp_analytics.periods import parse
from idp_analytics.report import html
from idp_analytics.report.fragmentation import fragmentation


def row(capability: str, period: str = "2026-06", **more):
    return {"scope": "org", "entity_id": "org", "every": "1mo", "period": period, "period_start": parse(period).start, "is_partial": False,
            "capability": capability, "n": 10, "unknown": 0, "variants": 3, "value": 2.4, "low": 1.8, "high": 3.0, "same": 0.5, "level": 0.95,
            "most": "pipe", "most_share": 0.6, **more}  # fmt: skip


def seen(*rows):
    return fragmentation(of_org(mart(studies={"fragmentation": frame(rows, COLUMNS)})))


def test_the_answer():
    empty = dict.fromkeys(("value", "low", "high", "same", "most", "most_share"))
    made = seen(
        row("deploying"),
        row("deploying", "2026-05", value=2.6),
        row("module", value=4.1, high=5.0, most=SCRIPT),
        row("x", n=0, unknown=2, **empty),
    )
    assert made.answer == (
        "At the end of June 2026, 10 services were deployed in 3 ways, in effect 2.4 (95 % interval 1.8–3.0); 2.6 a period earlier; most, "
        "60.0 %, through pipe. Most ways there are of module: in effect 4.1 (95 % interval 1.8–5.0)."
    )
    assert made.tables[0].frame["A period earlier"].to_list() == ["2.6", "–", "–"]
    assert "<script>" not in html.behind(made) + html.answer(made)


def test_nothing_known():
    made = seen()
    assert made.answer == "Nothing tells in which ways things were done at the end of June 2026."
    assert (made.tables, made.cautions) == ((), ())


def test_the_sample(organisation_report, team_report):
    assert "in effect" in organisation_report().fragmentation().answer
    assert team_report().fragmentation().tables
