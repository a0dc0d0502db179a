"""``idp intervention``: what must be right before a change is registered, what is said of it, and that nothing written is ever changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from filelock import FileLock
from folder_building import folder

from idp_analytics import data_folder
from idp_analytics.cli import cli
from idp_analytics.commands import loaded
from idp_analytics.interventions import commands, ledger_file
from idp_analytics.organisation import load
from idp_analytics.sources.ledger_entries import FILE

SERVICES = (
    "service_id,name,created_at,retired_at\nshop,Shop,,\nold,Old,,2026-02-01T00:00:00Z\nnew,New,2026-06-01T00:00:00Z,\n"
)
GOOD = {
    "--id": "pipeline", "--hypothesis": "Changes arrive sooner", "--metric": "change_lead_time", "--smallest-effect": "4", "--unit": "shop",
    "--review-on": "2026-09-01", "--at": "2026-03-25T09:00:00Z",
}  # fmt: skip


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """A data folder that is loaded once for all tests that only register."""
    root = folder(tmp_path_factory.mktemp("ledger"), services=SERVICES)
    return root, load(root)


@pytest.fixture
def data(ours, monkeypatch) -> Iterator[Path]:
    root, organisation = ours
    monkeypatch.setattr(commands, "loaded", lambda path, *_: organisation if path == root else loaded(path, (), "fast"))
    yield root
    for path in (root / FILE, root / data_folder.LOCK):
        path.unlink(missing_ok=True)


def run(data, command, *arguments, **options):
    return CliRunner().invoke(cli, ["intervention", command, "--data", str(data), *arguments], **options)


def add(data, *flags, **changed):
    given = {**GOOD, **{f"--{name.replace('_', '-')}": value for name, value in changed.items()}}
    return run(data, "add", *(part for pair in given.items() if pair[1] is not None for part in pair), *flags)


def entries(data):
    return ledger_file.entries(data / FILE)


def test_a_change_is_registered_and_reports_know_of_it_once_the_settings_read_it(tmp_path):
    data = folder(tmp_path, services=SERVICES)
    result = add(data, component="delivery pipeline")
    assert result.exit_code == 0, result.output
    assert "pipeline: Change lead time is to go down by 4.0 h at least, for 1 service; to be looked at on 1 September 2026." in result.output  # fmt: skip
    assert "1 entry added." in result.output and ledger_file.SOURCE in result.output
    assert "after the fact" not in result.output
    assert "too little to compare units. At least 3 services that take it up" in result.output
    (entry,) = entries(data)
    assert entry["foreseen"] == {"units": "0", "registered": "1", "months": "0", "after": "5"}
    assert (entry["entry"], entry["at"], entry["direction"], entry["smallest_effect"], entry["unit_kind"], entry["units"]) == (
        "registered", "2026-03-25T09:00:00Z", "down", "4.0", "service", ["shop"],
    )  # fmt: skip
    settings = data / "settings.toml"
    settings.write_text(settings.read_text() + "\n" + ledger_file.SOURCE + "\n")
    row = load(data).tables["interventions"].row(0, named=True)
    assert (row["intervention_id"], row["component"], row["smallest_effect"]) == ("pipeline", "delivery pipeline", 4.0)
    assert ledger_file.SOURCE not in add(data, id="second").output
    # What somebody means to do does not say that the data reach so far.
    assert load(data).as_of.date().isoformat() == "2026-03-21"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"metric": "change_lead_tim"}, "There is no metric 'change_lead_tim'. Did you mean 'change_lead_time'?"),
        ({"metric": "change_lead_time, change_fail_rate"}, "name one"),
        ({"id": "two words"}, "letters, digits, dots and dashes"),
        ({"hypothesis": " "}, "no hypothesis"),
        ({"smallest_effect": "0"}, "must be above zero"),
        ({"smallest_effect": "nan"}, "must be above zero"),
        ({"smallest_effect": "much"}, "must be a number in hours"),
        ({"smallest_effect": "5%"}, "Change lead time is no share; say it in hours"),
        ({"smallest_effect": "2", "metric": "change_fail_rate"}, "of a share less than 1 is wanted"),
        ({"direction": "up"}, "Change lead time is better lower"),
        ({"metric": "batch_size", "smallest_effect": "1", "direction": None}, ""),
        ({"unit": "shopp"}, "there is no such service on 25 March 2026. Did you mean 'shop'?"),
        ({"unit": "old"}, "there is no such service on 25 March 2026"),
        ({"unit": "new"}, "there is no such service on 25 March 2026"),
        ({"review_on": "2026-03-25"}, "is not after 2026-03-25, when it is registered"),
        ({"review_on": "2026-04-21"}, "is 27 days after 2026-03-25; at least 28 are needed"),
        ({"review_on": "2026-04-22"}, ""),
        ({"adopted_on": "2026-03-26"}, "is ahead"),
        ({"adopted_on": "2026-01-02", "review_on": "2026-01-02"}, "is not after 2026-01-02, when it is taken up"),
        ({"metric": "tickets_per_developer_month"}, "is not measured of a service; name teams as units"),
        ({"metric": "showback_cost", "direction": "down"}, "is a sum of money, of which no effect is estimated; name another"),
        ({"metric": "time_to_first_deploy"}, "is told of groups of people only; name another"),
    ],
)  # fmt: skip
def test_what_is_not_right_is_refused_and_nothing_is_written(data, changed, problem):
    result = add(data, **changed)
    assert problem in result.output
    assert result.exit_code == (2 if problem else 0), result.output
    assert (data / FILE).exists() == (not problem)


def test_all_that_is_wrong_is_told_at_once(data):
    result = add(data, metric="x", unit="y", smallest_effect="-1", review_on="2026-03-26")
    assert result.output.startswith("idp: intervention pipeline: 4 problem(s) to mend before anything is written:")


def test_a_name_of_a_service_and_a_team_alike_must_be_told_apart(tmp_path):
    data = folder(tmp_path, services="service_id,name\npay,Pay\nshop,Shop\n")
    assert "say --unit-kind" in add(data, unit="pay").output
    assert add(data, unit="pay", unit_kind="team").exit_code == 0
    assert entries(data)[0]["unit_kind"] == "team"


def test_units_are_listed_in_a_file_or_all_there_are(data, tmp_path):
    listed = tmp_path / "units.txt"
    listed.write_text("\ufeffshop\n\n shop \n", encoding="utf-8")
    assert add(data, unit=None, units_from=str(listed)).exit_code == 0
    assert add(data, "--all-services", unit=None, id="all").exit_code == 0
    assert add(data, "--all-teams", unit=None, id="teams").exit_code == 0
    assert [entry["units"] for entry in entries(data)] == [["shop"], ["shop"], ["pay", "web"]]


def test_registered_after_the_fact_is_told_plainly(data):
    result = add(data, adopted_on="2026-03-10")
    assert "Registered after the fact: taken up on 10 March 2026, written down on 25 March 2026." in result.output
    assert [entry["entry"] for entry in entries(data)] == ["registered", "adopted"]
    assert "after the fact" not in add(data, id="same-day", adopted_on="2026-03-25").output


def test_another_change_at_the_same_units_is_told(data):
    assert "of the same units" not in add(data).output
    assert run(data, "adopt", "pipeline", "--unit", "shop", "--on", "2026-04-01", "--at", "2026-04-02T09:00:00Z").exit_code == 0  # fmt: skip
    said = add(data, id="other", metric="change_fail_rate", smallest_effect="2%", at="2026-05-01T09:00:00Z").output
    assert "pipeline is at 1 of the same units until its review" in said
    assert entries(data)[-1]["smallest_effect"] == "0.02"


def test_an_as_of_time_before_the_registration_is_told(tmp_path):
    data = folder(tmp_path, '[organisation]\nid = "x"\nas_of = 2026-03-21T00:00:00Z\n', services=SERVICES)
    assert "The as-of time in settings.toml is 2026-03-21T00:00:00Z: reports know of it once that is later" in add(data).output  # fmt: skip


def test_nothing_registered_is_changed_and_every_word_on_taking_up_stays(data):
    add(data)
    first = (data / FILE).read_bytes()
    again = add(data, metric="change_fail_rate", smallest_effect="2%")
    assert "is registered already, and what was registered is not changed" in again.output and again.exit_code == 2
    assert (data / FILE).read_bytes() == first
    told = run(data, "adopt", "pipeline", "--unit", "shop", "--on", "2026-03-26", "--at", "2026-03-27T09:00:00Z").output
    assert "1 entry added, about 1 unit." in told and "after the fact" not in told
    same = run(data, "adopt", "pipeline", "--unit", "shop", "--on", "2026-03-26", "--at", "2026-03-27T09:00:00Z").output
    assert "That is known already; nothing was added." in same
    moved = run(data, "adopt", "pipeline", "--unit", "shop", "--on", "2026-03-28", "--at", "2026-03-29T09:00:00Z").output  # fmt: skip
    assert "shop: 26 March 2026 until now. Both stay in the ledger, the last word counts." in moved
    never = run(data, "adopt", "pipeline", "--unit", "shop", "--never", "--at", "2026-03-30T09:00:00Z")
    assert never.exit_code == 0 and entries(data)[-1]["units"] == {"shop": ""}
    assert (data / FILE).read_bytes().startswith(first) and len(entries(data)) == 4
    assert ledger_file.unsealed(entries(data)) == []


def test_units_that_come_later_and_days_that_do_not_fit(data):
    add(data)

    def adopt(*arguments, name="pipeline"):
        return run(data, "adopt", name, *arguments, "--at", "2026-08-20T09:00:00Z")

    late = adopt("--unit", "new", "--on", "2026-08-15").output
    assert "new: was not registered with it, and has its row from today." in late
    assert "less than 28 days later: these units will say nothing by then." in late
    assert "Registered after the fact" in late
    assert "--on 2026-08-21: is ahead" in adopt("--unit", "shop", "--on", "2026-08-21").output
    assert "'pipelin': is not registered. Did you mean 'pipeline'?" in adopt("--unit", "shop", "--on", "2026-08-01", name="pipelin").output  # fmt: skip
    assert "no unit: name the teams or services" in adopt("--on", "2026-08-01").output
    assert adopt("--unit", "shop").exit_code == 2 and "Give the day with --on, or say --never." in adopt("--unit", "shop").output  # fmt: skip


def test_what_another_file_keeps_is_changed_there(tmp_path):
    rows = "intervention_id,unit_id,unit_kind,hypothesis,metric,direction,smallest_effect,review_on,registered_at\nby-hand,shop,service,h,change_lead_time,down,4,2026-09-01,2026-03-01T00:00:00Z\n"  # fmt: skip
    data = folder(tmp_path, services=SERVICES, interventions=rows)
    told = run(data, "adopt", "by-hand", "--unit", "shop", "--on", "2026-03-05")
    assert "is kept in another file than interventions.jsonl; write adopted_on there" in told.output
    assert "is registered already" in add(data, id="by-hand").output
    assert "by-hand" in run(data, "list").output


def test_what_was_decided_is_an_action_that_names_the_change(tmp_path):
    data = folder(tmp_path, services=SERVICES)
    add(data, "--adopted-on", "2026-03-10")
    add(data, id="other", smallest_effect="3")
    settings = data / "settings.toml"
    settings.write_text(settings.read_text() + "\n" + ledger_file.SOURCE + "\n")

    def review(*more, name="pipeline", at="2026-09-02T09:00:00Z"):
        return run(data, "review", name, "--decision", "keep", "--learnt", "It pays.", "--at", at, *more)

    early = review("--team", "pay", at="2026-08-31T09:00:00Z")
    assert (
        early.exit_code == 2
        and "it is to be looked at on 1 September 2026: what is seen before then is no answer" in early.output
    )
    assert "no team: say whose decision it is" in review().output
    assert "Did you mean 'pay'" in review("--team", "pai").output
    assert (
        "'pipelin': is not registered in interventions.jsonl. Did you mean 'pipeline'?"
        in review("--team", "pay", name="pipelin").output
    )
    assert review("--team", "pay").exit_code == 0
    told = load(data)
    row = told.tables["actions"].row(0, named=True)
    assert (row["action_id"], row["team_id"], row["origin"], row["origin_id"], str(row["opened_on"]), str(row["closed_on"]), row["outcome"]) == (
        "change_ledger:pipeline/2026-09-02T09:00:00Z", "pay", "retrospective", "pipeline", "2026-09-02", "2026-09-02", "done",
    )  # fmt: skip
    assert told.tables["interventions"].height == 2 and told.rejected.is_empty()
    states = dict(told.study("impact").filter(role="primary").select("intervention_id", "state").iter_rows())
    assert states == {"pipeline": "reviewed", "other": "due"}
    assert "pipeline, 2026-09-02: keep. It pays." in run(data, "list").output


def test_a_dry_run_says_all_and_writes_nothing(data):
    result = add(data, "--dry-run")
    assert "is to go down by 4.0 h" in result.output and result.output.endswith("Nothing was written.\n")
    assert not (data / FILE).exists()


def test_the_list_tells_where_each_change_is(data):
    assert "Nothing is registered. Register a change before it begins" in run(data, "list").output
    add(data)
    add(data, id="tried", adopted_on="2026-01-02", review_on="2026-03-01", at="2026-01-03T00:00:00Z")
    add(data, id="running", adopted_on="2026-01-02", at="2026-01-02T00:00:00Z")
    lines = run(data, "list").output.splitlines()
    states = {name: next(line for line in lines if f" {name} " in line) for name in ("pipeline", "tried", "running")}
    assert (
        "planned" in states["pipeline"] and "to be looked at" in states["tried"] and "running ┆" not in states["tried"]
    )
    assert "down 4.0 h" in states["running"]
    text = (data / FILE).read_text()
    (data / FILE).write_text(text.replace('"4.0"', '"0.5"', 1))
    assert "caution: entry 1 of interventions.jsonl does not follow from the one before" in run(data, "list").output


def test_without_a_terminal_all_that_is_missing_is_named(data):
    result = run(data, "add", "--id", "x")
    assert result.exit_code == 2
    assert "Missing: --hypothesis, --metric, --smallest-effect, --unit, --review-on." in result.output


def test_at_a_terminal_what_is_missing_is_asked_for(data, monkeypatch):
    monkeypatch.setattr(commands, "interactive", lambda: True)
    answers = "pipeline\nChanges arrive sooner\nchange_fail_rate\n2 %\nshop, shop\n2026-09-01\n"
    result = run(data, "add", "--at", "2026-03-25T09:00:00Z", input=answers)
    assert result.exit_code == 0, result.output
    assert "Smallest effect that would matter, in share of deployments" in result.output
    (entry,) = entries(data)
    assert (entry["smallest_effect"], entry["units"]) == ("0.02", ["shop"])


def test_two_at_once_wait_for_one_another_and_a_full_disk_harms_nothing(data, monkeypatch):
    add(data)
    before = (data / FILE).read_bytes()
    monkeypatch.setattr(data_folder, "_WAIT", 0.01)
    with FileLock(data / data_folder.LOCK):
        busy = add(data, id="other")
    assert busy.exit_code == 75 and "another command is writing to it. Nothing was written" in busy.output

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("idp_analytics.paths.os.fsync", full)
    result = add(data, id="other")
    assert result.exit_code == 2 and "cannot be written: No space left on device. What stood in it before is untouched" in result.output  # fmt: skip
    assert (data / FILE).read_bytes() == before
    assert [path.name for path in data.iterdir() if path.name.startswith(".") and "lock" not in path.name] == []


def test_a_ledger_that_is_none_is_left_alone(data):
    (data / FILE).write_text("hello\n")
    result = add(data)
    assert result.exit_code == 2 and (data / FILE).read_text() == "hello\n"


def test_idp_init_knows_the_ledger(data):
    from idp_analytics import scaffold

    add(data)
    found = next(one for one in scaffold.look(data) if one.path.name == FILE)
    assert found.kind == "change_ledger"
    assert 'kind = "change_ledger"' in scaffold.text(data, [found], "Ours")
    assert json.loads((data / FILE).read_text().splitlines()[0])["seal"]
