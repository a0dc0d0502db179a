"""Names of snapshots: which export each is of, and which are pages of one answer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from idp_analytics.sources import snapshots

FIRST, SECOND = datetime(2026, 3, 1, 6, tzinfo=UTC), datetime(2026, 3, 8, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("path", "taken", "line"),
    [
        ("snapshots/x/20260301T060000Z-0123456789ab-apps.json.gz", FIRST, "apps.json"),
        ("snapshots/x/exports/eu/20260301T060000Z-0123456789ab-apps.json.gz", FIRST, "exports/eu/apps.json"),
        ("snapshots/x/exports/snapshots/y/20260301T060000Z-0123456789ab-a.json", FIRST, "exports/snapshots/y/a.json"),
        ("/data/acme/snapshots/x/eu/20260301T060000Z-0123456789ab-apps.json.gz", FIRST, "eu/apps.json"),
        ("exports/eu/apps.json.gz", None, "exports/eu/apps.json"),
        ("../exports/apps.json", None, "_/exports/apps.json"),
        ("/mnt/exports/apps.json", None, "mnt/exports/apps.json"),
        ("C:/exports/apps.json", None, "C_/exports/apps.json"),
        ("other/x/20260301T060000Z-0123456789ab-apps.json.gz", None, "other/x/apps.json"),
        ("snapshots/x/apps.json.gz", None, "snapshots/x/apps.json"),
        ("apps.json", None, "apps.json"),
    ],
)
def test_lines(path, taken, line):
    assert snapshots.taken(Path(path)) == taken
    assert snapshots.line(path) == line


@pytest.mark.parametrize(
    ("lines", "pages"),
    [
        (("runs-1.json", "runs-2.json", "runs-3.json"), ["runs-#.json"]),
        (("eu/runs-0.json", "eu/runs-1.json"), ["eu/runs-#.json"]),
        (("eu/runs-1.json", "us/runs-2.json"), []),
        # A page missing, ids of something, days and months: no pages.
        (("runs-1.json", "runs-3.json"), []),
        (("runs-1001.json", "runs-1002.json"), []),
        (("runs-2026-01.json", "runs-2026-02.json"), []),
        (("runs-1.json",), []),
        (("runs-1.json", "runs-01.json"), []),
    ],
)
def test_pages_of_one_answer(lines, pages):
    found = snapshots.families(lines)
    assert set(found) == set(lines)
    assert sorted({family for line, family in found.items() if family != line}) == pages


def test_pages_exported_one_after_another_are_of_one_time():
    told = [("0000", 1), ("0005", 2), ("0001", 1), ("0003", 2)]
    names = [
        f"202603{'01' if n < 2 else '08'}T06{clock}Z-{n:012d}-runs-{page}.json" for n, (clock, page) in enumerate(told)
    ]
    paths = {Path("snapshots/x") / name: snapshots.line(f"snapshots/x/{name}") for name in names}
    found = [snapshots.sittings(paths)[path] for path in paths]
    assert found == [FIRST.replace(second=5)] * 2 + [SECOND.replace(second=3)] * 2
