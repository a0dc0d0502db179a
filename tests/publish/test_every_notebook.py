"""Every notebook of the kit says in a fork what it says in a kernel of its own, on a small company."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from idp_analytics.paths import resource
from idp_analytics.publish import workers
from idp_analytics.publish.engine import Job
from idp_analytics.publish.page import Page
from idp_analytics.sources.sample import generate, write

pytestmark = pytest.mark.slow

LAUNCHER = "run_reports"  # starts a run of its own
NOTEBOOKS = sorted(path for path in resource("notebooks").glob("*.ipynb") if path.stem != LAUNCHER)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder below which notebooks find a company of four teams where the sample is else."""
    root = tmp_path_factory.mktemp("small")
    write(root / "data" / "sample", generate(teams=4, months=4))
    return root


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_a_notebook_is_the_same_to_the_byte_in_a_fork_and_in_a_kernel(small: Path, path: Path) -> None:
    declared = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("idp", {}).get("parameters", {})
    made = {}
    for engine in (workers.FORK, workers.STOCK):
        folder = small / engine
        folder.mkdir(exist_ok=True)
        given = {"team": "payments"} if "team" in declared else {}
        # Those that explore load and compute a company themselves, which takes more than a report does.
        job = Job(path.stem, path, given, folder, Page("A notebook"), memory=8 << 30)
        (outcome,) = workers.engine(engine)([job], 1)
        assert outcome.failure is None, engine
        made[engine] = [(folder / f"{path.stem}.{kind}").read_text(encoding="utf-8") for kind in ("html", "ipynb")]
    assert made[workers.FORK] == made[workers.STOCK]
