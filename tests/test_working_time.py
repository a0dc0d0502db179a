"""Working days, hours of day and holidays: hand-worked cases, the clock changes, and laws against plain datetime."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.working_time import CLASSES, Calendar, Hours, is_time_zone, local_time, unknown_regions

BERLIN, NEW_YORK, KOLKATA = "Europe/Berlin", "America/New_York", "Asia/Kolkata"
ZONES = ("UTC", BERLIN, NEW_YORK, KOLKATA, "Australia/Lord_Howe", "Pacific/Kiritimati")
USUAL = Calendar(holidays=("DE-BE",))
MICROSECOND = timedelta(microseconds=1)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2029, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))


def instants(*at: datetime) -> pl.Series:
    return pl.Series("at", list(at), dtype=pl.Datetime("us", "UTC"))


def classes(calendar: Calendar, at: pl.Series, zone: str) -> list[str]:
    local = local_time(pl.col("at"), pl.lit(zone), ZONES, "UTC")
    return at.to_frame().select(calendar.hour_class(local)).to_series().to_list()


def local(zone: str, *parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ((2026, 3, 4, 8, 59, 59, 999_999), "evening"),
        ((2026, 3, 4, 9), "working"),
        ((2026, 3, 4, 16, 59, 59, 999_999), "working"),
        ((2026, 3, 4, 17), "evening"),
        ((2026, 3, 4, 21, 59, 59, 999_999), "evening"),
        ((2026, 3, 4, 22), "night"),
        ((2026, 3, 5, 6, 59, 59, 999_999), "night"),
        ((2026, 3, 5, 7), "evening"),
        ((2026, 3, 6, 23, 59, 59, 999_999), "night"),
        ((2026, 3, 7, 0), "night"),  # Saturday
        ((2026, 3, 7, 12), "weekend"),
        ((2026, 5, 1, 12), "holiday"),  # Labour Day, a Friday
        ((2026, 3, 8, 12), "holiday"),  # Women's Day in Berlin, a Sunday
        ((2026, 5, 1, 3), "night"),
    ],
)
def test_what_an_hour_is(zone: str, clock: tuple[int, ...], expected: str) -> None:
    assert classes(USUAL, instants(local(zone, *clock)), zone) == [expected]


def test_a_day_without_sleep_hours_at_the_boundary_of_midnight() -> None:
    """Half-open to the last microsecond: the working day ends with Friday, the weekend begins with Saturday."""
    always = Calendar(working_hours=Hours.parse("00:00-24:00"), night_hours=Hours(0, 0))
    midnight = local(BERLIN, 2026, 3, 7)
    assert classes(always, instants(midnight - MICROSECOND, midnight), BERLIN) == ["working", "weekend"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("09:00-17:00", Hours(540, 1020)),
        ("9:30 – 24:00", Hours(570, 1440)),
        ("22:00-07:00", Hours(1320, 420)),
        ("24:00-07:00", None),
        ("09:60-17:00", None),
        ("09:00-25:00", None),
        ("09:00-09:00", None),
        ("9-17", None),
    ],
)
def test_spans_of_hours(text: str, found: Hours | None) -> None:
    assert Hours.parse(text) == found


@given(st.tuples(*[st.integers(0, 1439)] * 4).filter(lambda t: t[0] != t[1] and t[2] != t[3]))
def test_spans_meet_exactly_when_they_share_a_minute(t: tuple[int, int, int, int]) -> None:
    one, other = Hours(t[0], t[1]), Hours(t[2], t[3])
    minutes = pl.int_range(0, 1440, eager=True).to_frame("m")
    both = minutes.select((one.holds(pl.col("m")) & other.holds(pl.col("m"))).any()).item()
    assert one.meets(other) == both
    assert Hours.parse(str(one)) == one


# --- against plain datetime ---------------------------------------------------------------------------------------------


def plain(calendar: Calendar, at: datetime, zone: str) -> str:
    """The same question asked of the standard library, one moment at a time."""
    clock = at.astimezone(ZoneInfo(zone))
    if clock.time() >= time(22) or clock.time() < time(7):
        return "night"
    if clock.date() in set(calendar.days_off):
        return "holiday"
    if clock.weekday() > 4:
        return "weekend"
    return "working" if time(9) <= clock.time() < time(17) else "evening"


@given(st.lists(st.tuples(moments, st.sampled_from([*ZONES, None, "Etc/GMT+3"])), min_size=1, max_size=30))
def test_every_moment_is_what_its_own_clock_says(rows: list[tuple[datetime, str | None]]) -> None:
    """A row of no zone, or of one that was not announced, is read in the zone of last resort."""
    frame = pl.DataFrame(rows, schema={"at": pl.Datetime("us", "UTC"), "zone": pl.String}, orient="row")
    wall = local_time(pl.col("at"), pl.col("zone"), ZONES, KOLKATA)
    found = frame.select(USUAL.hour_class(wall)).to_series().to_list()
    assert found == [plain(USUAL, at, zone if zone in ZONES else KOLKATA) for at, zone in rows]


@given(moments, st.integers(1, 20 * 24 * 60), st.integers(-14 * 60, 14 * 60))
def test_how_a_moment_is_written_does_not_matter(at: datetime, minutes: int, offset: int) -> None:
    from datetime import timezone

    moved = at.astimezone(timezone(timedelta(minutes=offset)))
    assert classes(USUAL, instants(at), BERLIN) == classes(USUAL, instants(moved), BERLIN)
    end = at + timedelta(minutes=minutes)
    hours = USUAL.working_hours_between(instants(at), instants(end), BERLIN)
    assert hours.equals(USUAL.working_hours_between(instants(moved), instants(end), BERLIN))


# --- counted -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "hours", "night"),
    [
        (BERLIN, date(2026, 3, 29), 23.0, 8.0),  # forward at 02:00
        (BERLIN, date(2026, 10, 25), 25.0, 10.0),  # back at 03:00
        (NEW_YORK, date(2026, 3, 8), 23.0, 8.0),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5, 9.5),  # back by half an hour at 02:00
        (KOLKATA, date(2026, 3, 29), 24.0, 9.0),
    ],
)
def test_a_day_of_a_clock_change(zone: str, day: date, hours: float, night: float) -> None:
    first = datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone)).astimezone(UTC)
    segments = Calendar().segments(zone, first, end)
    length = (pl.col("to") - pl.col("from")).dt.total_seconds() / 3600
    assert segments.select(length.sum()).item() == hours
    assert segments.filter(hour_class="night").select(length.sum()).item() == night


def test_night_that_begins_in_the_hour_that_comes_twice_or_never() -> None:
    odd = Calendar(night_hours=Hours.parse("02:30-05:00"))
    autumn, spring = (
        (datetime(2026, m, d, tzinfo=UTC), datetime(2026, m, d, 12, tzinfo=UTC)) for m, d in ((10, 25), (3, 29))
    )
    night = [s.filter(hour_class="night") for s in (odd.segments(BERLIN, *autumn), odd.segments(BERLIN, *spring))]
    clock = pl.col("from", "to").dt.strftime("%H:%M")
    assert night[0].select(clock).rows() == [("00:30", "01:00"), ("01:30", "04:00")]  # 02:30–03:00 twice, then to 05:00
    assert night[1].select(clock).rows() == [("01:00", "03:00")]  # 03:00–05:00: half past two was never


@given(moments, st.integers(1, 40 * 24 * 3600), st.sampled_from(ZONES))
def test_segments_tile_their_span_and_agree_with_the_clock(first: datetime, seconds: int, zone: str) -> None:
    end = first + timedelta(seconds=seconds)
    segments = USUAL.segments(zone, first, end)
    assert segments["from"][0] == first
    assert segments["to"][-1] == end
    assert segments["from"].slice(1).equals(segments["to"].slice(0, segments.height - 1), check_names=False)
    assert set(segments["hour_class"]) <= set(CLASSES)
    for edge in (segments["from"], segments["to"] - MICROSECOND):
        assert classes(USUAL, edge.alias("at"), zone) == segments["hour_class"].to_list()


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ((2026, 3, 2, 9), (2026, 3, 2, 17), 8.0),
        ((2026, 3, 2, 16), (2026, 3, 3, 10), 2.0),
        ((2026, 3, 6, 16), (2026, 3, 9, 10), 2.0),  # over a weekend
        ((2026, 4, 2, 16), (2026, 4, 7, 10), 2.0),  # over Easter
        ((2026, 3, 7, 0), (2026, 3, 8, 23), 0.0),
        ((2026, 3, 27, 9), (2026, 3, 30, 17), 16.0),  # over a clock change
        ((2026, 3, 3, 10), (2026, 3, 2, 10), 0.0),  # ends before it starts
    ],
)
def test_working_hours_between(start: tuple[int, ...], end: tuple[int, ...], hours: float) -> None:
    spans = [instants(local(BERLIN, *at)) for at in (start, end)]
    assert USUAL.working_hours_between(*spans, BERLIN).to_list() == [hours]


def test_working_hours_of_what_is_not_known() -> None:
    none, some = instants(None), instants(datetime(2026, 3, 2, tzinfo=UTC))
    assert USUAL.working_hours_between(none, none, BERLIN).to_list() == [None]
    assert USUAL.working_hours_between(some, none, BERLIN).to_list() == [None]


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(-5, 400), st.integers(0, 400))
def test_working_days_are_half_open_and_add_up(first: date, days: int, more: int) -> None:
    middle = first + timedelta(days=max(days, 0))
    end = middle + timedelta(days=more)
    counted = USUAL.working_days_between([first, middle, first], [middle, end, end])
    assert counted[0] + counted[1] == counted[2]
    each = pl.date_range(first, end, closed="left", eager=True).to_frame("day")
    assert each.select(USUAL.is_working_day(pl.col("day")).sum()).item() == counted[2]
    assert USUAL.working_days_between(middle, first) == 0


def test_holidays_added_and_taken_away() -> None:
    """May 2026 in Germany: Labour Day, Ascension, Whit Monday on weekdays, 21 of which a month of Fridays to Sundays has."""
    first, end = date(2026, 5, 1), date(2026, 6, 1)
    assert Calendar().working_days_between(first, end) == 21
    assert Calendar(holidays=("DE",)).working_days_between(first, end) == 18
    bridged = Calendar(holidays=("DE",), extra_holidays=(date(2026, 5, 15),), no_holidays=(date(2026, 5, 1),))
    assert bridged.working_days_between(first, end) == 18
    either = Calendar(holidays=("DE", "PL"))  # 3 May is a Sunday; 4 June is Corpus Christi in Poland
    assert either.working_days_between(first, date(2026, 6, 5)) == 18 + 3
    assert unknown_regions(["DE", "DE-BE", "DE-XX", "Berlin"]) == ["DE-XX", "Berlin"]


def test_a_week_that_works_from_sunday() -> None:
    calendar = Calendar(working_days=("sunday", "monday", "tuesday", "wednesday", "thursday"))
    assert calendar.working_days_between(date(2026, 3, 6), date(2026, 3, 9)) == 1
    assert classes(calendar, instants(local(KOLKATA, 2026, 3, 6, 12), local(KOLKATA, 2026, 3, 8, 12)), KOLKATA) == [
        "weekend",
        "working",
    ]


def test_zones_are_those_that_are_the_same_everywhere() -> None:
    assert is_time_zone("Europe/Berlin")
    assert not any(is_time_zone(name) for name in ("localtime", "Mars/Phobos", "", "europe/berlin", "../UTC"))


_ASKED = """
from datetime import UTC, datetime
import polars as pl
from idp_analytics.working_time import Calendar, local_time
at = pl.datetime_range(datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC), "37m", eager=True).alias("at")
zones = pl.Series("zone", ["Europe/Berlin", "America/New_York", None]).gather(pl.int_range(len(at), eager=True) % 3)
calendar = Calendar(holidays=("DE",))
found = pl.DataFrame([at, zones]).select(calendar.hour_class(local_time(pl.col("at"), pl.col("zone"), zones.drop_nulls().unique(), "UTC")))
print(found.to_series().str.head(1).str.join("").item(), calendar.segments("Europe/Berlin", at[0], at[-1]).hash_rows(1).to_list())
"""


def test_the_zone_of_the_machine_does_not_matter() -> None:
    told = [
        subprocess.run(
            [sys.executable, "-c", _ASKED], env={**os.environ, "TZ": zone}, cwd=Path.cwd(), capture_output=True, text=True, check=True
        ).stdout
        for zone in ("UTC", "America/Los_Angeles", "Asia/Kolkata")
    ]  # fmt: skip
    assert len(told[0]) > 200
    assert told[0] == told[1] == told[2]


def test_a_calendar_tells_what_it_is() -> None:
    assert Calendar().told()["working_hours"] == "09:00-17:00"
    assert Calendar().told()["holidays"] == "none"
    told = Calendar(holidays=("DE-BE", "PL"), extra_holidays=(date(2026, 12, 24),)).told()
    assert (told["holidays"], told["extra_holidays"], "no_holidays" in told) == ("DE-BE, PL", "2026-12-24", False)
