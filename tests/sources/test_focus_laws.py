"""However texts are read and in whatever order files and rows come, a FOCUS bill says the same."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from focus_building import bill
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idp_analytics.sources import focus, read
from idp_analytics.tables import Extract
from idp_analytics.tables.conform import conform
from idp_analytics.tables.numbered import as_text


def extracts(folder: Path, accounts: list[dict[str, Any]], **files: str) -> list[Extract]:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return read("focus", [folder / f"{name}.csv" for name in files], {"parts": True, "accounts": accounts}, folder)


WRITTEN = st.fixed_dictionaries({}, optional={
    "Tags": st.sampled_from(["", "NULL", '{"team": "pay"}', '{"team": " pay "}', '{"Owner": "web", "env": "prod"}', "broken", '{" team": "a", "team": "b"}']),
    "AllocatedTags": st.sampled_from(["", '{"team": "core"}', '{"app": "shop"}']),
    "SubAccountId": st.sampled_from(["", "1", "000000000001", " A "]),
    "ChargePeriodStart": st.sampled_from(["2026-03-01T00:00:00Z", "2026-03-05T12:00:00Z", "2026-03-09 00:00", "", "soon"]),
    "ServiceProviderName": st.sampled_from(["", "AWS", "Cumulus"]),
    "ChargeCategory": st.sampled_from(["Usage", "usage ", "Credit", "", "What"]),
    "ChargeClass": st.sampled_from(["", "Correction", "correction"]),
    "BilledCost": st.sampled_from(["1", "-1.000000000001", "$1,000.00", "much", ""]),
    "BillingCurrency": st.sampled_from(["USD", "EUR", ""]),
    "AvailabilityZone": st.sampled_from(["", "1", "0.5"]),
})  # fmt: skip
DATED = [
    {"account": "1", "team": "one", "to": date(2026, 3, 5)},
    {"account": "1", "team": "two", "from": date(2026, 3, 5)},
    {"account": "a", "team": "three"},
]


@pytest.mark.parametrize(
    "accounts", [[], [{"account": " A", "team": "three"}], DATED], ids=["none", "undated", "dated"]
)
@hypothesis_settings(max_examples=25)
@given(st.lists(WRITTEN, min_size=1, max_size=12))
def test_texts_by_number_make_the_same_bill(
    tmp_path_factory: pytest.TempPathFactory, accounts: list[dict[str, Any]], charges: list[dict[str, str]]
) -> None:
    """Law: whether texts come by number or one by one, the rows, those set aside and every sentence are the same."""
    folder, found = tmp_path_factory.mktemp("law"), []
    text = bill(*charges, *charges, *charges)  # often enough to be numbered
    for repeats in (focus._repeats, lambda _: False):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(focus, "_repeats", repeats)
            (given_extract,) = extracts(folder, accounts, bill=text)
        found.append((given_extract, conform(given_extract, "focus", None)))
    (one, kept), (other, same) = found
    assert (one.warnings, one.dropped) == (other.warnings, other.dropped)
    assert kept.rows.equals(same.rows)
    assert kept.rejected.equals(same.rejected)
    assert kept.load.equals(same.load)


@given(st.lists(WRITTEN, min_size=2, max_size=8), st.integers(1, 7), st.randoms(use_true_random=False))
@hypothesis_settings(max_examples=15)
def test_neither_the_order_of_files_nor_of_rows_changes_what_a_bill_says(
    tmp_path_factory: pytest.TempPathFactory, charges: list[dict[str, str]], cut: int, random: Random
) -> None:
    folder = tmp_path_factory.mktemp("law")
    named_charges = [{**charge, "ResourceId": f"r{n}"} for n, charge in enumerate(charges)]

    def said(**files: list[dict[str, str]]) -> pl.DataFrame:
        read_files = extracts(folder, DATED, **{name: bill(*rows) for name, rows in files.items()})
        kept = pl.concat(as_text(conform(one, "focus", None).rows) for one in read_files)
        return kept.drop("cost_id", "load_id", "source_row").sort(pl.all())

    whole = said(a=named_charges[:cut], b=named_charges[cut:])
    assert said(b=named_charges[cut:], a=named_charges[:cut]).equals(whole)
    assert said(c=random.sample(named_charges, len(named_charges))).equals(whole)
