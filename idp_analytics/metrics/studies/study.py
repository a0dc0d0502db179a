"""What a study is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.studies.people import People
from idp_analytics.settings import Settings


@dataclass(frozen=True)
class Study:
    """One study. ``compute(tables, settings, as_of)`` takes what :func:`idp_analytics.metrics.compute` takes.

    ``doc`` says what one row of the frame is, ``people`` how they are protected in it. The frame begins with ``scope`` and ``entity_id`` and is in a fixed order.
    """

    name: str
    doc: str
    compute: Callable[[Tables, Settings, datetime], pl.DataFrame]
    people: People
