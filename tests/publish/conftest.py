"""What tests of publishing share: a small company with hostile names, and notebooks that do little."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import pytest
from cluster_building import Started, clusters
from company_building import Notebooks, company, write_notebooks

from idp_analytics.organisation import Organisation
from idp_analytics.report.mart import Mart


@pytest.fixture(scope="session", autouse=True)
def mart_once() -> Iterator[None]:
    """Computes the mart of an organisation once for all tests of publishing; it is frozen, so they can share it."""
    known: list[tuple[Organisation, tuple[str, ...], Mart]] = []
    compute = Mart.of

    def of(
        organisation: Organisation, every: Sequence[str] = ("1mo", "1q"), only: Collection[str] | None = None
    ) -> Mart:
        if only is not None:
            return compute(organisation, every, only)
        for of_whom, lengths, mart in known:
            if of_whom is organisation and lengths == tuple(every):
                return mart
        known.append((organisation, tuple(every), compute(organisation, every)))
        return known[-1][2]

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
