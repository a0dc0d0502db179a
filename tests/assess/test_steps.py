"""Next steps as actions in a file: at most two for one quarter, none twice, and what somebody wrote into the file stays."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from idp_analytics.assess import steps
from idp_analytics.cli import cli
from idp_analytics.errors import ReportError, SourceError
from idp_analytics.organisation import load

SAMPLE = Path(__file__).parents[2] / "data" / "sample"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("steps") / "ours"
    shutil.copytree(SAMPLE, folder)
    return folder


@pytest.fixture(scope="module")
def organisation(data):
    return load(data)


@pytest.fixture(autouse=True)
def clean(data):
    yield
    (data / steps.TARGET).unlink(missing_ok=True)


def rows(data):
    with (data / steps.TARGET).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_steps_are_written_once_and_at_most_two_for_each(organisation, data):
    first = steps.write(organisation, "2026-Q1")
    written = (data / steps.TARGET).read_bytes()
    assert len(first.added) == len(rows(data)) > 0
    assert max(Counter(row["action_id"].rsplit("/", 1)[0] for row in rows(data)).values()) <= 2
    assert not first.is_read
    again = steps.write(organisation, "2026-Q1")
    assert again.added == ()
    assert (data / steps.TARGET).read_bytes() == written
    row = rows(data)[0]
    assert (row["origin"], row["opened_on"], row["due_on"], row["closed_on"], row["outcome"]) == ("recommendation", "2026-03-31", "2026-06-30", "", "")  # fmt: skip
    assert row["action_id"] == f"maturity/2026-Q1/org/org/{row['origin_id']}"
    assert row["team_id"] == "platform"


def test_what_a_team_wrote_stays_to_the_byte_also_columns_of_its_own(organisation, data):
    text = "action_id,team_id,origin,origin_id,opened_on,due_on,closed_on,outcome,carried_over,who\nmaturity/2025-Q4/team/edge/x,edge,recommendation,x,2025-12-31,,2026-01-08,done,0,\"us, all\""  # fmt: skip
    (data / steps.TARGET).write_text(text, encoding="utf-8")
    steps.write(organisation, "2026-Q1")
    after = (data / steps.TARGET).read_text(encoding="utf-8")
    assert after.startswith(text + "\n")
    assert all(row["who"] == "" for row in rows(data)[1:])


def test_a_quarter_that_has_two_gets_no_third_whatever_they_are(organisation, data):
    steps.write(organisation, "2026-Q1")
    text = (data / steps.TARGET).read_text(encoding="utf-8")
    (data / steps.TARGET).write_text(text.replace("/team/payments/", "/team/payments/other-"), encoding="utf-8")
    assert steps.write(organisation, "2026-Q1").added == ()


@pytest.mark.parametrize("period", ["2026-Q3", "2026-06", "soon"])
def test_what_is_no_quarter_that_is_over_is_refused(organisation, data, period):
    with pytest.raises(ReportError, match=r"such as 2026-Q2; the data end at 2026-07-01"):
        steps.write(organisation, period)
    assert not (data / steps.TARGET).exists()


def test_a_file_that_is_anothers_is_left_alone(organisation, data):
    (data / steps.TARGET).write_text("name,day\nx,1\n", encoding="utf-8")
    with pytest.raises(SourceError, match="has no column action_id"):
        steps.write(organisation, "2026-Q1")
    assert (data / steps.TARGET).read_text(encoding="utf-8") == "name,day\nx,1\n"


def test_the_command_prints_each_step_and_then_the_report_follows_it(data):
    settings = data / "settings.toml"
    before = settings.read_text(encoding="utf-8")
    result = CliRunner().invoke(cli, ["assess", "steps", "--data", str(data), "--period", "2026-Q1"])
    assert result.exit_code == 0, result.output
    assert (
        "payments: Operations, on the way to level 3: severe incidents in which nobody went round a rule, now "
        in result.output
    )
    assert steps.SOURCE in result.output
    try:
        settings.write_text(f"{before}\n{steps.SOURCE}\n", encoding="utf-8")
        (data / steps.TARGET).write_text(
            (data / steps.TARGET).read_text(encoding="utf-8").replace("2026-03-31,2026-06-30,,,", "2026-03-31,2026-06-30,2026-05-01,done,"),
            encoding="utf-8",
        )  # fmt: skip
        organisation = load(data)
        assert steps.write(organisation, "2026-Q1").is_read
        told = organisation.study("maturity_step_outcomes")
        assert set(told["state"]) == {"done"}
        assert set(told["then"]) == {"2026-Q2"}
        assert {"improved", "no detectable change"} <= set(told["verdict"])
        # A quarter later: all were done, so there are two places again.
        assert steps.write(organisation, "2026-Q2").added
    finally:
        settings.write_text(before, encoding="utf-8")
