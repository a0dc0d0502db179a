"""Our report run against papermill + nbconvert, per report, side by side in one run, for companies of several sizes.

The usual way: for each team ``papermill team.ipynb …`` and then ``jupyter nbconvert --to html --no-input``, each a process
of its own, one after the other; measured on a few teams. Its notebook is given the mart that our run computed: without that every
report would load and compute the whole company anew. Ours: one run from the files to the published set, all teams.

``python bench/reports.py [--usual TEAMS] [SIZE …]``; sizes are numbers of teams.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import memory

from idp_analytics.paths import resource as shipped
from idp_analytics.publish.run import MART

PUBLISH = """
import os, resource, sys, time
from idp_analytics.organisation import load
from idp_analytics.publish.run import publish
result = publish(lambda: load(sys.argv[1]), reports=sys.argv[2])
assert not result.failed, result.failed
own, made = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(own.ru_utime + own.ru_stime, made.ru_utime + made.ru_stime, result.folder)
"""
"""One run in a process of its own: seconds of processors of that process (load and mart) and of those it forked (reports)."""


def main(sizes: list[int], few: int) -> None:
    """Print a row per size."""
    print(
        "| teams | seconds | of processors: load and mart | per report | in all, per report | peak GB | usual, of processors per report | ratio |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        for size in sizes:
            folder = Path(name) / str(size)
            data = folder / "data"
            subprocess.run([sys.executable, "-m", "idp_analytics", "sample", "--teams", str(size), data], check=True, capture_output=True)  # fmt: skip
            start = time.perf_counter()
            mart, pages, peak, published = ours(data, folder / "reports")
            wall = time.perf_counter() - start
            slow = usual(published, few) if few else float("nan")
            made = len(list(published.glob("**/*.html"))) - 1
            all_of_it = (mart + pages) / made
            print(f"| {size} | {wall:.0f} | {mart:.1f} | {pages / made:.2f} | {all_of_it:.2f} | {peak / 1e9:.1f} | {slow:.1f} | {slow / all_of_it:.0f}× |", flush=True)  # fmt: skip
            shutil.rmtree(folder)


def ours(data: Path, reports: Path) -> tuple[float, float, float, Path]:
    """Seconds of processors for the mart and for all reports, the most memory in use at a time (bytes), and the folder published."""
    run = subprocess.Popen([sys.executable, "-c", PUBLISH, data, reports], stdout=subprocess.PIPE, text=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})  # fmt: skip
    peak = [0]
    watch = threading.Thread(target=_watch, args=(run, peak))
    watch.start()
    told, _ = run.communicate()
    watch.join()
    if run.returncode:
        raise SystemExit(run.returncode)
    mart, pages, folder = told.split(maxsplit=2)
    return float(mart), float(pages), peak[0], Path(folder.strip())


def _watch(run: subprocess.Popen[str], peak: list[int]) -> None:
    """The proportional memory of the run and all it started, twice a second: what processes share counts once."""
    while run.poll() is None:
        peak[0] = max(peak[0], memory.in_use(run.pid))
        time.sleep(0.5)


def usual(published: Path, few: int) -> float:
    """Seconds of processors per report by the two commands, for the first few teams."""
    binaries, before = Path(sys.executable).parent, resource.getrusage(resource.RUSAGE_CHILDREN)
    teams = sorted(path.stem for path in (published / "teams").glob("*.html"))[:few]
    with tempfile.TemporaryDirectory() as name:
        for team in teams:
            made = Path(name) / f"{team}.ipynb"
            given = ["-p", "team", team, "-p", "mart", str((published / MART).resolve())]
            subprocess.run(
                [binaries / "papermill", shipped("notebooks") / "team.ipynb", made, *given, "--no-progress-bar", "--log-level", "ERROR"],
                check=True, capture_output=True,
            )  # fmt: skip
            subprocess.run(
                [binaries / "jupyter", "nbconvert", "--to", "html", "--no-input", made], check=True, capture_output=True
            )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / len(teams)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[9, 50])
    parser.add_argument("--usual", type=int, default=4)
    given = parser.parse_args()
    main(given.sizes, given.usual)
