"""A cron expression in a time zone: when it is due, as a trigger of the scheduler, and as systemd calendars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.base import BaseTrigger
from cronsim import CronSim, CronSimError

from idp_analytics.errors import SettingsError

MACROS = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *", "@quarterly": "0 0 1 1,4,7,10 *",
}  # fmt: skip
_FIELDS = 5
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
                problems.append(f"--cron {cron!r}: {str(error)[:1].lower()}{str(error)[1:]}.")
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
        sim = self._sim(datetime(2026, 1, 1, tzinfo=self.zone))
        days = [day for day in sim.days if isinstance(day, int) and day > 0]
        week = sorted({day % 7 for day in sim.weekdays if isinstance(day, int)})  # Sunday is 0 and 7
        if len(days) < len(sim.days) or not all(isinstance(day, int) for day in sim.weekdays):
            raise SettingsError(f"{self.cron!r}: systemd has no word for L or #. Name the days, or print cron.")
        clock = f"{_listed(sim.hours, range(24))}:{_listed(sim.minutes, range(60))}:00"
        month, day = _listed(sim.months, range(1, 13)), _listed(days, range(1, 32))
        weekdays = ",".join(_DAYS[number] for number in week)
        if len(week) == len(_DAYS):
            dates = [f"*-{month}-{day}"]
        elif sim.day_and:
            dates = [f"{weekdays} *-{month}-{day}"]
        else:
            dates = [f"*-{month}-{day}", f"{weekdays} *-{month}-*"]
        return tuple(f"{date} {clock} {self.zone.key}" for date in dates)

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
