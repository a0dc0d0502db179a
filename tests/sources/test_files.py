"""Files as bytes: unpacked by content, bounded, hashed as they lie on disk, and told plainly when they cannot be read."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.errors import SourceError
from idp_analytics.settings.limits import MIB, Limits
from idp_analytics.sources import files
from idp_analytics.sources.files import beginning, content, decoded, is_utf8, limited, open_bytes, sha256, shown_path

READERS: list[Callable[[Path, str], object]] = [beginning, content, open_bytes]


@pytest.mark.parametrize(
    ("path", "root", "shown"),
    [
        ("/data/acme/a/b.csv", "/data/acme", "a/b.csv"),
        ("/other/b.csv", "/data/acme", "/other/b.csv"),
        ("/data/acme2/b.csv", "/data/acme", "/data/acme2/b.csv"),
        ("b.csv", ".", "b.csv"),
        (os.fsdecode(b"/data/acme/\xff.csv"), "/data/acme", r"\xff.csv"),
    ],
)
def test_a_file_is_shown_as_the_user_knows_it(path: str, root: str, shown: str) -> None:
    said = shown_path(Path(path), Path(root))
    assert said == shown
    said.encode("utf-8")


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a"])
@pytest.mark.parametrize("data", [b"", b"a,b\n1,2\n", bytes(range(256)) * 40])
def test_packed_and_plain_give_the_same_bytes_whatever_the_name(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    for on_disk in (data, gzip.compress(data, mtime=0)):
        path.write_bytes(on_disk)
        assert content(path) == data
        assert beginning(path, name, 7) == data[:7]
        assert sha256(path) == hashlib.sha256(on_disk).hexdigest()


def test_gzip_files_put_together_are_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"one\n", mtime=0) + gzip.compress(b"two\n"))
    assert content(path) == b"one\ntwo\n"


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:-9], lambda data: data[:12], lambda data: data[:-5] + b"\0\0\0\0\0", lambda data: data[:2] + b"\7" + data[3:],
     lambda data: data[:14] + b"\xff\xff\xff" + data[17:]],
    ids=["cut short", "cut after the header", "wrong checksum", "unknown method", "bytes changed"],
)  # fmt: skip
def test_a_broken_gzip_file_is_named(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "bill.csv.gz"
    path.write_bytes(damage(gzip.compress(os.urandom(4000), mtime=0)))
    with pytest.raises(SourceError, match=r"^exports/bill: is a broken gzip file \(.+\)\. Copy or export it again\.$"):
        content(path, "exports/bill")
    with pytest.raises(SourceError, match=r"^bill\.csv\.gz: is a broken gzip"):
        open_bytes(path)


@pytest.mark.parametrize("read", READERS)
def test_what_is_no_file_is_said(tmp_path: Path, read: Callable[[Path, str], object]) -> None:
    with pytest.raises(SourceError, match=r"^x: cannot be read: Is a directory\. Give the path of a file"):
        read(tmp_path, "x")
    with pytest.raises(SourceError, match=r"^x: cannot be read: No such file or directory\. Give the path of a file"):
        read(tmp_path / "nowhere", "x")


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "zeros.gz"
    with limited(Limits(unpacked_mib=3)):
        path.write_bytes(gzip.compress(bytes(3 * MIB), mtime=0))
        assert len(content(path)) == 3 * MIB
        path.write_bytes(gzip.compress(bytes(3 * MIB + 1), mtime=0))
        with pytest.raises(
            SourceError, match=r"^zeros\.gz: unpacks to more than 3 MiB, .+ raise unpacked_mib under \[limits\]"
        ):
            content(path)
    assert len(content(path)) == 3 * MIB + 1


def test_a_file_that_is_more_than_another_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "zeros"
    path.write_bytes(bytes(MIB + 1))
    with limited(Limits(json_mib=1)):
        assert len(content(path)) == MIB + 1
        with pytest.raises(SourceError, match=r"^zeros: has more than 1 MiB, .+ raise json_mib under \[limits\]"):
            content(path, limit="json_mib")


@pytest.mark.parametrize("read", READERS)
def test_a_pipe_keeps_nobody_waiting(tmp_path: Path, read: Callable[[Path, str], object]) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match=r"^x: is a pipe, a socket or a device\. Give the path of a file\.$"):
        read(tmp_path / "pipe", "x")


@pytest.mark.parametrize(
    ("data", "text", "replaced"),
    [
        (b"plain", "plain", 0),
        ("é日".encode(), "é日", 0),
        ("é".encode("utf-8-sig"), "é", 0),
        ("é日".encode("utf-16"), "é日", 0),
        ("é日".encode("utf-32"), "é日", 0),
        *(("id,é日".encode(name), "id,é日", 0) for name in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")),
        ("é日".encode("utf-16-be").join([b"\xfe\xff", b""]), "é日", 0),
        (b"caf\xe9 \xe9", "caf\ufffd \ufffd", 2),
        ("\ufffd ".encode() + b"\xe9", "\ufffd \ufffd", 1),
    ],
)
def test_bytes_become_text(data: bytes, text: str, replaced: int) -> None:
    assert decoded(data) == (text, replaced)


@given(st.binary() | st.text(st.characters(codec="utf-8")).map(str.encode), st.integers(1, 5))
def test_utf8_is_told_piece_by_piece_as_in_one(data: bytes, piece: int) -> None:
    try:
        data.decode("utf-8")
        wanted = files.encoding(data) == "utf-8"
    except UnicodeDecodeError:
        wanted = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_PIECE", piece)
        assert is_utf8(data) is wanted
