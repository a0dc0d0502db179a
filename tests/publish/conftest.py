"""What tests of publishing share: a small company with hostile names, and notebooks that do little."""

from __future__ import annotations

from pathlib import Path

import pytest
from company_building import Notebooks, company, write_notebooks

from idp_analytics.organisation import Organisation


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
