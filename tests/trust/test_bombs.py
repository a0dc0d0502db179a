"""Small files that would become anything, and paths that lead elsewhere: refused by name, at once, in little memory."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from folder_building import DEPLOYMENTS, folder

from idp_analytics import sources
from idp_analytics.errors import SettingsError, SourceError
from idp_analytics.organisation import load
from idp_analytics.settings.limits import MIB, Limits
from idp_analytics.sources.cost_manifests import current

FEW = Limits(unpacked_mib=2, json_mib=1, yaml_mib=1, cells=1_000)
HEAD = b"deployment_id,service_id,environment,outcome,finished_at\n"


def parquet(path: Path, rows: int) -> bytes:
    pl.DataFrame({name: ["a"] for name in HEAD.decode().strip().split(",")}).select(
        pl.all().repeat_by(rows).explode()
    ).write_parquet(path)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.csv.gz", gzip.compress(HEAD + bytes(4 * MIB), mtime=0), "unpacks to more than 2 MiB.+raise unpacked_mib"),
        ("a.json.gz", gzip.compress(b"[" + b" " * (3 * MIB // 2) + b"]", mtime=0), "has more than 1 MiB.+raise json_mib"),
        ("a.json", b'[{"deployment_id":"' + b"x" * MIB + b'"}]', "has more than 1 MiB.+raise json_mib"),
        ("a.jsonl", b"{}\n" * MIB, "has more than 1 MiB.+raise json_mib"),
        ("a.yaml", b"- a: 1\n" * (MIB // 6), "has more than 1 MiB.+"),
        ("a.json", b"a: 1\n" * (MIB // 4), "has more than 1 MiB.+"),
        ("a.json", b"[" * 100_000, "is nested too deeply"),
        ("a.json", b'{"a":' * 100_000, "is nested too deeply"),
        ("a.json", b'[{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}]", "is nested too deeply"),
        ("a.yaml", b"[" * 100_000, "is nested more than 200 levels deep"),
        ("a.yaml", b"".join(b"%s- \n" % (b" " * depth) for depth in range(300)), "is nested more than 200 levels deep"),
        ("a.csv", HEAD + b"a,b,production,success,2026-01-01T00:00:00Z\n" * 300, "has 1,500 fields, and 1,000 is the most.+raise cells"),
        ("a.csv", b"a," * MIB, "its first line has more than 1,048,576 bytes"),
        ("a.csv", b"a," * 20_000 + b"\n1\n", "has 20,001 columns, more than the 16,384"),
        ("a.csv", HEAD + b'"' + b"x" * (17 * MIB), "is never closed"),
        ("a.csv", b"x" * 200_000 + b"\n1\n", "no column 'deployment_id'"),
    ],
    ids=["zeros", "spaces", "one text", "empty objects", "YAML", "YAML by another name", "lists", "objects", "lists inside", "YAML lists",
         "YAML by indentation", "rows", "one line of names", "columns", "one field", "one name"],
)  # fmt: skip
def test_what_would_become_too_much_is_refused(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(data)
    with sources.limited(FEW), pytest.raises(SourceError, match=f"^{name}: .*{says}"):
        sources.read("canonical", [tmp_path / name], {"table": "deployments"}, tmp_path)


def test_a_parquet_file_of_a_row_a_million_times_is_refused_before_it_is_read(tmp_path: Path) -> None:
    assert len(parquet(tmp_path / "a.parquet", 1_000_000)) < 100_000
    with (
        sources.limited(FEW),
        pytest.raises(SourceError, match=r"^a\.parquet: has 5,000,000 fields, and 1,000 is the most"),
    ):
        sources.read("canonical", [tmp_path / "a.parquet"], {"table": "deployments"}, tmp_path)


def test_the_limits_of_the_settings_are_those_of_every_file(tmp_path: Path) -> None:
    root = folder(tmp_path, "[limits]\ncells = 4\n")
    with pytest.raises(SourceError, match=r"^deployments\.csv: has 15 fields, and 4 is the most"):
        load(root)


IN_LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
from idp_analytics import sources
from idp_analytics.errors import SourceError
used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_DATA, (used + 160 * 2**20, resource.RLIM_INFINITY))
with sources.limited(sources.Limits(unpacked_mib=32, json_mib=32)):
    for name in sys.argv[1:]:
        try:
            sources.read("canonical", [Path(name)], {"table": "deployments"}, Path(name).parent)
        except SourceError as error:
            print(error)
"""


def test_memory_stays_bounded(tmp_path: Path) -> None:
    """What is packed a thousand to one: two files of 200 KB that would be 200 MB each, read with 160 MB to spare."""
    piece = gzip.compress(bytes(20 * MIB), mtime=0)
    for name in ("a.csv.gz", "b.json.gz"):
        (tmp_path / name).write_bytes(piece * 10)
    done = subprocess.run(
        [sys.executable, "-c", IN_LITTLE_MEMORY, tmp_path / "a.csv.gz", tmp_path / "b.json.gz"],
        capture_output=True, text=True, check=True, env={**os.environ, "POLARS_MAX_THREADS": "1"},
    )  # fmt: skip
    assert [line.partition(",")[0] for line in done.stdout.splitlines()] == [
        "a.csv.gz: unpacks to more than 32 MiB", "b.json.gz: unpacks to more than 32 MiB",
    ]  # fmt: skip


# --- paths ------------------------------------------------------------------------------------------------------------


def test_a_link_that_leads_out_of_the_folder_is_refused_unless_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    root, outside = folder(tmp_path / "inside"), tmp_path / "secret.csv"
    outside.write_text(DEPLOYMENTS)
    (root / "deployments.csv").unlink()
    (root / "deployments.csv").symlink_to(outside)
    with pytest.raises(
        SettingsError, match=r"deployments\.csv: is a link that leads out of the folder; write its own path"
    ):
        load(root)
    settings = root / "settings.toml"
    text = settings.read_text()
    for own in (json.dumps(str(outside)), '"../secret.csv"'):
        settings.write_text(text.replace('"deployments.csv"', own))
        assert load(root).tables["deployments"].height == 3


def test_a_link_within_the_folder_is_as_good_as_the_file(tmp_path: Path) -> None:
    root = folder(tmp_path)
    (root / "deployments.csv").rename(root / "other.csv")
    (root / "deployments.csv").symlink_to("other.csv")
    assert load(root).tables["deployments"].height == 3


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, Path.mkdir, lambda path: path.symlink_to(path.name)],
    ids=["a pipe", "a folder", "a link to itself"],
)
def test_what_is_no_file_keeps_nobody_waiting(tmp_path: Path, make: object) -> None:
    root = folder(tmp_path)
    (root / "deployments.csv").unlink()
    make(root / "deployments.csv")  # type: ignore[operator]
    with pytest.raises((SourceError, SettingsError), match=r"deployments\.csv: "):
        load(root)


LINES = "line_item_usage_start_date,bill_billing_period_start_date\n"


@pytest.mark.parametrize(
    "name",
    ["../secret.csv", "../../secret.csv", "/../secret.csv", "s3://bucket/../secret.csv", "%2e%2e/secret.csv", "http://[", "x" * 5000, "a\0b", ".", "", "link.csv"],
)  # fmt: skip
def test_a_manifest_names_no_file_outside_the_folder(tmp_path: Path, name: str) -> None:
    """``..`` in it led upwards, and the file there was read as the bill."""
    (tmp_path / "secret.csv").write_text(LINES)
    (tmp_path / "data" / "aws").mkdir(parents=True)
    (tmp_path / "data" / "aws" / "link.csv").symlink_to(tmp_path / "secret.csv")
    manifest = tmp_path / "data" / "aws" / "cur-Manifest.json"
    manifest.write_text(json.dumps({"dataFiles": [name], "billingPeriod": {"start": "20260301T000000.000Z"}}))
    with pytest.raises(
        SourceError, match=r"aws/cur-Manifest\.json: (names .*, not there|is no manifest that is known)"
    ):
        current([manifest], tmp_path / "data")


def test_a_link_in_a_folder_of_bills_that_leads_out_is_no_file_of_it(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text(LINES)
    (tmp_path / "aws").mkdir()
    (tmp_path / "aws" / "own.csv").write_text(LINES)
    (tmp_path / "aws" / "link.csv").symlink_to(tmp_path / "secret.csv")
    assert current([tmp_path / "aws"], tmp_path).files == (tmp_path / "aws" / "own.csv",)
