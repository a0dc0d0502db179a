"""Exports of any size in every system's own format: one small company, and the same again with fresh ids.

    python tests/sources/large_exports.py argocd FOLDER

reads what lies in the folder and tells rows, seconds and the most memory as JSON.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics import sources
from idp_analytics.sources import sample
from idp_analytics.sources.sample import native as dialects
from idp_analytics.sources.systems import system
from idp_analytics.tables.conform import conform

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)

PAGES = (
    "items", "data", "result", "deployments", "exemptions", "serviceScores", "issues", "workflow_runs", "incidents", "users", "entities",
    "actions", "runs", "audits", "tasks", "tickets", "ticket_metrics",
)  # fmt: skip
"""Names under which a page of the dialects lists its documents."""


def kinds() -> list[str]:
    """The systems of which there are large exports: all but the ledger of changes, which people write by hand, line by line, each sealed with
    the one before."""
    return [kind for kind in dialects.kinds() if kind != "change_ledger"]


_MARK = "9081726"
"""Stands in every id where the number of the copy goes; digits, because some ids are numbers and some are hexadecimal."""

_IDS = (
    "team_id", "parent_team_id", "owner_team_id", "person_id", "service_id", "deployment_id", "change_id", "incident_id", "page_id", "ticket_id",
    "cost_id", "response_id", "run_id", "previous_run_id", "requestor_id", "responder_id", "approver_id", "author_id", "initiated_by",
    "approval_id", "subject_id", "hatch_id", "event_id", "action_id", "origin_id", "respondent_id", "canonical_id", "alias", "repo", "resource", "url",
)  # fmt: skip
_HASHES = ("sha", "origin_sha")

_MADE = {
    "github": r'("id": (?:20\d{6}|70\d{5}))(?=,)()',
    "opentelemetry": r'("(?:traceId|spanId)": ")(\w{7})',
    "qualtrics": r"(\bR_)(\w{7})",
    "self_assessment": r'("assessment_id": ")(form)',
    "surveymonkey": r"(?m)^(\d{12})(?=,)()",
    "typeform": r'("(?:landing_id|token|response_id)": ")(\w{7})',
}
"""Where ids are that a dialect makes itself, by counting or as a hash; the second group gives way to the mark."""


@cache
def _company() -> dict[str, pl.DataFrame]:
    tables = sample.generate(teams=4, months=6).tables
    return {
        name: frame.with_columns(
            pl.col(name for name in _IDS if frame.schema.get(name) == pl.String) + _MARK,
            pl.col(name for name in _HASHES if name in frame.columns).str.head(-len(_MARK)) + _MARK,
        )
        for name, frame in tables.items()
    }


def _parts(name: str, content: Any) -> tuple[str, str, str, str]:
    """What stands before the documents, the documents, what stands between two copies of them, and what stands after."""
    if isinstance(content, str) and content.startswith("{"):
        content = json.loads(content)
    if isinstance(content, str):
        if content.startswith("---"):
            return "", content, "", ""
        lines = content.splitlines(keepends=True)
        header = next((place for place, line in enumerate(lines) if _MARK in line), len(lines))
        return "".join(lines[:header]), "".join(lines[header:]), "", ""
    if name.endswith(".jsonl"):
        return "", "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in content), "", ""
    if (documents := page(content)) is content:
        return json.dumps(content, ensure_ascii=False), "", "", ""
    before, after = "[", "]"
    if isinstance(content, dict):
        member = next(name for name in PAGES if content.get(name) is documents)
        before, after = json.dumps({**content, member: ["\x00"]}, ensure_ascii=False).split(json.dumps("\x00"))
    return before, json.dumps(documents, ensure_ascii=False)[1:-1], ",\n", after


def page(value: Any) -> Any:
    """The list of documents in a list or a page of them; a document itself stays what it is."""
    if isinstance(value, dict) and "id" not in value:
        return next((value[name] for name in PAGES if isinstance(value.get(name), list)), value)
    return list(value) if isinstance(value, list) else value


@cache
def _template(kind: str) -> dict[str, tuple[bytes, bytes, bytes, bytes]]:
    """File name → its parts, with the mark where the number of the copy goes."""
    found = {}
    for packed, content in dialects.dialect(kind).files(_company()).items():
        name = packed.removesuffix(".gz")
        before, documents, between, after = _parts(name, content)
        if kind in _MADE:
            documents = re.sub(_MADE[kind], rf"\g<1>{_MARK}", documents)
        found[name] = (before.encode(), documents.encode(), between.encode(), after.encode())
    return found


def copies(kind: str, size: int) -> int:
    """How often the company must be repeated for its files to be at least ``size`` bytes together."""
    template = _template(kind).values()
    repeated = [one for one in template if _MARK.encode() in one[1]]
    again = sum(len(documents) + len(between) for _, documents, between, _ in repeated)
    # The others come once, and nothing stands after the last copy.
    once = sum(map(len, chain.from_iterable(template))) - sum(len(documents) for _, documents, _, _ in repeated)
    once -= 2 * sum(len(between) for _, _, between, _ in repeated) + sum(
        len(one[2]) for one in template if one not in repeated
    )
    return max(1, -(-(size - once) // again))


def write(kind: str, folder: Path, times: int) -> int:
    """Write the company ``times`` times, not packed; the bytes written. Documents without an id of the company come once."""
    for name, (before, documents, between, after) in _template(kind).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(before)
            for number in range(times if _MARK.encode() in documents else 1):
                file.write(between if number and documents else b"")
                file.write(documents.replace(_MARK.encode(), b"%07d" % number))
            file.write(after)
    return sum(path.stat().st_size for path in files(folder))


def files(folder: Path) -> list[Path]:
    """The files of an export."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def read(kind: str, folder: Path) -> Iterator[tuple[str, int]]:
    """Table and rows of each extract of a folder, past the door; all are kept until the last one is there."""
    options = {"as_of": AS_OF, **dialects.dialect(kind).OPTIONS}
    zone = options.pop("time_zone", "UTC")
    extracts = sources.read(kind, files(folder), options, folder)
    conformed = [(extract.table, conform(extract, kind, zone)) for extract in extracts]
    return ((table, one.rows.height) for table, one in conformed)


def rows(kind: str, folder: Path) -> dict[str, int]:
    """Table → rows of a folder."""
    found: Counter[str] = Counter()
    for table, count in read(kind, folder):
        found[table] += count
    return dict(found)


def peak() -> int:
    """The most memory this process had, in bytes. What ``getrusage`` tells begins with what its parent had."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return 1024 * (int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main(kind: str, folder: str) -> None:
    """Read an export and print what it took."""
    system(kind), dialects.dialect(kind)  # imports are not measured
    begun, used = time.perf_counter(), time.process_time()
    found = rows(kind, Path(folder))
    told = {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - used, "rows": found}
    print(json.dumps({**told, "peak": peak()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
