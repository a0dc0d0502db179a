"""A cron expression in a time zone: when it is due, as a trigger of the scheduler, as systemd calendars, and as other crons read it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.base import BaseTrigger
from cronsim import CronSim, CronSimError

from idp_analytics.errors import SettingsError

MACROS = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 1,4,7,10 *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}  # fmt: skip
_FIELDS = 5
_MAY_BE = {
    "minute": "0 to 59", "hour": "0 to 23", "day-of-month": "1 to 31 (one that a month named has), or L, the last",
    "month": "1 to 12 or JAN to DEC", "day-of-week": "0 to 7 (Sunday is 0 and 7) or SUN to SAT, from a lower number to a higher one",
}  # fmt: skip
_TERM = r"(\*(/\d+)?|\d+(-\d+(/\d+)?)?)"
_SAME = re.compile(rf"{_TERM}(,{_TERM})*")
"""A field that every cron reads alike, but for Sunday as 7."""
_SEVEN = re.compile(r"(^|[,-])7")
"""Sunday as 7, alone or as an end."""
_COUNTED = re.compile(r"L \*|\* [0-6]#[1-5]", re.IGNORECASE)
"""Days that Airflow counts too: the last of the month, the second Friday."""
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


@dataclass(frozen=True)
class Timetable:
    """``cron``: minute, hour, day of month, month, day of week, as Debian's cron reads them (both days given: either will do).

    In spring an hour that the clock leaves out is made up for right after it; in autumn one that comes twice counts once.
    """

    cron: str
    zone: ZoneInfo

    @classmethod
    def of(cls, cron: str, zone: str) -> Timetable:
        """The timetable of an expression or one of :data:`MACROS`; raises :class:`SettingsError` with all that is wrong."""
        problems = []
        expression = MACROS.get(cron, cron)
        found = ZoneInfo("UTC")
        try:
            found = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            problems.append(f"--zone {zone!r} is no time zone. Name one as in Europe/Berlin or UTC.")
        if len(expression.split()) != _FIELDS:
            problems.append(
                f"--cron {cron!r} has {len(expression.split())} fields and not five: minute, hour, day of month, month, day of week. "
                f"0 6 * * 1 is six o'clock every Monday; there are {', '.join(MACROS)} too."
            )
        else:
            try:
                CronSim(expression, datetime(2026, 1, 1, tzinfo=found))
            except CronSimError as error:
                field = str(error).removeprefix("Bad ")
                may_be = f" It may be {_MAY_BE[field]}; *, lists and steps as in */2 too." if field in _MAY_BE else ""
                problems.append(f"--cron {cron!r}: {str(error)[:1].lower()}{str(error)[1:]}.{may_be}")
        if problems:
            raise SettingsError.listing("The schedule", problems)
        return cls(expression, found)

    @property
    def words(self) -> str:
        """``At 06:00 on Monday, Europe/Berlin``."""
        return f"{self._sim(datetime(2026, 1, 1, tzinfo=self.zone)).explain()}, {self.zone.key}"

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Every time it is due after ``moment``, in its own zone; ends where no date fits any more."""
        return self._sim(moment.astimezone(self.zone))

    @property
    def trigger(self) -> BaseTrigger:
        """The same for a scheduler."""
        return _Due(self)

    def calendars(self) -> tuple[str, ...]:
        """``OnCalendar=`` values of systemd that together are due when this is; raises :class:`SettingsError` where there are none.

        systemd wants both the day of the month and that of the week where both are given, cron either: then there are two.
        """
        sim, days, week = self._days("systemd")
        clock = f"{_listed(sim.hours, range(24))}:{_listed(sim.minutes, range(60))}:00"
        month, day = _listed(sim.months, range(1, 13)), _listed(days, range(1, 32))
        weekdays = ",".join(_DAYS[number] for number in week)
        if len(week) == len(_DAYS):
            dates = [f"*-{month}-{day if sim.day_and else '*'}"]
        elif sim.day_and:
            dates = [f"{weekdays} *-{month}-{day}"]
        else:
            dates = [f"*-{month}-{day}", f"{weekdays} *-{month}-*"]
        return tuple(f"{date} {clock} {self.zone.key}" for date in dates)

    def plain(self, kind: str) -> str:
        """The expression as the cron of ``kind`` (cron, kubernetes, airflow) reads it the same: numbers, Sunday as 0.

        Raises :class:`SettingsError` where it has no such words: for days counted from the end of a month or the like, and for days that have to
        be both of the month and of the week (``*/2`` and a weekday), which nothing but cron and systemd reads so.
        """
        fields = self.cron.split()
        if kind == "airflow" and _COUNTED.fullmatch(f"{fields[2]} {fields[4]}"):
            return self.cron
        sim, days, week = self._days(kind)
        is_whole = {2: len(days) == len(range(1, 32)), 4: len(week) == len(_DAYS)}
        if kind != "cron" and sim.day_and and not any(is_whole.values()):
            raise SettingsError(
                f"{self.cron!r}: {kind} would run on days that are either of the month or of the week as asked, not both. "
                "Name days of one kind, or print cron or systemd."
            )
        is_daily = not sim.day_and and any(is_whole.values())
        told = []
        for place, chosen in enumerate((sim.minutes, sim.hours, days, sim.months, week)):
            field = fields[place]
            if place in is_whole and (is_whole[place] or is_daily):
                told.append("*")
            elif _SAME.fullmatch(field) and not (place == 4 and _SEVEN.search(field)):
                told.append(field)
            else:
                # A star at the beginning stays: by it cron knows that a day has to be both of the month and of the week.
                star = field.split(",")[:1] if field.startswith("*") else []
                told.append(",".join([*star, *map(str, sorted(chosen))]))
        return " ".join(told)

    def _days(self, kind: str) -> tuple[CronSim, list[int], list[int]]:
        """The expression, its days of the month, and of the week with Sunday as 0, where they can be listed."""
        sim = self._sim(datetime(2026, 1, 1, tzinfo=self.zone))
        days = sorted(day for day in sim.days if isinstance(day, int) and day > 0)
        week = sorted({day % 7 for day in sim.weekdays if isinstance(day, int)})
        if len(days) < len(sim.days) or not all(isinstance(day, int) for day in sim.weekdays):
            raise SettingsError(
                f"{self.cron!r}: {kind} has no word for L or #. Name the days, or run it here, in the foreground."
            )
        return sim, days, week

    def _sim(self, moment: datetime) -> CronSim:
        return CronSim(self.cron, moment)


class _Due(BaseTrigger):  # type: ignore[misc]
    """The scheduler's own reading of cron counts days of the week from Monday and wants both days: ours is Debian's."""

    def __init__(self, timetable: Timetable) -> None:
        self.timetable = timetable

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        return next(self.timetable.after(max(previous_fire_time or now, now)), None)


def _listed(chosen: Iterable[int], whole: range) -> str:
    values = sorted(chosen)
    return "*" if values == list(whole) else ",".join(f"{value:02}" for value in values)
