"""A folder of exports becomes a data folder that loads."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from idp_analytics import scaffold, sources
from idp_analytics.cli import cli
from idp_analytics.errors import SettingsError
from idp_analytics.organisation import load
from idp_analytics.settings import read

APP = {"metadata": {"name": "shop"}, "spec": {"project": "p", "destination": {"namespace": "n"}}, "status": {"history": [{"id": 0, "deployedAt": "2026-03-01T00:00:00Z"}]}}  # fmt: skip
COMPONENT = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": {"name": "shop"},
    "spec": {"owner": "team-a"},
}


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    (folder / "sub").mkdir(parents=True)
    (folder / "apps.json").write_text(json.dumps([APP]))
    os.utime(folder / "apps.json", (1_772_323_200, 1_772_323_200))
    (folder / "sub" / "catalogue.json").write_text(json.dumps([COMPONENT]))
    (folder / "teams.csv").write_text("team_id,name,kind\na,A,team\n")
    (folder / "bill.csv").write_text(
        "BilledCost,EffectiveCost,BillingCurrency,ChargePeriodStart,ChargePeriodEnd\n1,1,EUR,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z\n"
    )
    (folder / "colours.csv").write_text("hue,value\ngreen,1\n")
    (folder / "notes.docx").write_bytes(b"PK")
    (folder / "broken.json").write_text("{")
    (folder / ".hidden.json").write_text("[]")
    subprocess.run(["git", "init", "-q", str(folder / "repo")], check=True)
    (folder / "repo" / "inside.json").write_text("[]")
    return folder


def test_every_file_is_looked_at(exports):
    found = {one.path.relative_to(exports).as_posix(): (one.kind, one.table) for one in scaffold.look(exports)}
    assert found == {
        "apps.json": ("argocd", None), "sub/catalogue.json": ("backstage", None), "teams.csv": ("canonical", "teams"), "bill.csv": ("focus", None),
        "colours.csv": (None, None), "notes.docx": (None, None), "broken.json": (None, None), "repo": ("git", None),
    }  # fmt: skip


def test_a_name_that_is_not_utf8_is_said_and_spoils_nothing(exports, tmp_path):
    strange = exports / os.fsdecode(b"caf\xe9.json")
    try:
        strange.write_text(json.dumps([APP]))
    except OSError:
        pytest.skip("this file system takes no such name")
    (exports / "a\x01b.txt").write_text("")
    told = CliRunner().invoke(cli, ["init", str(tmp_path / "acme"), "--exports", str(exports)])
    assert told.exit_code == 0, told.output
    assert "its name is not UTF-8" in told.output
    written = (tmp_path / "acme" / "settings.toml").read_text("utf-8")
    assert "caf\\xe9.json (its name is not UTF-8" in written
    assert not any("caf" in path for source in tomllib.loads(written)["source"] for path in source["paths"])


def test_settings_that_cannot_be_made_leave_none(exports, tmp_path, monkeypatch):
    def fails(*_):
        raise RuntimeError

    monkeypatch.setattr(scaffold, "text", fails)
    with pytest.raises(RuntimeError):
        scaffold.write(tmp_path / "acme", scaffold.look(exports), "Acme")
    assert not (tmp_path / "acme" / "settings.toml").exists()
    monkeypatch.undo()
    monkeypatch.setattr(scaffold.Path, "replace", fails)
    with pytest.raises(RuntimeError):
        scaffold.write(tmp_path / "acme", scaffold.look(exports), "Acme")
    assert not (tmp_path / "acme" / "settings.toml").exists()


def test_the_settings_read_what_was_found(exports, tmp_path):
    (exports / "bill.csv").unlink()
    (exports / "repo" / ".git").rename(exports / "gone")
    folder = tmp_path / "acme"
    found = [one for one in scaffold.look(exports) if "repo" not in str(one.path) and "gone" not in str(one.path)]
    written = scaffold.write(folder, found, 'Acme "Works"')
    assert [path.name for path in written] == ["settings.toml", "aliases.csv", "operations.csv"]
    document = tomllib.loads((folder / "settings.toml").read_text())
    assert document["organisation"]["name"] == 'Acme "Works"'
    by_kind = {source["kind"]: source for source in document["source"] if "name" not in source}
    assert by_kind["argocd"]["as_of"].isoformat() == "2026-03-01T00:00:00+00:00"
    assert by_kind["argocd"]["paths"] == [str(exports / "apps.json")]
    assert "# not read:" in (folder / "settings.toml").read_text()
    assert {source.name for source in read(folder, sources.check).sources} == {
        "mapping-aliases",
        "mapping-operations",
        "argocd",
        "backstage",
        "canonical-teams",
    }
    org = load(folder)
    assert org.tables["services"]["service_id"].to_list() == ["component:default/shop"]
    # The catalogue itself knows the bare name.
    assert org.tables["deployments"]["service_id"].to_list() == ["component:default/shop"]
    assert org.tables["deployments"]["team_id"].to_list() == ["group:default/team-a"]


def test_the_command_looks_into_the_folder_itself_and_overwrites_nothing(exports):
    told = CliRunner().invoke(cli, ["init", str(exports), "--name", "Acme"])
    assert told.exit_code == 0, told.output
    assert "read  apps.json  Argo CD: 1 × an Application" in told.output
    assert "NOT   colours.csv  nothing that is known" in told.output
    assert "5 of 8 file(s) known; written: settings.toml, aliases.csv, operations.csv." in told.output
    assert '"sub/catalogue.json"' in (exports / "settings.toml").read_text()
    again = CliRunner().invoke(cli, ["init", str(exports)])
    assert again.exit_code == 2
    assert "is there already and is not written over" in again.output


def test_what_no_file_says_is_asked_for(tmp_path):
    (tmp_path / "form.csv").write_text("Timestamp,Username,How easy is it?\n2026/03/02 10:00:00 AM GMT+1,a,4\n")
    allocation = {
        "name": "c/n/p",
        "properties": {"cluster": "c", "namespace": "n"},
        "window": {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"},
        "totalCost": 1.5,
        "cpuCost": 1.5,
    }
    (tmp_path / "costs.json").write_text(json.dumps({"code": 200, "data": [{"n": allocation}]}))
    told = CliRunner().invoke(cli, ["init", str(tmp_path)])
    assert "Fill in first, in settings.toml: currency of opencost." in told.output
    text = (tmp_path / "settings.toml").read_text()
    assert '\nsurvey = "google_forms"    # our id' in text
    assert "# survey = …" not in text
    with pytest.raises(SettingsError, match="no currency"):
        read(tmp_path, sources.check)
    (tmp_path / "settings.toml").write_text(text.replace("# currency = …    # FILL IN.", 'currency = "EUR"    #'))
    assert [source.kind for source in read(tmp_path, sources.check).sources if source.kind != "canonical"] == [
        "opencost",
        "google_forms",
    ]


def test_mapping_files_that_are_there_stay(tmp_path):
    (tmp_path / "aliases.csv").write_text("kind,system,alias,canonical_id\nservice,,a,b\n")
    scaffold.write(tmp_path, [], "x")
    assert (tmp_path / "aliases.csv").read_text().endswith("service,,a,b\n")


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(SettingsError, match="no such folder"):
        scaffold.look(tmp_path / "nowhere")
