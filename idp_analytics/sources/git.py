"""Local git repositories, no server: release tags are production deployments, mainline commits their changes.

A release tag exists only for what was released, so each one is a successful deployment; failed attempts leave no tag
and cannot be seen here. Each repository is one service. What is read: working trees, bare repositories and bundles
(``git bundle create x.bundle --all``). Commits and refs only, never file contents, so that partial clones will do,
nothing the repository configures is run, and 10 000 commits take under a second; ``lines`` is therefore not known.

A squashed or rebased pull request keeps only the date its host gave the new commit: its lead time starts there.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.errors import SourceError, nearest
from idp_analytics.sources.git_commands import Repository, git_directory, repository
from idp_analytics.sources.git_history import History, trace
from idp_analytics.tables import TABLES, Extract

TAG_PATTERN = r"(?:.+/)?v?[0-9]+\.[0-9]+\.[0-9]+(?:\+[0-9A-Za-z.-]+)?"
"""A release by default: v1.2.3, 1.2.3, prefix/v1.2.3, with build metadata or not; no -rc.1, -alpha, -beta."""

PEOPLE_KEY = "IDP_PEOPLE_KEY"
"""Environment variable with the key (≥ 16 characters) that turns e-mail addresses into pseudonyms; unset: no authors."""

_OPTIONS = ("tag_pattern", "services", "environment", "teams_from_repositories")
_GENERIC = (".git", "repo", ".bundle", "repo.git", "repo.bundle")
_UTC = pl.Datetime("us", "UTC")
_ABSURD = "a date before 1970-01-02 or over a year after the newest commit of the mainline, taken as not known"


def problems(options: Mapping[str, Any]) -> list[str]:
    """What is wrong with the options of a ``git`` source, one sentence each; empty: nothing.

    ``tag_pattern`` (regular expression a release tag must match as a whole), ``services`` (repository name, or its
    path where two have one name → service id), ``environment`` (of every deployment), ``teams_from_repositories``
    (true: each repository is also a team that owns its service).
    """
    found = [
        f"{name}: a git source has no such option.{nearest(name, _OPTIONS)}" for name in options if name not in _OPTIONS
    ]
    pattern = options.get("tag_pattern", TAG_PATTERN)
    try:
        re.compile(pattern)
    except (re.error, TypeError, RecursionError, OverflowError) as error:
        found.append(f"tag_pattern = {pattern!r}: is not a regular expression ({error})")
    services = options.get("services", {})
    if not isinstance(services, Mapping) or not all(isinstance(v, str) and v.strip() for v in services.values()):
        found.append(f'services = {services!r}: must be a table, {{ "repository name" = "service id" }}')
    environments = TABLES["deployments"].column("environment").values
    if options.get("environment", "production") not in environments:
        found.append(f"environment = {options['environment']!r}: must be one of {', '.join(environments)}")
    if not isinstance(options.get("teams_from_repositories", False), bool):
        found.append(f"teams_from_repositories = {options['teams_from_repositories']!r}: must be true or false")
    return found


def read(paths: Sequence[Path], options: Mapping[str, Any], root: Path) -> list[Extract]:
    """Read every repository of ``paths``: extracts for services, deployments, changes and deployment_changes each.

    With ``teams_from_repositories`` also teams and ownership. ``options`` as :func:`problems` describes them; paths
    are shown relative to ``root`` where they lie in it. What a number from here rests on is told in the extracts'
    ``warnings``. Authors are HMAC-SHA256 pseudonyms of their lower-cased e-mail address under :data:`PEOPLE_KEY`, of
    a merge the one who wrote its first commit; without the key they are not known.

    Raises :class:`SourceError` when git is missing, a path is no repository or a broken one, two repositories would
    be one service, ``services`` names a repository that is not there, or the key is too short.
    """
    pattern = re.compile(options.get("tag_pattern", TAG_PATTERN))
    names: Mapping[str, str] = options.get("services", {})
    key = _people_key()
    extracts: list[Extract] = []
    places: dict[str, str] = {}
    used: set[str] = set()
    for path in paths:
        shown, name = _shown(path, root), repository_name(path)
        named = next((known for known in (shown, name) if known in names), None)
        service = name if named is None else names[named]
        used.update((shown, name))
        if service in places:
            raise SourceError(
                f"{shown} and {places[service]}: both would be service {service!r}. Each repository is one service: "
                f'tell them apart with services = {{ "{shown}" = "…" }}.'
            )
        places[service] = shown
        with git_directory(path, shown) as git_dir:
            found = repository(git_dir, shown, pattern)
        history = trace(found.commits, found.releases, found.head)
        extracts += _extracts(found, history, service, name, shown, options, key)
    for name in names:
        if name not in used:
            raise SourceError(f"services: no repository {name!r} was read.{nearest(name, used)}")
    return extracts


def repository_name(path: Path) -> str:
    """The name a repository goes by: its folder or bundle, without ``.git`` and ``.bundle``; of ``x/repo``, x."""
    place = path.resolve() if path.name in ("", "..") else path.absolute()
    while place.name in _GENERIC:
        place = place.parent
    name = os.fsencode(place.name).decode("utf-8", "backslashreplace")
    return name.removesuffix(".bundle").removesuffix(".git") or "repository"


def _shown(path: Path, root: Path) -> str:
    inside = path.absolute().is_relative_to(root.absolute())
    text = (path.absolute().relative_to(root.absolute()) if inside else path).as_posix()
    return os.fsencode(text).decode("utf-8", "backslashreplace")


def author(address: str) -> str | None:
    """Whom the author of a commit with this address is in the tables; null without a key (:data:`PEOPLE_KEY`). Raises as :func:`read`."""
    return _pseudonym(address.strip().lower(), _people_key())


def _people_key() -> bytes | None:
    key = os.environ.get(PEOPLE_KEY, "")
    if key and len(key) < 16:
        raise SourceError(
            f"{PEOPLE_KEY} has {len(key)} characters; with fewer than 16 pseudonyms can be guessed. "
            "Set a longer secret, or unset it to do without authors."
        )
    return key.encode() or None


def _extracts(
    found: Repository,
    history: History,
    service: str,
    name: str,
    shown: str,
    options: Mapping[str, Any],
    key: bytes | None,
) -> Iterator[Extract]:
    """One extract per table, rows in the order of the history."""
    as_of = None if history.newest is None else datetime.fromtimestamp(history.newest, UTC)

    def extract(
        table: str, columns: Mapping[str, Sequence[Any]], warnings: Sequence[str] = (), dropped: Mapping[str, int] = {}
    ) -> Extract:
        frame = _frame(table, columns)
        left_out = {reason: count for reason, count in dropped.items() if count}
        return Extract(
            table, frame, shown, found.sha256, as_of, found.shallow, tuple(warnings),
            rows_in=frame.height + sum(left_out.values()), dropped=left_out,
        )  # fmt: skip

    deployments, changes = history.deployments, history.changes
    ids = [f"git:{service}:{deployment.release.tag}" for deployment in deployments]
    change_ids = [f"git:{service}:{change.commit.sha}" for change in changes]
    people = {email: _pseudonym(email, key) for email in {change.email for change in changes}}
    linked = [(i, change.deployment) for i, change in enumerate(changes) if change.deployment is not None]

    yield extract("services", {"service_id": [service], "name": [name], "repo": [found.repo]})
    if options.get("teams_from_repositories", False):
        yield extract("teams", {"team_id": [service], "name": [name], "kind": ["team"]})
        yield extract("ownership", {"service_id": [service], "team_id": [service]})
    yield extract(
        "deployments",
        {
            "deployment_id": ids,
            "service_id": [service] * len(ids),
            "environment": [options.get("environment", "production")] * len(ids),
            "version": [deployment.release.tag for deployment in deployments],
            "sha": [deployment.release.sha for deployment in deployments],
            "kind": ["application"] * len(ids),
            "finished_at": [deployment.at for deployment in deployments],
            "outcome": ["success"] * len(ids),
            "is_rollback": [deployment.is_rollback for deployment in deployments],
        },
        _deployment_warnings(found, history),
        {
            "tag name does not match tag_pattern": found.other_tags,
            "tag does not point to a commit": found.tags_without_commit,
        },
    )
    yield extract(
        "changes",
        {
            "change_id": change_ids,
            "service_id": [service] * len(changes),
            "repo": [found.repo] * len(changes),
            "author_id": [people[change.email] for change in changes],
            "kind": ["pull_request" if change.is_merge else "commit" for change in changes],
            "sha": [change.commit.sha for change in changes],
            "first_commit_at": [change.first_commit_at for change in changes],
            "merged_at": [change.merged_at for change in changes],
            "is_revert": [change.is_revert for change in changes],
            "origin_sha": [change.origin for change in changes],
        },
        _change_warnings(found, history),
        {"mainline commit of a first release, whose start is not known": history.before_start},
    )
    yield extract(
        "deployment_changes",
        {
            "deployment_id": [ids[k] for _, k in linked],
            "change_id": [change_ids[i] for i, _ in linked],
            "derived": [True] * len(linked),
        },
        _link_warnings(history),
    )


def _frame(table: str, columns: Mapping[str, Sequence[Any]]) -> pl.DataFrame:
    """Typed columns and ``_row``; times come as seconds."""
    schema = {name: TABLES[table].column(name).dtype for name in columns}
    times = [name for name, dtype in schema.items() if dtype == _UTC]
    frame = pl.DataFrame(columns, schema={**schema, **dict.fromkeys(times, pl.Int64)})
    return frame.with_columns((pl.col(times) * 1_000_000).cast(_UTC)).with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("_row")
    )


def _pseudonym(email: str, key: bytes | None) -> str | None:
    return hmac.new(key, email.encode(), hashlib.sha256).hexdigest() if key and email else None


def _deployment_warnings(found: Repository, history: History) -> list[str]:
    deployments = history.deployments
    light = sum(deployment.release.tagged is None for deployment in deployments)
    aside = sum(not deployment.on_mainline for deployment in deployments) if found.head else 0
    undated = sum(deployment.at is None for deployment in deployments)
    told = list(found.warnings)
    if not found.commits:
        told.append("the repository has no commits")
    elif not deployments:
        told.append(
            f"no release tags: none of {found.other_tags + found.tags_without_commit} tag(s) matches "
            "tag_pattern and points to a commit; set tag_pattern, or fetch the tags with 'git fetch --tags'"
        )
    if found.shallow:
        told.append(
            "shallow clone: older commits and tags are missing; complete it with 'git fetch --unshallow --tags'"
        )
    if light:
        told.append(
            f"{light} of {len(deployments)} release tag(s) have no date of their own (light tags): the commit's date "
            "is taken, so the release may have been later, and a rollback to an older commit cannot be seen"
        )
    if aside:
        told.append(
            f"{aside} of {len(deployments)} release tag(s) are on side branches, not on the mainline of the default branch"
        )
    if undated:
        told.append(f"{undated} release tag(s) have {_ABSURD}")
    return told


def _change_warnings(found: Repository, history: History) -> list[str]:
    told = []
    starts = [deployment.release.tag for deployment in history.deployments if deployment.is_start]
    if starts:
        told.append(
            f"what came before the first release on a line of history has no known start: {history.before_start} "
            f"mainline commit(s) up to {', '.join(starts[:5])}{', …' if len(starts) > 5 else ''} are left out"
        )
    if found.shallow and found.commits:
        told.append("shallow clone: changes deployed by releases that were not fetched are missing or look undeployed")
    if history.absurd_dates:
        told.append(f"{history.absurd_dates} of {len(found.commits)} commit(s) have {_ABSURD}")
    return told


def _link_warnings(history: History) -> list[str]:
    ends = [
        (change.first_commit_at, history.deployments[change.deployment].at)
        for change in history.changes
        if change.deployment is not None
    ]
    negative = sum(start is not None and end is not None and start > end for start, end in ends)
    if not negative:
        return []
    return [
        f"{negative} of {len(ends)} change(s) were written after the date of the release that has them (negative lead time)"
    ]
