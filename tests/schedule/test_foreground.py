"""The process that waits and runs: when it is due, never twice at once, and it stops as it should."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from idp_analytics.schedule import foreground
from idp_analytics.schedule.foreground import BUSY, Foreground, reporting
from idp_analytics.schedule.timetable import Timetable

EVERY_SECOND = Timetable("* * * * * *", ZoneInfo("UTC"))
NEVER = Timetable("0 0 1 1 *", ZoneInfo("UTC"))


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def writing(log: Path, seconds: float = 0, code: int = 0) -> list[str]:
    """A command that writes down when it begins and when it ends."""
    return python(
        f"import time, sys; f = open({str(log)!r}, 'a', buffering=1); f.write('begin\\n'); time.sleep({seconds}); f.write('end\\n'); sys.exit({code})"
    )


def served(schedule: Foreground, until, **given) -> threading.Thread:
    thread = threading.Thread(target=schedule.serve, kwargs=given, daemon=True)
    thread.start()
    end = time.monotonic() + 30
    while not until():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)
    return thread


def lines(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


def test_it_runs_when_it_is_due_again_and_again_and_stops_when_asked(tmp_path):
    log, said = tmp_path / "log", []
    schedule = Foreground(EVERY_SECOND, writing(log), said.append)
    thread = served(schedule, lambda: lines(log).count("end") >= 2)
    schedule.stop()
    thread.join(30)
    assert not thread.is_alive()
    assert said[-1] == "stopped"
    assert sum(line.startswith("ended with exit code 0") for line in said) >= 2
    known = lines(log)
    time.sleep(1.5)
    assert lines(log) == known


def test_two_never_run_at_once_and_what_is_left_out_is_said(tmp_path):
    log, said = tmp_path / "log", []
    schedule = Foreground(EVERY_SECOND, writing(log, 2.5), said.append)
    thread = served(schedule, lambda: lines(log).count("end") >= 2)
    schedule.stop()
    thread.join(30)
    assert lines(log) == ["begin", "end"] * (len(lines(log)) // 2)
    assert any("left out" in line for line in said)


@pytest.mark.parametrize("make_up", [True, False])
def test_a_run_that_was_missed_while_the_machine_slept_is_made_up_for_or_said(tmp_path, monkeypatch, make_up):
    """A wait does not count the time in which a machine sleeps: without a look at the clock it would begin as much too late."""
    log, said, slept = tmp_path / "log", [], [timedelta()]

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + slept[0]

    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Clock)
    monkeypatch.setattr("apscheduler.executors.base.datetime", Clock)
    monkeypatch.setattr(foreground, "LOOK_SECONDS", 0.1)
    schedule = Foreground(NEVER, writing(log), said.append, make_up=make_up)
    thread = served(schedule, lambda: any("next run" in line for line in said))
    time.sleep(0.3)
    assert lines(log) == []
    slept[0] = timedelta(days=400)
    end = time.monotonic() + 30
    while not (lines(log) == ["begin", "end"] if make_up else any("left out" in line for line in said)):
        assert time.monotonic() < end, said
        time.sleep(0.05)
    schedule.stop()
    thread.join(30)
    assert len(lines(log)) == (2 if make_up else 0)


def test_at_the_start_it_may_run_at_once(tmp_path):
    log, said = tmp_path / "log", []
    schedule = Foreground(NEVER, writing(log, code=4), said.append)
    thread = served(
        schedule, lambda: lines(log) == ["begin", "end"] and any("next run" in line for line in said), at_once=True
    )
    schedule.stop()
    thread.join(30)
    assert schedule.last_code == 4
    assert any("exit code 4" in line for line in said)
    assert sum("next run" in line for line in said) == 1


@pytest.mark.parametrize(("code", "runs"), [(BUSY, 3), (4, 1), (2, 1), (0, 1)])
def test_only_where_another_run_is_at_work_it_tries_again(tmp_path, code, runs):
    log = tmp_path / "log"
    Foreground(NEVER, writing(log, code=code), lambda _: None, tries=3, wait=0.01).run()
    assert lines(log).count("begin") == runs


def test_a_timetable_that_is_due_no_more_ends_by_itself():
    class Over:
        zone = ZoneInfo("UTC")
        trigger = NEVER.trigger

        def after(self, _):
            return iter(())

    said: list[str] = []
    Foreground(Over(), python(""), said.append).serve()
    assert said == ["no run is due any more", "stopped"]


SERVER = """
import sys
from zoneinfo import ZoneInfo
from idp_analytics.schedule.foreground import Foreground
from idp_analytics.schedule.timetable import Timetable
Foreground(Timetable("0 0 1 1 *", ZoneInfo("UTC")), sys.argv[1:], lambda line: print(line, flush=True)).serve(at_once=True)
"""


@pytest.mark.parametrize(("signals", "whole"), [(1, True), (2, False)])
def test_a_signal_lets_the_run_end_and_a_second_one_ends_it(tmp_path, signals, whole):
    log = tmp_path / "log"
    process = subprocess.Popen(python(SERVER) + writing(log, 3), stdout=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while lines(log) != ["begin"]:
        assert time.monotonic() < end
        time.sleep(0.05)
    for _ in range(signals):
        os.kill(process.pid, signal.SIGTERM)
        time.sleep(0.3)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "let to its end" in out
    assert out.rstrip().endswith("stopped")
    assert lines(log) == (["begin", "end"] if whole else ["begin"])


def test_a_run_is_the_command_itself():
    said = subprocess.run([*reporting(["--help"])], check=True, capture_output=True, text=True).stdout
    assert said.startswith("Usage: idp report")


def test_the_next_run_is_said_in_its_own_zone():
    said: list[str] = []
    Foreground(Timetable("0 6 * * 1", ZoneInfo("Europe/Berlin")), python(""), said.append)._announce()
    assert said[0].startswith("next run ")
    assert said[0].endswith(("06:00 CET", "06:00 CEST"))
    assert datetime.strptime(said[0][9:25], "%Y-%m-%d %H:%M").replace(tzinfo=UTC).weekday() == 0
