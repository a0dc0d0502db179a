"""The company as a data folder: the files its systems would have exported, settings that read them, and the truth."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.sources.sample.blemishes import Blemish, blemishes
from idp_analytics.sources.sample.build import Company
from idp_analytics.sources.sample.company import GIT_SERVICES, PIPELINE_ALIASES
from idp_analytics.sources.sample.documents import readme, settings
from idp_analytics.sources.sample.focus import focus_rows
from idp_analytics.sources.sample.history import write_bundle

UTC_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
PIPELINE_ZONE = "Europe/Berlin"
"""The pipeline tool and the help desk write local times; the tool even leaves out the offset."""

CATALOGUE = (
    "teams", "people", "memberships", "services", "ownership", "golden_paths", "golden_path_versions", "operations", "aliases",
)  # fmt: skip
PLAIN = {
    **{name: f"catalogue/{name}.csv" for name in CATALOGUE},
    "deployment_changes": "delivery/deployment_changes.csv.gz",
    "changes": "delivery/changes.parquet",
    "incidents": "delivery/incidents.jsonl",
    "pages": "delivery/pages.csv",
    "action_runs": "platform/action_runs.csv.gz",
    "approvals": "platform/approvals.csv",
    "escape_hatches": "platform/escape_hatches.csv",
    "service_golden_path": "platform/service_golden_path.parquet",
    "policy_results": "platform/policy_results.csv.gz",
    "usage": "platform/usage.parquet",
    "survey_responses": "voice/survey_responses.csv.gz",
    "actions": "voice/actions.csv",
    "assessments": "voice/assessments.csv",
    "interventions": "voice/interventions.csv",
}
"""Tables exported in our own columns, and the file of each."""
PIPELINES, HELPDESK, COSTS = "delivery/pipeline-runs.csv", "voice/helpdesk.csv", "costs/focus-1.2.csv.gz"

PIPELINE_COLUMNS = {
    "deployment_id": "RUN_ID", "service_id": "APP", "environment_raw": "TARGET", "version": "RELEASE", "sha": "COMMIT",
    "queued_at": "QUEUED", "started_at": "STARTED", "finished_at": "ENDED", "outcome": "STATUS",
    "is_rollback": "ROLLBACK", "is_resync": "RESYNC", "initiated_by": "ACTOR", "automated": "TRIGGER",
    "golden_path_id": "TEMPLATE",
}  # fmt: skip
"""Our columns and the pipeline tool's; ``environment`` is read from TARGET too."""
PIPELINE_STATUS = {"success": "SUCCESS", "failure": "FAILED", "error": "BROKEN", "cancel": "ABORTED"}
UNTOLD_STATUS, UNKNOWN_STATUS = "RUNNING", "UNSTABLE"
PIPELINE_TARGET = {"production": "PROD", "staging": "STAGE"}
HELPDESK_COLUMNS = {
    "ticket_id": "Key", "team_id": "Requesting team", "service_id": "Service", "golden_path_id": "Golden path",
    "category": "Request type", "priority": "Priority", "channel": "Channel", "created_at": "Created",
    "first_response_at": "First response", "resolved_at": "Resolved", "reopens": "Reopened", "status": "Status",
}  # fmt: skip


def write(folder: Path, company: Company) -> list[Path]:
    """Write the company to ``folder`` and return the files, in name order; the same company gives the same bytes.

    What the files do not hold of the tables: where a release by tag or a commit comes from git, only what git knows
    (no ``derived`` links, no person ids, its own row ids); a cost has the row of its file in its id. Some rows are
    spoilt on purpose; ``truth.json`` lists them. Raises :class:`SourceError` when git is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    spoilt = blemishes(company, PIPELINES, PLAIN["incidents"], PLAIN["approvals"])
    frames = _frames(company)
    listed: list[dict[str, Any]] = []
    written: list[Path] = []
    for name, frame in frames.items():
        mine = [blemish for blemish in spoilt if blemish.file == name]
        listed += [b.told(row) for row, b in enumerate(mine, frame.height + 1)]
        written.append(_write(folder / name, _with(frame, mine)))
    for repository in company.repositories:
        path = folder / "repos" / f"{repository.name}.bundle"
        write_bundle(repository, path)
        written.append(path)
    listed.append(_unknown_word(frames[PIPELINES]))
    truth = {**company.truth, "bad_rows": listed}
    texts = {
        "settings.toml": settings(company),
        "truth.json": json.dumps(truth, indent=1, ensure_ascii=False) + "\n",
        "README.md": readme(company, len(listed)),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
        written.append(folder / name)
    return sorted(written)


def _frames(company: Company) -> dict[str, pl.DataFrame]:
    """File name → what is written to it, as text columns but for Parquet."""
    tables = dict(company.tables)
    by_tag = pl.col("service_id").is_in(list(GIT_SERVICES))
    from_git = tables["changes"].filter(by_tag)["change_id"].implode()
    tables["changes"] = tables["changes"].filter(~by_tag)
    tables["deployment_changes"] = tables["deployment_changes"].filter(~pl.col("change_id").is_in(from_git))
    plain = {path: tables[name] if path.endswith(".parquet") else _texts(tables[name]) for name, path in PLAIN.items()}
    return {
        **plain,
        PIPELINES: _pipeline_runs(tables["deployments"].filter(~by_tag)),
        HELPDESK: _helpdesk(tables["tickets"]),
        COSTS: focus_rows(company.charges),
    }


def _texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Every column as the text an export would hold."""
    return frame.select(_as_text(name, dtype) for name, dtype in frame.schema.items())


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        return column.dt.strftime(UTC_FORMAT)
    if isinstance(dtype, pl.List):
        return column.list.join("; ")
    return column.cast(pl.String)


def _local(name: str) -> pl.Expr:
    """A time as the pipeline tool writes it: local and without offset, except where that would mean two moments."""
    local = pl.col(name).dt.convert_time_zone(PIPELINE_ZONE)
    naive = local.dt.replace_time_zone(None)
    certain = naive.dt.replace_time_zone(PIPELINE_ZONE, ambiguous="null").is_not_null()
    text = local.dt.strftime("%Y-%m-%d %H:%M:%S")
    return pl.when(certain).then(text).otherwise(local.dt.strftime("%Y-%m-%d %H:%M:%S%:z")).alias(name)


def _pipeline_runs(deployments: pl.DataFrame) -> pl.DataFrame:
    frame = _texts(deployments).with_columns(
        deployments.select(_local(name) for name in ("queued_at", "started_at", "finished_at")),
        pl.col("service_id").replace(PIPELINE_ALIASES),
        pl.col("outcome").replace(PIPELINE_STATUS).fill_null(UNTOLD_STATUS),
        pl.col("automated").replace({"true": "machine", "false": "person"}),
    )
    first_untold = (pl.col("outcome") == UNTOLD_STATUS).cum_sum() == 1
    unknown = pl.when(first_untold & (pl.col("outcome") == UNTOLD_STATUS)).then(pl.lit(UNKNOWN_STATUS)).otherwise("outcome")
    return frame.with_columns(unknown.alias("outcome")).select(
        pl.col(ours).alias(theirs) for ours, theirs in PIPELINE_COLUMNS.items()
    )


def _unknown_word(runs: pl.DataFrame) -> dict[str, Any]:
    row = runs["STATUS"].index_of(UNKNOWN_STATUS)
    return {
        "file": PIPELINES, "row": None if row is None else row + 1, "column": "STATUS", "kind": "unknown word",
        "expected": "kept, outcome not known, counted in a warning",
    }  # fmt: skip


def _helpdesk(tickets: pl.DataFrame) -> pl.DataFrame:
    """Local times with their offset; statuses in the tool's own case."""
    zoned = [
        pl.col(name).dt.convert_time_zone(PIPELINE_ZONE).dt.strftime("%Y-%m-%dT%H:%M:%S%:z")
        for name in ("created_at", "first_response_at", "resolved_at")
    ]
    frame = _texts(tickets).with_columns(tickets.select(zoned), pl.col("status").replace({"done": "Resolved", "open": "Waiting"}))
    return frame.select(pl.col(ours).alias(theirs) for ours, theirs in HELPDESK_COLUMNS.items())


def _with(frame: pl.DataFrame, mine: list[Blemish]) -> pl.DataFrame:
    """The spoilt rows after the good ones."""
    extra = [{**(frame.row(0, named=True) if b.copies_first else {}), **b.row} for b in mine]
    return pl.concat([frame, pl.DataFrame(extra, schema=frame.schema)]) if extra else frame


def _write(path: Path, frame: pl.DataFrame) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.write_parquet(path, compression="zstd", compression_level=19)
    elif path.suffix == ".jsonl":
        frame.write_ndjson(path)
    elif path.suffix == ".gz":
        # Neither name nor time in the header: the same rows give the same bytes.
        path.write_bytes(gzip.compress(frame.write_csv().encode(), compresslevel=9, mtime=0))
    else:
        path.write_text(frame.write_csv(), encoding="utf-8", newline="\n")
    return path
