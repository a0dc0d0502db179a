"""Which part of the company's year its systems of record export by themselves, each in its own format.

A fact is in one file only. A row goes to a system only where that system can say all that the table says of it, but for what
it is known to lose; the rest stays in the files of our own columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import KNOWN, dialect
from idp_analytics.sources.sample.respondents import SURVEY
from idp_analytics.tables import TABLES

Tables = Mapping[str, pl.DataFrame]
FOLDER = "exports"


@dataclass(frozen=True)
class NativeExport:
    """One system's part: its ``files`` (path in the folder → content), the ``options`` of its source, and the rows of facts that
    are in them alone (``taken``: table → rows)."""

    kind: str
    files: Mapping[str, Any]
    options: Mapping[str, Any]
    taken: Mapping[str, pl.DataFrame]


def exports(tables: Tables) -> list[NativeExport]:
    """Every system's part of a company, in the order of their settings. One that has nothing to say is left out."""
    rest = dict(tables)
    found: list[NativeExport] = []
    for part in _PARTS:
        taken = {name: rows for name, rows in part.choose(rest).items() if rows.height}
        if not taken and part.choose is not _nothing:
            continue
        said = {**_without_facts(tables), **part.beside(tables), **taken}
        options = {
            **dialect(part.kind).OPTIONS,
            **part.options,
            **({"tables": list(part.tables)} if part.tables else {}),
        }
        found.append(NativeExport(part.kind, _written(part, said), options, taken))
        rest = remaining(rest, found[-1:])
    return found


def remaining(tables: Tables, found: Sequence[NativeExport]) -> dict[str, pl.DataFrame]:
    """The tables without the rows that are in those exports."""
    rest = dict(tables)
    for name, rows in (item for one in found for item in one.taken.items()):
        rest[name] = _less(rest[name], rows, name)
    return rest


def response_ids(found: Sequence[NativeExport]) -> dict[str, str]:
    """Our id of each response to the survey → the one under which it is loaded from the tool that exports it."""
    ids: dict[str, str] = {}
    for one in found:
        rows = one.taken.get("survey_responses")
        if rows is not None:
            told = dialect(one.kind).told({"survey_responses": rows})["survey_responses"]["response_id"]
            ids |= dict(zip(rows["response_id"], told.str.strip_prefix(f"{one.kind}:"), strict=True))
    return ids


def _less(frame: pl.DataFrame, taken: pl.DataFrame, name: str) -> pl.DataFrame:
    return frame.join(taken, on=TABLES[name].key, how="anti", maintain_order="left", nulls_equal=True)


def _without_facts(tables: Tables) -> dict[str, pl.DataFrame]:
    return {name: frame.clear() if TABLES[name].is_fact else frame for name, frame in tables.items()}


def _written(part: Part, tables: Tables) -> dict[str, Any]:
    """The dialect's files but for those that hold nothing; snapshots where ``idp collect`` keeps them."""
    found = {}
    for name, content in dialect(part.kind).files(tables).items():
        if not _is_empty(content) and name.split(".")[0] not in part.without:
            found[name if name.startswith("snapshots/") else f"{FOLDER}/{part.kind}/{name}"] = content
    return found


def _is_empty(content: Any) -> bool:
    if isinstance(content, str):
        return content.count("\n") < 2
    lists = [content] if isinstance(content, list) else [one for one in content.values() if isinstance(one, list)]
    return bool(lists) and not any(lists)


# --- who says what ----------------------------------------------------------------------------------------------------


def _sayable(
    kind: str, table: str, rows: pl.DataFrame, beside: Tables | None = None, silent: Sequence[str] = ()
) -> pl.DataFrame:
    """The rows that come back from the system as they are; ``silent`` are columns it loses that must say nothing."""
    if rows.is_empty():
        return rows
    (key,) = TABLES[table].key
    quiet = rows.filter(pl.all_horizontal(pl.col(name).is_null() for name in silent)) if silent else rows
    told = dialect(kind).told({**(beside or {}), table: quiet})[table]
    bare = told.with_columns(pl.col(key).str.strip_prefix(f"{kind}:"))
    both = quiet.join(bare, on=key, how="inner", suffix="_told", maintain_order="left")
    same = [
        pl.col(name).eq_missing(pl.col(f"{name}_told"))
        for name in told.columns
        if name != key and f"{name}_told" in both.columns
    ]
    return both.filter(*same).select(rows.columns)


def _staging(
    place: int, allowed: Sequence[str] = ("success", "failure", "error", "cancel"), most: int = 1_000
) -> Callable[[Tables], dict[str, pl.DataFrame]]:
    """Deployments to staging of one service: nothing else in the company refers to them."""

    def choose(tables: Tables) -> dict[str, pl.DataFrame]:
        tried = tables["deployments"].filter(
            pl.col("environment") == "staging", KNOWN, pl.col("outcome").is_in(list(allowed))
        )
        services = tried.group_by("service_id").len().filter(pl.col("len") >= 3)["service_id"].sort().to_list()
        if not services:
            return {}
        rows = tried.filter(pl.col("service_id") == services[place % len(services)]).sort(
            "finished_at", "deployment_id"
        )
        return {"deployments": rows.tail(most)}

    return choose


def _pagerduty(tables: Tables) -> dict[str, pl.DataFrame]:
    """Incidents of which nobody said what caused them, and the pages for them."""
    dark = tables["incidents"].filter(pl.int_range(pl.len()) % 5 != 0)
    incidents = _sayable(
        "pagerduty", "incidents", dark, tables, ("deployment_id", "change_caused", "postmortem_on", "team_id")
    )
    called = tables["pages"].join(incidents.select("incident_id"), on="incident_id", how="semi", maintain_order="left")
    pages = _sayable("pagerduty", "pages", called, {**tables, "incidents": incidents})
    # An incident is there with all its pages, or not at all: answers are told by both.
    torn = called.join(pages, on="page_id", how="anti").select("incident_id")
    return {
        "incidents": incidents.join(torn, on="incident_id", how="anti", maintain_order="left"),
        "pages": pages.join(torn, on="incident_id", how="anti", maintain_order="left"),
    }


def _opsgenie(tables: Tables) -> dict[str, pl.DataFrame]:
    """A few incidents for which nobody was paged."""
    unpaged = tables["incidents"].join(
        tables["pages"].select("incident_id"), on="incident_id", how="anti", maintain_order="left"
    )
    return {
        "incidents": _sayable(
            "opsgenie", "incidents", unpaged, tables, ("deployment_id", "change_caused", "postmortem_on", "team_id")
        )
    }


def _tickets(kind: str, take: int) -> Callable[[Tables], dict[str, pl.DataFrame]]:
    def choose(tables: Tables) -> dict[str, pl.DataFrame]:
        some = tables["tickets"].filter(pl.int_range(pl.len()) % take == 0)
        return {"tickets": _sayable(kind, "tickets", some, tables, ("golden_path_id",))}

    return choose


def _port(tables: Tables) -> dict[str, pl.DataFrame]:
    """Runs of three operations without a gate, asked for by the team that owns the service."""
    some = tables["action_runs"].filter(
        pl.col("operation_id").is_in(["restart-service", "scale-service", "purge-cache"]),
        pl.col("started_at").is_not_null(),
    )
    runs = _sayable("port", "action_runs", some, tables, ("version", "usable_at", "previous_run_id", "golden_path_id"))
    owners = (
        tables["ownership"]
        .group_by("service_id")
        .agg(pl.col("team_id").n_unique().alias("owners"), pl.col("team_id").first().alias("owner"))
    )
    known = runs.join(owners, on="service_id", maintain_order="left").filter(
        pl.col("owners") == 1, pl.col("owner") == pl.col("team_id")
    )
    gated = tables["approvals"].select(pl.col("subject_id").alias("run_id"))
    return {"action_runs": known.select(runs.columns).join(gated, on="run_id", how="anti", maintain_order="left")}


def _servicenow(tables: Tables) -> dict[str, pl.DataFrame]:
    """Approvals whose time is only known to lie before something."""
    bound = tables["approvals"].filter(pl.col("time_basis") == "bound")
    return {"approvals": _sayable("servicenow", "approvals", bound, tables)}


def _policies(engine: str, kind: str) -> Callable[[Tables], dict[str, pl.DataFrame]]:
    def choose(tables: Tables) -> dict[str, pl.DataFrame]:
        rows = tables["policy_results"].filter(pl.col("engine") == engine, pl.col("hatch_id").is_null())
        if kind == "opa":
            told = dialect(kind).told({**tables, "policy_results": rows})["policy_results"]
            rows = rows.join(
                told.select("policy", "rule", "resource", "as_of"),
                on=["policy", "rule", "resource", "as_of"],
                how="semi",
                maintain_order="left",
            )
        return {"policy_results": rows}

    return choose


def _scorecards(tool: str) -> Callable[[Tables], dict[str, pl.DataFrame]]:
    return lambda tables: {"scorecard_results": tables["scorecard_results"].filter(pl.col("tool") == tool)}


def _telemetry(tables: Tables) -> dict[str, pl.DataFrame]:
    """Services that send telemetry with everything in it."""
    return {
        "service_golden_path": tables["service_golden_path"].filter(
            pl.col("golden_path_id") == "secure-base", pl.col("evidence") == "conforms"
        )
    }


def _wave(number: int) -> Callable[[Tables], dict[str, pl.DataFrame]]:
    def choose(tables: Tables) -> dict[str, pl.DataFrame]:
        asked = tables["survey_responses"].filter(pl.col("survey_id") == SURVEY)
        waves = asked["wave"].unique().sort().to_list()
        return {"survey_responses": asked.filter(pl.col("wave") == waves[0])} if len(waves) >= 4 - number else {}

    return choose


def _nothing(_: Tables) -> dict[str, pl.DataFrame]:
    return {}


def _whole(table: str) -> Callable[[Tables], dict[str, pl.DataFrame]]:
    return lambda tables: {table: tables[table]}


def _runs_of_users(tables: Tables) -> dict[str, pl.DataFrame]:
    """Runs of a path for services that are on it: what a composition made and still serves. A service that had something made
    and never took the path up has no claim left."""
    users = tables[_PATHS].select("service_id", "golden_path_id").unique()
    return {
        "action_runs": tables["action_runs"].join(
            users, on=["service_id", "golden_path_id"], how="semi", maintain_order="left"
        )
    }


@dataclass(frozen=True)
class Part:
    """What one system exports: the rows ``choose`` takes of what is left, ``options`` beside the dialect's own, the ``tables`` that
    are read of it (all), the facts its writer needs ``beside`` them without taking them, and the files it would write and is
    ``without``."""

    kind: str
    choose: Callable[[Tables], dict[str, pl.DataFrame]] = _nothing
    options: Mapping[str, Any] = field(default_factory=dict)
    tables: tuple[str, ...] = ()
    beside: Callable[[Tables], dict[str, pl.DataFrame]] = _nothing
    without: tuple[str, ...] = ()


_OURS = {"prefix": ""}
_GOOD = ("success",)
_PATHS = "service_golden_path"
_PARTS = (
    Part("backstage", tables=("services", "teams", "aliases", "golden_paths", _PATHS), beside=_whole(_PATHS)),
    Part("argocd", _staging(0, _GOOD, 10)),
    Part("flux", _staging(1, _GOOD, 3), tables=("deployments",), beside=_whole(_PATHS)),
    Part(
        "github",
        _staging(2, ("success", "failure", "error")),
        _OURS,
        ("deployments",),
        without=("environments", "teams"),
    ),
    Part("gitlab", _staging(3, ("success", "failure", "cancel")), _OURS),
    Part("cdevents", _staging(4)),
    Part("cortex", _staging(5, _GOOD), _OURS, ("deployments",), without=("catalog",)),
    Part(
        "devlake",
        _staging(6, ("success", "failure", "cancel")),
        tables=("deployments",),
        without=("repos", "cicd_scopes", "teams", "users", "team_users"),
    ),
    Part("terraform", tables=(_PATHS,), beside=_whole(_PATHS)),
    # Looked at in the middle of the last month, because the catalogue's own snapshot is of its end.
    Part("crossplane", options={"as_of": datetime(2026, 6, 15, tzinfo=UTC)}, tables=(_PATHS,), beside=_runs_of_users),
    Part("opentelemetry", _telemetry),
    Part("kyverno", _policies("kyverno", "kyverno"), _OURS),
    Part("opa", _policies("gatekeeper", "opa")),
    Part("tech_insights", _scorecards("backstage")),
    Part("openssf", _scorecards("openssf")),
    Part("pagerduty", _pagerduty, _OURS, ("incidents", "pages"), without=("users",)),
    Part("opsgenie", _opsgenie, _OURS),
    Part("servicenow", _servicenow, _OURS, ("approvals",)),
    Part("jira", _tickets("jira", 3), _OURS, ("tickets",), without=("users",)),
    Part("zendesk", _tickets("zendesk", 2), _OURS),
    Part("port", _port, _OURS, ("action_runs",), without=("entities", "actions")),
    Part("google_forms", _wave(0), _OURS),
    Part("typeform", _wave(1), _OURS),
    Part("qualtrics", _wave(2), _OURS),
    Part("surveymonkey", _wave(3), _OURS),
    Part("opencost", beside=_whole("costs")),
)


def settings(found: Sequence[NativeExport], as_of: str) -> Iterator[str]:
    """The ``[[source]]`` of each system."""
    for one in found:
        snapshots = [path for path in one.files if path.startswith("snapshots/")]
        paths = [path for path in one.files if path not in snapshots]
        lines = [
            "[[source]]",
            f'kind = "{one.kind}"',
            *([f"paths = [{', '.join(map(_toml, paths))}]"] if paths else []),
        ]
        lines += [f"{name} = {_toml(value)}" for name, value in one.options.items()]
        if not snapshots and "as_of" not in one.options:
            lines.append(f"as_of = {as_of}")
        yield "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_toml(str(name))} = {_toml(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return f"'{value}'" if "\\" in str(value) else f'"{value}"'
