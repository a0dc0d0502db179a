"""The same schedule for the scheduler that is there already: systemd, cron, Kubernetes, Airflow."""

from __future__ import annotations

import json
import posixpath
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from idp_analytics.errors import SettingsError
from idp_analytics.schedule.timetable import Timetable

_NAME = "idp-report"
_POD = "/srv/idp"
"""The folder that a pod works in."""
_CORES = 2


@dataclass(frozen=True)
class Written:
    """What a schedule is written down from: when, the folder to run in, the program, its data, reports and further options, for Kubernetes the
    image, and for systemd the user to run as (empty: root).

    ``make_up``: a run that was missed is made up for once, where the scheduler can. ``shards``: how many pods of Kubernetes make the
    reports together.
    """

    timetable: Timetable
    folder: Path
    program: str
    data: PurePath
    reports: PurePath
    options: tuple[str, ...] = ()
    image: str = "idp-analytics:latest"
    make_up: bool = True
    shards: int = 1
    user: str = ""

    @property
    def arguments(self) -> tuple[str, ...]:
        """What follows ``idp report``."""
        return ("--data", str(self.data), "--reports", str(self.reports), *self.options)

    @property
    def pod(self) -> tuple[str, ...]:
        """The same in a pod, with as many workers as are asked for it: by itself a run would take all cores of the node, and their memory."""
        is_told = any(word.split("=")[0] == "--workers" for word in self.options)
        return self.arguments if is_told else (*self.arguments, "--workers", str(_CORES))

    @property
    def line(self) -> str:
        """The command as a shell takes it."""
        return shlex.join([self.program, "report", *self.arguments])


def manifest(kind: str, schedule: Written) -> str:
    """The schedule as text for ``kind`` (systemd, cron, kubernetes or airflow); raises :class:`SettingsError` for what it has no words for."""
    texts = (str(schedule.folder), schedule.program, schedule.image, schedule.user, *schedule.arguments)
    if bad := [text for text in texts if any(not c.isprintable() for c in text)]:
        raise SettingsError(f"{bad[0]!r} holds a character that no {kind} file can hold. Rename it.")
    if kind == "airflow" and (bad := [text for text in texts if any(mark in text for mark in ("{{", "{%", "{#"))]):
        raise SettingsError(f"{bad[0]!r}: Airflow would read that as a template. Rename it.")
    mounted = [posixpath.normpath(posixpath.join(_POD, path.as_posix())) for path in (schedule.data, schedule.reports)]
    if kind == "kubernetes" and (bad := [path for path in mounted if ":" in path]):
        raise SettingsError(f"{bad[0]!r}: Kubernetes mounts nothing where a colon is in the path. Rename it.")
    if kind == "kubernetes" and PurePosixPath(mounted[1]).is_relative_to(mounted[0]):
        raise SettingsError(
            f"--reports {schedule.reports}: in a pod that would be {mounted[1]}, inside the data ({mounted[0]}), which is mounted to be read only. "
            "Give a folder that is not inside --data, e.g. from the folder above: idp schedule --data acme --reports reports --print kubernetes."
        )
    calendars = schedule.timetable.calendars() if kind == "systemd" else ()
    cron = schedule.timetable.plain(kind) if kind != "systemd" else ""
    template = _environment().get_template(f"{kind}.j2")
    return template.render(
        name=_NAME, s=schedule, calendars=calendars, cron=cron, pod=_POD, cores=_CORES, mounted=mounted
    )


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True, autoescape=False,  # noqa: S701 none of these is HTML
    )  # fmt: skip
    made.filters["percent"] = lambda text: text.replace("%", "%%")
    made.filters["cron"] = lambda text: text.replace("%", r"\%")
    made.filters["quoted"] = shlex.quote
    made.filters["systemd"] = _systemd
    made.filters["python"] = repr
    made.filters["yaml"] = lambda value: json.dumps(value, ensure_ascii=False)
    made.filters["literal"] = lambda words: [word.replace("$", "$$") for word in words]  # a pod reads $(NAME) and $$
    return made


def _systemd(words: Sequence[str]) -> str:
    """A command as ``ExecStart=`` takes it: every word in quotes, its specifiers and variables taken literally."""
    return " ".join(
        '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$") + '"'
        for word in words
    )
