"""Publishing whole or not at all: a run is made aside, then one rename and one link swap make it what readers see.

::

    <root>/.lease/                    which run may publish (:mod:`.lease`)
    <root>/.runs/<key>/               finished runs; never changed again
    <root>/.partial-<key>-<token>/    a run being made, or one that was interrupted, with a journal of its reports beside it
    <root>/<name> -> .runs/<key>      what readers open
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

from idp_analytics.errors import ReportError
from idp_analytics.paths import UNWRITABLE
from idp_analytics.publish.lease import Lease

MANIFEST = "manifest.json"
KEPT_RUNS = 3
"""Finished runs kept for each published name unless another number is said; older ones are removed unless something still points to
them."""

NOTHING: Mapping[str, str] = MappingProxyType({})
"""No sum of a file is known."""

RUNS = ".runs"
JOURNAL = ".journal"
"""Ending of the file beside a run being made that says which of its reports are whole."""

_LEFT = re.compile(r"\.(?:partial-[0-9a-f]+(?:-\d+)?(?:\.journal)?|gone-[0-9a-f]+-\d+|link-\d+|index-\d+\.html)")
"""What a run that was interrupted can leave: the folder it worked in or was removing, the link or the page of all periods it was about to
swap."""

_NAME = ".name"
"""In a finished run: the name it was published as, and the token it was published with."""

_FORCED = 8
"""So many files are forced to the disk at a time: it does for several at once what it does for one."""

NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
"""What the system says where a file system has no links."""


@contextmanager
def locked(root: Path) -> Iterator[Lease]:
    """Hold ``root`` for one run. Raises :class:`.lease.BusyError` if another holds it, or has taken over meanwhile; and
    :class:`ReportError` where the file system has no links, before anything is made."""
    with writable(root):
        root.mkdir(parents=True, exist_ok=True)
        lease = Lease(root)
    try:
        with writable(root):
            _linked(Path(RUNS), root / f".link-{os.getpid()}").unlink()
        yield lease
    except Exception:
        if lease.is_lost():  # then what went wrong is that another works with what this one had
            raise lease.lost() from None
        raise
    finally:
        lease.release()


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
def stage(root: Path, key: str, lease: Lease) -> Iterator[Path]:
    """The folder to make a run in, with what an interrupted run of the same key has left in it. Gone afterwards, unless :func:`commit`
    has taken it or the run was interrupted; what other runs have left is cleared. For who holds ``root`` (:func:`locked`).

    Each holder has a folder of its own, and what was begun is moved there: one that was paused finds its folder gone."""
    folder = root / f".partial-{key}-{lease.token}"
    begun = [path for path in root.glob(f".partial-{key}-*") if path.is_dir() and _LEFT.fullmatch(path.name)]
    if begun:
        last = max(begun, key=lambda path: int(path.name.rpartition("-")[2]))
        with suppress(FileNotFoundError):
            _journal(last).rename(_journal(folder))
        last.rename(folder)
    for old in root.glob(".*"):
        if _LEFT.fullmatch(old.name) and old not in (folder, _journal(folder)):
            _remove(old)
    folder.mkdir(exist_ok=True)
    try:
        yield folder
    except Exception:
        _remove(folder, _journal(folder))
        raise
    _remove(folder, _journal(folder))


def commit(
    staged: Path, root: Path, key: str, name: str, lease: Lease, keep: int = KEPT_RUNS, known: Mapping[str, str] = NOTHING
) -> Path:  # fmt: skip
    """Make a staged run what readers of ``name`` see, and remove all runs of ``name`` but the ``keep`` newest.

    Writes the manifest, forces everything to the disk, moves the run to its place and swaps the link, each step
    atomic: a reader sees the run before or this one, whole. ``known``: as for :func:`write_manifest`. Gives the run's folder. Raises :class:`.lease.BusyError` if another has taken
    over the ``lease``.
    """
    write_manifest(staged, known)
    _force(staged)
    lease.confirm()
    kept = root / RUNS
    kept.mkdir(exist_ok=True)
    run = kept / key
    attempt = 1
    while run.exists():  # an earlier run of the same key in which a report failed; readers may still be in it
        attempt += 1
        run = kept / f"{key}.{attempt}"
    _mark(staged, name, lease)
    staged.rename(run)
    _force_folder(kept)
    point(root, name, run, lease)
    prune(root, name, keep)
    return run


def point(root: Path, name: str, run: Path, lease: Lease) -> None:
    """Swap the link ``root/name`` to ``run`` and mark the run as the newest of its name, published with the token of ``lease``.

    Raises :class:`.lease.BusyError` if another has taken over, or what is published has a newer token. Between the last look and the swap a process
    can be paused all the same; then it finds out right afterwards, and swaps the link to the run with the newest token.
    """
    link = root / name
    if link.exists() and not link.is_symlink():
        raise ReportError(f"{link}: is in the way: it is not a link this command made. Move it, then publish again.")
    lease.confirm()
    if _token(link) > lease.token:
        raise lease.lost()
    _mark(run, name, lease)
    os.utime(run)
    _swap(link, run)
    if lease.is_lost():
        _swap(link, max(_named(root, name), key=_token))
        raise lease.lost()


def _mark(run: Path, name: str, lease: Lease) -> None:
    (run / _NAME).write_text(f"{name}\n{lease.token}\n", encoding="utf-8")


def _swap(link: Path, run: Path) -> None:
    _linked(Path(RUNS) / run.name, link.with_name(f".link-{os.getpid()}")).replace(link)
    _force_folder(link.parent)


def _linked(to: Path, new: Path) -> Path:
    """A link at ``new``; raises :class:`ReportError` where there are none."""
    new.unlink(missing_ok=True)
    try:
        new.symlink_to(to, target_is_directory=True)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        raise ReportError(
            f"{new.parent}: its file system has no symbolic links ({error.strerror}), by which a set of reports is switched at once. What was published "
            "before is untouched; give a folder of another file system with --reports, and copy the reports from there."
        ) from None
    return new


def _named(root: Path, name: str) -> list[Path]:
    """The finished runs that were published as ``name``."""
    return [run for run in runs(root) if _told(run)[:1] == [name]]


def _token(run: Path) -> int:
    """The token a run was published with; 0 where it was published without one."""
    told = _told(run)
    return int(told[1]) if len(told) > 1 else 0


def _told(run: Path) -> list[str]:
    path = run / _NAME
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def _journal(folder: Path) -> Path:
    return folder.with_name(folder.name + JOURNAL)


def prune(root: Path, name: str, keep: int = KEPT_RUNS) -> None:
    """Remove all finished runs of ``name`` but the ``keep`` newest, and but those that a name still leads to."""
    shown = {(root / other).resolve() for other in published(root)}
    for old in sorted(_named(root, name), key=_age, reverse=True)[keep:]:
        if old.resolve() not in shown:
            gone = root / f".gone-{old.name.replace('.', '')}-{os.getpid()}"  # half removed, it must not look finished
            old.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)


def published(root: Path) -> list[str]:
    """The names readers can open below ``root``."""
    return sorted(p.name for p in root.iterdir() if p.is_symlink() and not p.name.startswith(".") and p.is_dir())


def write_manifest(folder: Path, known: Mapping[str, str] = NOTHING) -> None:
    """``manifest.json``: the SHA-256 of every file in ``folder``; those that are ``known`` (name below it → sum) are not read."""
    told = {"files": {name: known.get(name) or digest(folder / name) for name in _names(folder)}}
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
    return sorted(name for name in files if name not in (MANIFEST, _NAME))


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def runs(root: Path) -> list[Path]:
    """The finished runs below ``root``, whether or not a name still leads to them."""
    folder = root / RUNS
    return [p for p in folder.iterdir() if p.is_dir()] if folder.is_dir() else []


def _age(run: Path) -> tuple[int, int]:
    """What grows with each run that is published, whatever the clock says: its token; among those without one, the time."""
    return _token(run), run.stat().st_mtime_ns


def _remove(*paths: Path) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def hasten(path: Path) -> None:
    """Have the system begin to write a file that is whole to the disk, so that it need not be waited for when it is forced there at the end. It is to be one that
    nobody reads again soon."""
    if hasattr(os, "posix_fadvise"):  # not on macOS, where it waits until then
        with suppress(OSError), path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _force(folder: Path) -> None:
    paths = sorted(folder.rglob("*"), reverse=True)
    folders = [path for path in paths if path.is_dir()]
    with ThreadPoolExecutor(_FORCED) as pool:
        list(pool.map(_force_file, [path for path in paths if not path.is_dir()]))
    for path in (*folders, folder):
        _force_folder(path)


def _force_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _force_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
