"""Local git repositories, no server: release tags are production deployments, mainline commits their changes.

A release tag exists only for what was released, so each one is a successful deployment; failed attempts leave no tag
and cannot be seen here. Each repository is one service. What is read: working trees, bare repositories and bundles
(``git bundle create x.bundle --all``). Commits and refs only, never file contents, so that partial clones will do,
nothing the repository configures is run, and 10 000 commits take about a second; ``lines`` is therefore unknown.

A squashed or rebased pull request keeps only the date its host gave the new commit: its lead time starts there.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.errors import SourceError, nearest
from idp_analytics.sources.git_history import Commit, History, Release, origin, trace
from idp_analytics.tables import TABLES, Extract

TAG_PATTERN = r"(?:.+/)?v?[0-9]+\.[0-9]+\.[0-9]+(?:\+[0-9A-Za-z.-]+)?"
"""A release by default: v1.2.3, 1.2.3, prefix/v1.2.3, with build metadata or not; no -rc.1, -alpha, -beta."""

PEOPLE_KEY = "IDP_PEOPLE_KEY"
"""Environment variable with the key (≥ 16 characters) that turns e-mail addresses into pseudonyms; unset: no authors."""

_OPTIONS = ("tag_pattern", "services", "environment", "teams_from_repositories")
_GENERIC = (".git", "repo", ".bundle", "repo.git", "repo.bundle")
_DEFAULT_BRANCHES = ("refs/remotes/origin/HEAD", "refs/heads/main", "refs/heads/master", "refs/heads/trunk")
_SECONDS = pl.Datetime("us", "UTC")


def problems(options: Mapping[str, Any]) -> list[str]:
    """What is wrong with the options of a ``git`` source, one sentence each; empty: nothing.

    ``tag_pattern`` (regular expression a release tag must match as a whole), ``services`` (repository name, or its
    path where two have one name → service id), ``environment`` (of every deployment), ``teams_from_repositories``
    (true: each repository is also a team that owns its service).
    """
    found = [f"{name}: a git source has no such option.{nearest(name, _OPTIONS)}" for name in options if name not in _OPTIONS]
    pattern = options.get("tag_pattern", TAG_PATTERN)
    try:
        re.compile(pattern)
    except (re.error, TypeError) as error:
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
