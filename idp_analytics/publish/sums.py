"""What of a set is hashed while its reports are made, so that its manifest need not read all of it once more."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from idp_analytics.publish import staging

_Stamp = tuple[int, int, int, int]


class Sums:
    """SHA-256 of files in ``folder``, each as long as nobody has touched the file since it was told.

    A sum holds for one state of a file: which file it is, how long, and when it was last written and changed in any way, which the system
    notes. Of a file that is any other now nothing is known, and whoever wants its sum must read it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._told: dict[str, tuple[_Stamp | None, str]] = {}

    def tell(self, file: str, digest: str) -> None:
        """What is in ``file`` (below the folder) now has this sum."""
        self._told[file] = _stamp(self.folder / file), digest

    def add(self, files: Iterable[Path]) -> None:
        """Read these files."""
        for path in files:
            before = _stamp(path)  # one that changes while it is read is not as it was
            self._told[path.relative_to(self.folder).as_posix()] = before, staging.digest(path)

    def known(self) -> dict[str, str]:
        """File → sum, of those that are as they were."""
        return {
            file: digest
            for file, (stamp, digest) in self._told.items()
            if stamp is not None and stamp == _stamp(self.folder / file)
        }

    def changed(self) -> list[str]:
        """Files that are not there any more or hold anything else than what was told."""
        known = self.known()
        suspects = sorted(set(self._told) - set(known))
        return [file for file in suspects if _sum(self.folder / file) != self._told[file][1]]


def _sum(path: Path) -> str | None:
    return staging.digest(path) if path.is_file() else None


def _stamp(path: Path) -> _Stamp | None:
    """The state of a file; None where there is none."""
    try:
        seen = path.stat()
    except FileNotFoundError:
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns
