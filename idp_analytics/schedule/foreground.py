"""The schedule of those who have none: one process that waits, runs the command when it is due, and stops when asked."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from idp_analytics.schedule.timetable import Timetable

BUSY = 75
"""Exit code of a command that found another run at work: worth another try."""

GRACE_SECONDS = 60
"""A run that is due may begin so much late and still be on time."""

LOOK_SECONDS = 30.0
"""How often the clock on the wall is looked at: waits do not count the time in which a machine sleeps, nor see a clock that is set."""

Say = Callable[[str], None]


class Foreground:
    """Runs ``command`` whenever ``timetable`` says, never twice at once.

    ``make_up`` for runs that were missed while the machine slept: one run as soon as it wakes, however many were missed; else
    they are left out and said. One that is due while the one before is at work is always left out. ``tries`` in all where another run is at work, ``wait`` seconds
    apart; any other failure is of the data or the settings and would fail again. ``say`` takes one line per event.
    """

    def __init__(
        self,
        timetable: Timetable,
        command: Sequence[str],
        say: Say,
        make_up: bool = True,
        tries: int = 5,
        wait: float = 60,
    ) -> None:
        self.timetable, self.command, self.say = timetable, tuple(command), say
        self.make_up, self.tries, self.wait = make_up, tries, wait
        self._stop = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self.last_code: int | None = None

    def serve(self, at_once: bool = False) -> None:
        """Wait and run until asked to stop (SIGTERM, SIGINT, or :meth:`stop`); a run under way is let to its end."""
        grace = None if self.make_up else GRACE_SECONDS
        scheduler = BackgroundScheduler(executors={"default": ThreadPoolExecutor(1)}, timezone=self.timetable.zone)
        scheduler.add_listener(self._missed, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
        scheduler.add_job(
            self.run, self.timetable.trigger, id="report", max_instances=1, coalesce=True, misfire_grace_time=grace
        )
        with self._signals():
            if at_once:
                self.run()
            if not self._stop.is_set():
                scheduler.start()
                if not at_once:  # else the run before has said it
                    self._announce()
                while not self._stop.wait(LOOK_SECONDS):
                    scheduler.wakeup()
                scheduler.shutdown(wait=True)
        self.say("stopped")

    def stop(self) -> None:
        """Ask for the end: no further run begins."""
        self._stop.set()

    def run(self) -> None:
        """Run the command once, in a process of its own, and say how it went."""
        for attempt in range(1, self.tries + 1):
            self.say(f"run: {' '.join(self.command)}")
            begun = datetime.now(UTC)
            self._child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, start_new_session=True)
            self.last_code = self._child.wait()
            self._child = None
            took = (datetime.now(UTC) - begun).total_seconds()
            self.say(f"ended with exit code {self.last_code} after {took:.0f} s")
            if self.last_code != BUSY or attempt == self.tries or self._stop.wait(self.wait):
                break
        if not self._stop.is_set():
            self._announce()

    def _announce(self) -> None:
        due = next(self.timetable.after(datetime.now(UTC)), None)
        if due is None:
            self.say("no run is due any more")
            self.stop()
        else:
            self.say(f"next run {due:%Y-%m-%d %H:%M %Z}")

    def _missed(self, _: Any) -> None:
        self.say("a run that was due has been left out: the one before was still at work, or the machine slept")

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """The first signal asks to stop, the second ends the run under way too."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._asked) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _asked(self, *_: Any) -> None:
        child = self._child
        if self._stop.is_set() and child is not None:
            child.terminate()
        elif child is not None:
            self.say("asked to stop: the run under way is let to its end (ask again to end it too)")
        self.stop()


def reporting(options: Sequence[str]) -> list[str]:
    """The command of a run here: this interpreter's own ``idp report`` with ``options``."""
    return [sys.executable, "-m", "idp_analytics", "report", *options]


def refused(options: Sequence[str]) -> str:
    """Why ``idp report`` knows no such option or misses its value, in its words; else empty. What they are set to is seen by a run."""
    # First: at the end it would be the value of an option that lacks one, and the run would begin.
    asked = subprocess.run([*reporting(["--help"]), *options], check=False, capture_output=True, text=True)
    return asked.stderr.strip().rpartition("\n")[2].removeprefix("Error: ") if asked.returncode else ""
