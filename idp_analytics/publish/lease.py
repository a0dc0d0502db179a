"""Who may publish below a folder that several machines share: a lease that is renewed, and a token that only grows.

::

    <root>/.lease/000000000012      who has taken token 12, a dot for each time it was renewed, ``free`` once it is let go

A lock of the file system may be lost on a network, and a process that was paused wakes and knows nothing of it. So a token is taken by
creating its file, which is given to one alone there too, and a holder takes the next one (:meth:`Lease.confirm`) right before it
changes what readers see: that fails for whoever was paused while another took over.

No two clocks are compared: who waits for a lease to run out looks again and again, and counts how often it saw no renewal.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from contextlib import suppress
from pathlib import Path

from idp_analytics.errors import ReportError

FOLDER = ".lease"
SECONDS = 30.0
"""How long a holder that gives no sign is waited for."""
RENEWAL = 1.0
"""Seconds between two signs of a holder."""
KEPT = 100
"""Files of tokens that stay: more than are taken while a listing of a network's folder may be out of date."""

_LOOKS = 4
"""Looks of one who waits, for each renewal that is due."""
_FREE = b"\nfree\n"


class BusyError(ReportError):
    """Another run is working in the same folder; nothing was changed. The exit code is sysexits' EX_TEMPFAIL."""

    exit_code = 75


class Lease:
    """The right to publish below ``root``, from its creation to :meth:`release`: ``token`` is greater than that of all who had it before.

    Raises :class:`BusyError` if another has it, which takes a renewal to see (:data:`RENEWAL`). One whose process is known to be gone, which
    it is on the same machine, is followed at once; one that gives no sign, after :data:`SECONDS`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)
        self.token = newest(self.folder)
        if not _is_over(self._file()) or not self._take_next():
            raise BusyError(
                f"{root}: another run is publishing there{holder(root)}. Nothing was changed; try again later."
            )
        self._released = threading.Event()
        self._renewing = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._renewing.start()

    def confirm(self) -> None:
        """Take the next token, and with it the whole time of a lease. Raises :class:`BusyError` if another has taken one."""
        if self.is_lost() or not self._take_next():
            raise self.lost()

    def is_lost(self) -> bool:
        """Whether another has taken a token since."""
        return newest(self.folder) != self.token

    def lost(self) -> BusyError:
        """What is said then."""
        return BusyError(
            f"{self.root}: another run has taken over, as this one gave no sign for {SECONDS:g} seconds or more (it held token {self.token}; "
            f"the newest is {newest(self.folder)}). This one changed nothing; run it again if the other did not finish."
        )

    def release(self) -> None:
        """Let others publish."""
        self._released.set()
        self._renewing.join()
        self._say(_FREE)

    def _take_next(self) -> bool:
        """Create the file of the next token; False if another has."""
        try:
            number = os.open(self._file(self.token + 1), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        with os.fdopen(number, "wb") as file:
            file.write(json.dumps(_myself()).encode() + b"\n")
        self.token += 1
        if self.token % (KEPT // 2) == 0:
            for token in _tokens(self.folder):
                if token <= self.token - KEPT:
                    self._file(token).unlink(missing_ok=True)
        return True

    def _renew(self) -> None:
        while not self._released.wait(RENEWAL):
            self._say(b".")

    def _say(self, sign: bytes) -> None:
        with suppress(OSError):  # a disk that is full for a moment; for longer, and others take over
            number = os.open(self._file(), os.O_WRONLY | os.O_APPEND)
            try:
                os.write(number, sign)
            finally:
                os.close(number)

    def _file(self, token: int | None = None) -> Path:
        return self.folder / f"{self.token if token is None else token:012}"


def newest(folder: Path) -> int:
    """The greatest token that was taken; 0 if none was."""
    return max(_tokens(folder), default=0)


def holder(root: Path) -> str:
    """Who has the lease, or had it and never let go, as words to add: `` (process 7 on build-3)``; empty where it is free or nobody says."""
    try:
        folder = root / FOLDER
        told = _read(folder / f"{newest(folder):012}")
        who = json.loads(told.partition(b"\n")[0])
        return "" if told.endswith(_FREE) else f" (process {int(who['process'])} on {who['host']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def is_held(root: Path) -> bool:
    """Whether somebody has the lease and gives signs, which takes two renewals to see."""
    folder = root / FOLDER
    file = folder / f"{newest(folder):012}"
    told = _read(file)
    if told.endswith(_FREE) or _is_gone(told):
        return False
    time.sleep(2 * RENEWAL)
    return _read(file) not in (told, told + _FREE)


def _tokens(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir() if path.name.isascii() and path.name.isdecimal()]


def _is_over(file: Path) -> bool:
    """Whether its holder has let go, is gone, or gives no sign for as long as is waited."""
    told = now = _read(file)
    for _ in range(round(SECONDS / RENEWAL * _LOOKS)):
        if now.endswith(_FREE) or _is_gone(now):
            return True
        if now != told:
            return False
        time.sleep(RENEWAL / _LOOKS)
        now = _read(file)
    return now == told


def _read(file: Path) -> bytes:
    """What its holder has said; opened anew each time, as a network's file system then asks its server."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


# --- processes of this machine ------------------------------------------------------------------------------------------


def _myself() -> dict[str, str | int]:
    return {"host": platform.node(), "machine": _machine(), "process": os.getpid(), "started": _started(os.getpid())}


def _is_gone(told: bytes) -> bool:
    """Whether the holder was a process of this machine and is not there any more; or there was none."""
    if not told:
        return True
    try:
        holder = json.loads(told.partition(b"\n")[0])
        machine, process, started = holder["machine"], holder["process"], holder["started"]
    except (ValueError, KeyError, TypeError):  # it is being written
        return False
    return bool(machine) and machine == _machine() and started != _started(process)


def _machine() -> str:
    """This machine since it was started, and this container of it; empty where the system does not tell."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(process: int) -> str:
    """When a process was started, in ticks; empty if it is gone, or ended and not yet asked after."""
    try:
        state, *rest = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(") ")[2].split()
    except (OSError, ValueError):
        return ""
    return "" if state in ("Z", "X") else rest[18]
