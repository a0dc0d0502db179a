"""FOCUS as providers write it: its columns, by version.

Source: FOCUS specification (focus.finops.org), versions 0.5 (2023), 1.0-preview (2023), 1.0 and 1.1 (2024), 1.2 and 1.3 (2025).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

COSTS: Mapping[str, str] = {
    "billed": "BilledCost",
    "effective": "EffectiveCost",
    "list": "ListCost",
    "contracted": "ContractedCost",
}
"""Our basis → the FOCUS column."""

TIMES = ("ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart", "BillingPeriodEnd")

SINCE: Mapping[str, tuple[str, ...]] = {
    "1.0": (
        "AvailabilityZone", "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd",
        "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd",
        "ChargePeriodStart", "CommitmentDiscountCategory", "CommitmentDiscountId", "CommitmentDiscountName",
        "CommitmentDiscountStatus", "CommitmentDiscountType", "ConsumedQuantity", "ConsumedUnit", "ContractedCost",
        "ContractedUnitPrice", "EffectiveCost", "InvoiceIssuerName", "ListCost", "ListUnitPrice", "PricingCategory",
        "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "RegionId", "RegionName", "ResourceId",
        "ResourceName", "ResourceType", "ServiceCategory", "ServiceName", "SkuId", "SkuPriceId", "SubAccountId",
        "SubAccountName", "Tags",
    ),
    "1.1": (
        "CapacityReservationId", "CapacityReservationStatus", "CommitmentDiscountQuantity", "CommitmentDiscountUnit",
        "ServiceSubcategory", "SkuMeter", "SkuPriceDetails",
    ),
    "1.2": (
        "BillingAccountType", "InvoiceId", "PricingCurrency", "PricingCurrencyContractedUnitPrice",
        "PricingCurrencyEffectiveCost", "PricingCurrencyListUnitPrice", "SubAccountType",
    ),
    "1.3": (
        "AllocatedMethodDetails", "AllocatedMethodId", "AllocatedResourceId", "AllocatedResourceName", "AllocatedTags",
        "ContractApplied", "HostProviderName", "ServiceProviderName",
    ),
    "1.4": ("AllocatedServiceName",),
}  # fmt: skip
"""Columns of the Cost and Usage dataset by the version that brought them."""

RENAMED: Mapping[str, str] = {
    "AmortizedCost": "EffectiveCost",
    "ChargeType": "ChargeCategory",
    "Region": "RegionId",
    "UsageQuantity": "ConsumedQuantity",
    "UsageUnit": "ConsumedUnit",
}
"""What 0.5 and 1.0-preview called columns of 1.0."""

PREVIEW_ONLY = ("ChargeSubcategory",)
"""What 1.0-preview had and 1.0 has no more; it says there whether a commitment went unused."""

MANDATORY = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost",
    "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName",
    "ServiceCategory", "ServiceName",
)  # fmt: skip
"""Columns that 1.0 to 1.2 require of every provider (1.3 lets ServiceProviderName stand for ProviderName)."""

NEVER_NULL = (
    "BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory",
    "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost",
    "ProviderName", "PublisherName", "ServiceCategory", "ServiceName",
)  # fmt: skip
"""Of these, the ones in which every row must have a value."""

CLOSED: Mapping[str, tuple[str, ...]] = {
    "ChargeCategory": ("Usage", "Purchase", "Tax", "Credit", "Adjustment"),
    "ChargeClass": ("Correction",),
    "ChargeFrequency": ("One-Time", "Recurring", "Usage-Based"),
    "PricingCategory": ("Standard", "Dynamic", "Committed", "Other"),
    "CommitmentDiscountCategory": ("Spend", "Usage"),
    "CommitmentDiscountStatus": ("Used", "Unused"),
}
"""Columns with a closed list of words."""

_KNOWN = {name.casefold(): name for names in (*SINCE.values(), PREVIEW_ONLY) for name in names}
_OLD = {old.casefold(): new for old, new in RENAMED.items()}


def places(header: Sequence[str]) -> dict[str, str]:
    """FOCUS column → its name in this file. Case does not matter; a current name goes before an old one."""
    found = {new: name for name in reversed(header) if (new := _OLD.get(name.casefold()))}
    return found | {_KNOWN[name.casefold()]: name for name in reversed(header) if name.casefold() in _KNOWN}


def strays(header: Sequence[str]) -> list[str]:
    """Columns that FOCUS does not have and that are not marked ``x_`` as the provider's own."""
    known = _KNOWN.keys() | _OLD.keys()
    return [name for name in header if name.casefold() not in known and not name.lower().startswith("x_")]


def version(header: Sequence[str]) -> str:
    """The FOCUS version a file seems to be, from the columns it has; ``none`` when it has hardly any of them."""
    names = {name.casefold() for name in header}
    if len(names & (_KNOWN.keys() | _OLD.keys())) < 3:
        return "none"
    if names & {"amortizedcost", "chargetype"}:
        return "0.5"
    if names & {"chargesubcategory", "usagequantity", "usageunit"}:
        return "1.0-preview"
    newest = [number for number, columns in SINCE.items() if names & {c.casefold() for c in columns}]
    return newest[-1] if newest else "1.0"
