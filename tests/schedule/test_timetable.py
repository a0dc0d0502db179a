"""When a cron expression is due, by hand, and by systemd's own reading of what we print for it."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp_analytics.errors import SettingsError
from idp_analytics.schedule.timetable import Timetable


@pytest.mark.parametrize(
    ("cron", "zone", "after", "due"),
    [
        ("0 6 * * 1", "UTC", "2026-11-27T10:00", ["2026-11-30T06:00", "2026-12-07T06:00"]),
        ("0 6 * * 0", "UTC", "2026-11-27T10:00", ["2026-11-29T06:00", "2026-12-06T06:00"]),  # 0 and 7 are Sunday
        ("0 6 * * 7", "UTC", "2026-11-27T10:00", ["2026-11-29T06:00"]),
        ("0 6 * * sun", "UTC", "2026-11-27T10:00", ["2026-11-29T06:00"]),
        ("30 6 15 * 1", "UTC", "2026-11-27T10:00", ["2026-11-30T06:30", "2026-12-07T06:30", "2026-12-14T06:30", "2026-12-15T06:30"]),
        ("0 0 29 2 *", "UTC", "2026-11-27T10:00", ["2028-02-29T00:00"]),
        ("*/20 9-10 * * *", "UTC", "2026-11-27T09:30", ["2026-11-27T09:40", "2026-11-27T10:00", "2026-11-27T10:20"]),
        ("@monthly", "Europe/Berlin", "2026-11-27T10:00", ["2026-11-30T23:00", "2026-12-31T23:00"]),
        ("@quarterly", "UTC", "2026-11-27T10:00", ["2027-01-01T00:00", "2027-04-01T00:00"]),
        # Spring: half past two does not exist on 29 March 2026, so it is made up for at three. Autumn: it comes twice and counts once.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:30"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
    ],
)  # fmt: skip
def test_when_it_is_due(cron, zone, after, due):
    start = datetime.fromisoformat(after).replace(tzinfo=UTC)
    found = islice(Timetable.of(cron, zone).after(start), len(due))
    assert [f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M}" for moment in found] == due


@pytest.mark.parametrize(
    ("cron", "zone", "said"),
    [
        ("0 6 * *", "UTC", ["has 4 fields and not five"]),
        ("0 0 6 * * 1", "UTC", ["has 6 fields and not five"]),
        ("61 6 * * 1", "UTC", ["bad minute. It may be 0 to 59"]),
        ("0 6 30 2 *", "UTC", ["bad day-of-month. It may be 1 to 31 (one that a month named has)"]),
        (
            "0 6 * * fri-mon",
            "UTC",
            ["bad day-of-week. It may be 0 to 7 (Sunday is 0 and 7) or SUN to SAT, from a lower"],
        ),
        ("0 6 * * 1", "Mars/Olympus", ["is no time zone"]),
        ("0 6 * * 1", "../etc/passwd", ["is no time zone"]),
        ("", "", ["has 0 fields", "is no time zone"]),
    ],
)
def test_what_is_wrong_is_said_all_at_once(cron, zone, said):
    with pytest.raises(SettingsError) as told:
        Timetable.of(cron, zone)
    assert f"{len(said)} problem(s)" in str(told.value)
    assert all(words in str(told.value) for words in said)


def test_the_scheduler_is_given_the_same_times_and_never_one_twice():
    trigger = Timetable.of("30 2 * * *", "Europe/Berlin").trigger
    before, now, found = None, datetime(2026, 10, 24, 12, tzinfo=UTC), []
    for _ in range(3):
        before = trigger.get_next_fire_time(before, now)
        now = before.astimezone(UTC)
        found.append(now.isoformat())
    assert found == ["2026-10-25T00:30:00+00:00", "2026-10-26T01:30:00+00:00", "2026-10-27T01:30:00+00:00"]


def test_in_words():
    assert Timetable.of("0 6 * * 1", "Europe/Berlin").words == "At 06:00 on Monday, Europe/Berlin"


@pytest.mark.parametrize(
    ("cron", "calendars"),
    [
        ("0 6 * * 1", ("Mon *-*-* 06:00:00 Europe/Berlin",)),
        ("0 6 * * *", ("*-*-* 06:00:00 Europe/Berlin",)),
        ("30 6 1,15 * 1-5", ("*-*-01,15 06:30:00 Europe/Berlin", "Mon,Tue,Wed,Thu,Fri *-*-* 06:30:00 Europe/Berlin")),
        ("*/30 * * 1,7 0", ("Sun *-01,07-* *:00,30:00 Europe/Berlin",)),
        ("0 6 15 * 0-6", ("*-*-* 06:00:00 Europe/Berlin",)),  # either will do, and one is every day
    ],
)
def test_systemd_calendars(cron, calendars):
    assert Timetable.of(cron, "Europe/Berlin").calendars() == calendars


@pytest.mark.parametrize("cron", ["0 6 L * *", "0 6 * * 5#2", "0 6 * * 5L"])
def test_what_systemd_has_no_word_for_is_said(cron):
    with pytest.raises(SettingsError, match="systemd has no word"):
        Timetable.of(cron, "UTC").calendars()


@pytest.mark.parametrize(
    ("cron", "kinds", "read"),
    [
        ("*/15 9-17/2 1,15 * 1-5", "cron kubernetes airflow", "*/15 9-17/2 1,15 * 1-5"),
        ("@quarterly", "cron kubernetes airflow", "0 0 1 1,4,7,10 *"),
        ("0 6 * jan,dec mon-fri", "cron kubernetes airflow", "0 6 * 1,12 1,2,3,4,5"),
        ("0 6 * * 7", "cron kubernetes airflow", "0 6 * * 0"),  # to Kubernetes there is no day 7
        ("0 6 * * 5-7", "cron kubernetes airflow", "0 6 * * 0,5,6"),
        ("0 6 * * */2,7", "cron kubernetes airflow", "0 6 * * */2,0,2,4,6"),
        ("0 6 1 * */2,mon", "cron", "0 6 1 * */2,0,1,2,4,6"),  # both of them, by the star
        ("5/20 6 * * *", "cron kubernetes airflow", "5,25,45 6 * * *"),  # Debian's cron knows no step from a number on
        ("0 6 */1 * 1", "cron kubernetes airflow", "0 6 * * 1"),  # both of them, and one is every day
        ("0 6 1-31 * 1", "cron kubernetes airflow", "0 6 * * *"),  # either of them
        ("0 6 15 * 0-7", "cron kubernetes airflow", "0 6 * * *"),
        ("0 6 */2 * 1", "cron", "0 6 */2 * 1"),
        ("0 6 L * *", "airflow", "0 6 L * *"),
        ("0 6 * * 5#2", "airflow", "0 6 * * 5#2"),
    ],
)
def test_as_other_crons_read_it(cron, kinds, read):
    assert {Timetable.of(cron, "UTC").plain(kind) for kind in kinds.split()} == {read}


@pytest.mark.parametrize(
    ("cron", "kinds", "said"),
    [
        ("0 6 */2 * 1", "kubernetes airflow", "would run on days that are either"),
        ("0 6 15 * */2", "kubernetes airflow", "would run on days that are either"),
        ("0 6 L * *", "cron kubernetes", "has no word for L or #"),
        ("0 6 * * 5#2", "cron kubernetes", "has no word for L or #"),
        ("0 6 LW * *", "cron kubernetes airflow", "has no word for L or #"),
        ("0 6 * * 5L", "cron kubernetes airflow", "has no word for L or #"),
    ],
)
def test_what_another_cron_would_read_otherwise_is_refused(cron, kinds, said):
    for kind in kinds.split():
        with pytest.raises(SettingsError, match=f"{kind} {said}"):
            Timetable.of(cron, "UTC").plain(kind)


_MINUTE = st.sampled_from(["0", "*/15", "5,35", "59"])
_HOUR = st.sampled_from(["*", "6", "0-3", "*/7", "22,23"])
_DAY = st.sampled_from(["*", "1", "15,31", "*/10", "29", "*/7,5/9"])
_MONTH = st.sampled_from(["*", "2", "*/3", "6-8"])
_WEEK = st.sampled_from(["*", "0", "7", "1-5", "sat", "0,3", "*/2", "0-6", "*/2,mon", "*/3,7"])


@settings(max_examples=200, deadline=None)
@given(_MINUTE, _HOUR, _DAY, _MONTH, _WEEK)
def test_as_cron_reads_it_it_is_due_at_the_same_times(minute, hour, day, month, week):
    timetable = Timetable.of(f"{minute} {hour} {day} {month} {week}", "UTC")
    start = datetime(2026, 11, 27, 10, 7, tzinfo=UTC)
    assert list(islice(Timetable.of(timetable.plain("cron"), "UTC").after(start), 8)) == list(
        islice(timetable.after(start), 8)
    )


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")
@settings(max_examples=25, deadline=None)
@given(_MINUTE, _HOUR, _DAY, _MONTH, _WEEK)
def test_systemd_is_due_when_we_are(minute, hour, day, month, week):
    """Where no clock changes: there cron and systemd differ on purpose."""
    timetable = Timetable.of(f"{minute} {hour} {day} {month} {week}", "UTC")
    start = datetime(2026, 11, 27, 10, 7, tzinfo=UTC)
    ours = list(islice(timetable.after(start), 6))
    theirs: set[datetime] = set()
    for calendar in timetable.calendars():
        said = subprocess.run(
            ["systemd-analyze", "calendar", "--iterations=6", f"--base-time={start:%Y-%m-%d %H:%M:%S} UTC", calendar],
            check=True, capture_output=True, text=True, env={"TZ": "UTC", "PATH": "/usr/bin:/bin"},
        ).stdout  # fmt: skip
        for line in said.splitlines():
            if found := re.search(
                r"(?:Next elapse|Iter\. #\d+|Iteration #\d+): \w{3} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", line
            ):
                theirs.add(datetime.fromisoformat(found[1]).replace(tzinfo=UTC))
    assert sorted(theirs)[:6] == ours[:6]
    assert ours[0] - start < timedelta(days=4 * 366)
