"""A bill of ten million FOCUS rows, allocated through five rules and grouped by team and month: ours, DuckDB SQL and pandas.

All read the same Parquet file and answer the same question; what they find is compared first. Ours is exact to the last of
24 decimals and conserves every pool; SQL and pandas are written as an analyst would, in floating point where they divide.
Ours is measured twice: the kit's own functions for this work alone (read, whose, ledger), and all that ``load`` does before the
ledger: every column, ids, defects, types, the gate. Beside them stands the time DuckDB needs merely to add the costs up and to
count what the same columns hold. Each runs in a process of its own, so that peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

TEAMS, SERVICES, ACCOUNTS, MONTHS = 200, 40, 60, 12
COLUMNS = (
    "ChargePeriodStart",
    "SubAccountId",
    "ServiceName",
    "ChargeCategory",
    "Tags",
    "EffectiveCost",
    "BillingCurrency",
)

RULES = """
[showback]
services = "step-down"
[[pool]]
id = "clusters"
take = { component = "Service 0" }
by = "cost"
of = { component = "Service 1" }
[[pool]]
id = "network"
take = { component = "Service 2" }
by = "direct cost"
[[pool]]
id = "support"
take = { component = "Service 3" }
by = "even"
[[pool]]
id = "tax"
take = { category = "tax" }
by = "direct cost"
[[pool]]
id = "platform"
take = { component = "Service 4" }
by = "fixed"
shares = { "team-000" = 60, "team-001" = 30 }
"""


SETTINGS = """
[organisation]
id = "bench"
name = "Bench"
[rules]
cost_basis = "effective"
[[source]]
name = "teams"
kind = "canonical"
table = "teams"
paths = ["teams.csv"]
[[source]]
name = "cloud"
kind = "focus"
paths = ["{bill}"]
team_tags = ["team"]
accounts = [{accounts}]
"""

OPTIONS: dict[str, Any] = {
    "team_tags": ["team"],
    "accounts": [{"account": f"0{100000 + i}", "team": f"team-0{i:02}"} for i in range(ACCOUNTS // 2)],
}


def names() -> list[str]:
    """The teams."""
    return [f"team-{i:03}" for i in range(TEAMS)]


def written(path: Path, rows: int) -> None:
    """A year of charges by the hour: three of four say their team in a tag, others by their account, some not at all."""
    n = pl.int_range(rows, eager=True)
    mixed = n.hash(seed=7)
    day = pl.datetime_range(datetime(2025, 7, 1, tzinfo=UTC), datetime(2026, 6, 30, 23, tzinfo=UTC), "1h", eager=True)
    teams = [f'{{"team": "team-{i % TEAMS:03}", "env": "{("prod", "stage")[i % 2]}"}}' for i in range(6 * TEAMS)]
    tags = pl.Series([*teams, *['{"env": "prod"}'] * TEAMS, *[None] * TEAMS])
    frame = pl.DataFrame(
        {
            "ChargePeriodStart": (start := day.gather((mixed % day.len()).cast(pl.UInt32))),
            "ChargePeriodEnd": start + timedelta(hours=1),
            "SubAccountId": ("0" + (100000 + mixed // 3 % ACCOUNTS).cast(pl.String)),
            "ServiceName": "Service " + (mixed // 7 % SERVICES).cast(pl.String),
            "ChargeCategory": pl.Series(["Usage", "Tax"]).gather((mixed // 11 % 50 == 0).cast(pl.UInt32)),
            "Tags": tags.gather((mixed // 13 % tags.len()).cast(pl.UInt32)),
            "EffectiveCost": (mixed // 17 % 10_000_000_000_000).cast(pl.Decimal(38, 0)).cast(pl.Decimal(38, 11)) * Decimal("0.00000000001"),
            "BillingCurrency": pl.Series(["EUR"]).new_from_index(0, rows),
        }
    )  # fmt: skip
    frame.with_columns(pl.col("EffectiveCost").cast(pl.Decimal(38, 11))).write_parquet(path)
    path.with_name("teams.csv").write_text(
        "\n".join(["team_id,name,kind", *(f"{team},{team},team" for team in names())])
    )
    accounts = ", ".join(f'{{ account = "{one["account"]}", team = "{one["team"]}" }}' for one in OPTIONS["accounts"])
    path.with_name("settings.toml").write_text(SETTINGS.format(bill=path.name, accounts=accounts) + RULES)


def ours(path: Path) -> pl.DataFrame:
    """The kit's own functions for this work: the bill read by number, whose each charge is, the ledger."""
    from idp_analytics.settings import parse
    from idp_analytics.sources.cost_cells import NULLS, amounts
    from idp_analytics.sources.cost_owners import attributed
    from idp_analytics.sources.tabular import read_rows
    from idp_analytics.tables import TABLES
    from idp_analytics.tables.numbered import renamed

    bill = read_rows(
        path,
        path.name,
        COLUMNS.__contains__,
        NULLS,
        lambda name: name != "EffectiveCost",
        lambda name: name == "EffectiveCost",
    ).frame
    charges = bill.select(pl.col("SubAccountId").alias("account"), pl.col("ChargePeriodStart").alias("period_start"))
    owned = attributed(charges, bill["Tags"], None, OPTIONS, ("team_id", "owner_raw"))
    category = renamed(bill["ChargeCategory"], lambda words: words.str.to_lowercase())
    costs = bill.select(
        pl.lit("effective", pl.Enum(["effective"])).alias("basis"),
        pl.col("ChargePeriodStart").alias("period_start"),
        pl.col("BillingCurrency").alias("currency"),
        owned["team_id"],
        owned["owner_raw"],
        pl.lit("cloud", pl.Enum(["cloud"])).alias("provider"),
        pl.col("ServiceName").alias("component"),
        category.alias("category"),
        pl.lit(None, pl.Boolean).alias("is_unused_commitment"),
        amounts(bill["EffectiveCost"], strict=True).known.alias("amount"),
    )
    settings = parse(tomllib.loads(RULES), Path(), lambda _kind, _options: [])
    empty = {name: pl.DataFrame(schema=dict(table.schema)).lazy() for name, table in TABLES.items()}
    teams = pl.DataFrame({"team_id": names(), "kind": "team"})
    return by_team_and_month(
        {**empty, "costs": costs.lazy(), "teams": pl.concat([empty["teams"], teams.lazy()], how="diagonal")}, settings
    )


def all_of_load(path: Path) -> pl.DataFrame:
    """The same after all that ``load`` does to a bill."""
    from idp_analytics.organisation import load

    organisation = load(path.parent)
    return by_team_and_month(organisation.lazy, organisation.settings)


def by_team_and_month(tables: Mapping[str, pl.LazyFrame], settings: Any) -> pl.DataFrame:
    """The ledger, grouped."""
    from idp_analytics.metrics.allocation.entries import entries

    found = entries(tables, settings, dimensions=()).group_by(
        pl.col("team_id").fill_null("unallocated").alias("team"), pl.col("on").dt.truncate("1mo").alias("month")
    )
    return found.agg(pl.col("amount").sum()).sort("team", "month").collect()


SQL = """
with tags as (select distinct Tags, json_extract_string(Tags, '$.team') as owner from read_parquet('{path}')),
cells as (
  select date_trunc('month', ChargePeriodStart) as month, ServiceName as component, ChargeCategory as category,
    coalesce(owner, case when cast(right(SubAccountId, 2) as int) < {half} then 'team-0' || right(SubAccountId, 2) end) as team,
    sum(EffectiveCost) as amount
  from read_parquet('{path}') b left join tags t on b.Tags is not distinct from t.Tags group by all
),
placed as (
  select *, case when component = 'Service 0' then 'clusters' when component = 'Service 2' then 'network'
    when component = 'Service 3' then 'support' when category = 'Tax' then 'tax' when component = 'Service 4' then 'platform' end as pool
  from cells
),
teams as (select 'team-' || lpad(cast(i as varchar), 3, '0') as team from range({teams}) r(i)),
pools as (select pool, month, sum(amount) as pooled from placed where pool is not null group by all),
weights as (
  select 'clusters' as pool, month, team, sum(amount)::double as w from placed where component = 'Service 1' and team is not null group by all
  union all select p.pool, d.month, d.team, sum(d.amount)::double from placed d cross join (values ('network'), ('tax')) p(pool)
    where d.pool is null and d.team is not null group by all
  union all select 'support', month, team, 1 from teams cross join (select distinct month from cells)
  union all select 'platform', month, v.team, v.w from (select distinct month from cells) cross join (values ('team-000', 0.6), ('team-001', 0.3), ('unallocated', 0.1)) v(team, w)
),
shares as (
  select w.team, w.month, p.pooled * w.w / sum(w.w) over (partition by w.pool, w.month) as amount
  from weights w join pools p on w.pool = p.pool and w.month = p.month
)
select team, month, sum(amount)::double as amount from (
  select coalesce(team, 'unallocated') as team, month, amount::double as amount from placed where pool is null
  union all select team, month, amount from shares
) group by all order by team, month
"""


def in_duckdb(path: Path) -> pl.DataFrame:
    """The same in SQL."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("set threads = 2; set TimeZone = 'UTC'")
        query = SQL.format(path=path, half=ACCOUNTS // 2, teams=TEAMS)
        return pl.DataFrame(connection.execute(query).fetchall(), ["team", "month", "amount"], orient="row")


def only_summed(path: Path) -> pl.DataFrame:
    """DuckDB reads the same columns, adds up the cost and looks at every value of the rest."""
    import duckdb

    others = ", ".join(f"max({name})" for name in COLUMNS if name != "EffectiveCost")
    with duckdb.connect() as connection:
        connection.execute("set threads = 2")
        query = f"select sum(EffectiveCost), {others} from read_parquet('{path}')"  # noqa: S608
        return pl.DataFrame(connection.execute(query).fetchall(), orient="row")


def in_pandas(path: Path) -> pl.DataFrame:
    """The same in pandas."""
    import pandas as pd

    frame = pd.read_parquet(path, columns=list(COLUMNS))
    frame["amount"] = frame.pop("EffectiveCost").astype(float)
    frame["month"] = frame.pop("ChargePeriodStart").dt.tz_localize(None).dt.to_period("M").dt.to_timestamp()
    tags = {text: json.loads(text).get("team") for text in frame["Tags"].dropna().unique()}
    number = frame["SubAccountId"].str[-2:]
    team = frame["Tags"].map(tags).fillna(("team-0" + number).where(number.astype(int) < ACCOUNTS // 2))
    frame["team"] = team.fillna("unallocated")
    pool = {"Service 0": "clusters", "Service 2": "network", "Service 3": "support"}
    frame["pool"] = frame["ServiceName"].map(pool)
    frame["pool"] = (
        frame["pool"]
        .fillna(frame["ChargeCategory"].map({"Tax": "tax"}))
        .fillna(frame["ServiceName"].map({"Service 4": "platform"}))
    )
    direct = frame[frame["pool"].isna()].groupby(["team", "month"])["amount"].sum()
    pooled = frame.groupby(["pool", "month"])["amount"].sum()
    owned = direct.drop("unallocated", level="team")
    one = frame[(frame["ServiceName"] == "Service 1") & (frame["team"] != "unallocated")]
    parts = [direct]
    for (name, month), amount in pooled.items():
        match name:
            case "clusters":
                weight = one[one["month"] == month].groupby("team")["amount"].sum()
            case "support":
                weight = pd.Series(1.0, names())
            case "platform":
                weight = pd.Series({"team-000": 0.6, "team-001": 0.3, "unallocated": 0.1})
            case _:
                weight = owned.xs(month, level="month")
        part = amount * weight / weight.sum()
        parts.append(
            pd.Series(part.to_numpy(), pd.MultiIndex.from_product([part.index, [month]], names=["team", "month"]))
        )
    whole = pd.concat(parts).groupby(level=["team", "month"]).sum().rename("amount").reset_index()
    return pl.from_pandas(whole)


WAYS: dict[str, Callable[[Path], pl.DataFrame]] = {
    "ours": ours, "ours, all of load": all_of_load, "DuckDB SQL": in_duckdb, "pandas": in_pandas, "DuckDB, only summed": only_summed,
}  # fmt: skip


def measured(name: str, path: Path) -> dict[str, Any]:
    """Seconds, peak memory and answer of one way, in this process."""
    import duckdb  # imported beforehand, so that no way pays for it  # noqa: F401
    import pandas as pd  # noqa: F401
    import pyarrow.acero
    import pyarrow.compute  # noqa: F401

    import idp_analytics.organisation
    import idp_analytics.sources.cost_owners
    import idp_analytics.sources.tabular  # noqa: F401

    started, used = time.perf_counter(), time.process_time()
    found = WAYS[name](path)
    seconds, of_processors = time.perf_counter() - started, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    answer = {f"{row[0]} {str(row[1])[:7]}": str(row[2]) for row in found.rows()} if "only" not in name else {}
    return {
        "seconds": seconds,
        "of_processors": of_processors,
        "gib": peak,
        "answer": answer,
        "whole": str(found["amount"].sum()) if answer else str(found.row(0)[0]),
    }


def main() -> None:
    """Write the bill, measure each way in its own process, compare, print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=10_000_000)
    asked.add_argument("--repeats", type=int, default=3, help="of so many rounds the middle one counts [3]")
    asked.add_argument("--only", choices=WAYS, nargs="+", help="ways to measure; only summed must be one [all]")
    asked.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    asked.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    asked.add_argument("--bill", type=Path, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.write:
        written(given.write, given.rows)
        return
    if given.way:
        print(json.dumps(measured(given.way, given.bill)))
        return
    with tempfile.TemporaryDirectory() as folder:
        bill = Path(folder) / "bill.parquet"
        # In a process of its own too: what this one has had in memory would count as theirs.
        subprocess.run([sys.executable, __file__, "--write", str(bill), "--rows", str(given.rows)], check=True)
        print(
            f"showback: {given.rows:,} FOCUS rows, {bill.stat().st_size / 1e6:,.0f} MB of Parquet, five rules, {TEAMS} teams × {MONTHS} months"
        )
        rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in given.only or WAYS}
        for name in list(rounds) * given.repeats:  # in turn, so that what else the machine does falls on all
            command = [sys.executable, __file__, "--way", name, "--bill", str(bill)]
            told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
            rounds[name].append({**told, "load": os.getloadavg()[0]})
    found = {
        name: sorted(told, key=lambda one: float(one["of_processors"]))[len(told) // 2] for name, told in rounds.items()
    }
    exact = Decimal(found["DuckDB, only summed"]["whole"])
    for name in ("ours", "ours, all of load"):
        assert name not in found or Decimal(found[name]["whole"]) == exact, f"{name}: does not add up to the bill"
    if {"ours", "ours, all of load"} <= found.keys():
        cells = found["ours"]["answer"]
        assert found["ours, all of load"]["answer"] == cells, "what load leaves is not what was read"
        print(f"  ours and all of load are the same in each of {len(cells):,} cells, to the last digit")
    for name in ("DuckDB SQL", "pandas"):
        if not {name, "ours"} <= found.keys():
            continue
        other = found[name]["answer"]
        worst = max(abs(Decimal(v) - Decimal(other.get(k, "0"))) for k, v in found["ours"]["answer"].items())
        print(
            f"  {name} differs from ours by at most {worst:.1e} in one of {len(other):,} cells; its whole by {Decimal(found[name]['whole']) - exact:.1e}"
        )
    base = found["DuckDB, only summed"]
    for name, told in found.items():
        print(
            f"  {name:20} {told['seconds']:7.2f} s  {told['gib']:5.2f} GiB  {told['seconds'] / base['seconds']:6.1f} × only summed"
            f"  ({told['of_processors']:.2f} s of processors, {told['of_processors'] / base['of_processors']:.2f} ×; load average {told['load']:.1f})"
        )


if __name__ == "__main__":
    main()
