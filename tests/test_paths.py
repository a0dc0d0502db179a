from __future__ import annotations

import errno
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.paths import resource, slug, written


@pytest.mark.parametrize("text", ["payments", "team-7", "a1"])
def test_a_plain_name_stays(text: str) -> None:
    assert slug(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "../../etc/x",
        "<script>alert(1)</script>",
        "Payments",
        "",
        "日本",
        "a" * 300,
        "CON",
        "con",
        "aux",
        "nul",
        "com1",
        "lpt9",
        "x/y\\z\0",
    ],
)
def test_anything_else_is_made_safe(text: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]{1,80}", slug(text))
    assert slug(text) != text


@given(st.text(), st.text())
def test_distinct_names_stay_distinct(a: str, b: str) -> None:
    assert (slug(a) == slug(b)) is (a == b)


def test_the_kits_own_folders() -> None:
    assert (resource("expectations")).name == "expectations"


def test_a_file_that_somebody_else_writes_is_the_same(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1, None, 3], "b": ["x", "", "ü"]})
    for name, write in {"a.parquet": frame.write_parquet, "a.csv": frame.write_csv}.items():
        written(tmp_path / name, write)
        write(tmp_path / f"plain-{name}")
        assert (tmp_path / name).read_bytes() == (tmp_path / f"plain-{name}").read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("rows", [1, 100_000])
def test_what_the_system_refuses_somebody_else_is_told_as_the_system_told_it(rows: int) -> None:
    frame = pl.DataFrame({"a": range(rows)})
    for write in (frame.write_parquet, frame.write_csv):
        with pytest.raises(OSError, match="No space left on device") as raised:
            written(Path("/dev/full"), write)
        assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, "/dev/full")


def test_what_goes_wrong_in_the_writing_itself_stays_what_it_is(tmp_path: Path) -> None:
    def wrong(_: object) -> None:
        raise ValueError("no such column")

    with pytest.raises(ValueError, match="no such column"):
        written(tmp_path / "a", wrong)
    with pytest.raises(FileNotFoundError):
        written(tmp_path / "not there" / "a", wrong)
