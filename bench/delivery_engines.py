"""One engine's pass over the tables of the delivery benchmark, in a process of its own, so that its memory is its own.

``python bench/delivery_engines.py ours|pandas|postgres|draw FOLDER …`` prints one line of JSON: ``load``, ``seconds`` and ``cpu``
(lists, one per repeat), ``peak`` (bytes) and ``how`` it was measured; the answers are written to ``FOLDER/answers-<engine>.parquet``.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from delivery_data import AS_OF, SIZES, write

METRICS = (
    "deployment_frequency", "deployment_days", "change_lead_time", "change_fail_rate", "failed_deployment_recovery_time",
    "deployment_rework_rate",
)  # fmt: skip


def repeated(
    what: Callable[[], Any], repeats: int, used: Callable[[], float] = time.process_time
) -> tuple[dict[str, list[float]], Any]:
    """``seconds`` and ``cpu`` seconds (by ``used``) of each run, and what the last one gave."""
    taken: dict[str, list[float]] = {"seconds": [], "cpu": []}
    made = None
    for _ in range(repeats):
        made = None  # two results at once would be memory that no user needs
        begun = used()
        start = time.perf_counter()
        made = what()
        taken["seconds"].append(time.perf_counter() - start)
        taken["cpu"].append(used() - begun)
    return taken, made


def peak() -> int:
    """Bytes this process had in memory at most."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def ours(folder: Path, repeats: int) -> dict[str, Any]:
    """The pass, answers for months only."""
    import polars as pl

    from idp_analytics import metrics
    from idp_analytics.settings import Settings
    from idp_analytics.tables import TABLES

    start = time.perf_counter()
    tables = {name: pl.read_parquet(folder / f"{name}.parquet").lazy() for name in TABLES}
    load = time.perf_counter() - start
    settings = Settings("bench", "bench", folder, as_of=AS_OF)
    wanted = [metrics.by_name(name) for name in METRICS]
    taken, made = repeated(lambda: metrics.compute(tables, settings, AS_OF, wanted, every=("1mo",)), repeats)
    most = peak()
    made.write_parquet(folder / "answers-ours.parquet")
    return {"load": load, **taken, "peak": most, "how": "peak RSS, tables in it"}


def in_pandas(folder: Path, repeats: int) -> dict[str, Any]:
    """The same questions in pandas."""
    import delivery_pandas
    import pandas as pd

    start = time.perf_counter()
    tables = delivery_pandas.read(folder)
    load = time.perf_counter() - start
    taken, made = repeated(lambda: delivery_pandas.answers(tables, pd.Timestamp(AS_OF)), repeats)
    most = peak()
    made.to_parquet(folder / "answers-pandas.parquet")
    return {"load": load, **taken, "peak": most, "how": "peak RSS, tables in it"}


def in_postgres(folder: Path, repeats: int) -> dict[str, Any]:
    """The same questions in SQL."""
    from delivery_postgres import Cluster

    with Cluster() as cluster:
        start = time.perf_counter()
        cluster.load(folder)
        load = time.perf_counter() - start
        taken, _ = repeated(lambda: cluster.answer(AS_OF), repeats, cluster.used)
        cluster.export(folder / "answers-postgres.parquet")
        return {"load": load, **taken, "peak": cluster.peak, "how": cluster.how}


def main(engine: str, folder: Path, argument: str) -> None:
    """Run one engine (``argument``: repeats) or draw the tables (``argument``: the size)."""
    if engine == "draw":
        write(folder, SIZES[argument])
        return
    made = {"ours": ours, "pandas": in_pandas, "postgres": in_postgres}[engine](folder, int(argument))
    print(json.dumps(made))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
