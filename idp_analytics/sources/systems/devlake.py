"""Apache DevLake: its own tables, as CSV or Parquet exports or live from its PostgreSQL or MySQL database.

The address of the database, with its credentials, comes from an environment variable that the settings name; it is never
written anywhere. Times without a zone are UTC, as DevLake writes them. ``project_mapping`` is the only link between a
deployment, a pull request and an incident, so a service is a project unless the settings say otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.errors import SourceError
from idp_analytics.sources import devlake_database, devlake_pipelines, snapshots
from idp_analytics.sources.devlake_pipelines import moment, told
from idp_analytics.sources.export import environment_word
from idp_analytics.sources.files import shown_path
from idp_analytics.sources.system import ENVIRONMENTS, Gives, Option, Recipe, Shape, System
from idp_analytics.sources.tabular import ROW, read_rows
from idp_analytics.tables import Extract
from idp_analytics.tables.pseudonyms import pseudonym

SIGNATURES: Mapping[str, frozenset[str]] = {
    "cicd_deployments": frozenset(("cicd_scope_id", "result", "original_result", "environment")),
    "cicd_deployment_commits": frozenset(("cicd_deployment_id", "commit_sha", "cicd_scope_id")),
    "pull_requests": frozenset(("base_repo_id", "merge_commit_sha")),
    "project_pr_metrics": frozenset(("project_name", "pr_cycle_time")),
    "project_mapping": frozenset(("project_name", "table", "row_id")),
    "project_incident_deployment_relationships": frozenset(("id", "project_name", "deployment_id")),
    "commits_diffs": frozenset(("new_commit_sha", "old_commit_sha", "commit_sha")),
    "issues": frozenset(("issue_key", "type", "original_status")),
    "incidents": frozenset(("id", "table", "scope_id", "created_date")),
    "board_issues": frozenset(("board_id", "issue_id")),
    "user_accounts": frozenset(("account_id", "user_id")),
    "team_users": frozenset(("team_id", "user_id")),
    "accounts": frozenset(("id", "user_name", "full_name")),
    "teams": frozenset(("id", "name", "parent_id", "sorting_index")),
    "users": frozenset(("id", "name", "email")),
}
"""DevLake's tables that are read and the columns by which a file of one is known; a file of that name needs none."""

_CANCELLED = ("canceled", "cancelled", "aborted", "skipped")
_KEEP_NAMES = frozenset((*SIGNATURES, "cicd_scopes", "repos"))
_FILE = "_file"

Lake = Mapping[str, pl.DataFrame]
"""DevLake's tables by name, each with the file and row its rows come from."""


def read(paths: Sequence[Path], options: Mapping[str, Any], root: Path) -> list[Extract]:
    """One extract per file (or table of the database) and canonical table.

    Raises :class:`SourceError` for a file that is no table of DevLake that is read, or a database that cannot be asked.
    """
    parts: dict[str, list[pl.DataFrame]] = {}
    about: dict[str, tuple[str, tuple[str, ...], Mapping[str, int]]] = {}
    for path in paths:
        shown = shown_path(path, root)
        rows = read_rows(path, shown)
        name = table_of(snapshots.original(path.name), rows.header)
        if name is None:
            raise SourceError(
                f"{shown}: is no table of Apache DevLake that is read ({', '.join(sorted(_KEEP_NAMES))}). "
                f"Found columns {', '.join(rows.header[:12]) or 'none'}."
            )
        frame, dropped = _belonging(name, rows.frame)
        about[shown] = (rows.sha256, rows.warnings, {**rows.dropped, **dropped})
        parts.setdefault(name, []).append(frame.with_columns(pl.lit(shown).alias(_FILE)))
    variable = options.get("url_env")
    for name, shown, frame, sha256 in devlake_database.tables(variable, sorted(_KEEP_NAMES)) if variable else ():
        frame, dropped = _belonging(name, frame)  # noqa: PLW2901
        about[shown] = (sha256, (), dropped)
        parts.setdefault(name, []).append(frame.with_columns(pl.lit(shown).alias(_FILE)))
    if not parts:
        raise SourceError('A devlake source has neither files nor a database: give paths = ["…"] or url_env = "…".')
    lake = {name: _without_repeats(pl.concat(frames, how="diagonal_relaxed")) for name, frames in parts.items()}
    return _extracts(lake, options, about)


def _belonging(name: str, frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Commits without a deployment are none, and not all of one; how many are left out, by reason."""
    if name != "cicd_deployment_commits" or "cicd_deployment_id" not in frame.columns:
        return frame, {}
    kept = frame.filter(told("cicd_deployment_id").is_not_null())
    left = frame.height - kept.height
    return kept, {"is a commit of no deployment (no cicd_deployment_id)": left} if left else {}


def table_of(file: str, header: Sequence[str]) -> str | None:
    """Which of DevLake's tables a file is: by its name, else by its columns; null: none that is read."""
    stem = file.lower().split(".")[0]
    if stem in _KEEP_NAMES:
        return stem
    return next((name for name, columns in SIGNATURES.items() if columns <= set(header)), None)


def _without_repeats(frame: pl.DataFrame) -> pl.DataFrame:
    """Exports may overlap: of rows that are the same but for their place the last one stays."""
    columns = [column for column in frame.columns if column not in (ROW, _FILE)]
    return frame.unique(columns, keep="last", maintain_order=True) if columns else frame.clear()


def _extracts(
    lake: Lake, options: Mapping[str, Any], about: Mapping[str, tuple[str, tuple[str, ...], Mapping[str, int]]]
) -> list[Extract]:
    chosen = {"service": "project", "people": "hash", **options}
    wanted = chosen.get("tables") or SYSTEM.tables
    extracts: list[Extract] = []
    for table in (name for name in SYSTEM.tables if name in wanted):
        frames = [frame for one in _MAKERS[table] if (frame := _made(one, lake, chosen)) is not None]
        if frames:
            for (shown,), part in (
                pl.concat(frames, how="diagonal_relaxed").partition_by(_FILE, as_dict=True, maintain_order=True).items()
            ):
                sha256, warnings, dropped = about[str(shown)]
                told_already = any(extract.path == shown for extract in extracts)
                extracts.append(Extract(
                    table, part.drop(_FILE), str(shown), sha256, options.get("as_of"), warnings=warnings,
                    dropped={} if told_already else dropped,
                ))  # fmt: skip
    silent = [shown for shown in about if all(extract.path != shown for extract in extracts)]
    empty = pl.DataFrame(schema={ROW: pl.Int64})
    return extracts + [
        Extract(wanted[0], empty, shown, about[shown][0], warnings=about[shown][1], dropped=about[shown][2]) for shown in silent
    ]  # fmt: skip


def _made(
    make: Callable[[Lake, Mapping[str, Any]], pl.DataFrame | None], lake: Lake, options: Mapping[str, Any]
) -> pl.DataFrame | None:
    try:
        return make(lake, options)
    except pl.exceptions.ColumnNotFoundError as error:
        column = str(error).split("\n")[0]
        raise SourceError(
            f"Apache DevLake: what is asked for cannot be made of its tables {', '.join(sorted(lake))}: "
            f"no column {column}. Export every column of them."
        ) from None


# --- what each table is made of ---------------------------------------------------------------------------------------


def deployments(lake: Lake, options: Mapping[str, Any]) -> pl.DataFrame | None:
    """One row per deployment: of ``cicd_deployments``, else one per ``cicd_deployment_id`` of its commits.

    Its commit is told where it has exactly one. A deployment that was cancelled is one, though DevLake calls it failed; an
    environment that DevLake left open is taken from the source's own word where that says it.
    """
    commits = lake.get("cicd_deployment_commits")
    whole = lake.get("cicd_deployments")
    if whole is None and commits is None:
        return None
    single = None
    if commits is not None and whole is not None:
        single = (
            commits.group_by("cicd_deployment_id", maintain_order=True)
            .agg(_only_sha())
            .rename({"cicd_deployment_id": "id"})
        )
    elif commits is not None:
        ended = moment(commits, "finished_date")
        single = commits.group_by("cicd_deployment_id", maintain_order=True).agg(
            _only_sha(),
            *(_first(commits, name) for name in ("cicd_scope_id", "environment", "original_environment", "result", "original_result")),
            moment(commits, "queued_date").min().alias("queued_date"), moment(commits, "started_date").min().alias("started_date"),
            ended.max().alias("finished_date"), pl.col(ROW).first(), pl.col(_FILE).first(),
            (pl.col("result") == "SUCCESS").all().alias("_all_well"),
        ).rename({"cicd_deployment_id": "id"})  # fmt: skip
        # Several repositories, one deployment: it is well when all of them are.
        failed = ~pl.col("_all_well") & (pl.col("result") == "SUCCESS")
        single = single.with_columns(pl.when(failed).then(pl.lit("FAILURE")).otherwise("result").alias("result"))
    if whole is None and single is not None:
        frame = single
    elif whole is not None:
        shas = (
            single.select("id", "sha")
            if single is not None
            else pl.DataFrame(schema={"id": pl.String, "sha": pl.String})
        )
        frame = whole.join(shas, on="id", how="left", maintain_order="left")
    if frame.is_empty():  # a column that is not there is one value, which no row stands for
        return None
    word = pl.coalesce(_lower(frame, "original_result"), _lower(frame, "original_status"))
    cancelled = _lower(frame, "original_result").is_in(_CANCELLED) | _lower(frame, "original_status").is_in(_CANCELLED)
    raw = pl.coalesce(_text(frame, "original_environment"), _text(frame, "environment"))
    named = raw.map_batches(partial(_environments, patterns=options.get("environments") or {}), return_dtype=pl.String)
    known = _text(frame, "environment").replace_strict(
        devlake_pipelines.ENVIRONMENTS, default=None, return_dtype=pl.String
    )
    result = _text(frame, "result")
    ended = pl.coalesce(cancelled, False) | result.is_not_null()
    return frame.select(
        _id("id").alias("deployment_id"), _service(lake, frame, "cicd_scopes", "cicd_scope_id", options).alias("service_id"),
        pl.coalesce(known, named).alias("environment"), raw.alias("environment_raw"), pl.col("sha"),
        moment(frame, "queued_date").alias("queued_at"), moment(frame, "started_date").alias("started_at"),
        pl.when(ended).then(moment(frame, "finished_date")).alias("finished_at"),
        pl.when(cancelled).then(pl.lit("cancel"))
        .otherwise(result.replace(devlake_pipelines.OUTCOMES)).alias("outcome"),
        pl.coalesce(word, result).alias("outcome_raw"), ROW, _FILE,
    )  # fmt: skip


def _only_sha() -> pl.Expr:
    """The commit of a deployment that has exactly one."""
    return pl.when(pl.col("commit_sha").n_unique() == 1).then(pl.col("commit_sha").first()).alias("sha")


def changes(lake: Lake, options: Mapping[str, Any]) -> pl.DataFrame | None:
    """One row per pull request; its first commit and first comment come from ``project_pr_metrics``."""
    if (frame := lake.get("pull_requests")) is None:
        return None
    if (metrics := lake.get("project_pr_metrics")) is not None:
        begun = metrics.select(
            "id", moment(metrics, "first_commit_authored_date").alias("_first_commit"),
            moment(metrics, "first_comment_date").alias("_first_review"),
        ).unique("id", keep="first", maintain_order=True)  # fmt: skip
        frame = frame.join(begun, on="id", how="left", maintain_order="left")
    both = [name for name in ("additions", "deletions") if name in frame.columns]
    lines = (
        pl.sum_horizontal((pl.col(name).cast(pl.Int64, strict=False) for name in both), ignore_nulls=False)
        if both
        else pl.lit(None, pl.Int64)
    )
    repo = _names(lake, "repos", "base_repo_id", frame)
    return frame.select(
        _id("id").alias("change_id"), _service(lake, frame, "repos", "base_repo_id", options).alias("service_id"), repo.alias("repo"),
        _person(frame, "author_id", options).alias("author_id"), pl.lit("pull_request").alias("kind"),
        _text(frame, "merge_commit_sha").alias("sha"), moment(frame, "_first_commit").alias("first_commit_at"),
        moment(frame, "created_date").alias("opened_at"), moment(frame, "_first_review").alias("first_review_at"),
        moment(frame, "merged_date").alias("merged_at"), moment(frame, "closed_date").alias("closed_at"),
        lines.alias("lines"), _text(frame, "title").alias("title"), ROW, _FILE,
    )  # fmt: skip


def deployment_changes(lake: Lake, options: Mapping[str, Any]) -> pl.DataFrame | None:
    """One row per pull request and the deployment DevLake found that brought it."""
    del options
    metrics, commits = lake.get("project_pr_metrics"), lake.get("cicd_deployment_commits")
    if metrics is None or commits is None or "deployment_commit_id" not in metrics.columns:
        return None
    by_commit = commits.select(pl.col("id").alias("deployment_commit_id"), "cicd_deployment_id").unique(
        "deployment_commit_id"
    )
    found = metrics.filter(told("deployment_commit_id").is_not_null()).join(
        by_commit, on="deployment_commit_id", maintain_order="left"
    )
    return found.select(
        _id("cicd_deployment_id").alias("deployment_id"), _id("id").alias("change_id"), pl.lit(True).alias("derived"), ROW, _FILE
    ).unique(["deployment_id", "change_id"], keep="first", maintain_order=True)  # fmt: skip


def incidents(lake: Lake, options: Mapping[str, Any]) -> pl.DataFrame | None:
    """One row per incident: of ``incidents``, and of ``issues`` of type INCIDENT (older versions), with the deployment DevLake
    took for its cause."""
    frames = []
    if (own := lake.get("incidents")) is not None:
        frames.append(own.with_columns(_incident_service(lake, own, options).alias("_service")))
    if (issues := lake.get("issues")) is not None:
        old = _on_boards(lake, issues.filter(pl.col("type") == "INCIDENT"))
        frames.append(old.with_columns(_service(lake, old, "boards", "board_id", options).alias("_service")))
    if not frames:
        return None
    frame = pl.concat(frames, how="diagonal_relaxed").unique("id", keep="last", maintain_order=True)
    if (links := lake.get("project_incident_deployment_relationships")) is not None:
        cause = links.select("id", _id("deployment_id").alias("_cause")).unique("id", keep="first", maintain_order=True)
        frame = frame.join(cause, on="id", how="left", maintain_order="left")
    raw = pl.coalesce(_text(frame, "severity"), _text(frame, "priority"), _text(frame, "urgency"))
    caused = _text(frame, "_cause")
    return frame.select(
        _id("id").alias("incident_id"), pl.col("_service").alias("service_id"),
        raw.str.extract(r"(\d)").alias("severity"), raw.alias("severity_raw"), moment(frame, "created_date").alias("opened_at"),
        moment(frame, "resolution_date").alias("resolved_at"), caused.alias("deployment_id"),
        pl.when(caused.is_not_null()).then(True).alias("change_caused"), _text(frame, "url").alias("url"), ROW, _FILE,
    )  # fmt: skip


def tickets(lake: Lake, options: Mapping[str, Any]) -> pl.DataFrame | None:
    """One row per issue that is no incident. Where a resolution date and the status disagree, the date counts."""
    if (frame := lake.get("issues")) is None:
        return None
    frame = _on_boards(lake, frame.filter((pl.col("type") != "INCIDENT").fill_null(True)))
    resolved = moment(frame, "resolution_date")
    status = _text(frame, "status")
    return frame.select(
        _id("id").alias("ticket_id"), _service(lake, frame, "boards", "board_id", options).alias("service_id"),
        pl.coalesce(_text(frame, "type"), _text(frame, "original_type")).alias("category"), _text(frame, "priority").alias("priority"),
        moment(frame, "created_date").alias("created_at"), resolved.alias("resolved_at"),
        pl.when(resolved.is_not_null() | (status == "DONE")).then(pl.lit("done")).when(status.is_in(["TODO", "IN_PROGRESS"]))
        .then(pl.lit("open")).otherwise(status).alias("status"),
        pl.coalesce(_text(frame, "original_status"), status).alias("status_raw"), ROW, _FILE,
    )  # fmt: skip


def services(lake: Lake, options: Mapping[str, Any]) -> pl.DataFrame | None:
    """One row per project, or per scope where a service is one."""
    if options["service"] == "project":
        frame = lake.get("project_mapping")
        return None if frame is None else frame.select(
            pl.col("project_name").alias("service_id"), pl.col("project_name").alias("name"), ROW, _FILE
        ).unique("service_id", keep="first", maintain_order=True)  # fmt: skip
    frame = lake.get("cicd_scopes")
    return None if frame is None else frame.select(
        pl.col("id").alias("service_id"), pl.coalesce(_text(frame, "name"), pl.col("id")).alias("name"), ROW, _FILE
    )  # fmt: skip


def teams(lake: Lake, options: Mapping[str, Any]) -> pl.DataFrame | None:
    """One row per team."""
    del options
    if (frame := lake.get("teams")) is None:
        return None
    return frame.select(
        pl.col("id").alias("team_id"), _text(frame, "name").alias("name"), _text(frame, "parent_id").alias("parent_team_id"), ROW, _FILE
    )  # fmt: skip


def people(lake: Lake, options: Mapping[str, Any]) -> pl.DataFrame | None:
    """One row per user, and per account that belongs to none; names and addresses are left behind."""
    frames = []
    if (users := lake.get("users")) is not None:
        frames.append(users.select(_person(users, "id", options).alias("person_id"), ROW, _FILE))
    if (accounts := lake.get("accounts")) is not None:
        links = lake.get("user_accounts")
        alone = (
            accounts
            if links is None
            else accounts.join(links, left_on="id", right_on="account_id", how="anti", maintain_order="left")
        )
        frames.append(alone.select(_person(alone, "id", options).alias("person_id"), ROW, _FILE))
    return pl.concat(frames) if frames else None


def memberships(lake: Lake, options: Mapping[str, Any]) -> pl.DataFrame | None:
    """One row per user and team."""
    if (frame := lake.get("team_users")) is None:
        return None
    return frame.select(_person(frame, "user_id", options).alias("person_id"), "team_id", ROW, _FILE)


def aliases(lake: Lake, options: Mapping[str, Any]) -> pl.DataFrame | None:
    """Which account is whose: one row per account of a user."""
    if (frame := lake.get("user_accounts")) is None:
        return None
    return frame.select(
        pl.lit("person").alias("kind"), _person(frame, "account_id", options).alias("alias"),
        _person(frame, "user_id", options).alias("canonical_id"), ROW, _FILE,
    )  # fmt: skip


_MAKERS: Mapping[str, tuple[Callable[[Lake, Mapping[str, Any]], pl.DataFrame | None], ...]] = {
    "deployments": (deployments,), "changes": (changes,), "deployment_changes": (deployment_changes,), "incidents": (incidents,),
    "tickets": (tickets,), "services": (services,), "teams": (teams,), "people": (people,), "memberships": (memberships,),
    "aliases": (aliases,),
}  # fmt: skip


# --- columns ----------------------------------------------------------------------------------------------------------


def _text(frame: pl.DataFrame, name: str) -> pl.Expr:
    """A column as text; empty, or not there: not known."""
    if name not in frame.columns:
        return pl.lit(None, pl.String)
    text = pl.col(name).cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text)


def _lower(frame: pl.DataFrame, name: str) -> pl.Expr:
    return _text(frame, name).str.to_lowercase()


def _first(frame: pl.DataFrame, name: str) -> pl.Expr:
    return _text(frame, name).drop_nulls().first().alias(name)


def _id(name: str) -> pl.Expr:
    return pl.lit("devlake:") + pl.col(name).cast(pl.String)


def _person(frame: pl.DataFrame, name: str, options: Mapping[str, Any]) -> pl.Expr:
    text = _text(frame, name)
    return text if options["people"] == "keep" else text.map_batches(_pseudonyms, return_dtype=pl.String)


def _pseudonyms(logins: pl.Series) -> pl.Series:
    known = logins.unique().drop_nulls().to_list()
    return logins.replace_strict(known, [pseudonym(login) for login in known], default=None, return_dtype=pl.String)


def _environments(names: pl.Series, patterns: Mapping[str, str]) -> pl.Series:
    known = names.unique().drop_nulls().to_list()
    return names.replace_strict(
        known, [environment_word(name, patterns) for name in known], default=None, return_dtype=pl.String
    )


def _service(lake: Lake, frame: pl.DataFrame, table: str, column: str, options: Mapping[str, Any]) -> pl.Expr:
    """The project that maps the scope, the first by name where several do; the scope itself where none does."""
    scope = _text(frame, column)
    mapping = lake.get("project_mapping")
    if options["service"] != "project" or mapping is None:
        return scope
    projects = _projects(mapping.filter(pl.col("table") == table), pl.col("row_id"))
    return scope.replace(list(projects), list(projects.values()))


def _incident_service(lake: Lake, frame: pl.DataFrame, options: Mapping[str, Any]) -> pl.Expr:
    scope = _text(frame, "scope_id")
    mapping = lake.get("project_mapping")
    if options["service"] != "project" or mapping is None:
        return scope
    projects = _projects(mapping, pl.concat_str("table", "row_id", separator="\n"))
    both = pl.concat_str(_text(frame, "table"), scope, separator="\n")
    return pl.coalesce(
        both.replace_strict(list(projects), list(projects.values()), default=None, return_dtype=pl.String), scope
    )


def _projects(mapping: pl.DataFrame, key: pl.Expr) -> dict[str, str]:
    return dict(
        mapping.select(key.alias("key"), "project_name").group_by("key").agg(pl.col("project_name").min()).iter_rows()
    )


def _on_boards(lake: Lake, issues: pl.DataFrame) -> pl.DataFrame:
    boards = lake.get("board_issues")
    if boards is None or "board_id" in issues.columns:
        return issues
    first = boards.select(pl.col("issue_id").alias("id"), "board_id").unique("id", keep="first", maintain_order=True)
    return issues.join(first, on="id", how="left", maintain_order="left")


def _names(lake: Lake, table: str, column: str, frame: pl.DataFrame) -> pl.Expr:
    known = lake.get(table)
    if known is None or "name" not in known.columns:
        return _text(frame, column)
    names = dict(known.select("id", _text(known, "name").alias("name")).drop_nulls().iter_rows())
    return _text(frame, column).replace(list(names), list(names.values()))


def _shape(name: str, columns: frozenset[str]) -> Shape:
    return Shape(name, f"table {name}", lambda body: columns <= body.keys())


_ALL = "as long as DevLake collects"

SYSTEM = System(
    kind="devlake",
    title="Apache DevLake",
    shapes=tuple(_shape(name, columns) for name, columns in SIGNATURES.items()),
    gives=(
        Gives("deployments", None, ("cicd_deployments", "cicd_deployment_commits"), _ALL,
              lost=("version", "kind", "is_rollback", "is_resync", "initiated_by", "automated", "golden_path_id")),
        Gives("changes", None, ("pull_requests",), _ALL, beside=("project_pr_metrics", "repos"),
              lost=("approved_at", "labels", "is_revert", "origin_sha")),
        Gives("deployment_changes", None, ("project_pr_metrics", "cicd_deployment_commits"), _ALL),
        Gives("incidents", None, ("incidents", "issues"), _ALL, beside=("project_incident_deployment_relationships",),
              lost=("team_id", "acknowledged_at", "postmortem_on")),
        Gives("tickets", None, ("issues",), _ALL, lost=("team_id", "golden_path_id", "channel", "first_response_at", "reopens")),
        Gives("services", None, ("project_mapping", "cicd_scopes"), "now only",
              lost=("system", "kind", "lifecycle", "tier", "repo", "created_at", "retired_at")),
        Gives("teams", None, ("teams",), "now only", lost=("kind", "time_zone", "valid_from", "valid_to")),
        Gives("people", None, ("users", "accounts"), "now only", lost=("started_on", "ended_on", "is_developer", "is_bot", "time_zone")),
        Gives("memberships", None, ("team_users",), "now only", lost=("valid_from", "valid_to")),
        Gives("aliases", None, ("user_accounts",), "now only", lost=("system", "valid_from", "valid_to")),
    ),
    recipes=(
        Recipe("(none)", "export DEVLAKE_URL='postgresql://reader:secret@host/lake'", "SELECT on the domain layer tables",
               'Live: url_env = "DEVLAKE_URL" in the settings; needs pip install "idp-analytics[sql]".'),
        Recipe("cicd_deployments.csv", "psql \"$DEVLAKE_URL\" -c '\\copy cicd_deployments to cicd_deployments.csv csv header'", "SELECT",
               "The same for cicd_deployment_commits, pull_requests, project_pr_metrics, project_mapping, incidents, issues, board_issues, "
               "project_incident_deployment_relationships, repos, cicd_scopes, teams, users, team_users, accounts, user_accounts."),
    ),
    options=(
        ENVIRONMENTS,
        Option("service", "text", "What a service is: project (usual) or scope.", ("project", "scope"), "project"),
        Option("url_env", "text", "Name of the environment variable with the database's SQLAlchemy address."),
    ),
    reads=read,
)  # fmt: skip
