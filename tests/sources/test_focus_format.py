"""Which version of FOCUS a file is, by its columns alone."""

from __future__ import annotations

from typing import Any

import pytest

from idp_analytics.sources.focus_format import SINCE, places, strays, version


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (["BilledCost", "x"], {"BilledCost": "BilledCost"}),
        (["billedcost"], {"BilledCost": "billedcost"}),
        (["AmortizedCost"], {"EffectiveCost": "AmortizedCost"}),
        (["AmortizedCost", "EffectiveCost"], {"EffectiveCost": "EffectiveCost"}),
        (["BilledCost", "billedCost"], {"BilledCost": "BilledCost"}),
        (["ChargeType", "ChargeSubcategory"], {"ChargeCategory": "ChargeType", "ChargeSubcategory": "ChargeSubcategory"}),
    ],
)  # fmt: skip
def test_where_a_column_is_in_the_file(header: list[str], found: dict[str, str]) -> None:
    assert places(header) == found


@pytest.mark.parametrize(
    ("header", "number"),
    [
        (["a", "b", "BilledCost", "Tags"], "none"),
        ([], "none"),
        (SINCE["1.0"], "1.0"),
        ([*SINCE["1.0"], "SkuMeter"], "1.1"),
        ([*SINCE["1.0"], "InvoiceId", "SkuMeter"], "1.2"),
        ([*map(str.upper, SINCE["1.0"]), "ALLOCATEDTAGS"], "1.3"),
        ([*SINCE["1.0"], "AllocatedServiceName"], "1.4"),
        (["BilledCost", "AmortizedCost", "ChargeType"], "0.5"),
        (["BilledCost", "EffectiveCost", "UsageQuantity"], "1.0-preview"),
        (["ChargeSubcategory", "Region", "EffectiveCost"], "1.0-preview"),
        (["Region", "Region", "x_a", "AMORTIZEDCOST", "chargetype"], "0.5"),
    ],
)
def test_the_version_a_file_seems_to_be(header: list[str], number: str) -> None:
    assert version(header) == number


def test_columns_that_are_no_focus_and_not_marked_are_strays() -> None:
    header: list[Any] = ["BilledCost", "x_Own", "X_Own", "Id", "region", "usagequantity", "tags"]
    assert strays(header) == ["Id"]
