"""The schedule as text: each is read back by what it is for, with names that try to be more than names."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path, PurePath

import pytest
import yaml

from idp_analytics.errors import SettingsError
from idp_analytics.schedule.elsewhere import Written, manifest
from idp_analytics.schedule.timetable import Timetable

HOSTILE = "my \"data\" $HOME 50% 'x' `id` #1 $(id) $$ <&> 😀"
TIMETABLE = Timetable.of("30 6 1,15 * 1", "Europe/Berlin")


def publishing(option: str) -> list[str]:
    return ["/opt/idp/bin/idp", "report", "--data", option, "--reports", "out"]


def written(option: str = "data/acme", **more) -> Written:
    return Written(
        TIMETABLE, Path("/srv/reports of all"), "/opt/idp/bin/idp", PurePath(option), PurePath("out"), **more
    )


@pytest.mark.parametrize("option", ["data/acme", HOSTILE])
def test_cron_runs_the_command_in_the_folder(option):
    *notes, zone, line = manifest("cron", written(option)).splitlines()
    assert all(note.startswith("#") for note in notes)
    assert zone == "CRON_TZ=Europe/Berlin"
    assert line.startswith("30 6 1,15 * 1 ")
    command = line.removeprefix("30 6 1,15 * 1 ").replace(r"\%", "%")
    assert line.count("%") == line.count(r"\%")  # to cron a bare one is the end of the line
    assert shlex.split(command) == ["cd", "/srv/reports of all", "&&", *publishing(option)]


def expanded(words: list[str], index: str = "0") -> list[str]:
    """What a container is started with: ``$$`` is a dollar, and a variable that there is not stays as it stands."""
    known = {"JOB_COMPLETION_INDEX": index, "HOME": "/nonexistent", "id": "spoilt"}
    return [
        re.sub(r"\$\$|\$\((\w+)\)", lambda found: "$" if found[0] == "$$" else known.get(found[1], found[0]), word)
        for word in words
    ]


@pytest.mark.parametrize("given", [("--workers", "7"), ("--workers=7",)])
def test_a_pod_takes_as_many_workers_as_it_is_told(given):
    job = yaml.safe_load(manifest("kubernetes", written(options=given)))
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["--data", "data/acme", "--reports", "out", *given]


def test_a_pod_sees_its_data_and_keeps_its_reports_wherever_they_lie():
    def mounted(data: str, reports: str) -> list[str]:
        job = yaml.safe_load(manifest("kubernetes", replace(written(data), reports=PurePath(reports))))
        (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        return [mount["mountPath"] for mount in container["volumeMounts"][:2]]

    assert mounted("data/acme", "reports") == ["/srv/idp/data/acme", "/srv/idp/reports"]
    assert mounted("/exports/acme", "../www") == ["/exports/acme", "/srv/www"]
    with pytest.raises(SettingsError, match=r"'/srv/idp/a:b': Kubernetes mounts nothing"):
        mounted("a:b", "reports")


@pytest.mark.parametrize(
    ("data", "reports", "seen"),
    [
        (".", "reports", "/srv/idp/reports"), ("data/acme", "data/acme/reports", "/srv/idp/data/acme/reports"), ("data/acme", "data/x/../acme", "/srv/idp/data/acme"),
        ("..", "out", "/srv/idp/out"),
    ],
)  # fmt: skip
def test_reports_inside_the_data_are_refused_where_that_is_mounted_to_be_read_only(data, reports, seen):
    lying = replace(written(data), reports=PurePath(reports))
    with pytest.raises(SettingsError) as told:
        manifest("kubernetes", lying)
    assert str(told.value).startswith(f"--reports {reports}: in a pod that would be {seen}, inside the data (")
    assert "from the folder above: idp schedule --data acme" in str(told.value)
    assert f"--reports {shlex.quote(reports)}" in manifest("cron", lying)  # elsewhere nothing is mounted


def test_reports_beside_the_data_are_mounted():
    for data, reports in (("data/acme", "data/acme-reports"), ("data/acme", "."), ("/exports", "out")):
        assert "CronJob" in manifest("kubernetes", replace(written(data), reports=PurePath(reports)))


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
    begun = expanded([*container["command"], *container["args"]])
    assert begun == ["idp", "report", "--data", option, "--reports", "out", "--workers", "2"]
    assert container["resources"]["requests"]["cpu"] == "2"
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert (mounts["data"]["mountPath"], mounts["data"]["readOnly"]) == (f"/srv/idp/{option}", True)
    assert mounts["reports"] == {"name": "reports", "mountPath": "/srv/idp/out"}
    (rule,) = job["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert (rule["action"], rule["onExitCodes"]["containerName"], rule["onExitCodes"]["values"]) == (
        "FailJob",
        container["name"],
        [2, 3, 4],
    )
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
    shares = [expanded(many["template"]["spec"]["containers"][0]["args"], str(index))[-2:] for index in range(8)]
    assert shares == [["--shard", f"{index}/8"] for index in range(8)]
    strict = yaml.safe_load(manifest("kubernetes", written(make_up=False)))
    assert strict["spec"]["startingDeadlineSeconds"] == 60


@pytest.mark.parametrize("option", ["data/acme", HOSTILE])
def test_airflow_reads_it(option):
    tree = ast.parse(manifest("airflow", written(option)))
    calls = {ast.unparse(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    given = {word.arg: word.value for word in calls["BashOperator"].keywords}
    assert shlex.split(ast.literal_eval(given["bash_command"])) == publishing(option)
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
    real = replace(written(option, user="idp"), folder=tmp_path, program="/bin/true")
    assert "\nUser=idp\n" in manifest("systemd", real)
    for name, text in units(manifest("systemd", real)).items():
        (tmp_path / name).write_text(text)
    said = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / "idp-report.timer", tmp_path / "idp-report.service"], check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert "idp-report" not in said.stderr, said.stderr


def test_a_name_with_a_line_end_is_refused():
    with pytest.raises(SettingsError, match="character that no cron file can hold"):
        manifest("cron", written("a\nb"))


@pytest.mark.parametrize("name", ["{{ var.value.secret }}", "{% x %}", "{# x"])
def test_airflow_takes_no_template_in_a_name(name):
    with pytest.raises(SettingsError, match="Airflow"):
        manifest("airflow", written(name))


@pytest.mark.skipif(shutil.which("crontab") is None, reason="cron is not on this machine")
@pytest.mark.parametrize("cron", ["30 6 1,15 * 1", "5/20 6 * jan mon-fri", "@quarterly", "0 6 */2 * 7"])
def test_the_real_cron_takes_it(tmp_path, cron):
    (tmp_path / "crontab").write_text(manifest("cron", replace(written(HOSTILE), timetable=Timetable.of(cron, "UTC"))))
    asked = subprocess.run(["crontab", "-T", tmp_path / "crontab"], check=False, capture_output=True, text=True)
    if "invalid option" in asked.stderr and "-n (dry run" in asked.stderr.replace("\t", " "):  # an older Debian
        asked = subprocess.run(["crontab", "-n", tmp_path / "crontab"], check=False, capture_output=True, text=True)
    if "option" in asked.stderr:
        pytest.skip("this crontab cannot look at a file")
    assert asked.returncode == 0, asked.stderr
