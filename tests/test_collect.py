"""Snapshots: whole or not at all, never twice, never changed."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from idp_analytics import collect as module
from idp_analytics import sources
from idp_analytics.cli import cli
from idp_analytics.collect import collect
from idp_analytics.errors import SettingsError, SourceError
from idp_analytics.organisation import load
from idp_analytics.settings import read
from idp_analytics.sources import snapshots

FIRST, SECOND = datetime(2026, 3, 1, 6, tzinfo=UTC), datetime(2026, 3, 8, 6, tzinfo=UTC)


def app(numbers):
    history = [{"id": n, "revision": f"{n:040x}", "deployedAt": f"2026-02-{n + 1:02d}T10:00:00Z"} for n in numbers]
    spec = {"project": "p", "destination": {"name": "eu", "namespace": "shop"}, "syncPolicy": {"automated": {}}}
    return [{"metadata": {"name": "shop", "namespace": "argocd"}, "spec": spec, "status": {"history": history}}]


def export(folder: Path, numbers, at: datetime) -> None:
    path = folder / "apps.json"
    path.write_text(json.dumps(app(numbers)))
    os.utime(path, (at.timestamp(), at.timestamp()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "settings.toml").write_text("""
[organisation]
id = "acme"
[[source]]
kind = "argocd"
paths = ["apps.json"]
[[source]]
kind = "canonical"
table = "teams"
paths = ["teams.csv"]
""")
    (tmp_path / "teams.csv").write_text("team_id,name\na,A\n")
    export(tmp_path, range(3), FIRST)
    return tmp_path


def collected(folder: Path, **options) -> list[tuple[str, str, bool]]:
    return [(kept.source, kept.snapshot.name, kept.new) for kept in collect(read(folder, sources.check), **options)]


def test_what_forgets_is_kept_once(folder):
    ((source, name, new),) = collected(folder)
    assert (source, new) == ("argocd", True)
    assert snapshots.taken(folder / "snapshots" / "argocd" / name) == FIRST
    assert gzip.decompress((folder / "snapshots" / "argocd" / name).read_bytes()) == (folder / "apps.json").read_bytes()
    assert collected(folder) == [(source, name, False)]


def test_a_year_of_snapshots_tells_what_no_single_one_does(folder):
    before = load(folder).tables["deployments"]
    collected(folder)
    assert load(folder).tables["deployments"].drop("load_id").equals(before.drop("load_id"))
    export(folder, range(2, 6), SECOND)
    collected(folder)
    after = load(folder)
    assert sorted(after.tables["deployments"]["deployment_id"]) == [f"argocd:argocd/shop/{n}" for n in range(6)]
    assert after.tables["loads"].filter(source="argocd").height == 2
    (folder / "apps.json").unlink()
    assert load(folder).tables["deployments"].height == 6


def test_the_same_content_exported_again_is_another_snapshot(folder):
    collected(folder)
    export(folder, range(3), SECOND)
    assert [new for *_, new in collected(folder)] == [True]
    assert load(folder).tables["deployments"].height == 3


def test_a_time_may_be_given_and_a_packed_export_is_kept_as_its_content(folder):
    packed = gzip.compress((folder / "apps.json").read_bytes())
    (folder / "apps.json").unlink()
    (folder / "apps.json.gz").write_bytes(packed)
    (folder / "settings.toml").write_text(
        '[organisation]\nid = "a"\n[[source]]\nkind = "argocd"\npaths = ["apps.json.gz"]\n'
    )
    ((_, name, _),) = collected(folder, at=SECOND)
    assert name.startswith("20260308T060000Z-")
    assert name.endswith("-apps.json.gz")
    assert json.loads(gzip.decompress((folder / "snapshots" / "argocd" / name).read_bytes())) == app(range(3))


def test_only_what_is_named(folder):
    ((source, *_),) = collected(folder, names=["canonical-teams"])
    assert source == "canonical-teams"
    with pytest.raises(SettingsError, match=r"source 'argo': there is none\. Did you mean 'argocd'\?"):
        collected(folder, names=["argo"])


def test_what_cannot_be_read_is_not_kept(folder):
    (folder / "apps.json").write_text('[{"colour": "green"}]')
    with pytest.raises(SourceError, match="holds nothing that Argo CD exports"):
        collected(folder)
    (folder / "apps.json").unlink()
    with pytest.raises(SettingsError, match=r"apps\.json: no such file"):
        collected(folder)
    assert not (folder / "snapshots").exists()


def test_a_full_disk_leaves_nothing_behind(folder, monkeypatch):
    collected(folder)
    before = {path.name: path.read_bytes() for path in (folder / "snapshots" / "argocd").iterdir()}
    export(folder, range(6), SECOND)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(
        SourceError, match=r"cannot be written: No space left on device\. Nothing collected before is touched"
    ):
        collected(folder)
    assert {path.name: path.read_bytes() for path in (folder / "snapshots" / "argocd").iterdir()} == before


def test_what_a_killed_run_left_is_not_read(folder):
    collected(folder)
    (folder / "snapshots" / "argocd" / ".tmp123").write_bytes(b"half")
    assert load(folder).tables["deployments"].height == 3


def test_the_command(folder):
    told = CliRunner().invoke(cli, ["collect", "--data", str(folder)])
    assert told.exit_code == 0, told.output
    assert "kept  argocd  20260301T060000Z-" in told.output
    assert told.output.endswith("1 new, 0 known already.\n")
    again = CliRunner().invoke(
        cli, ["collect", "--data", str(folder), "--source", "argocd", "--at", "2026-03-09T00:00:00Z"]
    )
    assert "20260309T000000Z-" in again.output


@pytest.mark.parametrize(
    ("path", "taken", "original"),
    [
        ("snapshots/x/20260301T060000Z-0123456789ab-apps.json.gz", FIRST, "apps.json"),
        ("other/x/20260301T060000Z-0123456789ab-apps.json.gz", None, "apps.json"),
        ("snapshots/x/apps.json.gz", None, "apps.json"),
    ],
)
def test_names(path, taken, original):
    assert snapshots.taken(Path(path)) == taken
    assert snapshots.original(path) == original
