"""Our report run against papermill + nbconvert, per report, side by side in one run, for companies of several sizes.

The usual way: for each team ``papermill team.ipynb …`` and then ``jupyter nbconvert --to html --no-input``, each a process
of its own, one after the other; measured on a few teams. Its notebook is given the mart that our run computed: without that every
report would load and compute the whole company anew. Ours: one run from the files to the published set, all teams.

``python bench/reports.py [--usual TEAMS] [SIZE …]``; sizes are numbers of teams.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import memory

from idp_analytics.paths import resource as shipped
from idp_analytics.publish.run import MART

PUBLISH = """
import json, logging, resource, sys, time
from functools import partial
from idp_analytics.organisation import Unread, settings_in
from idp_analytics.publish.run import publish

marks = []
def mark(*_):
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    marks.append((time.perf_counter(), sum(used.ru_utime + used.ru_stime for used in both)))

class Begun(logging.Handler):
    def emit(self, record):
        if record.msg == "run begun":
            mark()

events = logging.getLogger("idp_analytics")
events.addHandler(Begun())
events.setLevel("INFO")
mark()
result = publish(Unread(partial(settings_in, sys.argv[1])), reports=sys.argv[2])
mark()
assert not result.failed, result.failed
print(json.dumps([*marks, str(result.folder)]))
"""
"""One run in a process of its own: the time and the seconds of processors when it starts, when all is computed, and when all is published."""


@dataclass(frozen=True)
class Run:
    """What a run took, with all processes it started: seconds, and of processors, until all was computed (load and mart) and from then on
    (reports); and the most memory in use at a time (bytes)."""

    mart: tuple[float, float]
    reports: tuple[float, float]
    peak: int
    made: int
    folder: Path


def main(sizes: list[int], few: int) -> None:
    """Print a row per size."""
    print(
        "| teams | seconds: load and mart | reports | of processors: load and mart | per report | in all, per report | peak GB "
        "| usual, of processors per report | ratio of a report | in all |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        for size in sizes:
            folder = Path(name) / str(size)
            data = folder / "data"
            subprocess.run([sys.executable, "-m", "idp_analytics", "sample", "--teams", str(size), data], check=True, capture_output=True)  # fmt: skip
            run = ours(data, folder / "reports")
            slow = usual(run.folder, few) if few else float("nan")
            report, in_all = run.reports[1] / run.made, (run.mart[1] + run.reports[1]) / run.made
            print(
                f"| {size} | {run.mart[0]:.0f} | {run.reports[0]:.0f} | {run.mart[1]:.1f} | {report:.3f} | {in_all:.2f} | {run.peak / 1e9:.2f} "
                f"| {slow:.1f} | {slow / report:.0f}× | {slow / in_all:.0f}× |",
                flush=True,
            )
            shutil.rmtree(folder)


def ours(data: Path, reports: Path) -> Run:
    """Publish all reports of the company in ``data``."""
    run = subprocess.Popen([sys.executable, "-c", PUBLISH, data, reports], stdout=subprocess.PIPE, text=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})  # fmt: skip
    peak = [0]
    watch = threading.Thread(target=_watch, args=(run, peak))
    watch.start()
    told, _ = run.communicate()
    watch.join()
    if run.returncode:
        raise SystemExit(run.returncode)
    *marks, name = json.loads(told)
    folder = Path(name)
    mart, after = ((then[0] - now[0], then[1] - now[1]) for now, then in pairwise(marks))
    return Run(mart, after, peak[0], len(list(folder.glob("**/*.html"))) - 1, folder)


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
