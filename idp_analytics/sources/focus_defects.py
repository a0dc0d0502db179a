"""What is wrong with a FOCUS file, looked for before anything is summed: one sentence each, with counts and money."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import polars as pl
import polars.selectors as cs

from idp_analytics.sources.focus_format import CLOSED, COSTS, MANDATORY, NEVER_NULL, TIMES, strays
from idp_analytics.tables.numbered import by_word, first_known

_WHOLE_SHARE = 0.99
_FEWEST = 5
_SHOWN = 5
_ISO = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$"
_PRICE = r"^(0|\d*\.\d+([eE]-?\d+)?)$"  # zones are named 1, 2, 3, but none 0


@dataclass(frozen=True)
class Bill:
    """One FOCUS file, one row per charge.

    ``raw`` has the FOCUS columns as the file has them. ``read`` has the same rows with costs as Decimal and times as
    UTC (null where they cannot be read), and what the tags say (``cost_tags.OWNERS``). ``header``: names in the file.
    """

    raw: pl.DataFrame
    read: pl.DataFrame
    header: Sequence[str]

    def has(self, *names: str) -> bool:
        """The file has all these FOCUS columns."""
        return all(name in self.raw.columns for name in names)

    def where(self, hit: pl.Series) -> pl.DataFrame:
        """What the rows cost for which ``hit`` is true: their costs, currency and category."""
        return self.read.select(
            cs.by_name(*COSTS.values(), "BillingCurrency", "ChargeCategory", require_all=False)
        ).filter(hit)


def defects(bill: Bill) -> list[str]:
    """Every defect found, in the order of :data:`CHECKS`; empty: none. Nothing is mended and no row is left out."""
    return [sentence for check in CHECKS for sentence in check(bill)] if bill.raw.height else []


def money(rows: pl.DataFrame, column: str | None = None) -> str:
    """What ``rows`` cost, exact, per currency: ``BilledCost 18.0066386184 USD``; the first cost column there is."""
    column = column or next((name for name in COSTS.values() if name in rows.columns), None)
    if column is None or not rows.height:
        return "no cost"
    sums = rows.group_by("BillingCurrency").agg(pl.col(column).sum()).cast({"BillingCurrency": pl.String})
    sums = sums.sort("BillingCurrency", nulls_last=True)
    return f"{column} " + ", ".join(
        f"{plain(total)} {currency or '(no currency)'}" for currency, total in sums.iter_rows()
    )


def plain(amount: Decimal) -> str:
    """An exact amount without padding: ``18.0066386184``, ``-3``, ``0``."""
    text = f"{amount:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


# --- the checks -------------------------------------------------------------------------------------------------------


def _missing_columns(bill: Bill) -> Iterator[str]:
    missing = [name for name in MANDATORY if name not in bill.raw.columns]
    if bill.has("ServiceProviderName"):
        missing = [name for name in missing if name not in ("ProviderName", "PublisherName")]
    if missing:
        yield f"the file has no {', '.join(missing)}, which FOCUS makes mandatory"


def _lost_decimals(bill: Bill) -> Iterator[str]:
    """A cost whole on almost every usage row of a provider, while BilledCost is not."""
    if not bill.has("BilledCost", "ChargeCategory"):
        return
    provider = _provider(bill).alias("_provider")
    usage = bill.read.select(cs.by_name(*COSTS.values(), require_all=False), provider).filter(_is(bill, "usage"))
    fraction = pl.col("BilledCost") != pl.col("BilledCost").truncate()
    for basis, name in COSTS.items():
        if name == "BilledCost" or not bill.has(name):
            continue
        whole = pl.col(name) == pl.col(name).truncate()
        counts = usage.group_by("_provider").agg(
            pl.len().alias("n"), whole.sum().alias("whole"), fraction.sum().alias("fraction")
        )
        lost = counts.filter(
            pl.col("n") >= _FEWEST, pl.col("whole") > _WHOLE_SHARE * pl.col("n"), pl.col("fraction") > (1 - _WHOLE_SHARE) * pl.col("n")
        ).cast({"_provider": pl.String}).sort("_provider", nulls_last=True)  # fmt: skip
        for who, n, whole_rows, _ in lost.iter_rows():
            rows = bill.where(provider.cast(pl.String).eq_missing(pl.Series([who], dtype=pl.String)))
            yield (
                f"{name} of {who!r} is a whole number in {whole_rows:,} of {n:,} usage rows while BilledCost is "
                f"not: its decimals are lost, do not use the {basis} basis ({money(rows, 'BilledCost')}, "
                f"{money(rows, name)})"
            )


def _price_as_zone(bill: Bill) -> Iterator[str]:
    if bill.has("AvailabilityZone"):
        is_price = by_word(bill.raw["AvailabilityZone"], lambda zones: zones.str.contains(_PRICE))
        if is_price.any():
            rows = bill.where(is_price)
            yield f"AvailabilityZone holds a price in {rows.height:,} row(s): columns have slipped ({money(rows)})"


def _stray_columns(bill: Bill) -> Iterator[str]:
    if names := strays(bill.header):
        yield f"column(s) that FOCUS does not have and that are not marked x_: {_listed(names)}"


def _odd_times(bill: Bill) -> Iterator[str]:
    odd = {}
    for name in TIMES:
        if bill.has(name) and bill.raw[name].dtype in (pl.String, pl.Enum):
            odd[name] = int(by_word(bill.raw[name], lambda times: ~times.str.contains(_ISO)).sum())
    if any(odd.values()):
        told = ", ".join(f"{name} {n:,}" for name, n in odd.items() if n)
        yield f"times not written as 2024-09-18T23:00:00Z, taken as UTC where they can be read: {told}"


def _odd_words(bill: Bill) -> Iterator[str]:
    for name, words in CLOSED.items():
        if not bill.has(name):
            continue
        meant = {word.casefold(): word for word in words}
        word = pl.col(name).cast(pl.String).str.strip_chars().alias("word")
        counts = bill.raw.group_by(name).len().group_by(word).agg(pl.col("len").sum()).sort("word")
        for word, n in counts.drop_nulls().iter_rows():
            if (right := meant.get(word.casefold())) is None:
                yield f"{name}: {word!r} ({n:,} row(s)) is none of {', '.join(words)}"
            elif right != word:
                yield f"{name}: {word!r} ({n:,} row(s)) is written {right!r} in the specification"


def _odd_tags(bill: Bill) -> Iterator[str]:
    for flag, told in (
        ("has_spaced_key", "tag keys with spaces around them, which are ignored"),
        ("has_conflict", "one owner tag with two values, so that neither is used"),
        ("is_unreadable", "tags that are no JSON and are not used"),
    ):
        if bill.read[flag].any():
            rows = bill.where(bill.read[flag])
            yield f"{rows.height:,} row(s) have {told} ({money(rows)})"


def _negative_usage(bill: Bill) -> Iterator[str]:
    if not bill.has("BilledCost", "ChargeCategory"):
        return
    is_negative = _is(bill, "usage") & (bill.read["BilledCost"] < 0)
    if is_negative.any():
        negative, credits = bill.where(is_negative), bill.where(_is(bill, "credit"))
        also = f"; {credits.height:,} Credit row(s) besides ({money(credits)})" if credits.height else ""
        yield f"{negative.height:,} Usage row(s) are negative, refunds most likely; they are kept ({money(negative)}){also}"


def _outside_billing(bill: Bill) -> Iterator[str]:
    if not bill.has("ChargePeriodStart", "BillingPeriodStart", "BillingPeriodEnd"):
        return
    start, since, until = (bill.read[name] for name in ("ChargePeriodStart", "BillingPeriodStart", "BillingPeriodEnd"))
    rows = bill.where((start < since) | (start >= until))
    if rows.height:
        yield (
            f"{rows.height:,} row(s) are charged in one period and billed in another; they count in the period of the "
            f"charge ({money(rows)})"
        )


def _odd_accounts(bill: Bill) -> Iterator[str]:
    if not bill.has("SubAccountId"):
        return
    account = bill.raw["SubAccountId"]
    is_aws = by_word(_provider(bill), lambda names: names.str.to_lowercase().str.contains("^aws|^amazon"))
    odd = account.filter(is_aws & by_word(account, lambda ids: ~ids.str.contains(r"^\d{12}$"))).cast(pl.String)
    if odd.len():
        lengths = ", ".join(map(str, odd.str.len_chars().unique().sort()))
        yield (
            f"{odd.n_unique():,} AWS account id(s) in {odd.len():,} row(s) are not 12 digits (found {lengths} characters): "
            "leading zeros may be lost, and a map of accounts to teams will miss them"
        )


def _nulls(bill: Bill) -> Iterator[str]:
    skipped = ("ProviderName", "PublisherName") if bill.has("ServiceProviderName") else ()
    names = [name for name in NEVER_NULL if bill.has(name) and name not in skipped]
    counts = {name: n for name in names if (n := bill.raw[name].null_count())}
    if counts:
        yield "empty though FOCUS forbids it: " + ", ".join(f"{name} in {n:,} row(s)" for name, n in counts.items())


def _untagged_below_zero(bill: Bill) -> Iterator[str]:
    column = next((name for name in COSTS.values() if bill.has(name)), None)
    if column is None or not bill.has("Tags"):
        return
    untagged = bill.where(bill.read["is_untagged"]).cast({"BillingCurrency": pl.String})
    net = untagged.group_by("BillingCurrency").agg(pl.col(column).sum()).filter(pl.col(column) < 0)
    for currency in net["BillingCurrency"].sort():
        rows = untagged.filter(pl.col("BillingCurrency").eq_missing(pl.lit(currency)))
        credits = rows.filter(_category() == "credit") if bill.has("ChargeCategory") else rows.clear()
        yield (
            f"charges without any tag sum below zero ({money(rows)}, of it {credits.height:,} credit(s) of "
            f"{money(credits)}): a share of the bill that is untagged cannot be given"
        )


def _currencies(bill: Bill) -> Iterator[str]:
    if bill.read["BillingCurrency"].n_unique() > 1:
        yield f"several currencies, never added together: {money(bill.read)}"


def _floats(bill: Bill) -> Iterator[str]:
    names = [name for name in COSTS.values() if bill.has(name) and bill.raw[name].dtype.is_float()]
    if names:
        yield f"{', '.join(names)} are binary floats: exact decimals were lost before the file was written"


CHECKS: tuple[Callable[[Bill], Iterator[str]], ...] = (
    _missing_columns, _stray_columns, _floats, _lost_decimals, _price_as_zone, _odd_times, _odd_words, _nulls, _odd_tags,
    _untagged_below_zero, _negative_usage, _outside_billing, _odd_accounts, _currencies,
)  # fmt: skip
"""Every check, first what concerns the whole file."""


# --- words of the checks ----------------------------------------------------------------------------------------------


def _category() -> pl.Expr:
    return pl.col("ChargeCategory").cast(pl.String).str.strip_chars().str.to_lowercase()


def _is(bill: Bill, category: str) -> pl.Series:
    words = bill.raw["ChargeCategory"]
    return by_word(words, lambda words: words.str.strip_chars().str.to_lowercase() == category)


def _provider(bill: Bill) -> pl.Series:
    """Who provides what is charged for; null where nothing says so."""
    names = [bill.raw[name] for name in ("ServiceProviderName", "ProviderName") if bill.has(name)]
    return first_known(names or [pl.Series([None], dtype=pl.String).new_from_index(0, bill.raw.height)])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:_SHOWN])) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def mended(column: str, cells: Mapping[str, str], found: pl.Series) -> list[str]:
    """The sentence about cells of ``column`` that were not written as FOCUS asks and were read all the same."""
    if not cells:
        return []
    hit = by_word(found, lambda texts: texts.str.strip_chars().is_in(list(cells))).arg_true()
    if hit.is_empty():
        return []
    first = [(int(i) + 1, found[int(i)]) for i in hit.head(_SHOWN)]
    told = ", ".join(f"row {row}: {cell!r} as {cells[str(cell).strip()]}" for row, cell in first)
    rest = f" and {hit.len() - len(first):,} more" if hit.len() > len(first) else ""
    return [
        f"{column}: {hit.len():,} cell(s) not written as FOCUS asks, taken as meant ({told}{rest}); strict = true refuses them"
    ]
