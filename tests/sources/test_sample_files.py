from __future__ import annotations

import csv
import gzip
import io
import json
import re
import subprocess
import tomllib
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from idp_analytics import sources
from idp_analytics.errors import SourceError
from idp_analytics.settings import Settings, parse
from idp_analytics.sources import git, sample
from idp_analytics.sources.sample import exports
from idp_analytics.sources.sample.company import GIT_SERVICES
from idp_analytics.tables import TABLES
from idp_analytics.tables.conform import conform

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
COMMITTED = Path(__file__).parents[2] / "data" / "sample"


@pytest.fixture(scope="module")
def company() -> sample.Company:
    return sample.generate()


@pytest.fixture(scope="module")
def folder(company: sample.Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample")
    sample.write(path, company)
    return path


@pytest.fixture(scope="module")
def native(company: sample.Company) -> list[exports.NativeExport]:
    return exports.exports(company.tables)


@pytest.fixture(scope="module")
def left(company: sample.Company, native: list[exports.NativeExport]) -> dict[str, pl.DataFrame]:
    """What the systems of record do not export by themselves."""
    return exports.remaining(company.tables, native)


def rows(company: sample.Company, table: str) -> list[dict[str, Any]]:
    return company.tables[table].to_dicts()


def test_the_same_seed_gives_the_same_bytes_of_every_file(folder: Path, tmp_path: Path) -> None:
    again = sample.write(tmp_path, sample.generate())
    names = [path.relative_to(tmp_path) for path in again]
    assert names == sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert len(names) > 25
    for name in names:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_the_last_bit_of_an_exponential_is_in_no_file(folder: Path, tmp_path: Path, monkeypatch) -> None:
    """It differs between processors, and what is committed was written on one of them."""
    exact = np.exp
    monkeypatch.setattr(np, "exp", lambda x: np.nextafter(exact(x), np.inf))
    for path in sample.write(tmp_path, sample.generate()):
        assert path.read_bytes() == (folder / path.relative_to(tmp_path)).read_bytes(), path.name


def test_what_is_committed_is_what_the_writer_writes(folder: Path) -> None:
    """Compressed files are compared by content, because another zlib or git packs the same content in other bytes."""
    if not COMMITTED.is_dir():
        pytest.skip("data/sample is not in this checkout")
    written = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert written == {path.relative_to(COMMITTED) for path in COMMITTED.rglob("*") if path.is_file()}
    for name in sorted(written):
        new, old = folder / name, COMMITTED / name
        match name.suffix:
            case ".parquet":
                assert pl.read_parquet(new).equals(pl.read_parquet(old)), name
            case ".gz":
                assert gzip.decompress(new.read_bytes()) == gzip.decompress(old.read_bytes()), name
            case ".bundle":
                assert heads(new) == heads(old), name
            case _:
                assert new.read_bytes() == old.read_bytes(), name
    assert sum(path.stat().st_size for path in COMMITTED.rglob("*") if path.is_file()) <= 2_000_000


def heads(bundle: Path) -> str:
    command = ["git", "bundle", "list-heads", str(bundle)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


# What formats themselves have: a cluster's own name.
WELL_KNOWN = {"kubernetes.default.svc"}


def test_nobody_in_it_is_real(company: sample.Company, folder: Path) -> None:
    people = {str(value) for value in company.tables["people"]["person_id"]}
    assert all(re.fullmatch(r"p-\d{4,}", person) for person in people)
    for path in folder.rglob("*"):
        if path.suffix in {".csv", ".jsonl", ".json", ".toml", ".md", ".gz"}:
            text = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
            # Planted in comments, so that it can be proved that they are never shown.
            assert all(found.endswith(".invalid") for found in re.findall(r"[\w.+-]+@[\w-]+\.[a-z]{2,}", text)), path
            hosts = set(re.findall(r"https?://([^/\"\s,;]+)", text))
            assert all(host.endswith(".invalid") or host in WELL_KNOWN for host in hosts), (path, hosts)
    for repository in company.repositories:
        for commit in repository.commits.values():
            for who in (commit.author, commit.committer):
                assert re.fullmatch(r"Dev \d+ <p-\d+@sample\.invalid> \d+ [+-]\d{4}", str(who))


# --- what is written ---------------------------------------------------------------------------------------------------


def settings_of(folder: Path) -> Settings:
    return parse(tomllib.loads((folder / "settings.toml").read_text()), folder, sources.check)


def test_settings_are_valid_and_read_every_table(folder: Path, left: dict[str, pl.DataFrame]) -> None:
    found = settings_of(folder)
    assert (found.org, found.as_of, found.platform_team) == ("sample", AS_OF, "platform")
    fed = {str(source.options["table"]) for source in found.sources if source.kind == "canonical"} | {"costs"}
    assert fed == {name for name, frame in left.items() if frame.height} | {"comment_codes"}
    for source in found.sources:
        for pattern in source.paths:
            assert list(folder.glob(pattern)), pattern


# Most systems give a deployment an id of their own, and a CSV of a form has none for an answer.
OTHERWISE = {
    "deployments": ("service_id", "environment", "finished_at"),
    "survey_responses": ("person_id", "question_id", "value"),
}


def test_what_systems_export_themselves_is_what_no_other_file_holds(
    folder: Path, native: list[exports.NativeExport]
) -> None:
    """Every taken row comes back under its own id or the system's, and nothing beside it."""
    by_kind = {
        source.kind: source for source in settings_of(folder).sources if source.kind not in {"canonical", "focus"}
    }
    assert {one.kind for one in native} == by_kind.keys() - {"git"}
    told = 0
    for one in native:
        source = by_kind[one.kind]
        paths = [folder / name for name in one.files]
        read: dict[str, list[pl.DataFrame]] = defaultdict(list)
        for extract in sources.read(one.kind, paths, source.options, folder):
            conformed = conform(extract, one.kind, source.time_zone)
            assert conformed.rejected.is_empty(), (one.kind, extract.table, conformed.rejected)
            read[extract.table].append(conformed.rows)
        for table, taken in one.taken.items():
            key = list(OTHERWISE.get(table, TABLES[table].key))
            found = pl.concat(read[table]).select(pl.col(key).cast(pl.String).str.strip_prefix(f"{one.kind}:"))
            assert set(found.rows()) == set(taken.select(pl.col(key).cast(pl.String)).rows()), (one.kind, table)
            told += taken.height
    assert told > 500


def test_coded_comments_are_those_that_are_loaded(folder: Path, native: list[exports.NativeExport]) -> None:
    by_kind = {source.kind: source for source in settings_of(folder).sources}
    comments = set()
    for one in (one for one in native if "survey_responses" in one.taken):
        paths = [folder / name for name in one.files]
        for extract in sources.read(one.kind, paths, by_kind[one.kind].options, folder):
            rows = conform(extract, one.kind, by_kind[one.kind].time_zone).rows.filter(pl.col("text").is_not_null())
            comments |= set(rows["response_id"].to_list())
    assert len(comments) > 50
    assert set(truth_of(folder)["voice"]["themes"]) == comments
    coded = {row["response_id"] for row in read_plain(folder / "voice/codes.csv")}
    assert len(coded) == truth_of(folder)["voice"]["coding"]["comments"] > 30
    assert coded < comments


def read_plain(path: Path) -> list[dict[str, Any]]:
    """A CSV or JSONL file by the standard library alone; empty text is not known."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    if ".jsonl" in path.name:
        return [json.loads(line) for line in text.splitlines()]
    return [{k: v or None for k, v in row.items()} for row in csv.DictReader(io.StringIO(text))]


def plain_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, list):
        return "; ".join(value)
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)


@pytest.mark.parametrize(
    "path",
    [
        "catalogue/teams.csv", "catalogue/people.csv", "catalogue/memberships.csv", "catalogue/services.csv",
        "catalogue/ownership.csv", "catalogue/golden_paths.csv", "catalogue/golden_path_versions.csv",
        "catalogue/operations.csv", "catalogue/aliases.csv", "delivery/incidents.jsonl", "delivery/pages.csv",
        "platform/action_runs.csv.gz", "platform/approvals.csv.gz", "platform/escape_hatches.csv",
        "platform/policy_results.csv.gz", "voice/actions.csv",
        "voice/assessments.csv", "voice/interventions.csv",
    ],
)  # fmt: skip
def test_exports_in_our_columns_hold_the_rest(folder: Path, left: dict[str, pl.DataFrame], path: str) -> None:
    table = left[path.split("/")[1].split(".")[0]]
    read = [{k: plain_value(v) for k, v in row.items()} for row in read_plain(folder / path)]
    spoilt = len([b for b in truth_of(folder)["bad_rows"] if b["file"] == path])
    # Our own exports have no column for another system's words.
    said = table.drop([c for c in table.columns if c.endswith("_raw") and table[c].null_count() == table.height])
    assert read[: len(read) - spoilt] == [{k: plain_value(v) for k, v in row.items()} for row in said.to_dicts()]


def test_parquet_exports_hold_the_rest(folder: Path, left: dict[str, pl.DataFrame]) -> None:
    for name in ("usage", "service_golden_path"):
        assert pl.read_parquet(folder / "platform" / f"{name}.parquet").equals(left[name])
    changes = left["changes"].filter(~pl.col("service_id").is_in(list(GIT_SERVICES)))
    assert pl.read_parquet(folder / "delivery/changes.parquet").equals(changes)


def truth_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "truth.json").read_text())
    return found


def test_truth_is_written_whole(folder: Path, company: sample.Company) -> None:
    written, made = truth_of(folder), json.loads(json.dumps(company.truth))
    # Responses are called there as they are loaded.
    themes, expected = written["voice"].pop("themes"), made["voice"].pop("themes")
    assert list(themes.values()) == list(expected.values())
    assert {k: v for k, v in written.items() if k != "bad_rows"} == made


def test_pipeline_runs_are_the_deployments_in_the_tools_words(
    folder: Path, company: sample.Company, left: dict[str, pl.DataFrame]
) -> None:
    path = "delivery/pipeline-runs.csv.gz"
    source = next(
        s for s in tomllib.loads((folder / "settings.toml").read_text())["source"] if s["name"] == "pipelines"
    )
    names = {r["alias"]: r["canonical_id"] for r in rows(company, "aliases") if r["system"] == "pipelines"}
    spoilt = {b["row"] for b in truth_of(folder)["bad_rows"] if b["file"] == path and b["kind"] != "unknown word"}

    def moment(text: str | None) -> datetime | None:
        if text is None:
            return None
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(source["time_zone"]))).astimezone(UTC)

    read = []
    for number, row in enumerate(read_plain(folder / path), 1):
        if number in spoilt:
            continue
        ours: dict[str, Any] = {}
        for column, theirs in source["columns"].items():
            value = source["values"].get(column, {}).get(row[theirs], row[theirs])
            ours[column] = moment(value) if column.endswith("_at") else value or None
        ours |= source["constants"] | {"service_id": names.get(ours["service_id"], ours["service_id"])}
        ours["outcome"] = None if ours["outcome"] == "UNSTABLE" else ours["outcome"]
        read.append(ours)
    kept = left["deployments"].filter(~pl.col("service_id").is_in(list(GIT_SERVICES)))
    booleans = ("is_rollback", "is_resync", "automated")
    expected = [{k: plain_value(v) if k in booleans else v for k, v in row.items()} for row in kept.to_dicts()]
    assert read == [{k: row[k] for k in read[0]} for row in expected]
    assert "shop-checkout" in {r["APP"] for r in read_plain(folder / path)}


def test_helpdesk_tickets_are_the_tickets(folder: Path, left: dict[str, pl.DataFrame]) -> None:
    read = read_plain(folder / "voice/helpdesk.csv")
    assert [r["Key"] for r in read] == left["tickets"]["ticket_id"].to_list()
    for theirs, ours in (
        ("Created", "created_at"),
        ("First response", "first_response_at"),
        ("Resolved", "resolved_at"),
    ):
        times = [r[theirs] and datetime.fromisoformat(r[theirs]).astimezone(UTC) for r in read]
        assert times == left["tickets"][ours].to_list()
    words = [{"Waiting": "open", "Resolved": "done"}[r["Status"]] for r in read]
    assert words == left["tickets"]["status"].to_list()
    assert {r["Created"][-6:] for r in read} == {"+01:00", "+02:00"}


def test_focus_rows_are_the_costs(folder: Path, company: sample.Company) -> None:
    source = next(s for s in tomllib.loads((folder / "settings.toml").read_text())["source"] if s["kind"] == "focus")
    read = []
    for row in read_plain(folder / "costs/focus-1.2.csv.gz"):
        tags = json.loads(row["Tags"] or "{}")
        day = date.fromisoformat(row["ChargePeriodStart"][:10])
        raw = next((tags[key] for key in source["team_tags"] if key in tags), None)
        account = next(
            (
                a["team"] for a in source["accounts"]
                if a["account"] == row["SubAccountId"] and a.get("from", date.min) <= day < a.get("to", date.max)
            ),
            None,
        )  # fmt: skip
        common = (
            day, date.fromisoformat(row["ChargePeriodEnd"][:10]), date.fromisoformat(row["BillingPeriodStart"][:10]),
            tags.get("service"), raw or account, raw, row["ProviderName"], row["SubAccountId"], row["ServiceName"],
            row["SkuPriceId"] or None, row["ResourceId"] or None, {"prod": "production", "staging": "staging"}.get(tags.get("environment")), tags.get("environment"),
            row["ChargeCategory"].lower(), row["ChargeClass"] == "Correction", row["CommitmentDiscountStatus"] == "Unused",
        )  # fmt: skip
        used = (Decimal(row["PricingQuantity"]) if row["PricingQuantity"] else None, row["PricingUnit"] or None)
        read += [
            (*common, *used, Decimal(row[f"{basis.title()}Cost"]), row["BillingCurrency"], basis)
            for basis in ("billed", "contracted", "effective", "list")
        ]
    costs = company.tables["costs"].with_columns(pl.col("period_start", "period_end").dt.date())
    assert read == costs.drop("cost_id").rows()
    assert costs["cost_id"].to_list()[:4] == [
        "focus:1:billed",
        "focus:1:contracted",
        "focus:1:effective",
        "focus:1:list",
    ]


def test_repositories_are_what_git_says(folder: Path, company: sample.Company, tmp_path: Path) -> None:
    for repository in company.repositories:
        clone = tmp_path / repository.name

        def say(*arguments: str, at: Path = clone) -> str:
            done = subprocess.run(["git", "-C", str(at), *arguments], capture_output=True, text=True, check=True)
            return done.stdout

        say("clone", "--quiet", "--bare", str(folder / "repos" / f"{repository.name}.bundle"), str(clone), at=tmp_path)
        assert set(say("rev-list", "--all").split()) == set(repository.commits)
        assert say("fsck", "--strict") == ""
        kinds = dict(
            line.split()
            for line in say("for-each-ref", "--format=%(refname:short) %(objecttype)", "refs/tags").splitlines()
        )
        assert kinds == {tag.name: "tag" if tag.tagger else "commit" for tag in repository.tags}
        assert set(kinds.values()) == {"tag", "commit"}
        assert say("rev-list", "--merges", "main").count("\n") > 10
        assert "This reverts commit" in say("log", "main", "--grep", "^This reverts commit")
        assert "(cherry picked from commit" in say("log", "main", "--grep", "cherry picked")
        assert say("symbolic-ref", "HEAD").strip() == "refs/heads/main"


def test_the_git_source_reads_back_the_tables(folder: Path, company: sample.Company) -> None:
    paths = sorted((folder / "repos").glob("*.bundle"))
    options = {"services": {name: service for service, name in GIT_SERVICES.items()}}
    read: dict[str, list[pl.DataFrame]] = defaultdict(list)
    for extract in git.read(paths, options, folder):
        conformed = conform(extract, "git", None)
        assert conformed.rejected.is_empty()
        read[extract.table].append(conformed.rows)
    # Documented: a bundle does not tell the repository's owner, and authors need the company's key.
    unknown = {"changes": {"repo", "author_id"}, "deployments": {"outcome_raw"}}
    for name in ("deployments", "changes", "deployment_changes"):
        by_git = pl.col(TABLES[name].key[0]).str.starts_with("git:")
        columns = [c for c in company.tables[name].columns if c not in unknown.get(name, set())]
        expected = company.tables[name].filter(by_git).select(columns).sort(TABLES[name].key)
        assert expected.height > 100
        found = pl.concat(read[name]).select(columns).sort(TABLES[name].key)
        assert found.equals(expected), name


def test_spoilt_rows_are_where_truth_says(folder: Path) -> None:
    listed = truth_of(folder)["bad_rows"]
    assert Counter(b["file"].split("/")[1] for b in listed) == {
        "pipeline-runs.csv.gz": 6, "incidents.jsonl": 2, "approvals.csv.gz": 1,
    }  # fmt: skip
    for bad in listed:
        table = read_plain(folder / bad["file"])
        row = table[bad["row"] - 1]
        value = row[bad["column"]]
        match bad["kind"]:
            case "a date that does not exist":
                with pytest.raises(ValueError, match="day"):
                    datetime.fromisoformat(value)
            case "no id" | "no time":
                assert value is None
            case "finished before it started":
                assert value < row["STARTED"]
            case "the same row twice":
                assert row == table[0]
            case "a time without zone":
                assert datetime.fromisoformat(value).tzinfo is None
            case "a local time that happened twice":
                early = datetime.fromisoformat(value).replace(tzinfo=ZoneInfo("Europe/Berlin"))
                assert early.utcoffset() != early.replace(fold=1).utcoffset()
            case "not a number":
                assert not value.isdigit()
            case "unknown word":
                assert value == "UNSTABLE"
            case other:
                raise AssertionError(other)


def test_without_git_the_message_says_so(
    company: sample.Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="Install git"):
        sample.write(tmp_path / "out", company)
