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
from pathlib import Path
from typing import IO, Any

import polars as pl

from idp_analytics.errors import SourceError, nearest
from idp_analytics.sources.git_history import Commit, History, Release, named_commit, trace
from idp_analytics.tables import TABLES, Extract

TAG_PATTERN = r"(?:.+/)?v?[0-9]+\.[0-9]+\.[0-9]+(?:\+[0-9A-Za-z.-]+)?"
"""A release by default: v1.2.3, 1.2.3, prefix/v1.2.3, with build metadata or not; no -rc.1, -alpha, -beta."""

PEOPLE_KEY = "IDP_PEOPLE_KEY"
"""Environment variable with the key (≥ 16 characters) that turns e-mail addresses into pseudonyms; unset: no authors."""

_OPTIONS = ("tag_pattern", "services", "environment", "teams_from_repositories")
_GENERIC = (".git", "repo", ".bundle", "repo.git", "repo.bundle")
_DEFAULT_BRANCHES = ("refs/remotes/origin/HEAD", "refs/heads/main", "refs/heads/master", "refs/heads/trunk")
_UTC = pl.Datetime("us", "UTC")
_OTHER_NAME = "tag name does not match tag_pattern"
_NO_COMMIT = "tag does not point to a commit"
_BEFORE_START = "mainline commit of a first release, whose start is not known"


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
        with _git_dir(path, shown) as git_dir:
            found = _repository(git_dir, shown, pattern)
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


def _people_key() -> bytes | None:
    key = os.environ.get(PEOPLE_KEY, "")
    if key and len(key) < 16:
        raise SourceError(
            f"{PEOPLE_KEY} has {len(key)} characters; with fewer than 16 pseudonyms can be guessed. "
            "Set a longer secret, or unset it to do without authors."
        )
    return key.encode() or None


# --- git: a fixed number of commands per repository ---------------------------------------------------------------


@dataclass(frozen=True)
class _Repository:
    """What the commands found: commits (children first), releases, the default branch's commit, and what to tell."""

    sha256: str
    commits: Sequence[Commit]
    releases: Sequence[Release]
    head: str | None
    shallow: bool
    repo: str | None
    dropped: Mapping[str, int]
    warnings: tuple[str, ...]


@contextmanager
def _git_dir(path: Path, shown: str) -> Iterator[Path]:
    """The git directory of a repository; of a bundle that of a bare clone, removed afterwards."""
    if path.is_file() and path.open("rb").read(16).startswith((b"# v2 git bundle", b"# v3 git bundle")):
        with tempfile.TemporaryDirectory(prefix="idp-git-") as folder:
            clone = Path(folder) / "clone.git"
            options = ("--bare", "--quiet", "--template=")
            _run(("clone", *options, "--", str(path.resolve()), str(clone)), shown)
            yield clone
    elif (path / ".git").exists():
        yield path / ".git"
    elif (path / "HEAD").is_file() and (path / "objects").is_dir():
        yield path
    else:
        raise SourceError(
            f"{shown}: is no git repository. Give the top folder of a clone (it holds .git), a bare repository, "
            "or a bundle made with 'git bundle create x.bundle --all'."
        )


def _repository(git_dir: Path, shown: str, pattern: re.Pattern[str]) -> _Repository:
    def git(*arguments: str, given: bytes = b"", may_fail: bool = False) -> bytes:
        return _run((f"--git-dir={git_dir.absolute()}", *arguments), shown, given, may_fail)

    shallow = git("rev-parse", "--is-shallow-repository").strip() == b"true"
    listing = git("for-each-ref", "--format=%(refname)%00%(objectname)%00%(taggerdate:unix)%00%(HEAD)%00%(symref)")
    refs = {fields[0]: fields[1:] for line in listing.splitlines() if len(fields := line.split(b"\0")) == 5}
    tags = {ref: _text(ref.removeprefix(b"refs/tags/")) for ref in refs if ref.startswith(b"refs/tags/")}
    matching = [ref for ref, tag in tags.items() if pattern.fullmatch(tag)]

    heads = [b"HEAD", *(ref for name in _DEFAULT_BRANCHES if (ref := name.encode()) in refs)]
    asked = [*heads, *matching]
    answers = git("cat-file", "--batch-check=%(objectname)", given=b"".join(b"%s^{commit}\n" % ref for ref in asked))
    shas = [None if line.endswith(b" missing") else line.decode() for line in answers.splitlines()]
    commit_of = dict(zip(asked, shas, strict=True))
    head = next((commit_of[ref] for ref in heads if commit_of[ref]), None)
    releases = [
        Release(tags[ref], sha, _seconds(refs[ref][1])) for ref in matching if (sha := commit_of[ref]) is not None
    ]
    state = sorted((b"HEAD %s" % (commit_of[b"HEAD"] or "").encode(), *(b"%s %s" % (r, f[0]) for r, f in refs.items())))
    return _Repository(
        sha256=hashlib.sha256(b"\n".join(state)).hexdigest(),
        commits=_commits(git_dir, shown, sorted({*filter(None, shas)})),
        releases=releases,
        head=head,
        shallow=shallow,
        repo=_owner_and_name(_text(git("config", "--get", "remote.origin.url", may_fail=True).strip())),
        dropped={_OTHER_NAME: len(tags) - len(matching), _NO_COMMIT: len(matching) - len(releases)},
        warnings=_head_warning(refs, commit_of, head),
    )


def _head_warning(
    refs: Mapping[bytes, Sequence[bytes]], commit_of: Mapping[bytes, str | None], head: str | None
) -> tuple[str, ...]:
    default = refs.get(b"refs/remotes/origin/HEAD", (b"", b"", b"", b""))[3].removeprefix(b"refs/remotes/origin/")
    current = next((ref for ref, fields in refs.items() if fields[2] == b"*"), b"").removeprefix(b"refs/heads/")
    if head is None:
        return ()
    if commit_of[b"HEAD"] is None:
        used = next(ref for ref, sha in commit_of.items() if sha is not None)
        return (f"HEAD points to no commit; {_text(used)} is taken as the mainline",)
    if default and current != default and commit_of[b"HEAD"] != commit_of[b"refs/remotes/origin/HEAD"]:
        place = f"branch {_text(current)!r}" if current else "a detached HEAD"
        return (f"the mainline is that of {place}, which is checked out, not of the default branch {_text(default)!r}",)
    return ()


def _commits(git_dir: Path, shown: str, tips: Sequence[str]) -> list[Commit]:
    """All commits reachable from ``tips``, children before parents, read as they come: messages are not kept."""
    if not tips:
        return []
    layout = "--format=%x00%P%x00%at%x00%ct%x00%ae%x00%B%x00"  # NUL cannot be in any of them
    command = _command((f"--git-dir={git_dir.absolute()}", "rev-list", "--topo-order", "--encoding=UTF-8", layout, "--stdin"))
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as told:
        asked.write("".join(f"{tip}\n" for tip in tips).encode())
        asked.seek(0)
        with subprocess.Popen(command, env=_environment(), stdin=asked, stdout=subprocess.PIPE, stderr=told) as process:
            assert process.stdout is not None
            commits = [_commit(fields) for fields in _records(process.stdout, 6)]
        if process.returncode:
            told.seek(0)
            raise _broken(shown, told.read())
    return commits


def _records(stream: IO[bytes], width: int) -> Iterator[list[bytes]]:
    rest, fields = b"", list[bytes]()
    while chunk := stream.read(1 << 20):
        *whole, rest = (rest + chunk).split(b"\0")
        fields += whole
        ready = len(fields) - len(fields) % width
        yield from (fields[i : i + width] for i in range(0, ready, width))
        del fields[:ready]


def _commit(fields: Sequence[bytes]) -> Commit:
    header, parents, authored, committed, email, message = fields
    return Commit(
        header.split()[-1].decode(),
        tuple(parents.decode().split()),
        _seconds(authored),
        _seconds(committed),
        _text(email).strip().lower(),
        *named_commit(_text(message)),
    )
