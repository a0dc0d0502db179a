"""How good the bill is, as a page says it."""

from __future__ import annotations

from decimal import Decimal

from answer_building import frame, load, of_org
from answer_building import mart as made_of

from idp_analytics.metrics.bill_quality import COLUMNS
from idp_analytics.report import cost_quality


def measure(name: str, amount: str, whole: str, n: int, of: int, detail: str | None = None, **told) -> dict:
    part, all_ = Decimal(amount), Decimal(whole)
    return {
        "scope": "org", "entity_id": "org", "every": "1mo", "period": "2026-06", "is_partial": False, "currency": "EUR",
        "measure": name, "detail": detail, "amount": part, "whole": all_, "n": n, "of": of,
        "share": float(part / all_) if all_ > 0 and 0 <= part <= all_ else None, **told,
    }  # fmt: skip


ROWS = [
    measure("allocated, gross", "80", "100", 4, 8), measure("allocated, net", "75", "89", 6, 11),
    measure("allocated, gross", "50", "100", 2, 8, period="2026-05"),
    measure("unallocated, gross", "20", "100", 4, 8, "empty tag"), measure("unallocated, net", "20", "89", 4, 11, "empty tag"),
    measure("unallocated, net", "-6", "89", 1, 11, "credit"),
    measure("owner by tag", "60", "80", 3, 5), measure("owner tag empty", "20", "80", 2, 5), measure("owner unknown", "0", "80", 0, 5),
    measure("decimals lost", "18", "19", 6, 6, "A"),
    {**measure("lag", "0", "0", 9, 9, "B"), "amount": None, "whole": None, "of": None, "days": 7.0},
]  # fmt: skip


def test_shares_money_and_what_would_help():
    told = made_of(studies={"bill_quality": frame(ROWS, COLUMNS)}, loads=[load("costs", warnings=["3 <b>odd</b> rows"]), load("people", warnings=["no"])])  # fmt: skip
    section = cost_quality.quality(of_org(told))
    assert section.answer == (
        "EUR, June 2026: 80.0 % of EUR 100.00 above zero is allocated (net 75.00 of 89.00). Of what could be tagged, the owner is "
        "told by a tag (75.0 %); of 25.0 % no owner is known."
    )
    assert section.cautions == (
        "A: 6 of 6 effective amounts are whole while the billed ones are not (EUR 18.00 against EUR 19.00 billed): what rests on "
        "the effective basis is wrong.",
        "B (EUR): the last day charged for ended 7 days before the bill was taken; what came later is missing.",
    )
    measures, unallocated, files = section.tables
    assert measures.frame.to_dicts()[0] == {
        "Measure": "allocated, gross", "Share": "80.0 %", "The period before": "50.0 %", "Amount": "80.00", "Of": "100.00",
        "Charges (n)": "4 of 8", "What it is": "of the lines above zero, what a team pays",
    }  # fmt: skip
    assert measures.frame["Measure"].to_list()[1:] == [
        "allocated, net",
        "owner by tag",
        "owner tag empty",
        "decimals lost, A",
    ]
    assert measures.caption == "The bill in EUR, June 2026; none: owner unknown"
    assert unallocated.frame.to_dicts() == [
        {"Reason": "credit", "Above zero": "0.00", "Share of it": "–", "Net": "−6.00", "Lines (n)": "1"},
        {"Reason": "empty tag", "Above zero": "20.00", "Share of it": "20.0 %", "Net": "20.00", "Lines (n)": "4"},
    ]
    assert files.frame.to_dicts() == [{"File": "a.csv", "Found": "3 <b>odd</b> rows"}]


def test_without_costs_it_says_so():
    assert cost_quality.quality(of_org(made_of())).answer == "No cost in June 2026."
