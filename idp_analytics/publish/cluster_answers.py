"""Answers computed by the workers of a Dask cluster, to the last digit those of one machine.

A task is one metric, computed from the same tables by the same function as here (:func:`..metrics.compute`, which promises that a part of the
metrics gives the same rows as all of them), so it makes no difference where. Not a task for some services each: what is said of one service
rests, for many metrics, on facts of others. A source is doubted as a whole, what is logged anywhere decides whether none seen means none,
a request is put together from the runs of several services, a pool is shared between them; and medians cannot be put together from medians.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from idp_analytics import metrics
from idp_analytics.organisation import Organisation
from idp_analytics.paths import written
from idp_analytics.publish.cluster import Identity, agreed, connected, identity, threads
from idp_analytics.settings import Settings
from idp_analytics.tables.numbered import as_text


def answers(
    organisation: Organisation,
    address: str,
    shared: Path,
    by: Sequence[str] = ("org", "team", "service"),
    every: Sequence[str] = ("1mo", "1q"),
) -> pl.DataFrame:
    """The answer table as :meth:`Organisation.answers` gives it, computed by the workers of the scheduler at ``address``.

    ``shared``: a folder that all machines see under the same path; the tables lie there meanwhile, as Parquet, of which a worker reads the
    columns that its metric needs. Raises :class:`ReportError` where there is no scheduler or no worker, and where a worker does not see the
    folder or is not made of the same code; else what :func:`..metrics.compute` raises.
    """
    with tempfile.TemporaryDirectory(dir=shared, prefix=".tables-") as name, connected(address) as client:
        threads(client, address)
        folder = Path(name).absolute()
        for table, frame in organisation.tables.items():
            written(folder / f"{table}.parquet", as_text(frame).write_parquet)
        given = (organisation.settings, organisation.as_of, tuple(by), tuple(every), identity())
        wanted = sorted(metric.name for metric in metrics.CATALOGUE)
        tasks = [client.submit(answered, folder, metric, *given, pure=False) for metric in wanted]
        parts: list[pl.DataFrame] = client.gather(tasks)
    return pl.concat(parts)


def answered(
    folder: Path,
    metric: str,
    settings: Settings,
    as_of: datetime,
    by: Sequence[str],
    every: Sequence[str],
    wanted: Identity,
) -> pl.DataFrame:
    """In a worker: the answers of one metric."""
    agreed(wanted, [folder])
    tables = {path.stem: pl.scan_parquet(path) for path in folder.iterdir()}
    return metrics.compute(tables, settings, as_of, [metrics.by_name(metric)], by, every)
