"""Reports as they are made: with what the next ones will read at hand, and shown to whoever watches."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from idp_analytics.publish.engine import Job, Outcome
from idp_analytics.report.mart import Mart
from idp_analytics.report.parts import BUNDLE


def provided(made: Iterable[Outcome], jobs: Sequence[Job], mart: Mart, folder: Path, ahead: int) -> Iterator[Outcome]:
    """The outcomes, with the parts of ``mart`` (which is written to ``folder``) at hand that the next reports will read (:mod:`report.parts`)."""
    parts = mart.parts(folder)
    teams = {job.name: job.parameters["team"] for job in jobs if "team" in job.parameters}
    asked = list(teams.values())
    coming = iter([asked[begin : begin + BUNDLE] for begin in range(0, len(asked), BUNDLE)])
    try:
        for bundle in itertools.islice(coming, max(1, ahead // BUNDLE)):
            parts.add(*bundle)
        for number, outcome in enumerate(made, 1):
            if outcome.name in teams:
                parts.drop(teams[outcome.name])
            if number % BUNDLE == 0:
                for bundle in itertools.islice(coming, 1):
                    parts.add(*bundle)
            yield outcome
    finally:
        parts.close()


def shown(outcomes: Any, total: int) -> Any:
    """The outcomes, with a progress bar where somebody watches."""
    if not sys.stderr.isatty():
        return outcomes
    from tqdm import tqdm

    return tqdm(outcomes, total=total, unit="report", desc="Reports", dynamic_ncols=True)
