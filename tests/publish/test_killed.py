"""Runs that are killed wherever they are: what is published stays whole, and the next run completes what was begun."""

from __future__ import annotations

import json
import pickle
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import run_building
from company_building import write_notebooks
from fault_building import children
from folder_building import DEPLOYMENTS, folder

from idp_analytics.organisation import Organisation
from idp_analytics.publish import staging
from idp_analytics.publish.shards import Shard
from idp_analytics.report.mart import Mart

Run = Callable[..., dict[str, Any] | None]


@pytest.fixture(scope="module")
def run(organisation: Organisation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs in children of one process: gives what the run gave, None if it was killed."""
    mart = tmp_path_factory.mktemp("mart") / "mart.pickle"
    mart.write_bytes(pickle.dumps(Mart.of(organisation, ("1mo", "1q"))))
    with children("run_building") as call:

        def in_child(
            root: Path, notebooks: Path, dies_at: int = 0, shard: Shard | None = None
        ) -> dict[str, Any] | None:
            told: dict[str, Any] | None = call(run_building.run, mart, root, notebooks, dies_at, shard)
            return told

        yield in_child


def files(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != ".name"
    }


def test_killed_at_any_file_operation_the_set_is_whole_and_the_next_run_completes(run: Run, tmp_path: Path) -> None:
    chance = random.Random(
        9
    )  # killed once all reports are made, amid what is written beside them, and at the very start
    root, current = tmp_path / "r", tmp_path / "r" / "acme" / "2026-06"
    first = run(root, write_notebooks(tmp_path / "0"))
    assert first is not None
    keys, found = [first["key"]], 0
    for number in range(1, 4):
        notebooks = write_notebooks(tmp_path / str(number), team=f"print({number})")
        for _ in range(chance.choice([1, 1, 2])):
            run(root, notebooks, chance.randrange(1, first["operations"] + 1))
            assert staging.differences(current) == []
            seen = json.loads((current / "run.json").read_text(encoding="utf-8"))["key"]
        done = run(root, notebooks)
        assert done is not None
        assert seen in (keys[-1], done["key"])
        assert staging.differences(current) == []
        assert json.loads((current / "run.json").read_text(encoding="utf-8"))["key"] == done["key"]
        keys.append(done["key"])
        found += done["found"]
    assert len(set(keys)) == len(keys)
    assert found > 0  # and what had been made was not made again
    assert [p.name for p in (root / "acme").glob(".partial-*")] == []
    assert run(tmp_path / "other", notebooks) is not None
    assert files(tmp_path / "other" / "acme" / "2026-06") == files(current)


def test_shares_made_apart_with_a_worker_killed_are_the_same_to_the_byte(run: Run, tmp_path: Path) -> None:
    notebooks = write_notebooks(tmp_path / "0")
    whole = run(tmp_path / "whole", notebooks)
    assert whole is not None
    root, shares = tmp_path / "r", [Shard(number, 2) for number in range(2)]
    one = run(root, notebooks, shard=shares[0])
    assert one is not None
    assert not one["published"]
    assert run(root, notebooks, one["operations"] - 12, shares[1]) is None  # killed with some of its reports made
    assert staging.published(root / "acme") == []
    two = run(root, notebooks, shard=shares[1])
    assert two is not None
    assert (two["published"], two["key"], two["found"]) == (True, whole["key"], 5)
    assert files(root / "acme" / "2026-06") == files(tmp_path / "whole" / "acme" / "2026-06")
    assert list((root / "acme").glob(".shard-*")) == []
    again = run(root, notebooks, shard=shares[0])
    assert again is not None
    assert again["published"]


# --- the real command --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_killed_twenty_times_at_random_leaves_a_whole_set(tmp_path: Path) -> None:
    chance = random.Random(20)
    data, reports = tmp_path / "data", tmp_path / "reports"
    data.mkdir()
    command = [
        sys.executable,
        "-m",
        "idp_analytics",
        "report",
        "--data",
        str(data),
        "--reports",
        str(reports),
        "--workers",
        "2",
    ]

    def change(number: int) -> None:
        more = "".join(f"x{n},shop,production,success,2026-03-{n + 1:02}T09:00:00Z\n" for n in range(number))
        folder(data, deployments=DEPLOYMENTS + more)

    def whole() -> str:
        (root,) = (path for path in reports.iterdir() if path.is_dir())
        (name,) = staging.published(root)
        assert staging.differences(root / name) == []
        return json.loads((root / name / "run.json").read_text(encoding="utf-8"))["key"]  # type: ignore[no-any-return]

    def completed() -> float:
        begun = time.monotonic()
        subprocess.run(command, check=True, capture_output=True)
        return time.monotonic() - begun

    change(0)
    takes, keys = completed(), [whole()]
    for number in range(1, 21):
        change(number)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(chance.uniform(0, takes))
            process.kill()
        seen = whole()
        completed()
        keys.append(whole())
        assert seen in keys[-2:]
        assert keys[-1] not in keys[:-1]
    (root,) = (path for path in reports.iterdir() if path.is_dir())
    assert list(root.glob(".partial-*")) == []
