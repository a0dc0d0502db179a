"""What tests of publishing share: a small company with hostile names, and notebooks that do little."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from cluster_building import Started, clusters
from company_building import Notebooks, company, write_notebooks

from idp_analytics.metrics import STUDIES, Shown
from idp_analytics.metrics.cells import of_spans
from idp_analytics.organisation import Organisation
from idp_analytics.publish import mart_workers
from idp_analytics.report import mart as marts
from idp_analytics.report.mart import Computing, Here, Mart


def of_one_period(mart: Mart, period: str) -> Mart:
    """What :meth:`Mart.of` computes for ``period``, cut from the mart of all."""
    span = mart.period(period)
    cut = {
        study.name: mart.studies[study.name].filter(of_spans(study.spans(span)))
        for study in STUDIES
        if study.shown is not Shown.WHOLE
    }
    return replace(mart, studies={**mart.studies, **cut}, meta={**mart.meta, "only": span.label})


@pytest.fixture(scope="session", autouse=True)
def mart_once() -> Iterator[None]:
    """Computes the mart of an organisation once for all tests of publishing; it is frozen, so they can share it."""
    known: list[tuple[Organisation, tuple[str, ...], Mart]] = []
    behind: dict[tuple[int, str], dict[str, pl.DataFrame]] = {}
    compute = Mart.of

    def of(
        organisation: Organisation, every: Sequence[str] = ("1mo", "1q"), only: Collection[str] | None = None, period: str | None = None,
        computing: Computing | None = None, rows: bool = False,
    ) -> Mart:  # fmt: skip
        if only is not None or isinstance(computing, mart_workers.Several) or marts.STUDIES is not STUDIES:
            return compute(organisation, every, only, period, computing, rows)
        found = [mart for of_whom, lengths, mart in known if of_whom is organisation and lengths == tuple(every)]
        if not found:
            found = [compute(organisation, every)]
            known.append((organisation, tuple(every), *found))
        if period is None:
            return found[0]
        made = of_one_period(found[0], period)
        if not rows or not organisation.settings.publish_rows:
            return made
        kept = behind.setdefault((id(organisation), made.meta["only"]), {})
        if not kept:
            kept |= Here(organisation).rows(made.period())
        return replace(made, rows=kept, meta={**made.meta, "rows": True})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Mart, "of", of)
        yield


@pytest.fixture(scope="session")
def organisation() -> Organisation:
    """Three months of deployments of three teams; the fourth team did nothing; one row was set aside."""
    return company()


@pytest.fixture
def notebooks(tmp_path: Path) -> Notebooks:
    """Writes team.ipynb and org.ipynb whose third cell is the code given."""

    def write(team: str = "print('of', team)", org: str = "print('of all')", name: str = "notebooks") -> Path:
        return write_notebooks(tmp_path / name, team, org)

    return write


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Callable[[int], Started]]:
    """Starts a cluster of so many workers: gives the scheduler's address and the processes of the workers."""
    with clusters(tmp_path) as start:
        yield start
