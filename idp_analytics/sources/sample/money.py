"""What it costs: charges of two providers in two currencies, exact, with everything a real bill has that is not use."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import polars as pl

from idp_analytics.sources.sample.company import TEAM_ALIASES, World
from idp_analytics.sources.sample.draw import Floats, Ints, lognormal, shaped, stream
from idp_analytics.tables import MONEY

PROVIDERS = {"EUR": "Alpha Cloud (synthetic)", "USD": "Beta Observability (synthetic)"}
"""The provider that bills in each currency."""
UNIT = 10**12
"""Amounts are drawn as whole numbers of 10⁻¹² of a currency, so that every sum is exact."""
TAX_PERCENT = 19
BASES = ("billed", "effective", "list", "contracted")
REASONS = ("tax", "credit", "unused commitment", "unknown owner", "empty tag", "no owner")
"""Why a charge has no owner, the first that holds."""
UNKNOWN_OWNER = "skunkworks"
"""An owner that tags name and no catalogue knows."""
DATA_ACCOUNT, MOVED_ACCOUNT, SHARED_ACCOUNT, USUAL_ACCOUNT = (
    "004400112233",
    "005500112233",
    "006600112233",
    "007700112233",
)
"""Sub-accounts: of the team ``data``; of whoever owns ``checkout``; of nobody; where everything else runs."""
COMMITMENT = 1_150 * UNIT
"""What the commitment of a month costs."""
COMMITTED_SERVICE = "search-api"
PRICES = {
    "Virtual Machines": (83_700_000, "Hours"), "Managed Database": (413_100_000, "Hours"), "Object Storage": (21_600_000, "GB-Months"),
    "Content Delivery": (72_900_000, "GB"), "Query Engine": (4_986_000_000, "TB"), "Kubernetes Control Plane": (101_700_000, "Hours"),
    "Log Ingestion": (93_600_000, "GB"), "Support": (900_000_000, "Units"),
}  # fmt: skip
"""Component → what a unit of it costs, in 10⁻⁹ of the currency, and the unit. All can be divided by 9 and 4, so that the
contract's and the list price have few digits too."""
ENVIRONMENTS = {"prod": "production", "staging": "staging"}
"""How tags write environments, and what they are; ``UNKNOWN_ENVIRONMENT`` is none of ours."""
UNKNOWN_ENVIRONMENT = "sandbox"
_EMPTY_TAG, _TAGGED_BY_TEAM, _TAGGED_BY_OWNER = (23, 9), 3, 4


def charges(world: World) -> pl.DataFrame:
    """Every line of the bills, by day. One row per charge.

    Columns: charge (1-based), start, end (dates, half-open), billing_on, currency, provider, account, component,
    category, is_correction, is_unused, committed (used or unused part of a commitment, its purchase), team_tag,
    owner_tag, service_tag, environment_tag (null: no such tag), account_team (team the account belongs to), resource, quantity (exact
    text; null: not metered), unit, sku, and one amount (exact text) per basis.
    """
    rng = stream(world.seed, "costs")
    parts = [_compute(world, rng), _databases(world, rng), _storage(world, rng), _logs(world, rng)]
    parts += [_by_account(world, rng), _shared(world, rng), _unknown(world, rng), *_commitments(world, rng)]
    parts += [_oddities(world, rng)]
    usual = _whole(pl.concat(parts, how="diagonal_relaxed"))
    both = pl.concat([usual, _tax(usual), *_support(world, rng)], how="diagonal_relaxed")
    frame = _whole(both).sort(
        "start", "currency", "account", "component", "service_tag", "team_tag", maintain_order=True
    )
    return frame.with_columns(
        pl.int_range(1, pl.len() + 1).alias("charge"),
        pl.col("currency").replace_strict(PROVIDERS).alias("provider"),
        _text(pl.col("quantity") * (UNIT // 1000), pl.lit(None, pl.String)).alias("quantity"),
        *(_text(pl.col(basis), pl.col("tail")).alias(basis) for basis in BASES),
        *(
            pl.when(pl.col("quantity").is_not_null()).then(found).alias(name)
            for name, found in _of_price_list().items()
        ),
    ).drop("tail")


def tables(world: World, charged: pl.DataFrame) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Table ``costs``; and the same rows with the true ``owner`` (team, null: nobody) and ``reason`` (why nobody)."""
    team_raw = pl.coalesce("team_tag", "owner_tag")
    frame = (
        charged.unpivot(BASES, index=[c for c in charged.columns if c not in BASES], variable_name="basis", value_name="amount")
        .sort("charge", "basis")
        .with_columns(
            ("focus:" + pl.col("charge").cast(pl.String) + ":" + pl.col("basis")).alias("cost_id"),
            pl.col("start").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("period_start"),
            pl.col("end").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("period_end"),
            pl.col("billing_on").alias("billing_period_on"),
            pl.col("service_tag").alias("service_id"),
            pl.col("environment_tag").replace_strict(ENVIRONMENTS, default=None, return_dtype=pl.String).alias("environment"),
            pl.col("environment_tag").alias("environment_raw"),
            pl.col("quantity").cast(MONEY),
            pl.col("unit").alias("quantity_unit"),
            pl.coalesce(pl.when(team_raw != "").then(team_raw), "account_team").alias("team_id"),
            team_raw.alias("owner_raw"),
            pl.col("is_unused").alias("is_unused_commitment"),
            pl.col("amount").cast(MONEY),
        )
    )  # fmt: skip
    table = shaped("costs", frame)
    return {"costs": table}, table.with_columns(*_owned(world, frame))


def _owned(world: World, frame: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """The team that truly owns each charge on its day, and otherwise the reason."""
    ids = world.teams["team_id"]
    services = world.services.select(
        "service_id",
        ids.gather(world.services["team_before"]).alias("_before"),
        ids.gather(world.services["team_after"]).alias("_after"),
    )
    aliases = {theirs: ours for ours, theirs in TEAM_ALIASES.items()}
    known = pl.col("team_id").replace(aliases)
    joined = frame.join(services, on="service_id", how="left", maintain_order="left")
    by_service = pl.when(pl.col("start") < world.reorganised_on).then("_before").otherwise("_after")
    owner = pl.when(pl.col("team_id").is_null()).then(by_service).when(known.is_in(ids.implode())).then(known)
    conditions = [
        pl.col("category") == "tax", pl.col("category") == "credit", pl.col("is_unused"),
        pl.col("team_id").is_not_null(), pl.col("owner_raw") == "",
    ]  # fmt: skip
    why = pl.coalesce(
        *(pl.when(holds).then(pl.lit(reason)) for holds, reason in zip(conditions, REASONS, strict=False)),
        pl.lit(REASONS[-1]),
    )
    told = joined.select(owner.alias("owner"), why.alias("reason"))
    return told["owner"], told.select(pl.when(pl.col("owner").is_null()).then("reason").alias("reason")).to_series()


def _text(amount: pl.Expr, tail: pl.Expr) -> pl.Expr:
    """Whole numbers of 10⁻¹² → exact decimal text; ``tail`` holds still finer digits."""
    size = amount.abs()
    sign = pl.when(amount < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    fraction = (size % UNIT).cast(pl.String).str.zfill(12) + tail.fill_null("")
    text = sign + (size // UNIT).cast(pl.String) + "." + fraction
    return text.str.strip_chars_end("0").str.strip_chars_end(".")


def _whole(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns every charge has, filled with what is usual."""
    usual = {
        "currency": "EUR", "account": USUAL_ACCOUNT, "category": "usage", "is_correction": False, "is_unused": False,
    }  # fmt: skip
    texts = ("committed", "team_tag", "owner_tag", "service_tag", "environment_tag", "account_team", "resource", "tail")
    have = frame.columns
    frame = frame.with_columns(
        *(
            (pl.col(name).fill_null(value) if name in have else pl.lit(value)).alias(name)
            for name, value in usual.items()
        ),
        *((pl.col(name) if name in have else pl.lit(None)).cast(pl.String).alias(name) for name in texts),
        (pl.col("quantity") if "quantity" in have else pl.lit(None)).cast(pl.Int64).alias("quantity"),
    )
    billing = pl.col("start").dt.month_start()
    return frame.with_columns(
        (pl.coalesce("billing_on", billing) if "billing_on" in have else billing).alias("billing_on")
    )


def _priced(amount: Ints) -> dict[str, Ints]:
    """The four amounts of plain use: paid as used, at 10 % below the contract's and 20 % below the list price."""
    return {"billed": amount, "effective": amount, "list": amount * 5 // 4, "contracted": amount * 10 // 9}


def _used(component: str, amounts: Floats) -> dict[str, Ints]:
    """Plain use of about these ``amounts``: a quantity (in thousandths of its unit) times what the unit costs, exactly."""
    price, _ = PRICES[component]
    quantity = np.round(amounts * (UNIT / price)).astype(np.int64)
    return {"quantity": quantity, **_priced(quantity * price)}


def _of_price_list() -> dict[str, pl.Expr]:
    """Unit and price list position of what is metered."""
    component = pl.col("component")
    units = {name: unit for name, (_, unit) in PRICES.items()}
    return {
        "unit": component.replace_strict(units, default=None, return_dtype=pl.String),
        "sku": component.str.to_lowercase().str.replace_all(" ", "-", literal=True),
    }


def _periods(world: World, day: Ints, length: int = 1) -> dict[str, pl.Series]:
    starts = pl.DataFrame({"day": day}).select(pl.lit(world.start) + pl.duration(days="day")).to_series().cast(pl.Date)
    return {"start": starts, "end": starts.dt.offset_by(f"{length}d")}


def _live(world: World, step: int = 1, only: Ints | None = None) -> tuple[Ints, Ints]:
    """Every (service, day) on which a service is in use, or every ``step``-th such day."""
    day = np.arange(0, world.days - step + 1, step)
    created, retired = world.services["created_day"].to_numpy(), world.services["retired_day"].to_numpy()
    alive = (created[:, None] <= day) & (day < retired[:, None])
    if only is not None:
        alive &= np.isin(np.arange(len(created)), only)[:, None]
    service, index = np.nonzero(alive)
    return service, day[index]


def _tags(world: World, service: Ints) -> dict[str, pl.Series]:
    """How the charges of a service are tagged: most with the service, some with a team in one of two ways, one emptily."""
    moved = (world.services["team_before"] != world.services["team_after"]).to_numpy()[service]
    style = np.where(moved, 0, service % 5)
    empty = ~moved & (service % _EMPTY_TAG[0] == _EMPTY_TAG[1])
    team = world.teams["team_id"].gather(world.services["team_before"].gather(service))
    name = world.services["service_id"].gather(service)
    by_team, by_owner = pl.Series(style == _TAGGED_BY_TEAM), pl.Series(style == _TAGGED_BY_OWNER)
    nothing = pl.Series(empty)
    frame = pl.DataFrame({"team": team, "name": name}).select(
        pl.when(nothing).then(pl.lit("")).when(by_team).then("team").alias("team_tag"),
        pl.when(~nothing & by_owner).then(pl.col("team").replace(TEAM_ALIASES)).alias("owner_tag"),
        pl.when(~nothing & ~by_team & ~by_owner).then("name").alias("service_tag"),
    )
    return frame.to_dict()


def _resource(kind: str, service: Ints) -> pl.Series:
    return pl.Series("resource", service).cast(pl.String).str.zfill(4).str.replace("^", f"{kind}-")


def _compute(world: World, rng: np.random.Generator) -> pl.DataFrame:
    service, day = _live(world)
    size = 4.0 + 30.0 * np.sqrt(world.services["rate"].to_numpy()) * lognormal(rng, 1.0, 0.3, world.services.height)
    amount = size[service] * lognormal(rng, 1.0, 0.12, len(service))
    used = _used("Virtual Machines", amount)
    return pl.DataFrame({**_periods(world, day), **_tags(world, service), **used}).with_columns(
        pl.lit("Virtual Machines").alias("component"), pl.lit("prod").alias("environment_tag"), _resource("vm", service)
    )  # fmt: skip


def _databases(world: World, rng: np.random.Generator) -> pl.DataFrame:
    service, day = _live(world, only=np.arange(0, world.services.height, 6))
    used = _used("Managed Database", lognormal(rng, 9.0, 0.2, len(service)))
    return pl.DataFrame({**_periods(world, day), **_tags(world, service), **used}).with_columns(
        pl.lit("Managed Database").alias("component"), pl.lit("prod").alias("environment_tag"), _resource("db", service)
    )  # fmt: skip


def _storage(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """By the month, a fifth of it for the staging environment."""
    months = [*world.month_starts(), world.until]
    parts = []
    for first, end in pairwise(months):
        day = (first - world.start).days
        created, retired = world.services["created_day"].to_numpy(), world.services["retired_day"].to_numpy()
        service = np.flatnonzero((created <= day) & (retired > day))
        amount = lognormal(rng, 14.0, 0.6, len(service))
        for environment, share in (("prod", 0.8), ("staging", 0.2)):
            parts.append(
                pl.DataFrame({**_tags(world, service), **_used("Object Storage", amount * share)}).with_columns(
                    pl.lit(first).alias("start"), pl.lit(end).alias("end"), pl.lit(environment).alias("environment_tag")
                )
            )
    return pl.concat(parts).with_columns(pl.lit("Object Storage").alias("component"))


def _logs(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """By the week and in dollars, tagged with the team."""
    weeks = np.arange(0, world.days - 6, 7)
    team, week = np.repeat(np.arange(world.teams.height), len(weeks)), np.tile(weeks, world.teams.height)
    amount = 3.5 * world.teams["people"].to_numpy()[team] * lognormal(rng, 1.0, 0.25, len(team))
    return pl.DataFrame(
        {**_periods(world, week, 7), "team_tag": world.teams["team_id"].gather(team), **_used("Log Ingestion", amount)}
    ).with_columns(pl.lit("Log Ingestion").alias("component"), pl.lit("USD").alias("currency"))


def _by_account(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Charges without tags on accounts that belong to a team, one of which changes hands with the reorganisation."""
    day = np.arange(world.days)
    names = world.teams["team_id"].to_list()
    moved = np.where(day < (world.reorganised_on - world.start).days, "payments", "storefront")
    accounts = [(MOVED_ACCOUNT, "Content Delivery", moved, 11.0)]
    if "data" in names:
        accounts.append((DATA_ACCOUNT, "Query Engine", np.full(len(day), "data"), 37.0))
    return pl.concat(
        pl.DataFrame({**_periods(world, day), "account_team": team, **_used(component, lognormal(rng, size, 0.3, len(day)))}).with_columns(
            pl.lit(account).alias("account"), pl.lit(component).alias("component")
        )
        for account, component, team, size in accounts
    )  # fmt: skip


def _shared(world: World, rng: np.random.Generator) -> pl.DataFrame:
    day = np.arange(world.days)
    size = 6.0 * np.sqrt(world.teams.height)
    used = _used("Kubernetes Control Plane", lognormal(rng, size, 0.1, len(day)))
    return pl.DataFrame({**_periods(world, day), **used}).with_columns(
        pl.lit(SHARED_ACCOUNT).alias("account"), pl.lit("Kubernetes Control Plane").alias("component")
    )


def _unknown(world: World, rng: np.random.Generator) -> pl.DataFrame:
    day = np.arange(0, world.days, 7)
    used = _used("Virtual Machines", lognormal(rng, 5.0, 0.4, len(day)))
    return pl.DataFrame({**_periods(world, day), **used}).with_columns(
        pl.lit(UNKNOWN_OWNER).alias("team_tag"), pl.lit("Virtual Machines").alias("component"),
        pl.lit(UNKNOWN_ENVIRONMENT).alias("environment_tag"),
    )  # fmt: skip


def _commitments(world: World, rng: np.random.Generator) -> list[pl.DataFrame]:
    """A commitment bought each month: used by one service on most days, the rest of it paid for and not used.

    Over a month, effective cost used + unused = billed cost of the purchase, exactly.
    """
    months = [*world.month_starts(), world.until]
    bought = pl.DataFrame({"start": months[:-1], "end": months[1:]}).with_columns(
        pl.lit("purchase").alias("category"), pl.lit("purchase").alias("committed"),
        pl.lit(COMMITMENT).alias("billed"), pl.lit(0).alias("effective"),
        pl.lit(COMMITMENT).alias("list"), pl.lit(COMMITMENT).alias("contracted"),
        pl.lit("Virtual Machines").alias("component"),
    )  # fmt: skip
    day = np.arange(world.days)
    month = np.searchsorted([(m - world.start).days for m in months], day, side="right") - 1
    length = np.array([(b - a).days for a, b in pairwise(months)])[month]
    share = np.full(len(day), COMMITMENT) // length
    last = np.append(month[1:] != month[:-1], True)
    share = np.where(last, COMMITMENT - share * (length - 1), share)
    used = (share * np.round(rng.uniform(0.55, 1.0, len(day)), 6)).astype(np.int64)
    nothing = np.zeros(len(day), dtype=np.int64)
    periods = _periods(world, day)
    common = (pl.lit("Virtual Machines").alias("component"),)
    use = pl.DataFrame(
        {**periods, "billed": nothing, "effective": used, "list": used * 7 // 5, "contracted": used * 6 // 5}
    ).with_columns(*common, pl.lit("used").alias("committed"), pl.lit(COMMITTED_SERVICE).alias("service_tag"))
    idle = pl.DataFrame(
        {**periods, "billed": nothing, "effective": share - used, "list": nothing, "contracted": nothing}
    ).with_columns(*common, pl.lit("unused").alias("committed"), pl.lit(True).alias("is_unused"))
    return [bought, use, idle]


def _oddities(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Credits, a refund (negative use), corrections of a month already invoiced, and a rounding adjustment a month."""
    months = world.month_starts()
    nexts = [*months[1:], world.until]
    rows = []
    for number, (first, end) in enumerate(zip(months, nexts, strict=True)):
        rows.append(_odd(first, end, 3, "adjustment"))
        if number % 3 == 1:
            rows.append(_odd(first, end, -int(rng.integers(40, 90)) * UNIT - 7_000_000_001, "credit"))
    refund = months[len(months) // 2] + timedelta(days=6)
    rows.append({**_odd(refund, refund + timedelta(days=1), -12_345_678_901_234, "usage"), "service_tag": "checkout"})
    # Corrections are invoiced the month after the one they correct.
    for number, amount in ((1, -31_000_000_000_417), (1, 4_500_000_000_003), (2, -2_000_000_000_999)):
        day = months[number - 1] + timedelta(days=19)
        odd = _odd(day, day + timedelta(days=1), amount, "usage")
        rows.append({**odd, "team_tag": "payments", "is_correction": True, "billing_on": months[number]})
    return pl.DataFrame(rows, infer_schema_length=None)


def _odd(start: date, end: date, amount: int, category: str) -> dict[str, object]:
    component = "Virtual Machines" if category == "usage" else category.title()
    return {"start": start, "end": end, "category": category, "component": component, **dict.fromkeys(BASES, amount)}


def _tax(frame: pl.DataFrame) -> pl.DataFrame:
    """19 % on what a provider bills in a month, as one line without tags."""
    billed = frame.filter(pl.col("category").is_in(["usage", "purchase"])).group_by("billing_on", "currency")
    sums = billed.agg((pl.col("billed").sum() * TAX_PERCENT // 100).alias("amount")).sort("billing_on", "currency")
    return sums.select(
        pl.col("billing_on").alias("start"), pl.col("billing_on").dt.offset_by("1mo").alias("end"), "currency",
        pl.lit("tax").alias("category"), pl.lit("Tax").alias("component"),
        *(pl.col("amount").alias(basis) for basis in BASES),
    )  # fmt: skip


def _support(world: World, rng: np.random.Generator) -> list[pl.DataFrame]:
    """Support by the month, charged to the platform team, with amounts as fine as any provider writes (24 decimals)."""
    months = world.month_starts()
    used = _used("Support", rng.uniform(180.0, 260.0, len(months)))
    tail = [str(int(t)).zfill(12) for t in rng.integers(1, 10**12, len(months))]
    frame = pl.DataFrame({"start": months, "end": [*months[1:], world.until], "tail": tail, **used})
    return [frame.with_columns(pl.lit("Support").alias("component"), pl.lit("platform").alias("team_tag"))]


def totals(owned: pl.DataFrame, by: str | None = None) -> dict[str, dict[str, dict[str, str]]]:
    """Exact sums, as text: basis → currency → group (``owner``, ``reason``; ``all`` when not grouped)."""
    group = pl.col(by) if by else pl.lit("all")
    sums = (
        owned.group_by("basis", "currency", group.alias("group")).agg(pl.col("amount").sum())
        .filter(pl.col("group").is_not_null()).sort("basis", "currency", "group")
    )  # fmt: skip
    found: dict[str, dict[str, dict[str, str]]] = {}
    for basis, currency, name, amount in sums.iter_rows():
        found.setdefault(basis, {}).setdefault(currency, {})[name] = plain(amount)
    return found


def plain(amount: Decimal) -> str:
    """An exact amount without exponent or trailing zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
