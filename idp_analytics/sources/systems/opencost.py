"""OpenCost and Kubecost: allocations of the API, or the CSV export. Prices are list prices: a weight to share a bill by, and no
second bill to add to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from idp_analytics.sources import members
from idp_analytics.sources.documents import Documents, holds_documents, read_documents
from idp_analytics.sources.export import Document, Export, table_documents
from idp_analytics.sources.over_time import is_row
from idp_analytics.sources.system import SERVICE_PATTERN, Gives, Option, Recipe, Row, Shape, System

_NOBODY = ("__idle__", "__unallocated__", "__unmounted__", "__shared__")
_LABEL = "Label_"


def opened(path: Path, shown: str) -> Documents:
    """One document per allocation: the API gives maps of them, one map per step."""
    if not holds_documents(path, shown):
        return table_documents(path, shown)
    found = read_documents(path, shown, str)
    whole: list[tuple[int, dict[str, Any]]] = []
    for _, body in found.found:
        steps = body["data"] if isinstance(body.get("data"), list) else [body]
        for step in steps:
            inside = [one for one in step.values() if _is_allocation(one)] if isinstance(step, Mapping) else []
            strange = [step] if isinstance(step, dict) and step and not inside else []
            whole += [(len(whole) + number, one) for number, one in enumerate(inside or strange, 1)]
    return replace(found, found=whole)


def costs(document: Document, export: Export) -> Iterator[Row]:
    """One row per allocation and step: its total, as written, at list price. Idle and unallocated cost belongs to nobody and stays."""
    name = document.text("name") or "/".join(
        filter(None, (document.text(part) for part in ("Namespace", "ControllerName", "Pod", "Container")))
    )
    if "__filtered__" in name:
        yield document.left_out("is what a filter left out of the export")
        return
    amount = document.text("totalCost") or document.text("TotalCost")
    if amount is None:
        yield document.left_out("has no amount: it is no number to OpenCost either")
        return
    begins, ends = (
        document.text("window", "start") or document.text("start"),
        document.text("window", "end") or document.text("end"),
    )
    if day := document.text("Date"):
        begins, ends = f"{day}T00:00:00Z", f"{date.fromisoformat(day) + timedelta(days=1)}T00:00:00Z"
    nobody = any(word in name for word in _NOBODY)
    owner = _label(document, export.options["team_label"])
    service = (
        _label(document, export.options["service_label"])
        or document.text("properties", "controller")
        or document.text("ControllerName")
    )
    yield document.row(
        newest=document.text("end") or ends, cost_id=export.id(f"{begins}/{document.text('properties', 'cluster') or ''}/{name}"), period_start=begins, period_end=ends,
        service_id=None if nobody else export.service(service), team_id=None if nobody else owner, owner_raw=owner or (name if nobody else None),
        provider="Kubernetes", account=document.text("properties", "cluster"), component=document.text("properties", "namespace") or document.text("Namespace"),
        category="usage", amount=amount, currency=export.options["currency"], basis="list",
    )  # fmt: skip


def _said_twice(rows: list[Row]) -> list[Row]:
    """Exports whose windows overlap without being the same hold one cost twice: that is said, because nothing tells them apart."""
    kept = list(rows)
    begins: dict[str, list[tuple[str, str, Document]]] = {}
    for row in (row for row in rows if is_row(row)):
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


def _label(document: Document, name: str | None) -> str | None:
    """A label of the workload, else of its namespace; OpenCost writes every other sign than letters and digits as an underscore."""
    if not name:
        return None
    plain = "".join(sign if sign.isalnum() else "_" for sign in name)
    places = [document.at("properties", part) for part in ("labels", "annotations", "namespaceLabels")]
    told = [members.text(place, one) for place in places for one in (name, plain)]
    return next(filter(None, [*told, document.text(f"{_LABEL}{name}"), document.text(f"{_LABEL}{plain}")]), None)


def _is_allocation(body: Any) -> bool:
    return isinstance(body, Mapping) and "totalCost" in body and ("cpuCost" in body or "properties" in body)


SYSTEM = System(
    kind="opencost",
    title="OpenCost",
    opens=opened,
    shapes=(
        Shape("allocation", "an allocation", _is_allocation),
        Shape("exported", "a row of the CSV export", lambda b: {"Date", "Namespace", "TotalCost"} <= b.keys()),
    ),
    gives=(Gives("costs", costs, ("allocation", "exported"), "as long as its Prometheus keeps", together=_said_twice, lost=("billing_period_on", "is_correction", "is_unused_commitment")),),
    recipes=(
        Recipe("allocation.json", 'curl -fsS "$OPENCOST/allocation?window=$SINCE,$UNTIL&step=1d&aggregate=namespace,controller&includeIdle=true" > allocation.json', "access to the service",
               "Once per period: exports that overlap are the same costs twice and are then told apart by their windows."),
        Recipe("export.csv", "kubectl cp $NAMESPACE/$POD:/mnt/export/export.csv export.csv", "exec on the pod", "The daily CSV export of OpenCost."),
    ),
    options=(
        SERVICE_PATTERN,
        Option("currency", "text", "The currency of its prices (OpenCost does not say it), e.g. USD.", required=True),
        Option("team_label", "text", "Label that names the team.", default="team"),
        Option("service_label", "text", "Label that names the service; without it the controller does.", default="app.kubernetes.io/name"),
    ),
)  # fmt: skip
