"""What a repository is called, from any address or short name that a system writes for it."""

from __future__ import annotations

import re
from functools import lru_cache

_WITHIN = frozenset(
    ("tree", "blob", "raw", "edit", "src", "browse", "commit", "commits", "pull", "pulls", "issues", "actions", "releases")
)  # fmt: skip
"""What follows a repository in the address of something in it, where no ``/-/`` parts the two."""

_ADDRESS = re.compile(
    r"(?:git::|url:)?(?P<scheme>[a-z][a-z0-9+.-]*://)?(?P<user>[^/@]*@)?(?P<host>[^/:@]*)(?P<port>:(?:\d+(?=/))?)?/*(?P<path>.*)",
    re.IGNORECASE,
)


@lru_cache(maxsize=10_000)
def repository(url: str | None) -> str | None:
    """``owner/name`` (with groups within groups ``group/sub/name``, of Azure DevOps ``organisation/project/name``).

    From an address in any form (https, ssh, ``git@host:``, with or without scheme and ``.git``), also of something in the
    repository (``/tree/main``, ``/-/blob/…``), or from the short name itself. Null for what names no repository.
    """
    plain = re.split(r"[?#]", (url or "").strip())[0].rstrip("/")
    found = _ADDRESS.fullmatch(plain)
    if found is None:
        return None
    host, path = found["host"].lower(), found["path"]
    if not (found["scheme"] or found["user"] or found["port"] is not None or ("." in host and "/" in path)):
        return plain.removesuffix(".git") if "/" in plain else None
    parts = _azure(host, path.split("/")) or _repository_of(host, path)
    return "/".join(parts) if len(parts) > 1 else None


def _repository_of(host: str, path: str) -> list[str]:
    parts = [part for part in path.split("/-/", maxsplit=1)[0].split("/") if part]
    if parts[:1] == ["projects"] and parts[2:3] == ["repos"]:
        return [parts[1], *parts[3:4]]
    if parts[:1] == ["scm"]:
        parts = parts[1:]
    whole = parts[:-1] + [part.removesuffix(".git") for part in parts[-1:]]
    if host.removeprefix("www.") == "github.com":
        return whole[:2]
    if whole != parts:
        return whole
    end = next((place for place, part in enumerate(parts[:-1]) if place > 1 and part in _WITHIN), len(parts))
    return parts[:end]


def _azure(host: str, parts: list[str]) -> list[str]:
    """Of Azure DevOps, whose addresses are of another kind; none for any other. A repository called as its project may be
    written without it."""
    if host in ("ssh.dev.azure.com", "vs-ssh.visualstudio.com") and parts[:1] == ["v3"]:
        return parts[1:4]
    if "_git" not in parts[:-1]:
        return []
    place = parts.index("_git")
    owners, name = [part for part in parts[:place] if part != "DefaultCollection"], parts[place + 1]
    if host.endswith(".visualstudio.com"):
        owners = [host.split(".", maxsplit=1)[0], *owners]
    return [*owners, name] if len(owners) > 1 else [*owners, name, name]
