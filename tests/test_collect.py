"""Snapshots: whole or not at all, never twice, never changed."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

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

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        SourceError, match=r"cannot be written: No space left on device\. What stood in it before is untouched"
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


# --- several files of one source --------------------------------------------------------------------------------------


def component(name, owner="team-a"):
    return {
        "apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": name},
        "spec": {"type": "service", "lifecycle": "production", "owner": owner},
    }  # fmt: skip


def put(path: Path, content, at: datetime, later: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    os.utime(path, (at.timestamp() + later, at.timestamp() + later))


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    (tmp_path / "settings.toml").write_text("""
[organisation]
id = "acme"
[[source]]
kind = "backstage"
refs = "short"
paths = ["**/entities*.json"]
as_of = 2026-04-01T00:00:00Z
[[source]]
kind = "canonical"
table = "deployments"
paths = ["deployments.csv"]
""")
    (tmp_path / "deployments.csv").write_text("deployment_id,finished_at\n1,2026-03-02T00:00:00Z\n")
    (tmp_path / "eu").mkdir()
    put(tmp_path / "eu" / "entities.json", [component("eu1")], FIRST)
    return tmp_path


def retired(folder: Path) -> dict[str, datetime | None]:
    return dict(load(folder).tables["services"].select("service_id", "retired_at").sort("service_id").iter_rows())


def owners(folder: Path):
    return load(folder).tables["ownership"].select("service_id", "team_id", "valid_from", "valid_to").sort("service_id", "valid_from").rows()  # fmt: skip


def test_two_exports_of_one_name_are_kept_apart(catalogue):
    put(catalogue / "us" / "entities.json", [component("us1")], FIRST, later=5)
    kept = collect(read(catalogue, sources.check))
    assert [one.snapshot.parent.relative_to(catalogue).as_posix() for one in kept] == [
        "snapshots/backstage/eu",
        "snapshots/backstage/us",
    ]
    assert retired(catalogue) == {"eu1": None, "us1": None}
    put(catalogue / "us" / "entities.json", [component("us2")], SECOND)
    collected(catalogue)
    assert retired(catalogue) == {"eu1": None, "us1": SECOND, "us2": None}
    told = CliRunner().invoke(cli, ["collect", "--data", str(catalogue)])
    assert "known  backstage  us/20260308T060000Z-" in told.output


def test_a_row_that_moves_to_another_page_is_not_gone(catalogue):
    (catalogue / "eu" / "entities.json").unlink()
    for at, pages in ((FIRST, ("ab", "cd")), (SECOND, ("bc", "d"))):
        for number, names in enumerate(pages, 1):
            page = {
                "items": [component(n) for n in names],
                "totalItems": sum(map(len, pages)),
                "pageInfo": {"nextCursor": "x"} if number == 1 else {},
            }
            put(catalogue / f"entities-{number}.json", page, at, later=5 * number)
        assert {name[:16] for _, name, _ in collected(catalogue)} == {f"{at:%Y%m%dT%H%M}10Z"}
    assert not any(new for *_, new in collected(catalogue))
    org = load(catalogue)
    assert not org.tables["loads"].filter(source="backstage")["truncated"].any()
    assert retired(catalogue) == {"a": SECOND.replace(second=10), "b": None, "c": None, "d": None}
    assert [(s, until) for s, *_, until in owners(catalogue)] == [("a", SECOND.date()), ("b", None), ("c", None), ("d", None)]  # fmt: skip


def test_a_state_that_comes_back_is_another_state_even_before_it_is_collected(catalogue):
    for at, owner in ((FIRST, "a"), (SECOND, "b")):
        put(catalogue / "eu" / "entities.json", [component("s", owner)], at)
        collected(catalogue)
    before = owners(catalogue)
    put(catalogue / "eu" / "entities.json", [component("s", "a")], SECOND, later=60)
    day, now = SECOND.date(), datetime(2026, 4, 1, tzinfo=UTC).date()
    assert before == [("s", "a", None, day), ("s", "b", day, None)]
    assert owners(catalogue) == [("s", "a", None, day), ("s", "b", day, now), ("s", "a", now, None)]


def test_two_pages_of_which_one_changed_are_read_both(catalogue):
    (catalogue / "eu" / "entities.json").unlink()
    for number, names in ((1, "ab"), (2, "cd")):
        put(catalogue / f"entities-{number}.json", [component(n) for n in names], FIRST)
    collected(catalogue)
    put(catalogue / "entities-2.json", [component("c")], SECOND)
    assert retired(catalogue) == {"a": None, "b": None, "c": None, "d": datetime(2026, 4, 1, tzinfo=UTC)}
