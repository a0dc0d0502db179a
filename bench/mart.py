"""What each part of the mart costs: processor seconds and the most memory of loading, the answers and every study, by size of the company.

``python bench/mart.py SIZE …``; sizes are numbers of teams. One process per size, one part after the other as in the run of the latest complete month;
what a part gives is not kept. Parts that take less than a hundredth of all at every size are told as one line. Linux only: the high-water mark of the process is set back
before each part, so that a peak is that of the part with all tables in memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from idp_analytics.metrics import STUDIES
from idp_analytics.organisation import load
from idp_analytics.report.mart import Mart

LEAST = 0.01
"""Share of all processor seconds from which a part has a line of its own."""


def costs(data: str) -> dict[str, tuple[float, float]]:
    """Part → processor seconds and peak GB for the company in the folder ``data``."""
    found: dict[str, tuple[float, float]] = {}

    def measured(part: str, work: Callable[[], Any]) -> Any:
        Path("/proc/self/clear_refs").write_text("5")
        start = time.process_time()
        made = work()
        found[part] = time.process_time() - start, _peak()
        return made

    organisation = measured("load", lambda: load(data))
    mart = measured("answers", lambda: Mart.of(organisation, only=(), period=""))
    for study in STUDIES:
        measured(study.name, lambda name=study.name: organisation.study(name, mart.meta["only"]))
    return found


def _peak() -> float:
    status = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e9


def main(sizes: list[int]) -> None:
    """Print a row per part, the dearest at the largest size first."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        for size in sizes:
            data = Path(name) / str(size)
            subprocess.run([sys.executable, "-m", "idp_analytics", "sample", "--teams", str(size), data], check=True, capture_output=True)  # fmt: skip
            told = subprocess.run([sys.executable, __file__, data], check=True, stdout=subprocess.PIPE, text=True)
            found.append(json.loads(told.stdout))
    whole = [sum(seconds for seconds, _ in parts.values()) for parts in found]
    dear = [part for part in found[-1] if any(parts[part][0] >= LEAST * all_ for parts, all_ in zip(found, whole, strict=True))]  # fmt: skip
    dear.sort(key=lambda part: -found[-1][part][0])
    print("| part |", " | ".join(f"{size} teams: s | GB" for size in sizes), "|")
    print("|---|", "---:|" * 2 * len(sizes), sep="")
    for part in dear:
        _row(part, [parts[part] for parts in found])
    _row(f"{len(found[-1]) - len(dear)} others", [_sum(parts, set(parts) - set(dear)) for parts in found])
    _row("all", [_sum(parts, set(parts)) for parts in found])


def _sum(parts: dict[str, tuple[float, float]], some: set[str]) -> tuple[float, float]:
    return sum(parts[part][0] for part in some), max((parts[part][1] for part in some), default=0.0)


def _row(part: str, cells: list[tuple[float, float]]) -> None:
    print(f"| {part} |", " | ".join(f"{seconds:.2f} | {peak:.2f}" for seconds, peak in cells), "|", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 2 and not sys.argv[1].isdigit():
        json.dump(costs(sys.argv[1]), sys.stdout)
    else:
        main([int(size) for size in sys.argv[1:]] or [50])
