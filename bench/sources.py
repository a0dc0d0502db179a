"""Our readers of systems' exports against loading the same files into pandas: speed, memory, ratio.

Ours reads, names, checks and deduplicates every row of every canonical table; pandas loads the same files and flattens them to
as many rows: where rows lie inside documents (:data:`INSIDE`) it unfolds them, and of a survey's table it makes a row per cell.
A table (CSV) is loaded both ways there are: its rows as documents for ``json_normalize``, as every other file, and by ``read_csv``.
Each run is a process of its own, all by turns. Seconds are those of processors; of a few rounds the one whose ratio is in the
middle is told. Imports are not in them. ``README.md`` beside this file tells what is measured and what is not.

    python bench/sources.py                                  # every system, 20 MB each
    python bench/sources.py --megabytes 5 argocd github
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

EXPORTS = Path(__file__).resolve().parents[1] / "tests" / "sources"
MEGABYTE = 1_000_000

INSIDE: dict[str, tuple[list[str], list[Any]]] = {
    "argocd": (["status", "history"],
               [["metadata", "name"], ["metadata", "namespace"], ["spec", "project"], ["spec", "destination", "namespace"], ["spec", "destination", "server"]]),
    "cortex": (["score", "rules"], [["service", "tag"], "lastUpdated"]),
    "flux": (["status", "history"], ["kind", ["metadata", "name"], ["metadata", "namespace"], ["spec", "targetNamespace"], ["spec", "path"]]),
    "kyverno": (["results"], [["metadata", "name"], ["metadata", "labels"], ["scope", "kind"], ["scope", "name"]]),
    "openssf": (["checks"], ["date", ["repo", "name"], "score"]),
    "opentelemetry": (["resourceSpans", "scopeSpans", "spans"], [["resourceSpans", "resource", "attributes"]]),
    "opslevel": (["serviceStats", "rubric", "checkResults", "byLevel", "nodes", "items", "nodes"],
                 ["name", "aliases", ["serviceStats", "rubric", "checkResults", "byLevel", "nodes", "level"]]),
    "self_assessment": (["answers"], ["assessment_id", "team", "wave", "role", "model_version", "submitted_at", "state", "form_version"]),
    "tech_insights": (["results"], ["entity"]),
    "typeform": (["answers"], ["token", "submitted_at", "response_type", ["hidden", "team"], ["hidden", "person"]]),
}  # fmt: skip
"""System → where in its documents the rows are, and what of the document each of them needs: pandas' ``record_path`` and ``meta``."""

SURVEYS = ("google_forms", "qualtrics", "surveymonkey")
"""Systems whose tables have a column per question."""


# --- pandas, in a process of its own -----------------------------------------------------------------------------------


def baseline(kind: str, folder: str, pages: str, tables: str) -> None:
    """Load every file of an export into data frames, ``tables`` as "documents" or "columns", and print what it took."""
    import csv

    import pandas as pd
    import yaml

    names = pages.split(",")

    def inside(value: Any) -> list[Any]:
        """The documents of a list, of a page, or the document itself."""
        if isinstance(value, dict) and "id" not in value:
            value = next((value[name] for name in names if isinstance(value.get(name), list)), [value])
        found = value if isinstance(value, list) else [value]
        return [one for step in found for one in step.values()] if kind == "opencost" else found

    where, beside = INSIDE.get(kind, ([], []))

    def holds_rows(document: Any) -> bool:
        for name in where:
            document = document.get(name) if isinstance(document, dict) else None
            if isinstance(document, list):
                return True
        return False

    begun, used = time.perf_counter(), time.process_time()
    frames = []
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        if path.suffix == ".csv":
            if tables == "columns":
                table = pd.read_csv(path, low_memory=False)
            else:
                with path.open(encoding="utf-8", newline="") as file:
                    table = pd.json_normalize(list(csv.DictReader(file)))
            if kind in SURVEYS:
                table = table.reset_index().melt(id_vars="index").dropna(subset="value")
                table = table[table["value"] != ""]
            frames.append(table)
            continue
        with path.open(encoding="utf-8") as file:
            if path.suffix == ".jsonl":
                documents = [one for line in file for one in inside(json.loads(line))]
            elif path.suffix == ".yaml":
                documents = list(yaml.load_all(file, Loader=yaml.CSafeLoader))
            else:
                documents = inside(json.load(file))
        flat = [one for one in documents if not holds_rows(one)]
        if len(flat) < len(documents):
            nested = [one for one in documents if holds_rows(one)]
            frames.append(pd.json_normalize(nested, where, beside, record_prefix="row.", errors="ignore"))
        if flat:
            frames.append(pd.json_normalize(flat))
    told = {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - used, "rows": sum(map(len, frames))}
    # What getrusage tells begins with what the parent had.
    found = (
        re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if (status := Path("/proc/self/status")).exists() else None
    )
    peak = 1024 * (int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    print(json.dumps({**told, "peak": peak}))


# --- both, by turns ----------------------------------------------------------------------------------------------------


def run(*words: object) -> dict[str, Any]:
    """What one process tells."""
    ran = subprocess.run([sys.executable, *map(str, words)], stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def measure(kind: str, size: int, repeats: int) -> dict[str, Any]:
    """Write an export of that size and read it by turns; of each the best run."""
    import large_exports

    with tempfile.TemporaryDirectory(prefix="idp-bench-sources-") as name:
        written = large_exports.write(kind, Path(name), large_exports.copies(kind, size))
        ways = ["documents"] + ["columns"] * any(path.suffix == ".csv" for path in large_exports.files(Path(name)))
        rounds = []
        for _ in range(repeats):
            ours = run(large_exports.__file__, kind, name)
            others = {way: run(__file__, "baseline", kind, name, ",".join(large_exports.PAGES), way) for way in ways}
            rounds.append({"ours": ours, **others})
    middle = {way: sorted(rounds, key=lambda one: one[way]["cpu"] / one["ours"]["cpu"])[repeats // 2] for way in ways}
    return {"kind": kind, "megabytes": written / MEGABYTE, **middle}


def line(told: dict[str, Any]) -> str:
    """One row of the table."""
    ours, theirs = told["documents"]["ours"], told["documents"]["documents"]
    size, rows = told["megabytes"], sum(ours["rows"].values())
    columns = f"{ratio(told, 'columns'):.2f}×" if "columns" in told else ""
    return (
        f"| {told['kind']} | {size:.0f} | {rows:,} | {size / ours['cpu']:.1f} | {rows / ours['cpu']:,.0f} "
        f"| {size / theirs['cpu']:.1f} | {ratio(told, 'documents'):.2f}× | {columns} "
        f"| {ours['peak'] / MEGABYTE:,.0f} | {theirs['peak'] / MEGABYTE:,.0f} |"
    )


def ratio(told: dict[str, Any], way: str) -> float:
    """How many times as long pandas took."""
    return float(told[way][way]["cpu"] / told[way]["ours"]["cpu"])


def main() -> None:
    """Print a table in Markdown, and which sources are slower than pandas."""
    sys.path.insert(0, str(EXPORTS))
    import large_exports

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kinds", nargs="*", help="systems (all)", metavar="kind", default=large_exports.kinds())
    parser.add_argument("--megabytes", type=float, default=20, help="least size of each export (20)")
    parser.add_argument("--repeats", type=int, default=5, help="rounds of which the middle is told (5)")
    asked = parser.parse_args()
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(
        "| source | MB | rows out | ours MB/s | ours rows/s | pandas MB/s | json_normalize time / ours | read_csv time / ours | ours peak MB | pandas peak MB |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    slower = []
    for kind in asked.kinds:
        told = measure(kind, int(asked.megabytes * MEGABYTE), asked.repeats)
        print(line(told), flush=True)
        if ratio(told, "documents") < 1:
            slower.append(f"{kind} ({1 / ratio(told, 'documents'):.1f} times as long)")
    print(f"Slower than json_normalize: {', '.join(slower) or 'none'}.")


if __name__ == "__main__":
    if sys.argv[1:2] == ["baseline"]:
        baseline(*sys.argv[2:])
    else:
        main()
