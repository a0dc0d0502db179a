"""AWS Cost and Usage Reports: CUR 2.0 (Data Exports) and the legacy report, CSV or Parquet, plain or gzip.

Billed is the unblended cost, or, with ``net``, what is left of it after discounts. Effective is amortised by AWS's published
rule: what is covered by a reservation or Savings Plan has its share of it, the fees keep what went unused, and what only
offsets them (SavingsPlanNegation, upfront fees) is nothing. List is the public on-demand cost. Split cost allocation
(pods and tasks on an instance) takes the place of the instance's own cost (:mod:`cost_splits`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.errors import SourceError
from idp_analytics.sources import cost_bill
from idp_analytics.sources.cost_bill import BillFile, Charges, folded
from idp_analytics.sources.cost_cells import amounts, times
from idp_analytics.sources.cost_owners import OF_A_CHARGE, attributed, not_blank, strange_environments
from idp_analytics.sources.cost_owners import OPTIONS as OWNERS
from idp_analytics.sources.cost_rows import quantities
from idp_analytics.sources.cost_splits import split
from idp_analytics.sources.cost_tags import as_text, fold
from idp_analytics.sources.system import Gives, Option, Recipe, Shape, System
from idp_analytics.sources.tabular import ROW
from idp_analytics.tables import MONEY, Extract

_TEXTS = {
    "account": ("lineitemusageaccountid",), "type": ("lineitemlineitemtype",), "component": ("lineitemproductcode",),
    "usage_type": ("lineitemusagetype",), "unit": ("pricingunit",), "currency": ("lineitemcurrencycode",),
    "invoice": ("billinvoiceid",), "bill_type": ("billbilltype",), "resource": ("lineitemresourceid",),
    "rate": ("pricingratecode",), "product_sku": ("productsku",), "reservation": ("reservationreservationarn",),
    "parent": ("splitlineitemparentresourceid",), "tags": ("resourcetags",), "categories": ("costcategory",),
}  # fmt: skip
_TIMES = {
    "start": ("lineitemusagestartdate",), "end": ("lineitemusageenddate",), "billing": ("billbillingperiodstartdate",)
}  # fmt: skip
_COSTS = {
    "unblended": ("lineitemunblendedcost",), "net": ("lineitemnetunblendedcost",), "list": ("pricingpublicondemandcost",),
    "reserved": ("reservationeffectivecost",), "net_reserved": ("reservationneteffectivecost",),
    "unused_upfront": ("reservationunusedamortizedupfrontfeeforbillingperiod",),
    "net_unused_upfront": ("reservationnetunusedamortizedupfrontfeeforbillingperiod",),
    "unused_fee": ("reservationunusedrecurringfee",), "net_unused_fee": ("reservationnetunusedrecurringfee",),
    "planned": ("savingsplansavingsplaneffectivecost",), "net_planned": ("savingsplannetsavingsplaneffectivecost",),
    "committed": ("savingsplantotalcommitmenttodate",), "used": ("savingsplanusedcommitment",),
    "split": ("splitlineitemsplitcost",), "net_split": ("splitlineitemnetsplitcost",),
    "unused": ("splitlineitemunusedcost",), "net_unused": ("splitlineitemnetunusedcost",),
    "list_split": ("splitlineitempublicondemandsplitcost",), "list_unused": ("splitlineitempublicondemandunusedcost",),
}  # fmt: skip
_COLUMNS = {**_TEXTS, **_TIMES, **_COSTS, "quantity": ("lineitemusageamount",)}
_NEEDED = ("type", "start", "end", "currency", "unblended")
_NEEDS = {
    "discountedusage": "reserved", "rifee": "unused_fee", "savingsplancoveredusage": "planned", "savingsplanrecurringfee": "committed"
}  # fmt: skip
"""Type of line → the column without which nobody can say what of it is amortised."""

_CATEGORIES = {
    "usage": "usage", "discountedusage": "usage", "savingsplancoveredusage": "usage", "savingsplannegation": "usage",
    "fee": "purchase", "rifee": "purchase", "savingsplanrecurringfee": "purchase", "savingsplanupfrontfee": "purchase",
    "flatratesubscription": "purchase", "tax": "tax", "credit": "credit", "refund": "adjustment",
}  # fmt: skip
"""Type of line → FOCUS ChargeCategory. Discounts are adjustments too; a type nobody knows stays as it is."""

_TAG = re.compile(r"(?i)resource_?tags[/_]|cost_?category[/_]")


def read(paths: Sequence[Path], options: Mapping[str, Any], root: Path) -> list[Extract]:
    """One extract for table ``costs`` per file; of several snapshots of a billing period the newest counts.

    Raises :class:`SourceError` for a file that is no report, for ``net`` where there are no net costs, and what
    ``cost_bill.files`` refuses.
    """
    keys = _keys(options)
    bills, silent = cost_bill.files(
        SYSTEM, paths, root, _COLUMNS, _NEEDED, lambda name: _tag_key(name) in keys, ("account", "invoice")
    )
    charged = split([_charges(bill, options) for bill in bills])
    return [*cost_bill.extracts("aws_cur", bills, charged, options, root), *silent]


def _charges(bill: BillFile, options: Mapping[str, Any]) -> Charges:
    raw = bill.raw
    if options.get("net") and "net" not in raw.columns:
        raise SourceError(
            f"{bill.shown}: net = true, and no column line_item_net_unblended_cost: the report was made without it. Export with net "
            "columns (they come with a discount programme), or leave net out."
        )
    readings = {name: times(raw[name], strict=True) for name in _TIMES if name in raw.columns}
    known = {name: reading.known for name, reading in readings.items()}
    money = {name: amounts(raw[name], strict=True) for name in _COSTS if name in raw.columns}
    exact = raw.select(ROW).with_columns(reading.known.alias(name) for name, reading in money.items())
    text = raw.select(
        (not_blank(pl.col(name).cast(pl.String)) if name in raw.columns else pl.lit(None, pl.String)).alias(name)
        for name in _TEXTS if name not in ("tags", "categories")
    )  # fmt: skip
    kind = text["type"].str.to_lowercase().fill_null("")
    kind.alias("type")
    billed = _net(exact, "unblended", options)
    effective, told = _effective(
        exact.with_columns(text["reservation"], kind.alias("type"), billed.alias("billed")), options
    )
    refused = money["unblended"].values.dtype == pl.String and not options.get("net")
    asked = text.select("account").with_columns(known["start"].alias("period_start"))
    owned = attributed(asked, *_tags(bill), _with_prefixes(options), OF_A_CHARGE)
    quantity, strange = (
        quantities(raw["quantity"].alias("lineItem/UsageAmount")) if "quantity" in raw.columns else (None, [])
    )
    # An end that is no later than its start would make a charge for no time at all, which the gate sets aside with its money.
    start, end = pl.col("start"), pl.col("end")
    later = pl.when(end <= start).then(start + pl.duration(seconds=1)).otherwise(end)
    ends = pl.DataFrame({"start": known["start"], "end": known["end"]}).select(later.alias("end")).to_series()
    is_unreadable = readings["end"].values.dtype == pl.String or readings["start"].values.dtype == pl.String
    frame = pl.DataFrame([
        raw[ROW],
        readings["start"].values.alias("period_start"),
        (readings["end"].values if is_unreadable else ends).alias("period_end"),
        *([known["billing"].alias("billing_period_on")] if "billing" in known else []),
        *owned.cast(pl.String),  # splits put charges of several files together
        *text.select(
            pl.lit("AWS").alias("provider"), "account", "component",
            pl.coalesce("rate", "product_sku", "usage_type").alias("sku"), "resource", "parent", "usage_type",
            kind.replace(_CATEGORIES).str.replace(r"^.*discount$", "adjustment").alias("category"),
            (pl.col("bill_type").str.to_lowercase() == "refund").alias("is_correction"),
            kind.is_in(["rifee", "savingsplanrecurringfee"]).alias("is_unused_commitment"),
            pl.col("unit").alias("quantity_unit"), "currency", kind.alias("type"),
        ),
        *([quantity.alias("quantity")] if quantity is not None else []),
        (money["unblended"].values if refused else billed).alias("billed"),
        *([effective.alias("effective")] if effective is not None else []),
        *(_net(exact, name, options).alias(f"{name}_share") for name in ("split", "unused") if name in exact.columns),
        *(exact[name] for name in ("list", "list_split", "list_unused") if name in exact.columns),
    ])  # fmt: skip
    amount_of: dict[str, str] = {basis: basis for basis in ("billed", "effective", "list") if basis in frame.columns}
    warnings = (
        *cost_bill.floats(raw, _COSTS),
        *told,
        *strange,
        *strange_environments(owned),
        *_not_final(frame, text),
        *cost_bill.currencies(frame),
        *cost_bill.rounded(frame["billed"]),
    )
    return Charges(frame, amount_of, warnings=warnings, unused_on=("effective",))


def _net(exact: pl.DataFrame, name: str, options: Mapping[str, Any]) -> pl.Series:
    """The cost, or with ``net`` what is left of it after discounts where the report says so."""
    net = "net" if name == "unblended" else f"net_{name}"
    return exact[net] if options.get("net") and net in exact.columns else exact[name]


def _effective(rows: pl.DataFrame, options: Mapping[str, Any]) -> tuple[pl.Series | None, list[str]]:
    """What each line costs once commitments are spread over what they cover (AWS Cost and Usage Query Library, 2020)."""
    counts = dict(rows.group_by("type").len().iter_rows())
    missing = [
        f"{column} for {counts[kind]:,} line(s) of type {kind}"
        for kind, column in _NEEDS.items()
        if kind in counts and column not in rows.columns
    ]
    if missing:
        return None, [
            f"no effective costs: the report has no column {', '.join(missing)}; export it with reservation and Savings Plan columns"
        ]
    zero = pl.lit(0).cast(MONEY)

    def cost(name: str) -> pl.Expr:
        return pl.lit(_net(rows, name, options)) if name in rows.columns else pl.lit(None, MONEY)

    kind = pl.col("type")
    amortised = (
        pl.when(kind == "savingsplancoveredusage").then(cost("planned"))
        .when(kind == "savingsplanrecurringfee").then(cost("committed").fill_null(zero) - cost("used").fill_null(zero))
        .when(kind.is_in(["savingsplannegation", "savingsplanupfrontfee"])).then(zero)
        .when(kind == "discountedusage").then(cost("reserved"))
        .when(kind == "rifee").then(cost("unused_upfront").fill_null(zero) + cost("unused_fee").fill_null(zero))
        .when((kind == "fee") & pl.col("reservation").is_not_null()).then(zero)
        .otherwise("billed")
    )  # fmt: skip
    found = rows.select(amortised.cast(MONEY).alias("effective"), "billed").select(
        "effective", (pl.col("effective").is_null() & pl.col("billed").is_not_null()).alias("lost")
    )
    lost = int(found["lost"].sum())
    told = [f"{lost:,} line(s) covered by a commitment do not say their effective cost and have none"] if lost else []
    return found["effective"], told


def _not_final(frame: pl.DataFrame, text: pl.DataFrame) -> list[str]:
    """AWS gives a line its invoice once the month is invoiced; until then the bill may still change."""
    open_ = frame.filter(text["invoice"].is_null())
    if open_.is_empty():
        return []
    return [
        f"{open_.height:,} of {frame.height:,} line(s) have no invoice yet: the bill is not final and may still change"
    ]


# --- tags -------------------------------------------------------------------------------------------------------------


def _tag_key(column: str) -> str | None:
    """The key a column of tags or cost categories stands for; null: it is none."""
    found = _TAG.match(column)
    if not found:
        return None
    rest = column[found.end() :]
    return fold(rest) if found[0].lower().startswith("resource") else _category(rest)


def _category(name: str) -> str:
    return fold(f"costCategory/{name}")


def _with_prefixes(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with every key as AWS writes it too: ``user:team`` (legacy), ``user_team`` (CUR 2.0)."""
    defaults = {option.name: option.default for option in OWNERS}
    keys = ("team_tags", "service_tags", "environment_tags")
    given = {name: options.get(name, defaults[name]) for name in keys}
    return {
        **options,
        **{
            name: [form for key in some for form in (key, f"user:{key}", f"user_{key}")] for name, some in given.items()
        },
    }


def _keys(options: Mapping[str, Any]) -> frozenset[str]:
    prefixed = _with_prefixes(options)
    return frozenset(fold(key) for name in ("team_tags", "service_tags", "environment_tags") for key in prefixed[name])


def _tags(bill: BillFile) -> tuple[pl.Series, pl.Series]:
    """Tags and cost categories of each line, as JSON: from the columns they have this month, else from the maps."""
    by_key = {name: key for name in bill.raw.columns if (key := _tag_key(name)) is not None}
    nothing = pl.repeat(None, bill.raw.height, dtype=pl.String, eager=True)
    found = []
    for name, is_ours in (("tags", False), ("categories", True)):
        own = {column: key for column, key in by_key.items() if key.startswith("costcategory/") is is_ours}
        if own:
            found.append(
                as_text(
                    bill.raw.select(
                        pl.struct(pl.col(column).cast(pl.String).alias(key) for column, key in own.items())
                    ).to_series()
                )
            )
        elif name in bill.raw.columns:
            text = as_text(bill.raw[name])
            found.append(_renamed(text) if is_ours else text)
        else:
            found.append(nothing)
    return found[0], found[1]


def _renamed(categories: pl.Series) -> pl.Series:
    """Maps of cost categories with the keys that tell them from tags; each distinct one is made anew once."""
    texts = categories.cast(pl.String)
    made = {text: _as_categories(text) for text in texts.drop_nulls().unique()}
    return texts.replace(list(made), list(made.values())) if made else texts


def _as_categories(text: str) -> str:
    try:
        body = json.loads(text)
    except ValueError:
        return text
    pairs: Iterable[tuple[Any, Any]] = (
        body.items()
        if isinstance(body, dict)
        else ((one.get("key"), one.get("value")) for one in body if isinstance(one, dict))
    )
    return json.dumps({_category(str(key)): value for key, value in pairs})


SYSTEM = System(
    kind="aws_cur",
    title="AWS Cost and Usage Report",
    shapes=(Shape("line", "a line item", lambda body: {"lineitemunblendedcost", "lineitemlineitemtype"} <= {folded(name) for name in body}),),
    gives=(Gives("costs", None, ("line",), "as long as the exports are kept"),),
    recipes=(
        Recipe("data/BILLING_PERIOD=2026-03/…", "aws s3 sync s3://$BUCKET/$PREFIX/$EXPORT/ aws/", "s3:GetObject and s3:ListBucket on the bucket",
               "CUR 2.0 or the legacy report, with its folders: the manifests in `metadata/` (or beside the report) say which files are current, "
               'and paths = ["aws"] takes the folder. Without a manifest only the newest of several snapshots of a month counts. '
               "With split cost allocation data the costs of pods and tasks take the place of their instance's."),
    ),
    options=(
        *OWNERS,
        Option("net", "flag", "Costs after discounts (the report's net columns).", default=False),
        cost_bill.PARTS,
    ),
    reads=read,
)  # fmt: skip
