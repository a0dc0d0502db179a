"""``[showback]`` and ``[[pool]]``: the rules by which cost that nobody owns directly is shared, as data, and what is wrong with them.

A pool takes the charges its ``take`` describes (the first pool that does, in the order they are written) and shares each
month of them out. See :mod:`idp_analytics.metrics.allocation` for what follows from a rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from idp_analytics.errors import nearest
from idp_analytics.settings.toml_reader import TomlReader

SELECTORS = (
    "provider", "account", "component", "category", "environment", "sku", "service", "team", "owner", "currency", "reason",
)  # fmt: skip
"""What a selector may look at: columns of ``costs`` (``service``, ``team`` by id, ``owner`` as written), and why a charge is unowned."""

USAGE_SELECTORS = ("component", "action")

BASES_OF_SHARING = (
    "even", "fixed", "direct cost", "cost", "usage", "deployments", "services", "developers",
)  # fmt: skip
"""By what a pool is shared; ``fixed``: by the percentages of ``shares``."""

THEN = ("even", "direct cost", "deployments", "services", "developers")
"""By what the share of a group goes on to its teams."""

WITHIN = ("provider", "account", "component", "environment", "sku")
"""What may split a pool into parts that are shared each by its own weights (idle: by cluster and resource)."""

METHODS = ("direct", "step-down", "reciprocal")
"""How pools that use one another are settled; step-down in the order the pools are written."""

MEASURES = ("count", "value")


@dataclass(frozen=True)
class Pool:
    """One ``[[pool]]``: which charges it takes, and by what they are shared.

    ``take``: column → texts, any of which matches (whole text, any case, ``*`` for anything); all columns must match.
    ``by``: one of :data:`BASES_OF_SHARING`; ``of``: which costs or which usage are the weights, on ``basis`` (empty: the one
    that counts), by ``measure``. ``to``, ``but``: teams or groups that share, or do not (empty: every team there is that
    month). ``shares``: percent of the pool by team or group, ``then``: by what a group's share goes on to its teams. ``pools``: percent of this pool
    that other pools use. ``since``, ``until``: charges that begin from this day on, before this day. ``is_platform``: part of what the platform costs; tax is not.
    """

    id: str
    title: str
    take: Mapping[str, tuple[str, ...]]
    by: str
    of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    basis: str = ""
    measure: str = "count"
    within: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    shares: Mapping[str, Decimal] = field(default_factory=dict)
    then: str = "even"
    pools: Mapping[str, Decimal] = field(default_factory=dict)
    since: date | None = None
    until: date | None = None
    is_platform: bool = True


@dataclass(frozen=True)
class Showback:
    """How cost is shared. ``services``: one of :data:`METHODS`. ``weights_only``: providers whose amounts are weights and no bill.

    ``developer_hour``: what an hour of a developer is said to cost, in ``currency``; an assumption, never a measurement.
    """

    services: str = "reciprocal"
    weights_only: tuple[str, ...] = ()
    pools: tuple[Pool, ...] = ()
    developer_hour: Decimal | None = None
    currency: str | None = None


def parse(table: TomlReader, pools: Sequence[TomlReader], bases: tuple[str, ...]) -> Showback:
    """``[showback]`` and ``[[pool]]`` → :class:`Showback`; what is wrong, and what :func:`lint` finds, is added to the problems."""
    services = table.choice("services", METHODS, Showback.services)
    weights_only = table.texts("weights_only")
    hour, currency = table.money("developer_hour"), table.text("currency", None)
    if hour is not None and hour <= 0:
        table.problems.append(f"[showback] developer_hour = {hour}: must be more than nothing")
    if (hour is None) != (currency is None):
        table.problems.append("[showback] developer_hour and currency go together: what an hour costs, and in what")
    table.done()
    found = tuple(_pool(entry, bases) for entry in pools)
    table.problems += lint(found)
    return Showback(services, weights_only, found, hour, currency)


def _pool(entry: TomlReader, bases: tuple[str, ...]) -> Pool:
    by = entry.choice("by", BASES_OF_SHARING, "even")
    name = entry.text("id", None) or ""
    if not name.strip():
        entry.problems.append(f"{entry.where}no id")
    pool = Pool(
        id=name,
        title=entry.text("title", None) or name,
        take=entry.selector("take", SELECTORS),
        by=by,
        of=entry.selector("of", USAGE_SELECTORS if by == "usage" else SELECTORS),
        basis=entry.choice("basis", ("", *bases), ""),
        measure=entry.choice("measure", MEASURES, "count"),
        within=entry.texts("within"),
        to=entry.texts("to"),
        but=entry.texts("but"),
        shares=entry.amounts("shares"),
        then=entry.choice("then", THEN, "even"),
        pools=entry.amounts("pools"),
        since=entry.day("since"),
        until=entry.day("until"),
        is_platform=entry.flag("is_platform", True),
    )
    entry.done()
    return pool


# --- what is wrong with rules ------------------------------------------------------------------------------------------


def lint(pools: Sequence[Pool]) -> list[str]:
    """What is wrong with the rules themselves, whatever the data: one sentence each, naming the pool and what to do.

    Words that contradict one another, shares that are negative or more than the whole, pools named twice or not there, rules
    that are dead because an earlier one takes all they would, and loops that no money can leave.
    """
    ids = [pool.id for pool in pools]
    found = [
        f"pool {name!r} is there {ids.count(name)} times; give each its own id"
        for name in sorted({i for i in ids if ids.count(i) > 1})
    ]
    for number, pool in enumerate(pools):
        found += [f"pool {pool.id!r}: {problem}" for problem in _alone(pool, ids)]
        found += [
            f"pool {pool.id!r} is dead: {other.id!r} before it takes all it would; put the narrower rule first"
            for other in pools[:number]
            if _covers(other, pool)
        ]
    used = {name for pool in pools for name, part in pool.pools.items() if part > 0}
    found += [
        f"pool {pool.id!r}: is split within {', '.join(pool.within)}, so it cannot be used by other pools as one"
        for pool in pools
        if pool.within and pool.id in used
    ]
    if not found:
        found += _closed(pools)
    return found


def _alone(pool: Pool, ids: Sequence[str]) -> Iterator[str]:
    if not pool.take:
        yield 'takes nothing: say which charges, e.g. take = { component = "Kubernetes" }'
    if pool.since and pool.until and pool.since >= pool.until:
        yield f"since {pool.since} is not before until {pool.until}"
    if pool.by == "fixed" and not pool.shares:
        yield 'by = "fixed" needs shares, e.g. shares = { payments = 60, data = 40 }'
    if pool.by != "fixed" and pool.shares:
        yield f'shares are for by = "fixed", and this pool is shared by {pool.by}'
    if pool.by not in ("cost", "usage") and pool.of:
        yield f'of is for by = "cost" or "usage", and this pool is shared by {pool.by}'
    if pool.by in ("cost", "usage") and not pool.of:
        yield f'by = "{pool.by}" needs of: which {pool.by} is the weight'
    if pool.within and pool.by not in ("cost", "direct cost"):
        yield f'within is for by = "cost" or "direct cost", and this pool is shared by {pool.by}'
    yield from (
        f"within: {name!r} cannot split a pool.{nearest(name, WITHIN)}" for name in pool.within if name not in WITHIN
    )
    for what, parts in (("shares", pool.shares), ("pools", pool.pools)):
        yield from (f"{what}: {name} = {part}: a share cannot be negative" for name, part in parts.items() if part < 0)
    whole = sum((*pool.shares.values(), *pool.pools.values()), Decimal(0))
    if whole > 100:
        yield f"its shares come to {whole} percent, which is more than there is"
    for name in pool.pools:
        if name == pool.id:
            yield "pools: a pool does not use itself; what it uses of itself falls away"
        elif name not in ids:
            yield f"pools: there is no pool {name!r}.{nearest(name, ids)}"


def _covers(wide: Pool, narrow: Pool) -> bool:
    """Whether every charge ``narrow`` would take is one ``wide`` takes."""
    early = wide.since is None or (narrow.since is not None and narrow.since >= wide.since)
    late = wide.until is None or (narrow.until is not None and narrow.until <= wide.until)
    folded = {column: {text.casefold() for text in texts} for column, texts in wide.take.items()}
    return (
        early
        and late
        and bool(wide.take)
        and all(
            {text.casefold() for text in narrow.take.get(column, ())} <= texts and column in narrow.take
            for column, texts in folded.items()
        )
    )


def _closed(pools: Sequence[Pool]) -> Iterator[str]:
    """Pools from which no money can come out: all of each is used by pools that are closed too."""
    uses = {pool.id: pool.pools for pool in pools}
    open_ = {pool.id for pool in pools if sum(pool.pools.values(), Decimal(0)) < 100}
    while more := {
        name for name, used in uses.items() if name not in open_ and any(used[j] > 0 and j in open_ for j in used)
    }:
        open_ |= more
    if closed := [pool.id for pool in pools if pool.id not in open_]:
        yield f"pools {', '.join(closed)} use one another to 100 percent, so that no money can leave them; leave a part to teams"
