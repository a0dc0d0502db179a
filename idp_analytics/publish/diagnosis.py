"""How runs went, in words: what ``idp doctor --reports`` says of a run that failed, was interrupted or is at work, and what to do.

A command that fails leaves ``.failed-<data folder>.json`` beside the reports, for people; the next one that succeeds removes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from idp_analytics.errors import IdpError
from idp_analytics.paths import slug, write_whole
from idp_analytics.publish import earlier, lease, staging
from idp_analytics.publish.engine import KERNEL_DIED, TIMEOUT
from idp_analytics.publish.journal import Journal
from idp_analytics.publish.lease import BusyError
from idp_analytics.publish.workers import WORKER_DIED

_AGAIN = "Fix it and run the same command again; what was published before stays until then."
_CURES = {
    TIMEOUT: "It may go well with fewer reports at a time (--workers) or on a machine with less to do: run again, and only it is made.",
    KERNEL_DIED: "Its process was ended from outside, mostly for want of memory: run again with fewer reports at a time (--workers), and only it is made.",
}
_CURES[WORKER_DIED] = _CURES[KERNEL_DIED]
"""Ways to fail that may go well the next time → what to do."""

_MOST = 20
"""Reports that failed which are named one by one."""


@contextmanager
def remembered(reports: Path, data: str) -> Iterator[None]:
    """Keep how a command that publishes ``data`` fails, for who asks later; forget it once one succeeds. A folder that may not be written to
    keeps nothing. That another run is at work is no failure."""
    told = reports / f".failed-{slug(Path(data).name or 'data')}-{hashlib.sha256(data.encode()).hexdigest()[:8]}.json"
    try:
        yield
    except BusyError:
        raise
    except Exception as error:
        facts = {
            "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC", "data": data, "error": type(error).__name__,
            "message": str(error) if isinstance(error, IdpError) else "", "exit_code": getattr(error, "exit_code", 1),
        }  # fmt: skip
        with suppress(OSError):
            reports.mkdir(parents=True, exist_ok=True)
            write_whole(told, (json.dumps(facts, indent=1) + "\n").encode())
        raise
    with suppress(OSError):
        told.unlink(missing_ok=True)


def told(reports: Path) -> list[str]:
    """Sentences about the runs below ``reports``; none where all that was begun is published and whole."""
    if not reports.is_dir():
        return [
            f"{reports}: no such folder. Nothing has been published there; name the folder of reports with --reports."
        ]
    found = [sentence for path in sorted(reports.glob(".failed-*.json")) for sentence in _failed(path)]
    for root in sorted(
        path for path in reports.iterdir() if (path / lease.FOLDER).is_dir() or any(path.glob(".shard-*"))
    ):
        found += _at_work(root) or [*_interrupted(root), *_shares(root)]
        for name in staging.published(root):
            found += [*_changed(root / name), *_reports(root / name)]
    return found


def _failed(path: Path) -> Iterator[str]:
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    what = told["message"] or (
        f"{told['error']}, which is a fault of the kit or of this machine. Run the command again in a terminal: it prints where."
    )
    yield f"The last run of {told['data']}, {told['at']}, failed with exit code {told['exit_code']}: {what} {_AGAIN}"


def _at_work(root: Path) -> list[str]:
    if not (root / lease.FOLDER).is_dir() or not lease.is_held(root):
        return []
    return [
        f"{root}: a run is at work there{lease.holder(root)}. Wait for it; if it hangs, end that process: nothing is lost, and the next run goes on."
    ]


def _interrupted(root: Path) -> Iterator[str]:
    who = lease.holder(root)
    left = [
        path
        for path in root.glob(".partial-*")
        if path.is_dir() and path.with_name(path.name + staging.JOURNAL).is_file()
    ]
    for folder in left:
        made = len(Journal(folder).made)
        yield (
            f"{root}: a run was interrupted{who}; {made} of its reports are whole and kept. Run the same command again: it makes the rest. "
            "What readers open is what was published before."
        )
    if who and not left:
        yield f"{root}: a run was interrupted{who} before any report was whole. Run the same command again."


def _shares(root: Path) -> Iterator[str]:
    for folder in sorted(path for path in root.glob(".shard-*-of-*") if path.is_dir()):
        number, of = folder.name.rsplit("-", 3)[-3::2]
        done = folder.with_name(folder.name + ".done").is_file()
        yield f"{root}: share {number}/{of} of a run is " + (
            "done and waits for the others. It is published with the last of them."
            if done
            else "begun and not done. Unless it is at work, start it again with the same --shard: it goes on."
        )


def _changed(folder: Path) -> Iterator[str]:
    try:
        wrong = staging.differences(folder)
    except (OSError, ValueError):
        wrong = [f"{staging.MANIFEST}: cannot be read"]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        yield (
            f"{folder} is not as it was published ({'; '.join(wrong[:3])}{more}). Take it back from a backup; or remove it with its run in .runs and publish "
            "that period again."
        )


def _reports(folder: Path) -> Iterator[str]:
    try:
        told = json.loads((folder / earlier.RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    failed = [report for report in told["reports"] if report["failure"] is not None]
    for report in failed[:_MOST]:
        error = report["failure"].split(":")[0].split(" in ")[0]
        cure = (
            _CURES.get(error)
            or f"It would fail again: open {folder / report['notebook']}, where the cell that failed is marked, and mend what it says."
        )
        yield f"{told['period']}: the report of {report['name']} failed with {report['failure'].rstrip('.')}. {cure}"
    if len(failed) > _MOST:
        yield f"{told['period']}: {len(failed) - _MOST} more reports failed; the index page names them."
