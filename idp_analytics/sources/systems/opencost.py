"""OpenCost and Kubecost: allocations of the API split into resources, the CSV export, and the cloud costs it has read of a bill.
Prices of allocations are list prices: a weight to share a bill by, and no second bill to add to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache, reduce
from itertools import compress
from operator import add, and_, not_, sub
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from idp_analytics.sources import members
from idp_analytics.sources.batch import Batch, each, each_text, either
from idp_analytics.sources.documents import Documents, Numbered, holds_documents, read_documents
from idp_analytics.sources.export import Export, table_documents
from idp_analytics.sources.native import AGAIN
from idp_analytics.sources.system import (
    ENVIRONMENTS,
    SERVICE_PATTERN,
    Gives,
    Option,
    Recipe,
    Row,
    Shape,
    System,
    having,
)
from idp_analytics.sources.tabular import ROW
from idp_analytics.tables.declare import MONEY

ROUNDING, UNSPLIT = "rounding", "not split"
"""Resources that are none: the difference the API's five decimals leave, and a total that is more than its parts."""

_NOBODY = ("__idle__", "__unallocated__", "__unmounted__", "__shared__")
_LABEL = "Label_"
_HALF_DIGIT = Decimal("0.000005")
_ZERO = Decimal(0)
_RESOURCES = (
    # resource, its cost in the API and in the CSV export, its quantity, the unit of that, and decimal places it is moved by
    ("cpu", "cpuCost", "CPUCost", "cpuCoreHours", "core hours", 0),
    ("gpu", "gpuCost", "GPUCost", "gpuHours", "GPU hours", 0),
    ("ram", "ramCost", "RAMCost", "ramByteHours", "GB hours", -9),
    ("pv", "pvCost", "PVCost", "pvByteHours", "GB hours", -9),
    ("network", "networkCost", "NetworkCost", None, None, 0),
    ("load balancer", "loadBalancerCost", "LoadBalancerCost", None, None, 0),
    ("shared", "sharedCost", "SharedCost", None, None, 0),
    ("external", "externalCost", "ExternalCost", None, None, 0),
)
_READ = (
    ("name",), ("totalCost",), ("TotalCost",), ("Date",), ("window", "start"), ("window", "end"), ("start",), ("end",),
    ("properties", "cluster"), ("properties", "controller"), ("properties", "namespace"), ("ControllerName",), ("Namespace",),
    *((name,) for _, api, csv, hours, *_ in _RESOURCES for name in (api, f"{api}Adjustment", csv, hours) if name),
)  # fmt: skip
"""What is read of every allocation, beside its labels."""
_OVERLAP = "windows overlap: what lies in two of them is counted twice; export each period once"
_BASES = {"billed": "invoicedCost", "effective": "amortizedNetCost", "list": "listCost", "contracted": "netCost"}
"""Our basis → which of the costs of a cloud cost it is."""


def opened(path: Path, shown: str) -> Documents:
    """One document per allocation or cloud cost: the API gives maps of them, one map per step."""
    if not holds_documents(path, shown):
        return table_documents(path, shown)
    found = read_documents(path, shown, str)
    whole: list[dict[str, Any]] = []
    are_allocations = True
    for _, body in found.found:
        for step in _steps(body):
            inside = step.values() if isinstance(step, Mapping) else ()
            if inside and all(map(_is_allocation, inside)):  # as nearly always
                whole += inside
                continue
            are_allocations = False
            some = [one for one in inside if _is_allocation(one) or _is_cloud_cost(one)]
            whole += some or ([step] if isinstance(step, dict) and step else [])
    shape = "allocation" if are_allocations and whole else None
    return replace(found, found=Numbered(whole, range(1, len(whole) + 1)), shape=shape)


def _steps(body: dict[str, Any]) -> list[Any]:
    data = body.get("data")
    if isinstance(data, list):
        return data
    if isinstance(data, Mapping) and isinstance(data.get("sets"), list):
        return [members.at(one, "cloudCosts") for one in data["sets"]]
    return [body]


def costs(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per allocation, step and resource, at list price; together they are its total, to the last digit.

    Idle and unallocated cost belongs to nobody and stays; ``component`` is then which of them it is.
    """
    labels = [
        path for name in ("team_label", "environment_label", "service_label") for path in _labels(export.options[name])
    ]
    batch.read(*_READ, *labels)
    names = _names(batch)
    resource = pl.Series(names, dtype=pl.String)
    is_odd = resource.str.contains("__", literal=True).any()
    if is_odd and any(is_filtered := ["__filtered__" in name for name in names]):
        yield from _left_out(batch, is_filtered, "is what a filter left out of the export")
        batch = batch.where(map(not_, is_filtered))
    written = batch.first("totalCost", "TotalCost")
    exact = _exact(written)
    numbers = written if exact is not None else _numbers(written)
    if exact.null_count() if exact is not None else None in numbers:
        is_known = [total is not None for total in numbers]
        yield from _left_out(batch, map(not_, is_known), "has no amount: it is no number to OpenCost either")
        batch = batch.where(is_known)
    if not len(batch):
        return
    if len(batch) < len(names):
        names = _names(batch)
        resource = pl.Series(names, dtype=pl.String)
    begins, ends = _windows(batch)
    owner = batch.first(*_labels(export.options["team_label"]))
    environment = batch.first(*_labels(export.options["environment_label"]))
    service = batch.first(*_labels(export.options["service_label"]), ("properties", "controller"), "ControllerName")
    if export.options["service_pattern"]:
        service = each(export.service, service)
    environment_raw = pl.Series(environment, dtype=pl.String)
    cluster, component = batch.texts("properties", "cluster"), batch.first(("properties", "namespace"), "Namespace")
    owner_raw = owner
    nobody = [next((word for word in _NOBODY if word in name), None) for name in names] if is_odd else []
    if any(nobody):
        idle = [
            (name.rpartition("/")[0] or None) if word == _NOBODY[0] else None
            for name, word in zip(names, nobody, strict=True)
        ]
        cluster, component = either(cluster, idle), either(nobody, component)
        owner_raw = either(owner, [name if word else None for word, name in zip(nobody, names, strict=True)])
        service, owner = (
            [None if word else one for word, one in zip(nobody, told, strict=True)] for told in (service, owner)
        )
    if exact is None or len(exact) > len(batch):  # some total is no number: without it the others may be plain
        exact = _exact(batch.first("totalCost", "TotalCost"))
    parts = None if exact is None else _split_exactly(batch, exact)
    if parts is None:
        totals = _numbers(batch.first("totalCost", "TotalCost"))
        parts = _split(batch, [total for total in totals if total is not None])
    if UNSPLIT in parts["sku"]:
        yield batch.documents[0].warning(
            "parts of an allocation are not its total: what is missing is the resource 'not split'"
        )
    account, period_start, period_end = (pl.Series(of, dtype=pl.String) for of in (cluster, begins, ends))
    # A window without begin has always been called so in these ids.
    keys = pl.select(
        pl.concat_str(pl.lit(export.id("")), pl.lit(period_start).fill_null("None"), pl.lit("/"), pl.lit(account).fill_null(""), pl.lit("/"), pl.lit(resource))
    ).to_series()  # fmt: skip
    own = parts.select(
        "sku", "amount", "quantity", "quantity_unit",
        cost_id=pl.concat_str(pl.lit(keys).gather("place"), "sku", separator="/", ignore_nulls=True),
    )  # fmt: skip
    yield from batch.several(
        parts["place"], own.to_dict(),
        newest=either(last, ends) if any(last := batch.texts("end")) else period_end, period_start=period_start, period_end=period_end,
        service_id=service, team_id=owner, owner_raw=owner_raw, provider="Kubernetes", account=account, component=component,
        resource=resource, environment=each_text(export.environment, environment_raw), environment_raw=environment_raw,
        category="usage", currency=export.options["currency"], basis="list",
    )  # fmt: skip


def _left_out(batch: Batch, which: Iterable[bool], reason: str) -> Iterator[Row]:
    return (document.left_out(reason) for document in compress(batch.documents, which))


def _names(batch: Batch) -> list[str]:
    names = batch.texts("name")
    if all(names):
        return names  # type: ignore[return-value]
    parts = (batch.texts(part) for part in ("Namespace", "ControllerName", "Pod", "Container"))
    return [name or "/".join(filter(None, inner)) for name, inner in zip(names, zip(*parts, strict=True), strict=True)]


def _windows(batch: Batch) -> tuple[list[str | None], list[str | None]]:
    """When each begins and ends; of the CSV export the day."""
    days = batch.texts("Date")
    begins, ends = (batch.first(("window", part), part) for part in ("start", "end"))
    if any(days):
        begins = either([f"{day}T00:00:00Z" if day else None for day in days], begins)
        ends = either(
            each(lambda day: f"{date.fromisoformat(day) + timedelta(days=1)}T00:00:00Z" if day else None, days), ends
        )
    return begins, ends


def cloud_costs(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per cloud cost, step and basis: what OpenCost read of the provider's own bill."""
    for basis, cost in _BASES.items():
        some = batch.where(amount is not None for amount in batch.texts(cost, "cost"))
        names = ("provider", "accountID", "invoiceEntityID", "service", "providerID", "category")
        part = {name: some.texts("properties", name) for name in names}
        begins, ends = some.texts("window", "start"), some.texts("window", "end")
        owner, service = (some.first(*_labels(export.options[name])) for name in ("team_label", "service_label"))
        yield from some.rows(
            newest=ends, cost_id=[export.id("/".join([f"{begin}", *filter(None, one), basis])) for begin, *one in zip(begins, *part.values(), strict=True)],
            period_start=begins, period_end=ends, service_id=each(export.service, service), team_id=owner, owner_raw=owner, provider=part["provider"],
            account=either(part["accountID"], part["invoiceEntityID"]), component=part["service"], resource=part["providerID"], category="usage",
            amount=some.texts(cost, "cost"), currency=export.options["currency"], basis=basis,
        )  # fmt: skip


# --- resources --------------------------------------------------------------------------------------------------------


_NOTHING = pl.Series([], dtype=MONEY)
_PARTS = {"place": pl.UInt32, "sku": pl.String, "amount": pl.String, "quantity": pl.String, "quantity_unit": pl.String}


def _split_exactly(batch: Batch, totals: pl.Series) -> pl.DataFrame | None:
    """What :func:`_split` tells, of whole columns at once; null where some number is not plain enough for that."""
    left, is_whole = totals, pl.Series([True]).new_from_index(0, len(batch))
    told = []
    for resource, api, csv, hours, unit, shift in _RESOURCES:
        costs = [texts for name in (api, f"{api}Adjustment", csv) if any(texts := batch.texts(name))]
        used = batch.texts(hours) if hours else []
        exact, quantity = list(map(_exact, costs)), _exact(used, shift) if any(used) else _NOTHING
        if quantity is None or any(cost is None for cost in exact):
            return None
        if costs:
            amount: pl.Series = reduce(add, (cost.fill_null(0) for cost in exact if cost is not None))
            told.append(_parts(amount, amount != 0, resource, quantity, unit))
            left, is_whole = left - amount, is_whole & (amount == 0)
    small = _HALF_DIGIT * (len(_RESOURCES) + 1)
    is_left, is_small = ~is_whole & (left != 0), left.is_between(-small, small)
    told += [_parts(totals, is_whole), _parts(left, is_left & is_small, ROUNDING), _parts(left, is_left & ~is_small, UNSPLIT)]  # fmt: skip
    return pl.concat(told)


def _parts(amount: pl.Series, which: pl.Series, resource: str | None = None, quantity: pl.Series | None = None, unit: str | None = None) -> pl.DataFrame:  # fmt: skip
    used = pl.lit(None, MONEY) if quantity is None or not len(quantity) else pl.lit(quantity)
    return pl.select(
        place=pl.int_range(len(amount), dtype=pl.UInt32), sku=pl.lit(resource, pl.String), amount=amount, quantity=used
    ).filter(which).with_columns(quantity_unit=pl.when(pl.col("quantity").is_not_null()).then(pl.lit(unit, pl.String)))  # fmt: skip


def _exact(texts: Sequence[str | None], shift: int = 0) -> pl.Series | None:
    """Numbers times ten to the ``shift``, where each is written without exponent and with no more digits than fit; null: some is not."""
    told = pl.Series(texts, dtype=pl.String)
    decimals = 24 + shift
    # What has 20 signs has no more than 19 decimals.
    odd = "[^-0-9.]" if decimals > 19 else rf"[^-0-9.]|\.[0-9]{{{decimals + 1}}}"
    if (told.str.len_bytes() > 20).any() or told.str.contains(odd).any():
        return None
    found = told.cast(pl.Decimal(38, decimals), strict=False)
    if found.null_count() > told.null_count():
        return None
    if not shift:
        return found
    # The point is moved: the same digits, of which more are behind it.
    digits = found.rechunk().to_arrow()
    return pl.Series(pl.from_arrow(pa.Array.from_buffers(pa.decimal128(38, 24), len(digits), digits.buffers(), offset=digits.offset)))  # fmt: skip


def _split(batch: Batch, totals: Sequence[Decimal]) -> pl.DataFrame:
    """What of each total is for which resource, and how much of it: its place, the resource, amount, quantity and unit.

    Each part and the total are rounded on their own: what is left of a total is the resource ``rounding`` where it is as small as that.
    """
    sums = [_ZERO] * len(totals)
    is_whole = [True] * len(totals)
    places: list[int] = []
    resources: list[str | None] = []
    amounts: list[str] = []
    quantities: list[str | None] = []

    def told(some: Sequence[int], resource: str | None, of: Sequence[Decimal]) -> None:
        places.extend(some)
        resources.extend([resource] * len(some))
        amounts.extend([f"{of[place]:f}" for place in some])

    for resource, api, csv, hours, _, shift in _RESOURCES:
        parts = [_numbers(texts) for name in (api, f"{api}Adjustment", csv) if any(texts := batch.texts(name))]
        if not parts:
            continue
        summed = [_ZERO if one is None else _ZERO + one for one in parts[0]]
        for more in parts[1:]:
            summed = [amount if one is None else amount + one for amount, one in zip(summed, more, strict=True)]
        some = [place for place, amount in enumerate(summed) if amount]
        told(some, resource, summed)
        used = batch.texts(hours) if hours else []
        quantities += [_quantity(used[place], shift) for place in some] if any(used) else [None] * len(some)
        is_whole = list(map(and_, is_whole, map(not_, summed)))
        sums = list(map(add, sums, summed))
    whole = {place for place, is_one in enumerate(is_whole) if is_one}
    told(sorted(whole), None, totals)
    rests = list(map(sub, totals, sums))
    left = [place for place, rest in enumerate(rests) if rest and place not in whole]
    small = _HALF_DIGIT * (len(_RESOURCES) + 1)
    told(few := [place for place in left if abs(rests[place]) <= small], ROUNDING, rests)
    told(sorted({*left} - {*few}), UNSPLIT, rests)
    quantities += [None] * (len(places) - len(quantities))
    known = {resource: unit for resource, _, _, _, unit, _ in _RESOURCES}
    units = [
        known[resource] if used is not None and resource else None
        for resource, used in zip(resources, quantities, strict=True)
    ]
    columns = {"place": places, "sku": resources, "amount": amounts, "quantity": quantities, "quantity_unit": units}
    return pl.DataFrame(columns, schema=_PARTS)


def _numbers(texts: Sequence[str | None]) -> list[Decimal | None]:
    with suppress(InvalidOperation, TypeError):
        # As nearly always: each is a number.
        if all(map(Decimal.is_finite, numbers := list(map(Decimal, texts)))):  # type: ignore[arg-type]
            return numbers  # type: ignore[return-value]
    return [None if text is None else _number(text) for text in texts]


def _number(text: str | None) -> Decimal | None:
    try:
        number = Decimal(text) if text is not None else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() else None


def _quantity(text: str | None, shift: int) -> str | None:
    """The number moved by ``shift`` places, exactly; null where it has more digits than a quantity can."""
    number = _number(text)
    if number is None:
        return None
    moved = f"{number.scaleb(shift):f}"
    whole, _, decimals = moved.partition(".")
    return moved if len(whole.lstrip("-")) <= 14 and len(decimals.rstrip("0")) <= 24 else None


def _newest_and_overlaps(rows: list[Row]) -> list[Row]:
    """Of one allocation read twice all resources of the newest stay and none of the other's. Exports whose windows overlap
    without being the same hold one cost twice: that is said, because nothing tells them apart."""
    kept = [row for row in rows if "_columns" not in row]
    whole = [row for row in rows if "_columns" in row]
    if not whole:
        return kept
    key = ("period_start", "account", "resource")
    told = pl.concat(
        [row["_columns"].select(*key, "period_end", "cost_id", "_newest", ROW).with_columns(pl.lit(file, pl.UInt32).alias("file")) for file, row in enumerate(whole)],
        how="vertical_relaxed",
    ).with_columns(pl.col(*key, "period_end", "_newest").fill_null(""))  # fmt: skip
    last = told.unique(["file", ROW], keep="first", maintain_order=True)
    if last.select(pl.struct(key).n_unique()).item() < last.height:
        last = last.sort("_newest", maintain_order=True).unique(key, keep="last", maintain_order=True)
        stays = told.join(last.select("file", ROW, stays=True), on=["file", ROW], how="left", maintain_order="left")[
            "stays"
        ].fill_null(value=False)
        for file, row in enumerate(whole):
            here = stays.filter(told["file"] == file)
            row["_columns"] = row["_columns"].filter(here)
            if times := len(here) - here.sum():
                kept.append(row["_document"].left_out(AGAIN, times))
        told = told.filter(stays)
    kept += whole
    return kept + [whole[file]["_document"].warning(_OVERLAP) for file in _overlapping(told)]


def _overlapping(told: pl.DataFrame) -> list[int]:
    """The files with a window that begins before another one of the same cost has ended."""
    spans = told.unique(["period_start", "period_end"]).sort("period_start", "period_end")
    if not (spans["period_start"] < spans["period_end"].shift()).any():
        return []
    of = pl.col("cost_id").str.split("/").list.slice(1).list.join("/").alias("of")
    each_span = told.with_columns(of).unique(["of", "period_start", "period_end"], keep="last", maintain_order=True)
    each_span = each_span.sort("of", "period_start", "period_end", maintain_order=True)
    begins_before = pl.col("period_start") < pl.col("period_end").shift().over("of")
    return each_span.filter(begins_before)["file"].unique(maintain_order=True).to_list()


# --- labels and shapes ------------------------------------------------------------------------------------------------


def _labels(name: str | None) -> list[tuple[str | int, ...]]:
    """Where a label of a workload is, or else that of its namespace; OpenCost writes every other sign than letters and digits as an underscore."""
    names = dict.fromkeys((name, _plain(name))) if name else ()
    inside = [("properties", part, one) for part in ("labels", "annotations", "namespaceLabels") for one in names]
    return [*inside, *((f"{_LABEL}{one}",) for one in names)]


@cache
def _plain(name: str) -> str:
    return "".join(sign if sign.isalnum() else "_" for sign in name)


def _is_allocation(body: Any) -> bool:
    return type(body) is dict and "totalCost" in body and ("cpuCost" in body or "properties" in body)


def _is_cloud_cost(body: Any) -> bool:
    return type(body) is dict and "properties" in body and "listCost" in body and "invoicedCost" in body


_HISTORY = "as long as its Prometheus keeps"
_LOST = ("billing_period_on", "is_correction", "is_unused_commitment")
SYSTEM = System(
    kind="opencost",
    title="OpenCost",
    opens=opened,
    shapes=(
        Shape("allocation", "an allocation", _is_allocation),
        Shape("exported", "a row of the CSV export", having("Date", "Namespace", "TotalCost")),
        Shape("cloud", "a cloud cost", _is_cloud_cost),
    ),
    gives=(
        Gives("costs", None, ("allocation", "exported"), _HISTORY, at_once=costs, together=_newest_and_overlaps, lost=_LOST),
        Gives("costs", None, ("cloud",), "as long as the provider's bill it reads", at_once=cloud_costs, lost=_LOST),
    ),
    recipes=(
        Recipe("allocation.json", 'curl -fsS "$OPENCOST/allocation?window=$SINCE,$UNTIL&step=1d&aggregate=namespace,controller&includeIdle=true" > allocation.json', "access to the service",
               "Once per period: exports that overlap are the same costs twice and are then told apart by their windows. Each allocation is "
               "split by resource (`sku`), with what the API's rounding to five decimals leaves as a resource `rounding`. List prices: use it as "
               "the weight to share a cluster's bill by, and never beside that bill."),
        Recipe("export.csv", "kubectl cp $NAMESPACE/$POD:/mnt/export/export.csv export.csv", "exec on the pod", "The daily CSV export of OpenCost."),
        Recipe("cloud-costs.json", 'curl -fsS "$OPENCOST/cloudCost?window=$SINCE,$UNTIL&accumulate=day" > cloud-costs.json', "access to the service",
               "What it read of the provider's bill: billed is `invoicedCost`, effective `amortizedNetCost`, contracted `netCost`. Not beside the bill itself."),
    ),
    options=(
        SERVICE_PATTERN,
        ENVIRONMENTS,
        Option("currency", "text", "The currency of its prices (OpenCost does not say it), e.g. USD.", required=True),
        Option("team_label", "text", "Label that names the team.", default="team"),
        Option("service_label", "text", "Label that names the service; without it the controller does.", default="app.kubernetes.io/name"),
        Option("environment_label", "text", "Label that names the environment.", default="environment"),
    ),
)  # fmt: skip
