"""Large exports are read whole, every row once, in memory that a laptop has."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import large_exports
import pytest

MEGABYTE = 1_000_000
BOUND = 2 * 1024**3
"""Most memory a process may take. Documents are Python objects until the last table is made: about 100 MB for the interpreter and
its libraries, and five to twenty times the file (bench/README.md). 2 GiB is half of what the smallest machines have."""

LARGE = 100
"""Megabytes of every system's export: JSON lines, pages, CSV and lists."""

SURVEYS = {"google_forms": 1, "qualtrics": 1, "surveymonkey": 1}
"""Megabytes of surveys, a hundredth, which is already thousands of people."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", large_exports.kinds())
def test_a_large_export_is_read_whole_in_bounded_memory(kind, tmp_path):
    once, twice = (counted(kind, tmp_path / str(times), times) for times in (1, 2))
    size = SURVEYS.get(kind, LARGE) * MEGABYTE
    times = large_exports.copies(kind, size)
    with TemporaryDirectory(dir=tmp_path) as folder:
        assert large_exports.write(kind, Path(folder), times) >= size
        words = [sys.executable, large_exports.__file__, kind, folder]
        told = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    print(f"{kind}: {told['seconds']:.1f} s, {told['peak'] / MEGABYTE:.0f} MB, {sum(told['rows'].values())} rows")
    assert told["rows"] == {name: once[name] + (times - 1) * (twice[name] - once[name]) for name in once}
    assert sum(told["rows"].values()) > times
    assert told["peak"] < BOUND


def counted(kind, folder, times):
    large_exports.write(kind, folder, times)
    return large_exports.rows(kind, folder)
