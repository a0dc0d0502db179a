"""Repositories built by git commands with fixed dates, and what the git source says of them in short."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from idp_analytics.sources import git
from idp_analytics.tables import Extract

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "Test@Example.invalid",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.invalid",
}


def day(number: float) -> str:
    """Noon UTC of a day in January 2026 (and on), in git's own words."""
    return f"{int(1767268800 + (number - 1) * 86_400)} +0000"


class Repository:
    """A repository built by git commands, each commit empty and known by its message."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.shas: dict[str, str] = {}
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, at: str | None = None, authored: str | None = None, given: bytes = b"") -> str:
        dates = {"GIT_COMMITTER_DATE": at, "GIT_AUTHOR_DATE": authored or at} if at else {}
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env={**ENVIRONMENT, **dates},
            input=given,
            capture_output=True,
            check=True,
        )
        return done.stdout.decode(errors="replace").strip()

    def commit(self, message: str, at: str, authored: str | None = None, *options: str) -> str:
        self.git("commit", "-q", "--allow-empty", "-m", message, *options, at=at, authored=authored)
        return self._note(message)

    def merge(self, branch: str, message: str, at: str) -> str:
        self.git("merge", "-q", "--no-ff", "-m", message, branch, at=at)
        return self._note(message)

    def tag(self, name: str, at: str | None = None, target: str = "HEAD") -> None:
        self.git("tag", *(("-a", "-m", name) if at else ()), name, target, at=at)

    def switch(self, branch: str, start: str | None = None) -> None:
        self.git("switch", "-q", *(("-c", branch, start) if start else (branch,)))

    def _note(self, message: str) -> str:
        sha = self.git("rev-parse", "HEAD")
        self.shas[sha] = message.splitlines()[0]
        return sha


def read(path: Path, root: Path | None = None, **options: object) -> dict[str, Extract]:
    return {extract.table: extract for extract in git.read([path], options, root or path.parent)}


def deployments(found: dict[str, Extract]) -> dict[str, dict[str, object]]:
    return {row["version"]: row for row in found["deployments"].frame.to_dicts()}


def changes(found: dict[str, Extract], repo: Repository) -> dict[str, dict[str, object]]:
    return {repo.shas[row["sha"]]: row for row in found["changes"].frame.to_dicts()}


def delivered(found: dict[str, Extract], repo: Repository) -> dict[str, list[str]]:
    """Tag → the messages of its changes; the changes without a deployment under ``-``."""
    tags = {f"git:shop:{version}": version for version in found["deployments"].frame["version"]}
    links = dict(found["deployment_changes"].frame.select("change_id", "deployment_id").iter_rows())
    result: dict[str, list[str]] = {}
    for row in found["changes"].frame.to_dicts():
        result.setdefault(tags.get(links.get(row["change_id"], ""), "-"), []).append(repo.shas[row["sha"]])
    return result


def told(found: dict[str, Extract]) -> str:
    return "\n".join(warning for extract in found.values() for warning in extract.warnings)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
