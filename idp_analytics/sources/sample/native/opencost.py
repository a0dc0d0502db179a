"""The company's usage charges at list price as OpenCost would give them, one step per day: two thirds of each for processors."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.money import plain
from idp_analytics.sources.sample.native import Tables, stamp

OPTIONS: dict[str, Any] = {"currency": "EUR", "service_label": "service"}
OTHERWISE = {
    "costs": frozenset(
        {"team_id", "provider", "account", "component", "resource", "environment", "quantity", "quantity_unit"}
    )
}


def _charges(tables: Tables) -> pl.DataFrame:
    """Usage of services in the last month, one amount per service and day."""
    last = tables["costs"]["billing_period_on"].max()
    usage = tables["costs"].filter(
        pl.col("basis") == "list", pl.col("category") == "usage", pl.col("currency") == "EUR", pl.col("service_id").is_not_null(), pl.col("billing_period_on") == last,
        pl.col("period_end") - pl.col("period_start") == pl.duration(days=1),
    )  # fmt: skip
    return (
        usage.group_by("period_start", "period_end", "service_id")
        .agg(pl.col("amount").sum())
        .with_columns((pl.col("amount") * 2 / 3).round(5).alias("cpu"))
        .with_columns((pl.col("amount") - pl.col("cpu")).alias("ram"))
        .sort("period_start", "service_id")
    )


def files(tables: Tables) -> dict[str, Any]:
    """``allocation.json.gz`` as text: amounts keep every digit."""
    steps = []
    for (start, end), rows in (
        _charges(tables).partition_by("period_start", "period_end", as_dict=True, maintain_order=True).items()
    ):
        window = f'"window": {{"start": "{stamp(start)}", "end": "{stamp(end)}"}}'
        inside = [
            f'"{row["service_id"]}": {{"name": "{row["service_id"]}", "properties": {{"cluster": "one", "labels": {{"service": "{row["service_id"]}"}}}}, '
            f'{window}, "cpuCost": {plain(row["cpu"])}, "ramCost": {plain(row["ram"])}, "totalCost": {plain(row["amount"])}}}'
            for row in rows.iter_rows(named=True)
        ]  # fmt: skip
        steps.append("{" + ", ".join(inside) + "}")
    return {"allocation.json.gz": '{"code": 200, "data": [' + ",\n ".join(steps) + "]}\n"}


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Every amount to its last digit, by resource."""
    native = pl.concat_str(
        pl.lit("opencost:"), pl.col("period_start").dt.strftime("%Y-%m-%dT%H:%M:%SZ"), pl.lit("/one/"), "service_id", pl.lit("/"), "sku"
    )  # fmt: skip
    charges = _charges(tables)
    return {
        "costs": charges.drop("amount")
        .unpivot(
            ["cpu", "ram"], index=["period_start", "period_end", "service_id"], variable_name="sku", value_name="amount"
        )
        .select(
            native.alias("cost_id"),
            "period_start",
            "period_end",
            "service_id",
            "sku",
            pl.lit("usage").alias("category"),
            "amount",
            pl.lit("EUR").alias("currency"),
            pl.lit("list").alias("basis"),
        )
    }
