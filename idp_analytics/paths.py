"""Where the package's own files are, names that are safe as file names, and files that are written whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

PACKAGE = Path(__file__).resolve().parent
"""The installed package."""


def resource(name: str) -> Path:
    """A folder of the kit's own (``notebooks``, ``expectations``): in a checkout beside the package, else inside it."""
    beside = PACKAGE.parent / name
    return (
        beside if (PACKAGE.parent / "pyproject.toml").is_file() and beside.is_dir() else PACKAGE / "_resources" / name
    )


_DEVICES = re.compile(r"con|prn|aux|nul|(?:com|lpt)[0-9]")
"""What no file may be called on Windows, whatever its ending."""


def slug(text: str) -> str:
    """A file name for any text: lower-case ASCII letters, digits and dashes, never empty, distinct texts kept distinct.

    A text that is its own slug stays as it is, unless it is the name of a device; any other gets eight hex digits of its hash, so that ``../a`` and
    ``a`` never meet and nothing a source wrote reaches the file system.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    short = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:60].rstrip("-")
    if short and short == text and not _DEVICES.fullmatch(short):
        return short
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{short}-{mark}" if short else mark


def anchor(heading: str) -> str:
    """The name a heading has within a page; headings of the same words share it, so a page numbers those."""
    return re.sub(r"-[0-9a-f]{8}$", "", slug(heading))


UNWRITABLE = frozenset({
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO, errno.ENOTDIR, errno.EEXIST,
    errno.EXDEV, errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK, errno.ESTALE,
})  # fmt: skip
"""What the system says of a disk that is full, broken or not ours to write, of a file where a folder is to be, and of a file
system (a network's, one of layers) that cannot do what others can."""


class _Listening:
    """A file that remembers what the system refused, for a writer that tells it in words of its own."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.refused: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self.file.write(data)
        except OSError as error:
            self.refused = error
            raise

    def flush(self) -> None:
        self.file.flush()


def written(path: Path, write: Callable[[Any], object]) -> None:
    """Let ``write`` (``frame.write_parquet``) write the file. Raises ``OSError`` with its number and the file where the system refuses, which Polars says in
    words alone: of a disk that is full "parquet: File out of specification: Invalid thrift: transport error".
    """
    file: _Listening | None = None
    try:
        with path.open("wb") as opened:
            file = _Listening(opened)
            write(file)
    except Exception as error:
        refused = error if isinstance(error, OSError) and error.errno else file and file.refused
        if not refused:
            raise
        raise OSError(refused.errno, refused.strerror, str(path)) from None


UNFINISHED = ".idp-*.part"
"""What files are called that are being written, or were when their writer was killed."""


def write_whole(target: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all: beside its place, made safe on the disk, then given its name. Raises ``OSError``; then what was there is as
    it was. A file that was there keeps its rights, a new one has ``mode``: usually its owner's alone, for data folders hold what is of people.
    """
    handle, name = tempfile.mkstemp(prefix=".idp-", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(target.stat().st_mode & 0o777 if target.exists() else mode)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
