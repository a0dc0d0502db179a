"""``idp schedule`` as somebody types it."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from idp_analytics.cli import cli


def said(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(cli, ["schedule", *words])
    assert result.exit_code == code, result.output
    return result.output


def test_the_next_runs_are_listed():
    head, *due = said("--cron", "0 6 * * 1", "--zone", "Europe/Berlin", "--next", "3").splitlines()
    assert head == "At 06:00 on Monday, Europe/Berlin"
    assert len(due) == 3
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d 06:00 CES?T", line) for line in due)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("systemd", 'ExecStart="'), ("cron", "idp report --data data/acme --reports out --workers 2"),
        ("kubernetes", '"--data", "data/acme", "--reports", "out", "--workers", "2"'), ("airflow", "report --data data/acme --reports out --workers 2"),
    ],
)  # fmt: skip
def test_it_is_written_down_with_the_options_of_the_run(kind, words):
    assert words in said("--data", "data/acme", "--reports", "out", "--print", kind, "--", "--workers", "2")


def test_what_cannot_be_is_said_and_nothing_runs():
    assert "2 problem(s)" in said("--cron", "never", "--zone", "Mars", code=2)


def test_what_every_run_would_fail_of_is_said_at_the_start(tmp_path):
    nothing = CliRunner().invoke(cli, ["schedule", "--data", str(tmp_path)])
    assert nothing.exit_code == 2
    assert "there is no settings.toml, so every run would fail" in nothing.stderr
    (tmp_path / "settings.toml").touch()
    mistyped = CliRunner().invoke(cli, ["schedule", "--data", str(tmp_path), "--", "--wrokers", "2"])
    assert mistyped.exit_code == 2
    assert "idp report does not take these options: No such option '--wrokers'" in mistyped.stderr
    valueless = CliRunner().invoke(cli, ["schedule", "--data", str(tmp_path), "--", "--period"])
    assert valueless.exit_code == 2
    assert "idp report does not take these options: Option '--period' requires an argument." in valueless.stderr


def test_shards_are_for_kubernetes():
    result = CliRunner().invoke(cli, ["schedule", "--print", "cron", "--shards", "4"])
    assert result.exit_code == 2
    assert "Elsewhere start idp report --shard 0/4" in result.stderr
    printed = CliRunner().invoke(cli, ["schedule", "--print", "kubernetes", "--shards", "4"])
    assert "completionMode: Indexed" in printed.stdout
