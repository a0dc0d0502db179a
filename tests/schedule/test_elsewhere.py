"""The schedule as text: each is read back by what it is for, with names that try to be more than names."""

from __future__ import annotations

import ast
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from idp_analytics.errors import SettingsError
from idp_analytics.schedule.elsewhere import Written, manifest
from idp_analytics.schedule.timetable import Timetable

HOSTILE = "my \"data\" $HOME 50% 'x' `id` #1"
TIMETABLE = Timetable.of("30 6 1,15 * 1", "Europe/Berlin")


def written(option: str = "data/acme", **more) -> Written:
    return Written(TIMETABLE, Path("/srv/reports of all"), "/opt/idp/bin/idp", ("--data", option), **more)


@pytest.mark.parametrize("option", ["data/acme", HOSTILE])
def test_cron_runs_the_command_in_the_folder(option):
    *notes, zone, line = manifest("cron", written(option)).splitlines()
    assert all(note.startswith("#") for note in notes)
    assert zone == "CRON_TZ=Europe/Berlin"
    assert line.startswith("30 6 1,15 * 1 ")
    command = line.removeprefix("30 6 1,15 * 1 ").replace(r"\%", "%")
    assert line.count("%") == line.count(r"\%")  # to cron a bare one is the end of the line
    assert shlex.split(command) == ["cd", "/srv/reports of all", "&&", "/opt/idp/bin/idp", "report", "--data", option]


@pytest.mark.parametrize("option", ["data/acme", HOSTILE])
def test_kubernetes_reads_it(option):
    job = yaml.safe_load(manifest("kubernetes", written(option, image="registry/idp:1")))
    assert (job["kind"], job["spec"]["schedule"], job["spec"]["timeZone"]) == (
        "CronJob",
        "30 6 1,15 * 1",
        "Europe/Berlin",
    )
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    assert "startingDeadlineSeconds" not in job["spec"]
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert [*container["command"], *container["args"]] == ["idp", "report", "--data", option]
    assert container["image"] == "registry/idp:1"
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    assert {"completionMode", "completions", "parallelism"}.isdisjoint(job["spec"]["jobTemplate"]["spec"])
    many = yaml.safe_load(manifest("kubernetes", written(option, shards=8)))["spec"]["jobTemplate"]["spec"]
    assert (many["completionMode"], many["completions"], many["parallelism"], many["backoffLimit"]) == (
        "Indexed",
        8,
        8,
        16,
    )
    assert many["template"]["spec"]["containers"][0]["args"] == [
        "--data",
        option,
        "--shard",
        "$(JOB_COMPLETION_INDEX)/8",
    ]
    strict = yaml.safe_load(manifest("kubernetes", written(make_up=False)))
    assert strict["spec"]["startingDeadlineSeconds"] == 60


@pytest.mark.parametrize("option", ["data/acme", HOSTILE])
def test_airflow_reads_it(option):
    tree = ast.parse(manifest("airflow", written(option)))
    calls = {ast.unparse(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    given = {word.arg: word.value for word in calls["BashOperator"].keywords}
    assert shlex.split(ast.literal_eval(given["bash_command"])) == ["/opt/idp/bin/idp", "report", "--data", option]
    assert ast.literal_eval(given["cwd"]) == "/srv/reports of all"
    assert ast.literal_eval(calls["CronTriggerTimetable"].args[0]) == "30 6 1,15 * 1"
    assert ast.literal_eval({word.arg: word.value for word in calls["DAG"].keywords}["catchup"]) is False


def units(text: str) -> dict[str, str]:
    """The parts of the text by the name each is to be saved under."""
    parts = text.split("# /etc/systemd/system/")[1:]
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


@pytest.mark.parametrize("option", ["data/acme", HOSTILE])
def test_systemd_reads_it(tmp_path, option):
    found = units(manifest("systemd", written(option)))
    assert list(found) == ["idp-report.service", "idp-report.timer"]
    assert (
        "OnCalendar=*-*-01,15 06:30:00 Europe/Berlin\nOnCalendar=Mon *-*-* 06:30:00 Europe/Berlin\n"
        in found["idp-report.timer"]
    )
    assert "Persistent=true" in found["idp-report.timer"]
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not on this machine")
    real = Written(TIMETABLE, tmp_path, "/bin/true", ("--data", option))
    for name, text in units(manifest("systemd", real)).items():
        (tmp_path / name).write_text(text)
    said = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / "idp-report.timer", tmp_path / "idp-report.service"], check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert "idp-report" not in said.stderr, said.stderr


def test_a_name_with_a_line_end_is_refused():
    with pytest.raises(SettingsError, match="character that no cron file can hold"):
        manifest("cron", written("a\nb"))


def test_airflow_takes_no_template_in_a_name():
    with pytest.raises(SettingsError, match="Airflow"):
        manifest("airflow", written("{{ var.value.secret }}"))
