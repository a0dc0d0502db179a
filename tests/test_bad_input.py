"""What people really give: each mistake is told with file and row, the good rows go on, nothing is lost."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from folder_building import DEPLOYMENTS, OWNERSHIP, TEAMS, folder

from idp_analytics.cli import cli


def checked(root: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["check", "--data", str(root), *options])


def told(root: Path) -> dict[str, Any]:
    """What ``idp check --json`` says of a folder that can be used; nothing may be lost on the way."""
    result = checked(root, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)
    for load in found["loads"]:
        assert load["rows_in"] == load["rows_out"] + sum(json.loads(load["dropped"]).values()), load
    return found


def loaded(found: dict[str, Any], table: str = "deployments") -> dict[str, Any]:
    (load,) = [load for load in found["loads"] if load["table"] == table]
    return load


def test_a_folder_without_a_fault(tmp_path: Path) -> None:
    found = told(folder(tmp_path))
    assert found["rejected"] == []
    assert (loaded(found)["rows_in"], loaded(found)["rows_out"]) == (3, 3)
    assert "0 not met; 0 row(s) set aside." in checked(tmp_path).output


GOOD = "d4,shop,production,success,2026-03-05T10:00:00Z\n"


@pytest.mark.parametrize(
    ("row", "column", "reason", "found"),
    [
        ("x,shop,production,success,31.12.2026\n", "finished_at", "finished_at is not a time", "31.12.2026"),
        ("x,shop,production,success,2026-02-30T10:00:00Z\n", "finished_at", "finished_at is not a time", "2026-02-30T10:00:00Z"),
        ("x,shop,production,success,2026-03-05 10:00:00\n", "finished_at", "has no time zone", "2026-03-05 10:00:00"),
        (",shop,production,success,2026-03-05T10:00:00Z\n", "deployment_id", "deployment_id is empty and must be known", ""),
    ],
    ids=["a bad date", "a day that is none", "a naive time", "no id"],
)  # fmt: skip
def test_a_bad_row_is_told_with_file_and_row_and_the_good_ones_go_on(
    tmp_path: Path, row: str, column: str, reason: str, found: str
) -> None:
    root = folder(tmp_path, deployments=DEPLOYMENTS + row + GOOD)
    (aside,) = told(root)["rejected"]
    assert (aside["table"], aside["file"], aside["row"]) == ("deployments", "deployments.csv", 4)
    assert (aside["column"], aside["found"]) == (column, found)
    assert reason in aside["reason"]
    assert loaded(told(root))["rows_out"] == 4
    result = checked(root)
    assert result.exit_code == 0
    assert "1 row(s) set aside:" in result.output
    assert "deployments.csv" in result.output


def test_a_naive_time_is_read_where_the_settings_say_its_zone(tmp_path: Path) -> None:
    root = folder(tmp_path, deployments=DEPLOYMENTS + "d4,shop,production,success,2026-03-05 10:00:00\n")
    settings = root / "settings.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(
        text.replace('paths = ["deployments.csv"]\n', 'paths = ["deployments.csv"]\ntime_zone = "Asia/Tokyo"\n'), encoding="utf-8"
    )  # fmt: skip
    assert told(root)["rejected"] == []
    assert loaded(told(root))["rows_out"] == 4


def rename(column: str) -> str:
    return DEPLOYMENTS.replace("deployment_id", column)


@pytest.mark.parametrize(
    ("damage", "code", "says"),
    [
        (lambda root: (root / "deployments.csv").write_text(rename("run")), 2,
            ["deployments.csv: cannot be read as table 'deployments': no column 'deployment_id'", "Found: run, service_id,", "columns = { our_name"]),
        (lambda root: (root / "deployments.csv").write_text(rename("deployment-id")), 2, ["no column 'deployment_id' (is it 'deployment-id'?)"]),
        (lambda root: (root / "deployments.csv").write_text(""), 3, ["Nothing to report on", "deployments, costs, incidents, changes", "idp check"]),
        (lambda root: (root / "deployments.csv").write_text("deployment_id\n"), 3, ["Nothing to report on"]),
        (lambda root: (root / "deployments.csv").unlink(), 2, ["1 problem(s)", "source 'canonical-deployments': deployments.csv: no such file in"]),
        (lambda root: [(root / f"{n}.csv").unlink() for n in ("teams", "services")], 2, ["2 problem(s)", "teams.csv: no such file", "services.csv: no such file"]),
        (lambda root: (root / "deployments.csv").write_bytes(gzip.compress(DEPLOYMENTS.encode(), mtime=0)[:-9]), 2, ["deployments.csv: is a broken gzip file", "Copy or export it again."]),
        (lambda root: (root / "deployments.csv").write_text(DEPLOYMENTS + 'd4,"shop,production,success,2026-03-05T10:00:00Z\n'), 2,
            ['deployments.csv: a quotation mark (") in data row 4 is never closed', "Mend that place"]),
        (lambda root: (root / "deployments.csv").write_text('[{"deployment_id": "d1"'), 2, ["deployments.csv: is broken JSON at line 1", "Export it again"]),
        (lambda root: (root / "settings.toml").unlink(), 2, ["no settings.toml in this folder", "data/sample"]),
        (lambda root: (root / "settings.toml").write_text("[organisation\n"), 2, ["settings.toml: is not TOML"]),
        (lambda root: (root / "settings.toml").write_text('[rules]\nlevel = 3\n[[source]]\nkind = "canonicle"\n'), 2,
            ["2 problem(s)", "level = 3: must lie between 0.5 and 1", "Did you mean 'canonical'?"]),
    ],
    ids=["a wrong column", "a column by another name", "an empty file", "only a header", "a missing file", "two missing files", "gzip cut short",
         "an open quotation mark", "JSON cut short", "no settings", "no TOML", "wrong settings"],
)  # fmt: skip
def test_what_cannot_be_used_at_all_is_one_message_and_an_exit_code(
    tmp_path: Path, damage: Callable[[Path], object], code: int, says: list[str]
) -> None:
    root = folder(tmp_path)
    damage(root)
    result = checked(root)
    assert result.exit_code == code, result.output
    assert result.output.startswith("idp: ")
    assert "Traceback" not in result.output
    assert [part for part in says if part not in result.output] == [], result.output


def test_an_empty_file_beside_good_ones_is_a_caution(tmp_path: Path) -> None:
    root = folder(tmp_path, incidents="")
    assert loaded(told(root), "incidents")["warnings"] == ["the file is empty"]
    result = checked(root)
    assert result.exit_code == 0
    assert "caution: the file is empty" in result.output


LINES = DEPLOYMENTS.splitlines()


@pytest.mark.parametrize(
    "data",
    [
        DEPLOYMENTS.encode("utf-8-sig"),
        DEPLOYMENTS.replace("\n", "\r\n").encode(),
        DEPLOYMENTS.encode("utf-16"),
        gzip.compress(DEPLOYMENTS.encode(), mtime=0),
        DEPLOYMENTS.replace(",", ";").encode(),
        json.dumps({"items": [dict(zip(LINES[0].split(","), line.split(","), strict=True)) for line in LINES[1:]]}).encode(),
    ],
    ids=["byte order mark", "windows", "utf-16", "gzip", "semicolon", "a page"],
)  # fmt: skip
def test_how_a_file_is_wrapped_makes_no_difference(tmp_path: Path, data: bytes) -> None:
    root = folder(tmp_path)
    (root / "deployments.csv").write_bytes(data)
    found = told(root)
    assert found["rejected"] == []
    assert loaded(found)["rows_out"] == 3
    assert loaded(found)["warnings"] == []


def test_rows_of_another_width_and_broken_lines_are_counted(tmp_path: Path) -> None:
    head, *rest = DEPLOYMENTS.splitlines(keepends=True)
    load = loaded(told(folder(tmp_path, deployments=head + "d0,shop\n" + "".join(rest))))
    assert json.loads(load["dropped"]) == {"has fewer fields than the header": 1}
    assert (load["rows_in"], load["rows_out"]) == (4, 3)
    assert load["warnings"] == ["1 row(s) left out, the header names 5 fields: row 1 has 2"]


def test_a_header_that_repeats_a_name_is_said(tmp_path: Path) -> None:
    head, *rest = DEPLOYMENTS.splitlines()
    text = "\n".join([head + ",outcome", *(line + ",failure" for line in rest)]) + "\n"
    load = loaded(told(folder(tmp_path, deployments=text)))
    assert load["rows_out"] == 3
    assert any("these are called 'outcome (2)'" in warning for warning in load["warnings"])


NAMES = ["<script>alert(1)</script>", "../../etc/x", "\x1b[31mred", "=1+1"]


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_is_data_and_shown_as_text(tmp_path: Path, name: str) -> None:
    root = folder(tmp_path, teams=TEAMS + f'"{name}",Odd,team\n', ownership=OWNERSHIP.replace("web", name))
    found = told(root)
    assert found["rejected"] == []
    assert name in {row["team_id"] for row in found["coverage"]}
    shown = checked(folder(tmp_path, teams=TEAMS + f"{name},Odd,team\n{name},Odd,team\n"))
    assert shown.exit_code == 0
    assert "\x1b" not in shown.output
