"""OpenCost and Kubecost: allocations of the API split into resources, the CSV export, and the cloud costs it has read of a bill.
Prices of allocations are list prices: a weight to share a bill by, and no second bill to add to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from idp_analytics.sources import members
from idp_analytics.sources.documents import Documents, holds_documents, read_documents
from idp_analytics.sources.export import Document, Export, table_documents
from idp_analytics.sources.native import AGAIN
from idp_analytics.sources.over_time import is_row
from idp_analytics.sources.system import ENVIRONMENTS, SERVICE_PATTERN, Gives, Option, Recipe, Row, Shape, System

ROUNDING, UNSPLIT = "rounding", "not split"
"""Resources that are none: the difference the API's five decimals leave, and a total that is more than its parts."""

_NOBODY = ("__idle__", "__unallocated__", "__unmounted__", "__shared__")
_LABEL = "Label_"
_HALF_DIGIT = Decimal("0.000005")
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
_BASES = {"billed": "invoicedCost", "effective": "amortizedNetCost", "list": "listCost", "contracted": "netCost"}
"""Our basis → which of the costs of a cloud cost it is."""


def opened(path: Path, shown: str) -> Documents:
    """One document per allocation or cloud cost: the API gives maps of them, one map per step."""
    if not holds_documents(path, shown):
        return table_documents(path, shown)
    found = read_documents(path, shown, str)
    whole: list[tuple[int, dict[str, Any]]] = []
    for _, body in found.found:
        for step in _steps(body):
            inside = (
                [one for one in step.values() if _is_allocation(one) or _is_cloud_cost(one)]
                if isinstance(step, Mapping)
                else []
            )
            strange = [step] if isinstance(step, dict) and step and not inside else []
            whole += [(len(whole) + number, one) for number, one in enumerate(inside or strange, 1)]
    return replace(found, found=whole)


def _steps(body: dict[str, Any]) -> list[Any]:
    data = body.get("data")
    if isinstance(data, list):
        return data
    if isinstance(data, Mapping) and isinstance(data.get("sets"), list):
        return [members.at(one, "cloudCosts") for one in data["sets"]]
    return [body]


def costs(document: Document, export: Export) -> Iterator[Row]:
    """One row per allocation, step and resource, at list price; together they are its total, to the last digit.

    Idle and unallocated cost belongs to nobody and stays; ``component`` is then which of them it is.
    """
    name = document.text("name") or "/".join(
        filter(None, (document.text(part) for part in ("Namespace", "ControllerName", "Pod", "Container")))
    )
    if "__filtered__" in name:
        yield document.left_out("is what a filter left out of the export")
        return
    total = _number(document.text("totalCost") or document.text("TotalCost"))
    if total is None:
        yield document.left_out("has no amount: it is no number to OpenCost either")
        return
    begins, ends = (
        document.text("window", "start") or document.text("start"),
        document.text("window", "end") or document.text("end"),
    )
    if day := document.text("Date"):
        begins, ends = f"{day}T00:00:00Z", f"{date.fromisoformat(day) + timedelta(days=1)}T00:00:00Z"
    nobody = next((word for word in _NOBODY if word in name), None)
    owner = _label(document, export.options["team_label"])
    service = (
        _label(document, export.options["service_label"])
        or document.text("properties", "controller")
        or document.text("ControllerName")
    )
    environment = _label(document, export.options["environment_label"])
    cluster = (
        document.text("properties", "cluster") or (name.rpartition("/")[0] if nobody == _NOBODY[0] else None) or None
    )
    split, told = _split(document, total)
    if told:
        yield document.warning(told)
    for resource, amount, quantity, unit in split:
        yield document.row(
            newest=document.text("end") or ends, cost_id=export.id("/".join(filter(None, (f"{begins}/{cluster or ''}/{name}", resource)))), period_start=begins, period_end=ends,
            service_id=None if nobody else export.service(service), team_id=None if nobody else owner, owner_raw=owner or (name if nobody else None),
            provider="Kubernetes", account=cluster, component=nobody or document.text("properties", "namespace") or document.text("Namespace"),
            sku=resource, resource=name, environment=export.environment(environment), environment_raw=environment,
            category="usage", quantity=quantity, quantity_unit=unit, amount=f"{amount:f}", currency=export.options["currency"], basis="list",
        )  # fmt: skip


def cloud_costs(document: Document, export: Export) -> Iterator[Row]:
    """One row per cloud cost, step and basis: what OpenCost read of the provider's own bill."""
    part = {
        name: document.text("properties", name)
        for name in ("provider", "accountID", "invoiceEntityID", "service", "providerID", "category")
    }
    begins, ends = document.text("window", "start"), document.text("window", "end")
    owner, service = (_label(document, export.options[name]) for name in ("team_label", "service_label"))
    for basis, cost in _BASES.items():
        amount = document.text(cost, "cost")
        if amount is not None:
            yield document.row(
                newest=ends, cost_id=export.id("/".join([f"{begins}", *filter(None, part.values()), basis])), period_start=begins, period_end=ends,
                service_id=export.service(service), team_id=owner, owner_raw=owner, provider=part["provider"], account=part["accountID"] or part["invoiceEntityID"],
                component=part["service"], resource=part["providerID"], category="usage", amount=amount, currency=export.options["currency"], basis=basis,
            )  # fmt: skip


# --- resources --------------------------------------------------------------------------------------------------------


def _split(
    document: Document, total: Decimal
) -> tuple[list[tuple[str | None, Decimal, str | None, str | None]], str | None]:
    """What of the total is for which resource, and how much of it: (resource, amount, quantity, unit); and what to say of it."""
    found: list[tuple[str | None, Decimal, str | None, str | None]] = []
    for resource, api, csv, hours, unit, shift in _RESOURCES:
        parts = [_number(document.text(name)) for name in (api, f"{api}Adjustment", csv)]
        amount = sum((part for part in parts if part is not None), Decimal(0))
        if amount:
            quantity = _quantity(document.text(hours), shift) if hours else None
            found.append((resource, amount, quantity, unit if quantity is not None else None))
    if not found:
        return [(None, total, None, None)], None
    rest = total - sum(amount for _, amount, _, _ in found)
    if not rest:
        return found, None
    # Each part and the total are rounded on their own.
    is_rounding = abs(rest) <= _HALF_DIGIT * (len(_RESOURCES) + 1)
    told = (
        None if is_rounding else "parts of an allocation are not its total: what is missing is the resource 'not split'"
    )
    return [*found, (ROUNDING if is_rounding else UNSPLIT, rest, None, None)], told


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
    newest: dict[str, Row] = {}
    for row in filter(is_row, rows):
        before = newest.setdefault(_allocation(row), row)
        if (row["_newest"] or "") >= (before["_newest"] or ""):
            newest[_allocation(row)] = row
    kept = []
    for row in rows:
        is_old = is_row(row) and row["_document"] is not newest[_allocation(row)]["_document"]
        kept.append(row["_document"].left_out(AGAIN) if is_old else row)
    begins: dict[str, list[tuple[str, str, Document]]] = {}
    for row in filter(is_row, kept):
        begins.setdefault(row["cost_id"].split("/", 1)[-1], []).append(
            (row["period_start"] or "", row["period_end"] or "", row["_document"])
        )
    for spans in begins.values():
        ordered = sorted({(start, end): document for start, end, document in spans}.items(), key=lambda one: one[0])
        for ((_, end), _), ((start, _), document) in pairwise(ordered):
            if start < end:
                kept.append(
                    document.warning(
                        "windows overlap: what lies in two of them is counted twice; export each period once"
                    )
                )
    return kept


def _allocation(row: Row) -> str:
    return f"{row['period_start']}/{row['account'] or ''}/{row['resource']}"


# --- labels and shapes ------------------------------------------------------------------------------------------------


def _label(document: Document, name: str | None) -> str | None:
    """A label of the workload, else of its namespace; OpenCost writes every other sign than letters and digits as an underscore."""
    if not name:
        return None
    plain = _plain(name)
    for part in ("labels", "annotations", "namespaceLabels"):
        if (place := document.at("properties", part)) and (
            told := members.text(place, name) or members.text(place, plain)
        ):
            return told
    return document.text(f"{_LABEL}{name}") or document.text(f"{_LABEL}{plain}")


@cache
def _plain(name: str) -> str:
    return "".join(sign if sign.isalnum() else "_" for sign in name)


def _is_allocation(body: Any) -> bool:
    return isinstance(body, Mapping) and "totalCost" in body and ("cpuCost" in body or "properties" in body)


def _is_cloud_cost(body: Any) -> bool:
    return isinstance(body, Mapping) and "properties" in body and "listCost" in body and "invoicedCost" in body


_HISTORY = "as long as its Prometheus keeps"
_LOST = ("billing_period_on", "is_correction", "is_unused_commitment")
SYSTEM = System(
    kind="opencost",
    title="OpenCost",
    opens=opened,
    shapes=(
        Shape("allocation", "an allocation", _is_allocation),
        Shape("exported", "a row of the CSV export", lambda b: {"Date", "Namespace", "TotalCost"} <= b.keys()),
        Shape("cloud", "a cloud cost", _is_cloud_cost),
    ),
    gives=(
        Gives("costs", costs, ("allocation", "exported"), _HISTORY, together=_newest_and_overlaps, lost=_LOST),
        Gives("costs", cloud_costs, ("cloud",), "as long as the provider's bill it reads", lost=_LOST),
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
