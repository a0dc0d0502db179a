"""Nothing but our own errors comes out of files spoilt in any way, and every row of them is accounted for.

``make fuzz`` goes on for as long as one likes; here is a fixed number of inputs, and each that was ever found wrong.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import fuzzing
import payloads
import polars as pl
import pytest
from folder_building import folder
from fuzzing import Input, tried
from mutants import one_document_spoilt

from idp_analytics import sources
from idp_analytics.errors import SettingsError, SourceError
from idp_analytics.organisation import load
from idp_analytics.settings import read as read_settings
from idp_analytics.tables import TABLES
from idp_analytics.tables.declare import Kind

EACH = 6
"""Inputs of each target that CI tries."""


@pytest.fixture(scope="module")
def seeds() -> dict[str, list[payloads.Seed]]:
    """Without the reference cases, which are not everywhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(payloads, "CASES", Path("nowhere"))
        return payloads.seeds()


def test_every_seed_is_good(seeds: dict[str, list[payloads.Seed]], tmp_path: Path) -> None:
    """What is spoilt was worth something."""
    for target, several in seeds.items():
        for place, seed in enumerate(several[::3] if target == "canonical" else several):
            folder = tmp_path / target / str(place)
            payloads.written(seed, folder)
            kept = seed.read(folder)
            assert kept > 0 or target == "settings", seed.name


def test_whatever_is_done_to_a_file_it_is_read_or_refused(
    seeds: dict[str, list[payloads.Seed]], tmp_path: Path
) -> None:
    wrong, ended = [], set()
    for target, several in seeds.items():
        for number in range(EACH if target != "folder" else 2):
            one = Input.of(target, number, several)
            how, problem = tried(one, tmp_path / "data")
            ended.add(how)
            wrong += [f"{target} {number}: {one.seed.name} {one.file}: {one.told}: {problem}"] if problem else []
    assert wrong == []
    assert ended == {"read", "SourceError", "SettingsError"}


def test_of_good_rows_beside_a_bad_one_none_is_lost(seeds: dict[str, list[payloads.Seed]], tmp_path: Path) -> None:
    """One document of a list is spoilt: what the others say stays. Of a dozen it may be one that all others lean on, as a list of services is."""
    tried_so_far = 0
    for target, several in seeds.items():
        if target in ("settings", "folder", "git", "canonical", "focus"):
            continue
        seed = several[0]
        payloads.written(seed, tmp_path / target)
        before = seed.read(tmp_path / target)
        for file, data in seed.files.items():
            spoilt = (
                one_document_spoilt(data, Random(f"{target}:{file}")) if file.endswith((".json", ".jsonl")) else None
            )
            if spoilt is None:
                continue
            payloads.written(seed, tmp_path / target, {file: spoilt})
            assert seed.read(tmp_path / target) >= 0.7 * before, (target, file)
            payloads.written(seed, tmp_path / target)
            tried_so_far += 1
    assert tried_so_far >= 20


@pytest.mark.parametrize("target", ["github", "canonical"])
def test_a_number_stands_for_an_input(seeds: dict[str, list[payloads.Seed]], target: str) -> None:
    one, two = (Input.of(target, 5, seeds[target]) for _ in range(2))
    assert (one.file, one.told, one.data) == (two.file, two.told, two.data)
    assert len({Input.of(target, number, seeds[target]).data for number in range(20)}) > 10


def bad(folder: Path) -> int:
    """A reader that is wrong in the way the file says."""
    match (folder / "a.txt").read_text():
        case "raises":
            raise KeyError("x")
        case "loses":
            raise AssertionError("rows_in")
        case "hangs":
            while True:
                pass
    raise SourceError("is what it should be.")


@pytest.mark.parametrize(
    ("data", "ended", "problem"),
    [
        ("raises", "", "KeyError"),
        ("loses", "", "AssertionError"),
        ("hangs", "", "TooLongError"),
        ("refuses", "SourceError", None),
    ],
)
def test_what_may_not_be_is_found(
    data: str, ended: str, problem: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzzing, "SECONDS", 0.05)
    seed = payloads.Seed("bad", {"a.txt": b""}, bad)
    how, found = tried(Input("bad", 0, seed, "a.txt", "", data.encode()), tmp_path / "data")
    assert how == ended
    assert found is None if problem is None else found is not None and found.startswith(problem)


# --- each that was wrong once -----------------------------------------------------------------------------------------


def read(kind: str, path: Path, data: bytes, **options: object) -> int:
    path.write_bytes(data)
    return payloads.add_up(sources.read(kind, [path], options, path.parent), kind, "UTC")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_text_of_two_or_four_bytes_a_letter_needs_no_mark(tmp_path: Path, encoding: str) -> None:
    """Arrow took the name of a column up to its first null byte: nothing, of all of them."""
    table = "service_id,name\nweb,Wéb\n"
    assert read("canonical", tmp_path / "a.csv", table.encode(encoding), table="services") == 1
    assert (
        read(
            "canonical",
            tmp_path / "a.json",
            '[{"service_id": "web", "name": "Wéb"}]'.encode(encoding),
            table="services",
        )
        == 1
    )


def test_a_name_may_hold_null_bytes(tmp_path: Path) -> None:
    assert read("canonical", tmp_path / "a.csv", b"service_id,name,\x00,x\x00y\nweb,Web,1,2\n", table="services") == 1


def test_a_header_of_one_name_many_times_takes_no_time(tmp_path: Path) -> None:
    """16,000 columns: 128 million comparisons before, which took minutes."""
    data = b"service_id,name," + b",".join([b"x"] * 16_000) + b"\nweb,Web" + b",1" * 16_000 + b"\n"
    assert read("canonical", tmp_path / "a.csv", data, table="services") == 1


ODD_YAML = [
    "a: !!bool maybe", "a: !!timestamp soon", "a: !!int x", "a: !!float x", "a: !!null x", "a: !!binary é", "a: !!set [1]", "a: !!omap 3", "a: !!python/name:os.system",
    "a: !!python/object/apply:os.system ['false']", "a: 2026-01-01 25:00:00", "a: 2026-13-01", "? {a: 1}\n: 2", "<<: 3", "a: 0x", "a: 1:99:99", "a: &a [*a]", "%YAML 9.9\n---\na: 1",
    "a: [" * 400, "- " * 3000, "\ta: 1", "a: 'b", "a: |+9\n b", "\x00", "!", "&", "*", "---\n...\n---", "a: \ud800",
]  # fmt: skip


@pytest.mark.parametrize("text", ODD_YAML)
def test_yaml_that_is_not_what_it_says_is_refused(tmp_path: Path, text: str) -> None:
    """A time at 25:00 ended the reading of themes.yaml, and ``!!bool maybe`` that of any export, with an error of Python's."""
    data = text.encode("utf-8", "surrogatepass")
    (tmp_path / "themes.yaml").write_bytes(data)
    (tmp_path / "settings.toml").write_text('[organisation]\nid = "small"\n')
    with pytest.raises(SettingsError, match=r"themes\.yaml: "):
        read_settings(tmp_path, sources.check)
    try:
        assert read("argocd", tmp_path / "a.yaml", data) == 0
    except SourceError as told:
        assert str(told).startswith("a.yaml: ")


@pytest.mark.parametrize(
    ("value", "says"),
    [("9" * 5000, "a number of more than 4,300 digits"), ("[" * 3000 + "]" * 3000, "is nested too deeply")],
    ids=["long", "deep"],
)
def test_a_value_nobody_can_hold_is_named_in_our_words(tmp_path: Path, value: str, says: str) -> None:
    """Python's own sentence asked for ``sys.set_int_max_str_digits()``."""
    with pytest.raises(SourceError, match=rf"^a\.json: is broken JSON at line 1: {says}\. Export it again"):
        read("github", tmp_path / "a.json", b'[{"id": %s}]' % value.encode())


def test_a_message_names_some_columns_and_no_more(tmp_path: Path) -> None:
    """Of 16,000 columns all were named: 130 kB."""
    with pytest.raises(SourceError, match=r"no column 'name'.+ and 15,961 more") as told:
        read(
            "canonical",
            tmp_path / "a.csv",
            b"service_id," + b",".join([b"y" * 60] * 16_000) + b"\n1\n",
            table="services",
        )
    assert len(str(told.value)) < 4000


def test_a_member_of_another_type_is_no_document_of_the_shape(tmp_path: Path) -> None:
    body = b'[{"checks": [], "repo": true}]'
    with pytest.raises(SourceError, match=r"^a\.json: holds nothing that OpenSSF Scorecard exports"):
        read("openssf", tmp_path / "a.json", body)


def test_a_table_of_devlake_without_columns_has_no_rows(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no column .+ Export every column of them\.$"):
        read("devlake", tmp_path / "cicd_deployment_commits.csv", b"\n")


def test_a_table_of_devlake_without_rows_may_be_without_columns(tmp_path: Path) -> None:
    header = b"id,cicd_scope_id,name,result,status,queued_date,started_date,finished_date\n"
    assert read("devlake", tmp_path / "cicd_deployments.csv", header) == 0


SETTINGS = [
    "a = " + "[" * 100_000, "a = " + "{b = " * 3000, "a = " + "9" * 5000, "[organisation]\nas_of = 0001-01-01T00:00:00+23:59", "[organisation]\nas_of = 9999-12-31T23:59:59-23:59",
    "[organisation]\ntime_zone = '../../etc/passwd'", "[organisation]\ntime_zone = '\x01'", "[organisation]\ntime_zone = '" + "x" * 300_000 + "'", "[rules]\nmin_cohort = 1e300",
    "[[source]]\nkind = 'github'\nservice_pattern = '" + "(" * 5000 + "'", "[[source]]\nkind = 'github'\nservice_pattern = '(a{99999999999})'",
    "[[source]]\nkind = 'github'\nenvironments = { '" + "(" * 5000 + "' = 'production' }", "[[source]]\nkind = 'github'\nas_of = 0001-01-01T00:00:00+23:59",
    "[[source]]\nkind = 'git'\ntag_pattern = '" + "(" * 5000 + "'",
]  # fmt: skip


@pytest.mark.parametrize("text", SETTINGS, ids=range(len(SETTINGS)))
def test_settings_that_are_too_much_for_python_are_wrong_in_our_words(tmp_path: Path, text: str) -> None:
    """Ended with a RecursionError, a ValueError or an OverflowError before."""
    (tmp_path / "settings.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"settings\.toml"):
        read_settings(tmp_path, sources.check)


def test_an_own_maturity_model_that_is_too_much_is_wrong_in_our_words(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("")
    (tmp_path / "maturity_model.toml").write_text("a = " + "[" * 100_000)
    with pytest.raises(SettingsError, match=r"maturity_model\.toml: is not TOML: it is nested too deeply"):
        read_settings(tmp_path, sources.check)


# --- dates no company has ---------------------------------------------------------------------------------------------


def company_at(root: Path, day: str) -> Path:
    """The small company with that day in every seventh row of every column of dates."""
    tables = {
        name: frame for name, frame in payloads.company().items() if name in TABLES and name != "loads" and frame.height
    }
    strange = pl.int_range(pl.len()) % 7 == 3
    for name, frame in tables.items():
        plain = payloads.plain(frame).with_columns(
            pl.col(pl.Datetime).dt.strftime("%Y-%m-%dT%H:%M:%SZ"), pl.col(pl.Date).cast(pl.String)
        )
        columns = [column for column in TABLES[name].columns if column.kind in DATED and column.name in plain.columns]
        plain.with_columns(
            pl.when(strange).then(pl.lit(day if column.kind is Kind.DATE else f"{day}T00:00:00Z")).otherwise(column.name).alias(column.name)
            for column in columns
        ).write_csv(root / f"{name}.csv")  # fmt: skip
    blocks = [f'[[source]]\nkind = "canonical"\ntable = "{name}"\npaths = ["{name}.csv"]\n' for name in tables]
    (root / "settings.toml").write_text('[organisation]\nid = "small"\n' + "".join(blocks))
    return root


DATED = (Kind.DATE, Kind.TIMESTAMP)


@pytest.mark.parametrize("day", ["1000-01-01", "9999-12-31"])
def test_no_date_stretches_the_periods(tmp_path: Path, day: str) -> None:
    """A service level of the year 1000 made two million answers; what was dated 9999 ended with an error of Python's."""
    org = load(company_at(tmp_path, day))
    assert org.as_of.year == 2026
    starts = org.answers(by="org", every="1mo")["period_start"]
    assert 0 < len(starts.unique()) < 20
    for row in org.tables["loads"].iter_rows(named=True):
        assert row["rows_in"] == row["rows_out"] + sum(json.loads(row["dropped"]).values()), row
    assert all(
        org.tables[name].height
        for name in ("deployments", "changes", "incidents", "service_levels", "scorecard_results")
    )


def test_what_is_dated_by_a_first_commit_alone_does_not_say_when_it_is_now(tmp_path: Path) -> None:
    root = folder(
        tmp_path,
        changes="change_id,service_id,first_commit_at,merged_at\nc1,shop,9999-12-31T23:00:00Z,\nc2,shop,2026-03-01T00:00:00Z,2026-03-22T00:00:00Z\n",
    )
    assert load(root).as_of == datetime(2026, 3, 23, tzinfo=UTC)
