"""The same schedule for the scheduler that is there already: systemd, cron, Kubernetes, Airflow."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from idp_analytics.errors import SettingsError
from idp_analytics.schedule.timetable import Timetable

_NAME = "idp-report"


@dataclass(frozen=True)
class Written:
    """What a schedule is written down from: when, the folder to run in, the program and its options, and for Kubernetes the image.

    ``make_up``: a run that was missed is made up for once, where the scheduler can. ``shards``: how many pods of Kubernetes make the
    reports together.
    """

    timetable: Timetable
    folder: Path
    program: str
    options: tuple[str, ...]
    image: str = "idp-analytics:latest"
    make_up: bool = True
    shards: int = 1

    @property
    def line(self) -> str:
        """The command as a shell takes it."""
        return shlex.join([self.program, "report", *self.options])


def manifest(kind: str, schedule: Written) -> str:
    """The schedule as text for ``kind`` (systemd, cron, kubernetes or airflow); raises :class:`SettingsError` for what it has no words for."""
    texts: Sequence[str] = (str(schedule.folder), schedule.program, schedule.image, *schedule.options)
    if bad := [text for text in texts if any(not c.isprintable() for c in text)]:
        raise SettingsError(f"{bad[0]!r} holds a character that no {kind} file can hold. Rename it.")
    if kind == "airflow" and (bad := [text for text in texts if "{{" in text or "{%" in text]):
        raise SettingsError(f"{bad[0]!r}: Airflow would read that as a template. Rename it.")
    calendars = schedule.timetable.calendars() if kind == "systemd" else ()
    return _environment().get_template(f"{kind}.j2").render(name=_NAME, s=schedule, calendars=calendars)


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True, autoescape=False,  # noqa: S701 none of these is HTML
    )  # fmt: skip
    made.filters["percent"] = lambda text: text.replace("%", "%%")
    made.filters["cron"] = lambda text: text.replace("%", r"\%")
    made.filters["quoted"] = shlex.quote
    made.filters["systemd"] = _systemd
    return made


def _systemd(words: Sequence[str]) -> str:
    """A command as ``ExecStart=`` takes it: every word in quotes, its specifiers and variables taken literally."""
    return " ".join(
        '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$") + '"'
        for word in words
    )
