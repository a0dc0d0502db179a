"""The same company in every system's own format: one module per system, named as its reader.

A module has ``OPTIONS`` (of the ``[[source]]`` that reads its files), ``files(tables)`` (file name → what is in it) and
``told(tables)`` (table → rows its reader must give back). ``told`` is the proof that sources agree: the rows it leaves out
are those its docstring names; the columns it leaves out are those the reader declares as lost, and those in ``OTHERWISE``
(table → columns), which the reader makes by rules of its own and its own tests prove.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Protocol, cast

import polars as pl

Tables = Mapping[str, pl.DataFrame]


KNOWN = pl.col("queued_at").is_not_null() & (pl.col("outcome").is_null() | pl.col("finished_at").is_not_null())
"""Deployments whose times a system of record has; the company's own records lost some ends, as records do."""


class Dialect(Protocol):
    """What each module of this package has."""

    OPTIONS: Mapping[str, Any]
    OTHERWISE: Mapping[str, frozenset[str]]

    def files(self, tables: Tables) -> dict[str, Any]:
        """File name → documents (written as JSON; one per line where the name says ``.jsonl``) or text."""

    def told(self, tables: Tables) -> dict[str, pl.DataFrame]:
        """Table → the rows and columns that the system can tell, as its reader gives them."""


def last_bill(tables: Tables) -> pl.DataFrame:
    """The charges of the last billing period whose owner no map of accounts has told: one row each, one column per basis."""
    costs = tables["costs"]
    mine = costs.filter(
        pl.col("billing_period_on") == costs["billing_period_on"].max(),
        pl.col("team_id").is_null() | pl.col("owner_raw").is_not_null(),
    )
    charge = mine.with_columns(pl.col("cost_id").str.extract(r"(\d+):[a-z]+$", 1).cast(pl.Int64).alias("charge")).drop(
        "cost_id"
    )
    same = [name for name in charge.columns if name not in ("basis", "amount")]
    return charge.pivot("basis", index=same, values="amount").sort("charge")


def by_basis(charges: pl.DataFrame, kind: str, file: str, amount_of: Mapping[str, str]) -> pl.DataFrame:
    """``charges`` as rows of ``costs`` with the ids their reader gives them in that ``file``; basis → column of ``amount_of``."""
    numbered = charges.with_row_index("row", offset=1)
    return pl.concat(
        numbered.with_columns(
            pl.format(f"{kind}:{file}:{{}}:{basis}", "row").alias("cost_id"), pl.lit(basis).alias("basis"), pl.col(column).alias("amount")
        )
        for basis, column in amount_of.items()
    ).drop("row", "charge", "billed", "effective", "list", "contracted", strict=False)  # fmt: skip


def exact(column: str) -> pl.Expr:
    """An exact amount as text without padding; null stays null."""
    return pl.col(column).cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")


def kinds() -> list[str]:
    """The systems whose format the company is written in."""
    return sorted(module.name for module in iter_modules(__path__))


def dialect(kind: str) -> Dialect:
    """The module of that system."""
    return cast("Dialect", import_module(f"{__name__}.{kind}"))


def written(name: str, content: Any) -> bytes:
    """The bytes of one file: text as it is, documents as JSON; packed where the name says ``.gz``, always to the same bytes."""
    plain = name.removesuffix(".gz")
    if isinstance(content, str):
        text = content
    elif plain.endswith(".jsonl"):
        text = "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in content)
    else:
        text = json.dumps(content, ensure_ascii=False, indent=None if name.endswith(".gz") else 1) + "\n"
    data = text.encode()
    return gzip.compress(data, compresslevel=9, mtime=0) if name.endswith(".gz") else data


def stamp(value: Any) -> str | None:
    """A time as most systems write it: RFC 3339 in UTC."""
    return None if value is None else f"{value:%Y-%m-%dT%H:%M:%SZ}"
