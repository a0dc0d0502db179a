"""How much memory a process and all it started use (Linux)."""

from __future__ import annotations

from pathlib import Path


def in_use(process: int) -> int:
    """Bytes in use by the process and everything below it: proportional memory (PSS), what they share counts once. 0 where nobody can tell."""
    return sum(map(_proportional, _family(process)))


def _family(process: int) -> list[int]:
    found = [process]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += map(int, task.read_text().split())
            except OSError:  # it has ended meanwhile
                continue
    return found


def _proportional(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
