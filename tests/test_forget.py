"""To forget a person: out of all that is read, out of the snapshots, and told where else they are named."""

from __future__ import annotations

import gzip
import json
import os
import stat
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from folder_building import adds_up, folder

from idp_analytics import paths
from idp_analytics.cli import cli
from idp_analytics.collect import collect
from idp_analytics.data_folder import LOCK
from idp_analytics.errors import SettingsError, SourceError
from idp_analytics.forget import forget
from idp_analytics.organisation import load
from idp_analytics.settings import read
from idp_analytics.sources import check
from idp_analytics.tables.forgotten import FILE, REASON, without
from idp_analytics.tables.pseudonyms import pseudonym

TODAY = date(2026, 4, 1)
ADA, BEN = pseudonym("ada@example.org"), pseudonym("ben")
PEOPLE = f"person_id,is_developer\n{ADA},true\n{BEN},true\n"
MEMBERS = f"person_id,team_id\n{ADA},pay\n{BEN},pay\n"
CHANGES = f"change_id,service_id,author_id,merged_at\nc1,shop,{ADA},2026-03-01T10:00:00Z\nc2,shop,{BEN},2026-03-01T10:00:00Z\nc3,shop,{pseudonym('ada-l')},2026-03-01T10:00:00Z\n"
SAID = f"""response_id,survey_id,wave,question_id,submitted_at,person_id,team_id,value_index,value_number,value_text
r-{ADA},dx,2026-Q1,satisfaction@1,2026-03-01T10:00:00Z,{ADA},pay,0,2,
r-{ADA},dx,2026-Q1,comment@1,2026-03-01T10:00:00Z,{ADA},pay,0,,too slow
r-{BEN},dx,2026-Q1,satisfaction@1,2026-03-01T10:00:00Z,{BEN},pay,0,4,
"""
CODES = f"response_id,question_id,coder,theme\nr-{ADA},comment@1,first,pipeline-speed\n"
ALIASES = "kind,system,alias,canonical_id\nperson,github,ada-l,ada@example.org\nservice,github,shop-repo,shop\n"


@pytest.fixture
def company(tmp_path: Path) -> Path:
    made = folder(
        tmp_path,
        people=PEOPLE,
        memberships=MEMBERS,
        changes=CHANGES,
        survey_responses=SAID,
        comment_codes=CODES,
        aliases=ALIASES,
    )
    return made


def test_who_is_forgotten_is_in_no_table_and_what_they_did_stays(company: Path) -> None:
    before = load(company).tables
    done = forget(company, ["ADA@example.org"], company / "reports", TODAY)
    assert done.names == 2, "the address, and the login that the aliases say is theirs"
    org = load(company)
    after = org.tables
    assert adds_up(org)
    assert after["people"]["person_id"].to_list() == [BEN]
    assert after["memberships"]["person_id"].to_list() == [BEN]
    assert after["aliases"]["kind"].to_list() == ["service"]
    assert after["changes"].sort("change_id")["author_id"].to_list() == [None, BEN, None]
    assert after["survey_responses"].height == before["survey_responses"].height == 3
    assert after["survey_responses"]["person_id"].drop_nulls().to_list() == [BEN]
    other = set(after["comment_codes"]["response_id"])
    assert other < set(after["survey_responses"]["response_id"]), "a comment still belongs to its answer"
    for frame in after.values():
        for column in frame.select(pl.selectors.string()):
            assert not column.str.contains(ADA, literal=True).any()
            assert not column.str.contains(pseudonym("ada-l"), literal=True).any()
    dropped = {row["table"]: json.loads(row["dropped"]) for row in after["loads"].to_dicts() if row["dropped"] != "{}"}
    assert dropped == {"people": {REASON: 1}, "memberships": {REASON: 1}, "aliases": {REASON: 1}}


def test_what_aliases_said_holds_when_they_are_gone(company: Path) -> None:
    forget(company, ["ada-l"], company / "reports", TODAY)
    (company / "aliases.csv").write_text("kind,system,alias,canonical_id\n")
    assert load(company).tables["changes"]["author_id"].drop_nulls().to_list() == [BEN]


def test_a_row_set_aside_does_not_name_them(company: Path) -> None:
    (company / "people.csv").write_text(PEOPLE + f"{ADA},true\n")
    assert ADA in load(company).rejected["found"].to_list()
    forget(company, ["ada@example.org"], company / "reports", TODAY)
    org = load(company)
    assert org.rejected.height == 1
    assert ADA not in org.rejected["found"].to_list()
    assert adds_up(org)


def test_a_run_is_another_one_when_somebody_is_forgotten(company: Path) -> None:
    before = read(company, check).sha256
    forget(company, ["ben"], company / "reports", TODAY)
    assert read(company, check).sha256 != before


def snapshots(company: Path) -> dict[str, str]:
    return {
        path.name: gzip.decompress(path.read_bytes()).decode() for path in sorted((company / "snapshots").rglob("*.gz"))
    }


@pytest.fixture
def forgetful(company: Path) -> Path:
    """The company with an export of a system that shows only what is so now, collected once."""
    group = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "User",
        "metadata": {"name": "ada-l"},
        "spec": {"profile": {"email": "ada@example.org"}, "memberOf": []},
    }
    other = {**group, "metadata": {"name": "ada-lovelace"}, "spec": {"memberOf": []}}
    (company / "entities.json").write_text(json.dumps([group, other]))
    os.utime(company / "entities.json", (1_775_000_000, 1_775_000_000))
    settings = company / "settings.toml"
    settings.write_text(settings.read_text() + '[[source]]\nkind = "backstage"\npaths = ["entities.json"]\n')
    collect(read(company, check), ["backstage"])
    return company


def test_snapshots_are_written_anew_and_exports_are_told(forgetful: Path) -> None:
    (kept,) = snapshots(forgetful)
    (forgetful / "reports").mkdir()
    (forgetful / "reports" / "page.html").write_text("<p>thanks to ada-l</p>")
    told = CliRunner().invoke(
        cli, ["forget", "ada-l", "ada@example.org", "--data", str(forgetful), "--reports", str(forgetful / "reports")]
    )
    assert told.exit_code == 0, told.output
    ((name, text),) = snapshots(forgetful).items()
    assert name != kept
    assert [entity["metadata"]["name"] for entity in json.loads(text)] == ["forgotten", "ada-lovelace"], (
        "and nobody else"
    )
    assert "ada@example.org" not in text
    lines = told.output.splitlines()
    assert [line.split()[0] for line in lines].count("rewritten") == 1
    left = [line for line in lines if line.startswith("still there")]
    assert sorted(Path(line.split()[2]).name for line in left) == [
        "aliases.csv",
        "entities.json",
        "page.html",
        "page.html",
    ]
    assert lines[-1].endswith("4 file(s) still name them: delete or export these anew.")
    assert load(forgetful).tables["people"].filter(pl.col("person_id").is_in([ADA, pseudonym("ada-l")])).is_empty()


def test_to_forget_twice_changes_nothing_more(forgetful: Path) -> None:
    forget(forgetful, ["ada-l"], forgetful / "reports", TODAY)
    before = ((forgetful / FILE).read_bytes(), snapshots(forgetful))
    forget(forgetful, ["ada-l"], forgetful / "reports", date(2027, 1, 1))
    assert ((forgetful / FILE).read_bytes(), snapshots(forgetful)) == before
    assert (forgetful / FILE).read_text().splitlines()[0] == "mark,since"
    assert stat.S_IMODE((forgetful / FILE).stat().st_mode) == 0o600


def test_a_disk_that_is_full_leaves_all_as_it_was(forgetful: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.read_bytes() for path in forgetful.rglob("*") if path.is_file() and path.name != LOCK}

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(paths.os, "fsync", full)
    with pytest.raises(SourceError, match=r"forgotten\.csv: cannot be written: No space left"):
        forget(forgetful, ["ada-l"], forgetful / "reports", TODAY)
    after = {path: path.read_bytes() for path in forgetful.rglob("*") if path.is_file() and path.name != LOCK}
    assert after == before


def test_names_that_are_everywhere_are_refused(company: Path) -> None:
    with pytest.raises(SettingsError, match="'al' is too short"):
        forget(company, ["al"], company / "reports", TODAY)
    assert not (company / FILE).exists()


@pytest.mark.parametrize("text", ["mark,since\nada,2026-04-01\n", "mark,since\nperson:0,2026-04-01\n", "who\nada\n"])
def test_a_list_that_was_damaged_stops_everything(company: Path, text: str) -> None:
    (company / FILE).write_text(text)
    with pytest.raises(SettingsError, match=r"line 2 is no mark\. It is written by `idp forget`; restore it\."):
        load(company)


def test_files_say_whose_they_are(tmp_path: Path) -> None:
    paths.write_whole(tmp_path / "new", b"1")
    paths.write_whole(tmp_path / "shared", b"1", 0o644)
    paths.write_whole(tmp_path / "shared", b"2")
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("new", "shared")] == [0o600, 0o644]
    assert (tmp_path / "shared").read_bytes() == b"2"


def test_nobody_forgotten_costs_nothing(company: Path) -> None:
    tables = load(company).tables
    kept, gone = without(tables, frozenset())
    assert gone.is_empty()
    assert all(kept[name] is tables[name] for name in tables)
