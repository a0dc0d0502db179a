"""Files as bytes and text: unpacked by content, bounded, hashed as they lie on disk."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from idp_analytics.errors import SourceError

MAX_UNPACKED = 2 * 1024**3
"""Most bytes a gzip file may unpack to (2 GiB): a small file can be made to unpack to anything."""

_PIECE = 1 << 20


def shown_path(path: Path, root: Path) -> str:
    """The file as shown to the user: relative to ``root`` when it lies in it; always printable."""
    inside = path.absolute().is_relative_to(root.absolute())
    text = (path.absolute().relative_to(root.absolute()) if inside else path).as_posix()
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def sha256(path: Path) -> str:
    """SHA-256 of the file as it lies on disk (packed, if it is packed), in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_bytes(path: Path, shown: str | None = None) -> BinaryIO:
    """Open a file for reading, unpacked if it is gzip, which its first bytes tell and not its name.

    Raises :class:`SourceError` for a folder, a file that may not be read, a broken gzip file, and one that unpacks to
    more than :data:`MAX_UNPACKED` bytes.
    """
    shown = path.name if shown is None else shown
    with _said(shown):
        if not _is_gzip(path):
            return path.open("rb")
        unpacked = io.BytesIO()
        with gzip.open(path) as packed:
            while piece := packed.read(_PIECE):
                unpacked.write(piece)
                if unpacked.tell() > MAX_UNPACKED:
                    raise SourceError(
                        f"{shown}: unpacks to more than {MAX_UNPACKED:,} bytes. Split the export, or unpack it if it is "
                        "meant to be that large."
                    )
        unpacked.seek(0)
        return unpacked


def beginning(path: Path, shown: str, size: int = 64) -> bytes:
    """The first bytes of a file, unpacked; raises as :func:`open_bytes`."""
    with _said(shown), gzip.open(path) if _is_gzip(path) else path.open("rb") as file:
        return file.read(size)


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


def content(path: Path, shown: str | None = None) -> bytes:
    """All bytes of a file, unpacked; raises as :func:`open_bytes`."""
    with open_bytes(path, shown) as file:
        return file.read()


def is_utf8(data: bytes) -> bool:
    """All of ``data`` is UTF-8; checked piece by piece, because text takes up to four times the room of bytes."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, 0 if data.isascii() else len(data), _PIECE):
            decoder.decode(data[start : start + _PIECE], final=start + _PIECE >= len(data))
    except UnicodeDecodeError:
        return False
    return True


def decoded(data: bytes) -> tuple[str, int]:
    """``data`` as text without byte order mark, and how many bytes were no UTF-8 and became ``\\ufffd``."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace"), 0
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode("utf-8"), 0
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
        return text, text.count("\ufffd") - data.count("\ufffd".encode())


def said_replaced(count: int) -> str:
    """The sentence about text that is not UTF-8."""
    return f"{count:,} place(s) are not UTF-8 and are shown as \ufffd; export the file as UTF-8"
