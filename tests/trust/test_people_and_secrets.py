"""What is kept of people stands in TRUST.md column by column, and a secret of the process is told by no command, error or traceback."""

from __future__ import annotations

import stat
import traceback
from pathlib import Path

import pytest
from click.testing import CliRunner
from folder_building import folder

from idp_analytics.cli import cli
from idp_analytics.errors import SourceError
from idp_analytics.organisation import load
from idp_analytics.tables import TABLES
from idp_analytics.tables.forgotten import ROWS, WHO

FREE = {"text", "title", "reason", "hypothesis", "label", "labels", "coder"}
"""Columns that hold what somebody wrote in words of their own, or chose to be called."""

CANARY = "correct-horse-battery-staple"
COMMANDS = (
    ["check"], ["check", "--json"], ["doctor"], ["explain", "deployment_frequency", "--period", "2026-03", "--team", "pay"], ["answers", "--metric", "deployment_frequency"],
    ["collect"], ["intervention", "list"], ["forget", "nobody"],
)  # fmt: skip


def held() -> set[str]:
    """Every column that says who or holds words, as TRUST.md writes it."""
    return {
        f"`{table.name}.{column.name}`" for table in TABLES.values() for column in table.columns
        if column.name in WHO or (column.name in FREE and table.name not in ("golden_paths", "operations")) or column.name in ROWS.get(table.name, ())
    }  # fmt: skip


def test_every_column_that_says_who_or_holds_words_is_documented(repository: Path) -> None:
    section = (repository / "TRUST.md").read_text(encoding="utf-8").partition("## People")[2].partition("\n## ")[0]
    assert len(held()) > 15
    assert sorted(name for name in held() if name not in section) == []


def output(data: Path, command: list[str]) -> str:
    done = CliRunner().invoke(cli, [*command, "--data", str(data)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.output


def test_no_command_tells_a_secret_of_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = folder(tmp_path, '[organisation]\nid = "small"\n')
    for name in ("IDP_PEOPLE_KEY", "GITHUB_TOKEN", "LAKE_PASSWORD"):
        monkeypatch.setenv(name, CANARY)
    monkeypatch.setenv("LAKE_URL", f"postgresql://reader:{CANARY}@127.0.0.1:1/lake")
    assert [command for command in COMMANDS if CANARY in output(data, command)] == []
    assert not [path for path in data.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://reader:{CANARY}@127.0.0.1:1/lake", f"mysql://reader:{CANARY}@127.0.0.1:1/lake", f"postgresql://reader:{CANARY}@[::1/lake",
        f"postgresql://reader:{CANARY}@host:port/lake", f"oracle://reader:{CANARY}@host/lake", f"reader:{CANARY}",
    ],
)  # fmt: skip
def test_an_address_that_does_not_do_is_told_without_its_password(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sqlalchemy")
    (tmp_path / "settings.toml").write_text(
        '[organisation]\nid = "small"\n[[source]]\nkind = "devlake"\nurl_env = "LAKE_URL"\n', encoding="utf-8"
    )
    monkeypatch.setenv("LAKE_URL", address)
    told = output(tmp_path, ["check"])
    assert "LAKE_URL" in told
    assert CANARY not in told
    with pytest.raises(SourceError) as raised:
        load(tmp_path)
    assert CANARY not in "".join(traceback.format_exception(raised.value))


def test_tables_are_for_the_eyes_of_whoever_wrote_them(tmp_path: Path) -> None:
    """They hold pseudonyms and, where it was asked for, comments."""
    data = folder(tmp_path)
    output(data, ["tables", "--out", str(tmp_path / "out")])
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()}
    assert modes == {0o600}
