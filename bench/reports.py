"""Our report run against papermill + nbconvert, per team, side by side in one run.

The usual way: for each team ``papermill team.ipynb …`` and then ``jupyter nbconvert --to html --no-input``, each a process
of its own, one after the other. Ours: one run that computes the answers once and makes the same teams' reports.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from idp_analytics.organisation import load
from idp_analytics.paths import resource
from idp_analytics.publish.run import publish


def usual(teams: list[str], folder: Path) -> float:
    """Seconds for all teams by the two commands."""
    binaries = Path(sys.executable).parent
    start = time.perf_counter()
    for team in teams:
        made = folder / f"{team}.ipynb"
        subprocess.run(
            [binaries / "papermill", resource("notebooks") / "team.ipynb", made, "-p", "team", team, "--no-progress-bar", "--log-level", "ERROR"],
            check=True, capture_output=True,
        )  # fmt: skip
        subprocess.run(
            [binaries / "jupyter", "nbconvert", "--to", "html", "--no-input", made], check=True, capture_output=True
        )
    return time.perf_counter() - start


def main(count: int) -> None:
    """Print both, per report, and the ratio."""
    org = load("data/sample")
    teams = sorted(org.tables["teams"].filter(kind="team")["team_id"].to_list())[:count]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        slow = usual(teams, folder)
        start = time.perf_counter()
        result = publish(load("data/sample"), reports=folder / "reports", teams=teams)
        fast = time.perf_counter() - start
        assert not result.failed, result.failed
    print(f"{len(teams)} team reports (ours also makes the organisation's report and the index)")
    print(f"papermill + nbconvert, a process each: {slow:7.1f} s  {slow / len(teams):6.2f} s per report")
    print(
        f"idp report, everything from the files:  {fast:7.1f} s  {fast / len(teams):6.2f} s per report   {slow / fast:.1f}x"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8)
