"""Our delivery answers against the same semantics in pandas and in SQL on PostgreSQL: seconds, memory, ratio.

The metrics DORA names, for organisation, teams and services by month, on tables of a made-up company (``delivery_data``).
Each engine runs in a process of its own. Before anything is printed every value, n, k and Wilson interval of all three is
compared; where one differs the benchmark fails. ``README.md`` beside this file tells what is measured and what is not.

    python bench/delivery.py                 # small and usual
    python bench/delivery.py --size full     # 5 million deployments; some minutes, some 10 GB of memory
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import delivery_postgres
import polars as pl
from delivery_data import SIZES
from delivery_engines import METRICS

KEY = ["metric", "scope", "entity_id", "period"]
TOLERANCE = 1e-9
HERE = Path(__file__).parent


def run(engine: str, folder: Path, argument: str) -> dict[str, Any]:
    """What one engine's process tells."""
    words = [sys.executable, HERE / "delivery_engines.py", engine, folder, argument]
    ran = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"{engine} failed")
    told: dict[str, Any] = json.loads(ran.stdout or "{}")
    return told


def answered(folder: Path, engine: str) -> pl.DataFrame:
    """One engine's answers in one form: the interval only of shares, which is what all three give."""
    path = folder / f"answers-{engine}.parquet"
    numbers = {"value": pl.Float64, "n": pl.Int64, "k": pl.Int64, "low": pl.Float64, "high": pl.Float64}
    frame = pl.read_parquet(path, columns=[*KEY, *numbers])
    frame = frame.with_columns(pl.col(KEY).cast(pl.String), pl.col(["value", "k", "low", "high"]).cast(pl.Float64))
    frame = frame.with_columns(pl.col(name).cast(dtype).fill_nan(None) if dtype == pl.Float64 else pl.col(name).fill_null(0)
                               for name, dtype in {**numbers, "k": pl.Float64}.items())  # fmt: skip
    is_share = pl.col("metric").is_in(["deployment_days", "change_fail_rate", "deployment_rework_rate"])
    # Some intervals of ours are wider than Wilson's, where deployments of a day are alike; the others do not make those.
    is_wilson = pl.Series(pl.read_parquet(path)["method"] == "Wilson") if engine == "ours" else pl.lit(True)
    return frame.with_columns(
        pl.when(is_share).then(pl.col("k")),
        pl.when(is_share & is_wilson).then(pl.col("low", "high")),
        compared=is_wilson,
    )


def differences(ours: pl.DataFrame, theirs: pl.DataFrame) -> pl.DataFrame:
    """The answers that are not the same: relative to 1 or, where larger, the number itself."""
    both = ours.join(theirs, on=KEY, how="full", coalesce=True, suffix="_theirs")

    def differs(name: str) -> pl.Expr:
        mine, other = pl.col(name).cast(pl.Float64), pl.col(f"{name}_theirs").cast(pl.Float64)
        far = (mine - other).abs() > TOLERANCE * pl.max_horizontal(pl.lit(1.0), mine.abs())
        return far.fill_null(False) | (mine.is_null() != other.is_null())

    numbers = pl.any_horizontal(differs(name) for name in ("value", "n", "k"))
    ends = pl.col("compared").fill_null(True) & pl.any_horizontal(differs(name) for name in ("low", "high"))
    return both.filter(numbers | ends)


def measure(size: str, repeats: int, engines: list[str]) -> dict[str, dict[str, Any]]:
    """Draw the tables, run the engines, compare their answers."""
    told: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="idp-bench-data-") as name:
        folder = Path(name)
        run("draw", folder, size)
        for engine in engines:
            told[engine] = run(engine, folder, str(repeats))
            told[engine]["load_average"] = os.getloadavg()[0]
        mine = answered(folder, "ours")
        assert set(mine["metric"].unique()) == set(METRICS)
        for engine in engines[1:]:
            wrong = differences(mine, answered(folder, engine))
            if wrong.height:
                raise SystemExit(f"{wrong.height:,} answers of ours and {engine} differ, for example\n{wrong.head(5)}")
            told[engine]["alike"] = mine.height
    return told


def line(size: str, engine: str, told: dict[str, Any], ours: float) -> str:
    """One row of the table."""
    seconds, cpu, what = statistics.median(told["seconds"]), statistics.median(told["cpu"]), SIZES[size]
    return (
        f"| {size} | {what.teams:,} × {what.months} | {what.deployments:,} | {engine} | {told['load']:.1f} | {seconds:.2f} | {cpu:.2f} "
        f"| {told['peak'] / 1e9:.2f} | {seconds / ours:.1f}× | {told['load_average']:.1f} |"
    )


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", action="append", choices=SIZES, help="may be given several times")
    parser.add_argument("--repeats", type=int, help="runs of which the median is told (full: 1, else 3)")
    parser.add_argument("--only", action="append", choices=("pandas", "postgres"), help="only these beside ours")
    asked = parser.parse_args()
    engines = ["ours", *(asked.only or ("pandas", "postgres"))]
    reason = delivery_postgres.missing() if "postgres" in engines else ""
    if reason:
        print(f"PostgreSQL is left out: {reason}.")
        engines.remove("postgres")
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(
        "| size | teams × months | deployments | engine | load s | answers s | of processors s | peak GB | against ours | load average |"
    )
    print("|---|---|---:|---|---:|---:|---:|---:|---:|---:|", flush=True)
    how = {}
    for size in asked.size or ["small", "usual"]:
        told = measure(size, asked.repeats or (1 if size == "full" else 3), engines)
        ours = statistics.median(told["ours"]["seconds"])
        for engine in engines:
            print(line(size, engine, told[engine], ours), flush=True)
            how[engine] = told[engine]["how"]
        for engine in engines[1:]:
            print(
                f"{size}: all {told[engine]['alike']:,} answers of {engine} are ours to {TOLERANCE:g}", file=sys.stderr
            )
    for engine, said in how.items():
        print(f"{engine}: {said}")


if __name__ == "__main__":
    main()
