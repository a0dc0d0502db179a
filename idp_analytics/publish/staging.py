"""Publishing whole or not at all: a run is made aside, then one rename and one link swap make it what readers see.

::

    <root>/.lock                      held by the run that is working
    <root>/.runs/<key>/               finished runs; never changed again
    <root>/.partial-<key>/            a run being made, or one that was interrupted, with a journal of its reports beside it
    <root>/<name> -> .runs/<key>      what readers open
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from idp_analytics.errors import ReportError

MANIFEST = "manifest.json"
KEPT_RUNS = 3
"""Finished runs kept for each published name unless another number is said; older ones are removed unless something still points to
them."""

_RUNS = ".runs"
JOURNAL = ".journal"
"""Ending of the file beside a run being made that says which of its reports are whole."""

_LEFT = re.compile(r"\.(?:partial-[0-9a-f]+(?:-\d+)?(?:\.journal)?|link-\d+|index-\d+\.html)")
"""What a run that was interrupted can leave: the folder it worked in, the link or the page of all periods it was about to swap."""

UNWRITABLE = frozenset({
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO, errno.ENOTDIR, errno.EEXIST
})  # fmt: skip
"""What the system says of a disk that is full, broken or not ours to write, and of a file where a folder is to be."""


class BusyError(ReportError):
    """Another run is working in the same folder; nothing was changed. The exit code is sysexits' EX_TEMPFAIL."""

    exit_code = 75


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold ``root`` for one run. Raises :class:`BusyError` at once if another holds it."""
    with writable(root):
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise BusyError(f"{root}: another run is publishing there. Nothing was changed; try again later.") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def writable(root: Path) -> Iterator[None]:
    """A full disk or a folder that may not be written becomes a :class:`ReportError` that says so."""
    try:
        yield
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        raise ReportError(
            f"{error.filename or root}: cannot be written: {error.strerror}. What was published before is untouched; "
            "make room or give another folder with --reports."
        ) from None


def finished(root: Path, key: str) -> Path | None:
    """The newest finished run of this key, if there is one."""
    found = [run for run in runs(root) if run.name.split(".")[0] == key]
    return max(found, key=_age) if found else None


@contextmanager
def stage(root: Path, key: str) -> Iterator[Path]:
    """The folder to make a run in, with what an interrupted run of the same key has left in it. Gone afterwards, unless :func:`commit`
    has taken it or the run was interrupted; what other runs have left is cleared. For who holds ``root`` (:func:`locked`)."""
    folder = root / f".partial-{key}"
    mine = (folder, folder.with_name(folder.name + JOURNAL))
    for old in root.glob(".*"):
        if _LEFT.fullmatch(old.name) and old not in mine:
            _remove(old)
    folder.mkdir(exist_ok=True)
    try:
        yield folder
    except Exception:
        _remove(*mine)
        raise
    _remove(*mine)


def commit(staged: Path, root: Path, key: str, name: str, keep: int = KEPT_RUNS) -> Path:
    """Make a staged run what readers of ``name`` see, and remove all runs of ``name`` but the ``keep`` newest.

    Writes the manifest, forces everything to the disk, moves the run to its place and swaps the link, each step
    atomic: a reader sees the run before or this one, whole. Gives the run's folder.
    """
    write_manifest(staged)
    _force(staged)
    kept = root / _RUNS
    kept.mkdir(exist_ok=True)
    run = kept / key
    attempt = 1
    while run.exists():  # an earlier run of the same key in which a report failed; readers may still be in it
        attempt += 1
        run = kept / f"{key}.{attempt}"
    (staged / ".name").write_text(name, encoding="utf-8")
    staged.rename(run)
    _force_folder(kept)
    point(root, name, run)
    prune(root, name, keep)
    return run


def point(root: Path, name: str, run: Path) -> None:
    """Swap the link ``root/name`` to ``run`` and mark the run as the newest of its name."""
    os.utime(run)
    link = root / name
    if link.exists() and not link.is_symlink():
        raise ReportError(f"{link}: is in the way: it is not a link this command made. Move it, then publish again.")
    new = root / f".link-{os.getpid()}"
    new.unlink(missing_ok=True)
    new.symlink_to(Path(_RUNS) / run.name, target_is_directory=True)
    new.replace(link)
    _force_folder(root)


def prune(root: Path, name: str, keep: int = KEPT_RUNS) -> None:
    """Remove all finished runs of ``name`` but the ``keep`` newest, and but those that a name still leads to."""
    shown = {(root / other).resolve() for other in published(root)}
    mine = [run for run in runs(root) if (run / ".name").is_file() and (run / ".name").read_text("utf-8") == name]
    for old in sorted(mine, key=_age, reverse=True)[keep:]:
        if old.resolve() not in shown:
            gone = (
                root / f".partial-{old.name.replace('.', '')}-{os.getpid()}"
            )  # half removed, it must not look finished
            old.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)


def published(root: Path) -> list[str]:
    """The names readers can open below ``root``."""
    return sorted(p.name for p in root.iterdir() if p.is_symlink() and not p.name.startswith(".") and p.is_dir())


def write_manifest(folder: Path) -> None:
    """``manifest.json``: the SHA-256 of every file in ``folder``."""
    told = {"files": {name: digest(folder / name) for name in _names(folder)}}
    (folder / MANIFEST).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def differences(folder: Path) -> list[str]:
    """What is not as the manifest says, one sentence each; none if the folder is whole."""
    told: dict[str, str] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    found = set(_names(folder))
    return [
        *(f"{name}: is missing" for name in sorted(set(told) - found)),
        *(f"{name}: is not in the manifest" for name in sorted(found - set(told))),
        *(f"{name}: was changed" for name in sorted(found & set(told)) if digest(folder / name) != told[name]),
    ]


def _names(folder: Path) -> list[str]:
    files = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    return sorted(name for name in files if name not in (MANIFEST, ".name"))


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def runs(root: Path) -> list[Path]:
    """The finished runs below ``root``, whether or not a name still leads to them."""
    folder = root / _RUNS
    return [p for p in folder.iterdir() if p.is_dir()] if folder.is_dir() else []


def _age(run: Path) -> int:
    return run.stat().st_mtime_ns


def _remove(*paths: Path) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _force(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            _force_folder(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())
    _force_folder(folder)


def _force_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
