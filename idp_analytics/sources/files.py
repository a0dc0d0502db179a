"""Files as bytes and text: unpacked by content, bounded, hashed as they lie on disk."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import stat
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO

from idp_analytics.errors import IdpError, SourceError
from idp_analytics.settings.limits import MIB, Limits

LIMITS: ContextVar[Limits] = ContextVar("limits", default=Limits())  # noqa: B039 frozen
"""How much one file may be, of the company whose files are read."""

_PIECE = 1 << 20


def shown_path(path: Path, root: Path) -> str:
    """The file as shown to the user: relative to ``root`` when it lies in it; always printable."""
    inside = path.absolute().is_relative_to(root.absolute())
    text = (path.absolute().relative_to(root.absolute()) if inside else path).as_posix()
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def sha256(path: Path, data: bytes | None = None) -> str:
    """SHA-256 of the file as it lies on disk (packed, if it is packed), in hexadecimal. What has been read of it (``data``) is
    not read again where it is not packed."""
    if data is not None and not _is_gzip(path):
        return hashlib.sha256(data).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


State = Mapping[Path, tuple[int, int, int] | None]
"""What tells that a file was written to: its size, time of change and number on the disk; none where there is no file."""


def state(paths: Iterable[Path]) -> State:
    """How files are now, those in folders too."""
    found: dict[Path, tuple[int, int, int] | None] = {}
    for path in paths:
        for file in (path, *path.rglob("*")) if path.is_dir() else (path,):
            if not file.is_dir():
                found[file] = _state(file)
    return found


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_size, told.st_mtime_ns, told.st_ino


@contextmanager
def unchanged(before: State, root: Path) -> Iterator[None]:
    """What is read within is of files as they were ``before``: one that is written to meanwhile would be half of one export and half of the next, under a
    hash that is neither's. Raises :class:`SourceError` then, whatever else was wrong with the file, and for one that is gone."""
    try:
        yield
    except (IdpError, OSError):
        _refuse_changed(before, root)
        raise
    _refuse_changed(before, root)


def _refuse_changed(before: State, root: Path) -> None:
    for path, was in before.items():
        now = _state(path)
        if now is None:
            raise SourceError(
                f"{shown_path(path, root)}: is gone since it was listed, or cannot be looked at. Nothing was read of it; export it again, or see who moves "
                "exports away while they are read."
            )
        if now != was:
            raise SourceError(
                f"{shown_path(path, root)}: was written to while it was read ({was[0] if was else 0:,} bytes before, {now[0]:,} now). Nothing of it is used; "
                "run this again once the export is whole. Exports that are written beside their place and then renamed are never read by half."
            )


@contextmanager
def limited(limits: Limits) -> Iterator[None]:
    """Files are read within these limits."""
    token = LIMITS.set(limits)
    try:
        yield
    finally:
        LIMITS.reset(token)


def open_bytes(path: Path, shown: str | None = None) -> BinaryIO:
    """Open a file for reading, unpacked if it is gzip, which its first bytes tell and not its name.

    Raises :class:`SourceError` for a folder, a file that may not be read, a broken gzip file, and one that unpacks to
    more than ``unpacked_mib`` of the :data:`LIMITS`.
    """
    shown = path.name if shown is None else shown
    with _said(shown):
        _refuse_endless(path, shown)
        if not _is_gzip(path):
            return path.open("rb")
        unpacked, most = io.BytesIO(), LIMITS.get().unpacked_mib
        with gzip.open(path) as packed:
            while piece := packed.read(_PIECE):
                unpacked.write(piece)
                if unpacked.tell() > most * MIB:
                    raise too_much(shown, f"unpacks to more than {most:,} MiB", "unpacked_mib")
        unpacked.seek(0)
        return unpacked


def beginning(path: Path, shown: str, size: int = 64) -> bytes:
    """The first bytes of a file, unpacked; raises as :func:`open_bytes`."""
    with _said(shown):
        _refuse_endless(path, shown)
        with gzip.open(path) if _is_gzip(path) else path.open("rb") as file:
            return file.read(size)


def _refuse_endless(path: Path, shown: str) -> None:
    """Pipes, sockets and devices may never end, or never begin."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise SourceError(f"{shown}: is a pipe, a socket or a device. Give the path of a file.")


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


@contextmanager
def _said(shown: str) -> Iterator[None]:
    """What can go wrong with a file, said as a :class:`SourceError`."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"{shown}: is a broken gzip file ({error}). Copy or export it again.") from None
    except OSError as error:
        raise SourceError(
            f"{shown}: cannot be read: {error.strerror}. Give the path of a file that may be read."
        ) from None


def too_much(shown: str, found: str, limit: str) -> SourceError:
    """The error about a file beyond a limit."""
    return SourceError(
        f"{shown}: {found}, which is more than is read. Split the export; or, where there is memory for it, raise {limit} under [limits] in "
        "settings.toml."
    )


def content(path: Path, shown: str | None = None, limit: str = "unpacked_mib") -> bytes:
    """All bytes of a file, unpacked; raises as :func:`open_bytes`, and where they are more than another ``limit`` allows."""
    most = getattr(LIMITS.get(), limit)
    with open_bytes(path, shown) as file:
        if limit == "unpacked_mib":
            return file.read()
        data = file.read(most * MIB + 1)
    if len(data) > most * MIB:
        raise too_much(path.name if shown is None else shown, f"has more than {most:,} MiB", limit)
    return data


_MARKED = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""Byte order marks of what is not UTF-8; the longer ones first, since one begins as a shorter one."""
_UNMARKED: Mapping[tuple[bool, ...], str] = {
    (False, True, True, True): "utf-32-le", (True, True, True, False): "utf-32-be",
    (False, True, False, True): "utf-16-le", (True, False, True, False): "utf-16-be",
}  # fmt: skip
"""Which of the first four bytes are null where a text begins with two letters of ASCII, and what it is then (RFC 4627, 2006)."""


def encoding(data: bytes) -> str:
    """What ``data`` is text in, told by its byte order mark or first letters; UTF-8 where nothing tells."""
    marked = next((mark for mark in _MARKED if data.startswith(mark)), None)
    if marked is not None:
        return "utf-32" if len(marked) == 4 else "utf-16"
    return _UNMARKED.get(tuple(not byte for byte in data[:4]), "utf-8")


def is_utf8(data: bytes) -> bool:
    """All of ``data`` is UTF-8; checked piece by piece, because text takes up to four times the room of bytes."""
    if encoding(data) != "utf-8":
        return False
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, 0 if data.isascii() else len(data), _PIECE):
            decoder.decode(data[start : start + _PIECE], final=start + _PIECE >= len(data))
    except UnicodeDecodeError:
        return False
    return True


def decoded(data: bytes) -> tuple[str, int]:
    """``data`` as text without byte order mark, and how many bytes were no UTF-8 and became ``\\ufffd``."""
    if (other := encoding(data)) != "utf-8":
        return data.decode(other, "replace"), 0
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode("utf-8"), 0
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
        return text, text.count("\ufffd") - data.count("\ufffd".encode())


def said_replaced(count: int) -> str:
    """The sentence about text that is not UTF-8."""
    return f"{count:,} place(s) are not UTF-8 and are shown as \ufffd; export the file as UTF-8"
