"""The report published before, with which a run compares itself: what publishing keeps of it anyway, checked before it is believed.

A finished run is never changed again and its manifest has the SHA-256 of every file, so its mart is the snapshot of that period: amounts,
levels, criteria with their thresholds, targets. Whoever changed it since is told so, and nothing is compared. The manifest itself is held by the runs
that were compared with it before: each keeps one hash of what it read (``restates`` in ``run.json``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.errors import ReportError
from idp_analytics.metrics.maturity import CRITERIA, Published
from idp_analytics.periods import parse
from idp_analytics.publish import provenance, staging
from idp_analytics.report.mart import Before, Mart

RUN = "run.json"
MART = "mart"
ANSWERS, LINES = "answers", "cost_lines"
MATURITY = ("maturity", "maturity_criteria", "maturity_targets")
READ = (ANSWERS, LINES, *MATURITY)
"""What is read of a mart published before."""


def before(root: Path, label: str, mart: Mart) -> Before | None:
    """The report published last of an earlier period of the same length as ``label``; None where there is none.

    Raises :class:`ReportError`, naming the file, where it is not what was published.
    """
    span, earlier = parse(label), []
    runs = {name: told for name in (staging.published(root) if root.is_dir() else ()) if (told := _told(root / name))}
    for name, told in runs.items():
        then = parse(told["period"])
        if not told["teams"] and then.every == span.every and then.start < span.start:
            earlier.append((then.start, name))
    if not earlier:
        return None
    name = max(earlier)[1]
    told, folder = runs[name], root / name
    digests = _unchanged(folder, told["period"])
    sha256 = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
    for later in runs.values():
        kept = later.get("restates") or {}
        if kept.get("run") == told["key"] and kept.get("sha256", sha256) != sha256:
            raise _refused(
                folder / staging.MANIFEST,
                told["period"],
                f"is not what the report of {later['period']} was compared with",
            )
    held = {study: folder / MART / f"{study}.parquet" for study in READ if f"{MART}/{study}.parquet" in digests}
    frames = {study: pl.read_parquet(path) for study, path in held.items() if study != ANSWERS}
    # Earlier kits kept those of services there too, which are most.
    frames[ANSWERS] = pl.scan_parquet(held[ANSWERS]).filter(pl.col("scope") != "service").collect()
    return Before(
        told["period"], told["key"], sha256, frames[ANSWERS], frames.get(LINES), _maturity(told, frames),
        rules_changed=told["settings_sha256"] != mart.meta["settings_sha256"], code_changed=told["code_sha256"] != provenance.code(),
    )  # fmt: skip


def _told(folder: Path) -> dict[str, Any] | None:
    if not ((folder / RUN).is_file() and (folder / MART / f"{ANSWERS}.parquet").is_file()):
        return None
    told: dict[str, Any] = json.loads((folder / RUN).read_text(encoding="utf-8"))
    return told


def _unchanged(folder: Path, period: str) -> dict[str, str]:
    """The digests of what is read, by file, once they are those of the manifest."""
    manifest = folder / staging.MANIFEST
    if not manifest.is_file():
        raise _refused(manifest, period, "is missing")
    told: dict[str, str] = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    for path, what in _problems(folder, told):
        raise _refused(path, period, what)
    return {name: told[name] for name in _names() if name in told}


def _names() -> tuple[str, ...]:
    return (RUN, *(f"{MART}/{study}.parquet" for study in READ))


def _problems(folder: Path, told: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    for name in _names():
        path = folder / name
        if name in told and not path.is_file():
            yield path, "is missing"
        elif path.is_file() and staging.digest(path) != told.get(name):
            was = f"not {told[name][:12]}…" if name in told else "and the manifest has none"
            yield path, f"was changed after it was published: its SHA-256 is {staging.digest(path)[:12]}…, {was}"


def _refused(path: Path, period: str, what: str) -> ReportError:
    return ReportError(
        f"{path}: {what}. Nothing is compared with a report that is not what was published: restore it, publish {period} again, or remove "
        "it together with its run in .runs."
    )


def _maturity(told: Mapping[str, Any], frames: Mapping[str, pl.DataFrame]) -> Published | None:
    """What it said of maturity; None where it kept none, or another kit's that cannot be compared."""
    if not set(MATURITY) <= set(frames) or not set(CRITERIA) <= set(frames["maturity_criteria"].columns):
        return None
    aspects, criteria, targets = (frames[name] for name in MATURITY)
    return Published(told["period"], datetime.fromisoformat(told["as_of"]), aspects, criteria.select(list(CRITERIA)), targets)  # fmt: skip
