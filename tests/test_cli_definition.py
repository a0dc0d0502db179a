from __future__ import annotations

import io

import polars as pl
from click.testing import CliRunner

from idp_analytics.answers import COLUMNS
from idp_analytics.cli import cli


def test_answers_by_another_tools_rules(repository):
    asked = ["answers", "--data", str(repository / "data" / "sample"), "--by", "org", "--every", "1q"]
    ours, theirs = (CliRunner().invoke(cli, [*asked, "--metric", "change_fail_rate", *more])
                    for more in ([], ["--definition", "devlake"]))  # fmt: skip
    assert ours.exit_code == theirs.exit_code == 0, theirs.output
    frames = [pl.read_csv(io.StringIO(r.output)) for r in (ours, theirs)]
    assert [frame.columns for frame in frames] == [list(COLUMNS)] * 2
    assert frames[1]["method"].str.starts_with("definition devlake_2023: share").all()
    assert frames[0]["value"].to_list() != frames[1]["value"].to_list()


def test_definitions_are_listed_and_a_wrong_name_is_said_before_anything_is_read():
    listed = CliRunner().invoke(cli, ["answers", "--definition", "list"])
    assert listed.exit_code == 0
    assert "\ndevlake_2023 " in listed.output
    wrong = CliRunner().invoke(cli, ["answers", "--definition", "devlake_2032", "--data", "nowhere"])
    assert wrong.exit_code == 2
    assert "Did you mean 'devlake_202" in wrong.output
