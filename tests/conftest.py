"""What tests share: where the reference cases are, and settings that keep property tests repeatable."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from people_watching import Readers, watched
from published_sample import execute

from idp_analytics.organisation import Organisation, load
from idp_analytics.publish.engine import make
from idp_analytics.publish.run import RunResult, publish
from idp_analytics.report.mart import Here, Mart

REPOSITORY = Path(__file__).resolve().parents[1]

settings.register_profile(
    "house", deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("house")


@pytest.fixture(scope="session")
def cases() -> Path:
    """The folder of reference cases; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("IDP_CASES", REPOSITORY.parent / "shared" / "cases"))
    if not folder.is_dir():
        pytest.skip(f"no reference cases at {folder} (set IDP_CASES)")
    return folder


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def sample() -> Organisation:
    """The synthetic company in data/sample, loaded once."""
    return load(REPOSITORY / "data" / "sample")


@pytest.fixture(scope="session")
def computed(sample: Organisation) -> tuple[Mart, Readers]:
    """Its mart, and which study read rows of people for it."""
    with pytest.MonkeyPatch.context() as patch:
        readers = watched(patch, sample)
        return Mart.of(sample), readers


@pytest.fixture(scope="session")
def mart(computed: tuple[Mart, Readers]) -> Mart:
    """Its mart."""
    return computed[0]


@pytest.fixture(scope="session")
def readers(computed: tuple[Mart, Readers]) -> Readers:
    """Study → the tables of people of which it read rows."""
    return computed[1]


@pytest.fixture(scope="session")
def published(sample: Organisation, mart: Mart, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """Its reports, published once by this process; the mart, which is frozen, is not computed again, but said to be of the period alone."""
    span = mart.period()
    of_it = replace(mart, meta={**mart.meta, "only": span.label, "rows": True}, rows=Here(sample).rows(span))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Mart, "of", lambda _organisation, **_: of_it)
        return publish(
            sample, tmp_path_factory.mktemp("reports"), engine=lambda jobs, _: (make(job, execute) for job in jobs)
        )
