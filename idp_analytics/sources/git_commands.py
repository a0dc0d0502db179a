"""A git repository on disk → its refs, commits and release tags, by a fixed number of git commands.

The repository is not trusted: no hook, pager, prompt, signature program or remote that it configures is run or asked.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from idp_analytics.errors import SourceError
from idp_analytics.sources.git_history import Commit, Release, named_commit

_ORIGIN_HEAD = b"refs/remotes/origin/HEAD"
_DEFAULT_BRANCHES = (_ORIGIN_HEAD, b"refs/heads/main", b"refs/heads/master", b"refs/heads/trunk")
_REMOTE = re.compile(
    r"(?!file:)(?:[a-z+]+://(?:[^/]*@)?[\w.-]+(?::[0-9]+)?/|(?:[^/@:]+@)?[\w.-]{2,}:(?!//))"  # https://host/, user@host:
    r"/*([^?#\s@:]+?)(?:\.git)?/*(?:[?#].*)?"
)


@dataclass(frozen=True)
class Repository:
    """What the commands found.

    ``sha256`` of the refs and HEAD with their object ids; ``commits`` reachable from HEAD and the release tags,
    children before parents; ``head`` the commit of the default branch; ``repo`` owner/name at the remote ``origin``;
    ``other_tags`` those whose name does not match; ``warnings`` sentences about what was taken as the mainline.
    """

    sha256: str
    commits: Sequence[Commit]
    releases: Sequence[Release]
    head: str | None
    shallow: bool
    repo: str | None
    other_tags: int
    tags_without_commit: int
    warnings: tuple[str, ...]


@contextmanager
def git_directory(path: Path, shown: str) -> Iterator[Path]:
    """The git directory of a repository; of a bundle that of a bare clone, removed afterwards."""
    if _is_bundle(path):
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


def _is_bundle(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(15) in (b"# v2 git bundle", b"# v3 git bundle")


def repository(git_dir: Path, shown: str, pattern: re.Pattern[str]) -> Repository:
    """Read the repository in ``git_dir``; tags that match ``pattern`` as a whole are its releases.

    Five git processes whatever its size. Raises :class:`SourceError` when git is missing or cannot read it.
    """

    def git(*arguments: str, given: bytes = b"", may_fail: bool = False) -> bytes:
        return _run((f"--git-dir={git_dir.absolute()}", *arguments), shown, given, may_fail)

    shallow = git("rev-parse", "--is-shallow-repository").strip() == b"true"
    listing = git("for-each-ref", "--format=%(refname)%00%(objectname)%00%(taggerdate:unix)%00%(HEAD)%00%(symref)")
    refs = {fields[0]: fields[1:] for line in listing.splitlines() if len(fields := line.split(b"\0")) == 5}
    tags = {ref: _text(ref.removeprefix(b"refs/tags/")) for ref in refs if ref.startswith(b"refs/tags/")}
    matching = [ref for ref, tag in tags.items() if pattern.fullmatch(tag)]

    branches = [ref for ref in refs if ref.startswith(b"refs/heads/")]
    heads = list(dict.fromkeys([b"HEAD", *(ref for ref in _DEFAULT_BRANCHES if ref in refs), *branches]))
    asked = [*heads, *matching]
    answers = git("cat-file", "--batch-check=%(objectname)", given=b"".join(b"%s^{commit}\n" % ref for ref in asked))
    shas = [None if line.endswith(b" missing") else line.decode() for line in answers.splitlines()]
    commit_of = dict(zip(asked, shas, strict=True))
    used = next((ref for ref in heads if commit_of[ref]), b"HEAD")
    head = commit_of[used]
    releases = [
        Release(tags[ref], sha, _seconds(refs[ref][1])) for ref in matching if (sha := commit_of[ref]) is not None
    ]
    state = sorted((b"HEAD %s" % (commit_of[b"HEAD"] or "").encode(), *(b"%s %s" % (r, f[0]) for r, f in refs.items())))
    return Repository(
        sha256=hashlib.sha256(b"\n".join(state)).hexdigest(),
        commits=_commits(git_dir, shown, sorted({*filter(None, [head]), *(release.sha for release in releases)})),
        releases=releases,
        head=head,
        shallow=shallow,
        repo=_owner_and_name(_text(git("config", "--get", "remote.origin.url", may_fail=True).strip())),
        other_tags=len(tags) - len(matching),
        tags_without_commit=len(matching) - len(releases),
        warnings=_about_mainline(used, refs, commit_of),
    )


def _about_mainline(
    used: bytes, refs: Mapping[bytes, Sequence[bytes]], commit_of: Mapping[bytes, str | None]
) -> tuple[str, ...]:
    """A sentence where the mainline is not the default branch's as HEAD says it."""
    if used != b"HEAD":
        return (f"HEAD points to no commit: {_text(used)} is taken as the mainline",)
    if _ORIGIN_HEAD not in refs or commit_of[_ORIGIN_HEAD] == commit_of[b"HEAD"]:
        return ()
    default = refs[_ORIGIN_HEAD][3].removeprefix(b"refs/remotes/origin/")
    current = next((ref for ref, fields in refs.items() if fields[2] == b"*"), b"").removeprefix(b"refs/heads/")
    if current == default:
        return ()
    place = f"branch {_text(current)!r}" if current else "a detached HEAD"
    return (f"the mainline is that of {place}, which is checked out, not of the default branch {_text(default)!r}",)


def _commits(git_dir: Path, shown: str, tips: Sequence[str]) -> list[Commit]:
    """All commits reachable from ``tips``, children before parents, read as they come: messages are not kept."""
    if not tips:
        return []
    layout = "--format=%x00%P%x00%at%x00%ct%x00%ae%x00%B%x00"  # NUL cannot be in any of them
    command = _command(
        (f"--git-dir={git_dir.absolute()}", "rev-list", "--topo-order", "--encoding=UTF-8", layout, "--stdin")
    )
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


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _seconds(raw: bytes) -> int | None:
    try:
        return int(raw)
    except ValueError:
        return None


def _owner_and_name(url: str) -> str | None:
    """``owner/name`` of a remote's address, never its user, password, port or query; null for a local path."""
    match = _REMOTE.fullmatch(url)
    return match[1] if match and "/" in match[1] else None


def _environment() -> dict[str, str]:
    """The caller's environment without its git settings: no system or user configuration, no prompt, no network."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "file",
        "LC_ALL": "C",
    }


def _command(arguments: Sequence[str]) -> list[str]:
    """Nothing that an untrusted repository configures may run, and its commit-graph file is not believed."""
    settings = ("core.fsmonitor=false", f"core.hooksPath={os.devnull}", "core.commitGraph=false", "safe.directory=*")
    return ["git", "--no-pager", *(word for setting in settings for word in ("-c", setting)), *arguments]


def _run(arguments: Sequence[str], shown: str, given: bytes = b"", may_fail: bool = False) -> bytes:
    try:
        done = subprocess.run(_command(arguments), env=_environment(), input=given, capture_output=True, check=False)
    except FileNotFoundError:
        raise SourceError(
            f"{shown}: the command git is not on this machine. Install git 2.30 or newer, or leave out the git source."
        ) from None
    if done.returncode and not may_fail:
        raise _broken(shown, done.stderr)
    return done.stdout if not done.returncode else b""


def _broken(shown: str, told: bytes) -> SourceError:
    lines = _text(told).strip().splitlines()
    said = next(
        (line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1] if lines else "no reason given"
    )
    return SourceError(
        f"{shown}: git cannot read this repository ({said}). Look at it with 'git fsck', or take a fresh clone "
        "(a bundle must hold the whole history: 'git bundle create x.bundle --all')."
    )
