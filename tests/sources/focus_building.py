"""Small bills of our own in FOCUS 1.0, one charge a dictionary."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

CHARGE: Mapping[str, str] = {
    "BilledCost": "1.5", "BillingAccountId": "acorn", "BillingAccountName": "Acorn", "BillingCurrency": "USD",
    "BillingPeriodEnd": "2026-04-01T00:00:00Z", "BillingPeriodStart": "2026-03-01T00:00:00Z", "ChargeCategory": "Usage",
    "ChargeClass": "", "ChargeDescription": "An hour of a small machine", "ChargeFrequency": "Usage-Based",
    "ChargePeriodEnd": "2026-03-02T00:00:00Z", "ChargePeriodStart": "2026-03-01T00:00:00Z", "ContractedCost": "1.25",
    "EffectiveCost": "1.25", "InvoiceIssuerName": "Cumulus", "ListCost": "2.5", "PricingQuantity": "1", "PricingUnit": "Hour",
    "ProviderName": "Cumulus", "PublisherName": "Cumulus", "ServiceCategory": "Compute", "ServiceName": "Machines",
    "SubAccountId": "000000000001", "Tags": '{"team": "pay", "app": "shop"}',
}  # fmt: skip
"""A charge without a fault."""


def bill(*charges: Mapping[str, str], without: Sequence[str] = (), header: Sequence[str] = ()) -> str:
    """CSV of :data:`CHARGE`, once per given charge, changed as it says; ``without`` some columns."""
    names = list(dict.fromkeys([*CHARGE, *header, *(name for charge in charges for name in charge)]))
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, [name for name in names if name not in without], restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows({**CHARGE, **charge} for charge in charges)
    return file.getvalue()
