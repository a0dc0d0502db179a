"""Whatever stops a command, nothing that was there is lost or doubled, the next run completes, and a message says what happened."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import fault_building
import pytest
from fault_building import FULL, READ_ONLY, Fault, Run, Told, tree
from folder_building import folder

from idp_analytics.settings.maturity_model import shipped
from idp_analytics.sources import snapshots

HELD = 1_775_000_000
"""When exports were written."""

ADD = ("intervention", "add", "--id", "next", "--hypothesis", "Fewer fail", "--metric", "change_fail_rate", "--smallest-effect", "2%",
       "--unit", "shop", "--review-on", "2026-12-31", "--at", "2026-03-25T09:00:00Z")  # fmt: skip
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "collect": ("collect",),
    "forget": ("forget", "ada-l"),
    "register": ADD,
    "import": ("assess", "import", "x.json", "y.json"),
}
"""What writes to a data folder."""


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with fault_building.children() as run:
        yield run


@pytest.fixture(scope="module")
def data(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company with two exports of one name of a system that forgets, each collected once and exported anew, a ledger and an assessment."""
    root = folder(tmp_path_factory.mktemp("data"))
    settings = root / "settings.toml"
    settings.write_text(
        settings.read_text() + '[[source]]\nname = "catalogue"\nkind = "backstage"\npaths = ["*/entities.json"]\n'
    )
    answers = [{"item": item.id, "answer": "2", "confidence": 2} for item in shipped().items[:2]]
    for name in "wxy":
        told = {"form": "idp-self-assessment", "form_version": 1, "model_version": "1.0.0", "state": "final", "assessment_id": name,
                "team": "pay", "wave": "2026-Q1", "role": "user", "submitted_at": "2026-03-20T08:00:00Z", "answers": answers}  # fmt: skip
        (root / f"{name}.json").write_text(json.dumps(told))
    exported(root, 0)
    for command in (
        ("collect",),
        tuple("first" if word == "next" else word for word in ADD),
        ("assess", "import", "w.json"),
    ):
        _done(run(fault_building.command, _arguments(command, root), root))
    exported(root, 1)
    return root


def exported(root: Path, number: int) -> None:
    for place in ("eu", "us"):
        (root / place).mkdir(exist_ok=True)
        path = root / place / "entities.json"
        names = ("ada-l", "ben", f"new-{number}-{place}")
        path.write_text(json.dumps([
            {"apiVersion": "backstage.io/v1alpha1", "kind": "User", "metadata": {"name": name}, "spec": {"memberOf": []}} for name in names
        ]))  # fmt: skip
        os.utime(path, (HELD + number, HELD + number))


def _arguments(command: tuple[str, ...], root: Path) -> list[str]:
    words = [str(root / word) if word.endswith(".json") else word for word in command]
    more = ["--reports", str(root / "reports")] if command[0] == "forget" else []
    return [*words, "--data", str(root), *more]


def _done(told: Told | None) -> Told:
    assert told is not None
    assert told.code == 0, told.said
    return told


def copied(data: Path, to: Path) -> Path:
    return Path(shutil.copytree(data, to))  # with the times of the files, by which snapshots are called


def whole(now: Mapping[str, bytes], before: Mapping[str, bytes], after: Mapping[str, bytes]) -> None:
    """Every file is as it was or as it is to be, and nothing is gone that is to stay."""
    for name, content in now.items():
        if not Path(name).name.startswith("."):
            assert content in (before.get(name), after.get(name)), name
        if name.startswith(snapshots.FOLDER) and name.endswith(".gz") and not Path(name).name.startswith("."):
            assert hashlib.sha256(gzip.decompress(content)).hexdigest().startswith(snapshots.digest(Path(name)))
    assert set(before) & set(after) <= set(now)
    taken = {(snapshots.line(name), snapshots.taken(Path(name))) for name in before if snapshots.taken(Path(name))}
    assert taken <= {(snapshots.line(name), snapshots.taken(Path(name))) for name in now}


@pytest.mark.parametrize(
    "every", [13, pytest.param(1, marks=pytest.mark.slow)], ids=["some operations", "every operation"]
)
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_while_it_writes_nothing_is_lost_or_doubled_and_the_next_run_completes(
    name: str, every: int, run: Run, data: Path, tmp_path: Path
) -> None:
    before, root = tree(data), copied(data, tmp_path / "whole")
    operations = _done(run(fault_building.command, _arguments(COMMANDS[name], root), root)).operations
    after = tree(root)
    assert after != before
    assert operations > 5
    for at in {*range(1 + every // 2, operations + 1, every), operations}:
        root = copied(data, tmp_path / str(at))
        assert run(fault_building.command, _arguments(COMMANDS[name], root), root, Fault(at)) is None
        whole(tree(root), before, after)
        again = run(fault_building.command, _arguments(COMMANDS[name], root), root)
        assert again is not None
        assert again.code == 0 or (name == "register" and "there is one" in again.said), again.said
        assert tree(root) == after, f"killed at operation {at} of {operations}"
        shutil.rmtree(root)


@pytest.mark.parametrize(
    ("number", "shares"),
    [(READ_ONLY, (0,)), (FULL, (0.5,)), pytest.param(FULL, (0.1, 0.3, 0.7, 0.9), marks=pytest.mark.slow)],
    ids=["read-only", "disk full", "disk full at other operations"],
)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_that_takes_no_more_is_said_and_nothing_is_lost(
    name: str, number: int, shares: tuple[float, ...], run: Run, data: Path, tmp_path: Path
) -> None:
    """Full from a share of the operations on; read-only from the beginning."""
    before, root = tree(data), copied(data, tmp_path / "whole")
    operations = _done(run(fault_building.command, _arguments(COMMANDS[name], root), root)).operations
    after = tree(root)
    for at in (1 + int(share * operations) for share in shares):
        root = copied(data, tmp_path / str(at))
        told = run(fault_building.command, _arguments(COMMANDS[name], root), root, Fault(at, number))
        assert told is not None
        if told.code:
            assert told.code == 2, told.said
            assert "cannot be written: " in told.said
            assert "Traceback" not in told.said
        whole(tree(root), before, after)
        assert not list(root.rglob(".idp-*"))
        run(fault_building.command, _arguments(COMMANDS[name], root), root)
        assert tree(root) == after
    assert told.code or number == FULL


def test_a_data_folder_is_read_where_nothing_may_be_written(run: Run, data: Path) -> None:
    before = tree(data)
    told = run(fault_building.command, ["check", "--data", str(data)], data, Fault(1, READ_ONLY))
    assert told is not None
    assert (told.code, told.operations) == (0, 0), told.said
    assert tree(data) == before


@pytest.mark.parametrize("name", COMMANDS)
def test_a_real_disk_that_is_full_or_read_only_is_said_and_nothing_is_lost(
    name: str, run: Run, data: Path, tmp_path: Path
) -> None:
    """No error is made up: a file system with room for less and less, then with room, then one that may only be read."""
    before, root = tree(data), copied(data, tmp_path / "whole")
    _done(run(fault_building.command, _arguments(COMMANDS[name], root), root))
    after, refused = tree(root), 0
    with fault_building.disk(tmp_path / "disk") as disk:
        for pages in (0, 2):
            root = copied(data, disk.path / str(pages))
            disk.room(4096 * pages)
            told = run(fault_building.command, _arguments(COMMANDS[name], root), root)
            assert told is not None
            if told.code:
                refused += 1
                assert told.code == 2, told.said
                assert "cannot be written: No space left on device" in told.said
                assert "Traceback" not in told.said
            whole(tree(root), before, after)
            assert not list(root.rglob(".idp-*"))
            disk.room(1 << 24)
            run(fault_building.command, _arguments(COMMANDS[name], root), root)
            assert tree(root) == after, pages
        assert refused
        root = copied(data, disk.path / "read")
        disk.read_only()
        told = run(fault_building.command, _arguments(COMMANDS[name], root), root)
        assert told is not None
        assert (told.code, "cannot be written: Read-only file system" in told.said) == (2, True), told.said
        assert tree(root) == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_answers_that_find_no_room_are_said_to(form: str, run: Run, data: Path) -> None:
    """Polars tells it by an error of its own, without a number, and a traceback came out."""
    asked = ["answers", "--data", str(data), "--metric", "deployment_frequency", "--format", form, "--out", "/dev/full"]
    told = run(fault_building.command, asked, data)
    assert told is not None
    assert (told.code, "cannot be written: No space left on device" in told.said) == (2, True), told.said
