"""Git histories of the services released by tags: the commits, and the bundle files they are written as.

Commit ids are worked out here as git does it (SHA-1 over the object), so that the tables know them without git;
``git fast-import`` then arrives at the same ids, which a test checks.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from idp_analytics.errors import SourceError
from idp_analytics.sources.sample.company import GIT_SERVICES, World
from idp_analytics.sources.sample.draw import masked, stream

MAINLINE, SIDE = "refs/heads/main", "refs/heads/experiment"
MERGED_BRANCHES = 0.3
"""Share of changes that come in by a merged branch of several commits."""
_FILES = 5
_OFFSETS = (0, 60, 120, -180, 330)
"""Minutes from UTC that people's clocks show; each person keeps theirs."""


@dataclass(frozen=True)
class Signature:
    """Who and when, as git writes it."""

    person: str
    seconds: int

    def __str__(self) -> str:
        number = int(self.person.removeprefix("p-"))
        offset = _OFFSETS[number % len(_OFFSETS)]
        sign, minutes = "-" if offset < 0 else "+", abs(offset)
        zone = f"{sign}{minutes // 60:02d}{minutes % 60:02d}"
        return f"Dev {number} <{self.person}@sample.invalid> {self.seconds} {zone}"


@dataclass(frozen=True)
class Commit:
    """One commit; ``files`` is all it holds (name to content), ``parents`` are commit ids, the mainline's first."""

    files: Mapping[str, str]
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str

    @property
    def sha(self) -> str:
        """The id git gives it."""
        lines = [f"tree {_object('tree', self._tree()).hex()}", *(f"parent {parent}" for parent in self.parents)]
        lines += [f"author {self.author}", f"committer {self.committer}", "", self.message]
        return _object("commit", ("\n".join(lines) + "\n").encode()).hex()

    def _tree(self) -> bytes:
        entries = ((name, _object("blob", text.encode())) for name, text in sorted(self.files.items()))
        return b"".join(b"100644 " + name.encode() + b"\0" + sha for name, sha in entries)


@dataclass(frozen=True)
class Tag:
    """One tag; a light one has no ``tagger``."""

    name: str
    sha: str
    tagger: Signature | None = None


@dataclass(frozen=True)
class Repository:
    """One history: commits by id, oldest first, the tags, and the tips of its branches."""

    name: str
    commits: Mapping[str, Commit]
    tags: tuple[Tag, ...]
    branches: Mapping[str, str]


def repositories(
    world: World, planned: pl.DataFrame, changed: pl.DataFrame
) -> tuple[tuple[Repository, ...], pl.DataFrame, pl.DataFrame]:
    """The histories, and ``planned`` and ``changed`` with what git then knows.

    ``planned`` gets ``sha`` (commit deployed), ``native`` (the id of a release by tag) and ``tag`` (both null where
    not released by tag); ``changed`` gets the commits' ``sha``, ``is_revert``, ``origin_sha``, ``is_merge`` and
    ``before_start`` (part of a first release, which has no earlier one to tell what is new in it). Deployments not
    released by tag carry the commit of the change merged last.
    """
    built: list[Repository] = []
    known: dict[int, _Known] = {}
    changed = changed.with_row_index("change")
    people = world.person_ids(changed["author"].to_numpy())
    rows = changed.with_columns(people.alias("person")).join(
        planned.select("row", "number", "light", "finished"), on="row", how="left", maintain_order="left"
    )
    for service_id, name in GIT_SERVICES.items():
        service = world.services.filter(pl.col("service_id") == service_id)["service"]
        mine = rows.filter(pl.col("service").is_in(service.implode()))
        if not mine.is_empty():
            repository, ids = _grown(name, mine, stream(world.seed, f"history/{name}"))
            built.append(repository)
            known |= ids
    changed = changed.with_columns(
        pl.coalesce(_looked_up({k: v.sha for k, v in known.items()}), "sha").alias("sha"),
        _looked_up({k: v.origin for k, v in known.items()}).alias("origin_sha"),
        *(
            pl.col("change").is_in([k for k, v in known.items() if getattr(v, name)]).alias(name)
            for name in ("is_revert", "is_merge", "before_start")
        ),
    ).drop("change")
    tips = changed.filter("is_last").select("row", "sha")
    tag = "v1." + planned["number"].cast(pl.String) + ".0"
    native = "git:" + world.services["service_id"].gather(planned["service"]) + ":" + tag
    by_tag = planned["is_git"]
    named = planned.with_columns(masked(native, by_tag).alias("native"), masked(tag, by_tag).alias("tag"))
    return tuple(built), named.join(tips, on="row", how="left", maintain_order="left"), changed


def _looked_up(values: Mapping[int, str | None]) -> pl.Expr:
    return pl.col("change").replace_strict(values, default=None, return_dtype=pl.String)


@dataclass(frozen=True)
class _Known:
    """What a change turned out to be in git: its commit on the mainline and the one that it takes back or copies."""

    sha: str
    origin: str | None
    is_revert: bool
    is_merge: bool
    before_start: bool


def _grown(name: str, mine: pl.DataFrame, rng: np.random.Generator) -> tuple[Repository, dict[int, _Known]]:
    """Every change of one service committed in the order of merging, every release tagged."""
    commits: dict[str, Commit] = {}
    tags: list[Tag] = []
    branches: dict[str, str] = {}
    known: dict[int, _Known] = {}
    tip, files = "", dict[str, str]()
    revert, pick = _special(mine)
    for change in mine.iter_rows(named=True):
        author = Signature(change["person"], change["first"])
        committer = replace(author, seconds=change["merged"])
        number = len(known) + 1
        before, origin, special = tip, None, change["change"] in (revert, pick)
        merges = bool(tip) and not special and not change["rebased"] and rng.random() < MERGED_BRANCHES
        for part in range(int(rng.integers(2, 4)) if merges else 1):
            # On a branch the work begins when the change does and goes on until it is merged.
            at = author.seconds + (committer.seconds - author.seconds) * part // 4
            files = {**files, f"part-{rng.integers(_FILES)}.txt": f"revision {len(commits) + 1}\n"}
            commit = Commit(files, (tip,) if tip else (), replace(author, seconds=at), committer, f"Change {number}")
            if merges:
                commit = replace(commit, committer=commit.author, message=f"Change {number}, part {part + 1}")
            if change["change"] == revert:
                origin = tip
                title = commits[tip].message.splitlines()[0]
                commit = replace(commit, message=f'Revert "{title}"\n\nThis reverts commit {tip}.')
            elif change["change"] == pick:
                # The original stands on a branch that is never merged.
                original = replace(commit, committer=author)
                origin = branches[SIDE] = original.sha
                commits[origin] = original
                commit = replace(commit, message=f"{commit.message}\n\n(cherry picked from commit {origin})")
            tip = commit.sha
            commits[tip] = commit
        if merges:
            merge = Commit(files, (before, tip), committer, committer, f"Merge branch 'change-{number}'")
            tip = merge.sha
            commits[tip] = merge
        known[change["change"]] = _Known(tip, origin, change["change"] == revert, merges, change["number"] == 0)
        if change["is_last"]:
            tagger = None if change["light"] else Signature(change["person"], change["finished"])
            tags.append(Tag(f"v1.{change['number']}.0", tip, tagger))
    if tags:
        # A tag that is no release: what the pattern in the settings is for.
        tags.append(Tag("build-0001", tags[0].sha))
    return Repository(name, commits, tuple(tags), {MAINLINE: tip, **branches}), known


def _special(mine: pl.DataFrame) -> tuple[int | None, int | None]:
    """Which change is a revert and which a cherry-pick: one each, where there are enough."""
    plain = mine.filter(pl.col("row").is_not_null() & ~pl.col("rebased"))["change"].to_list()
    return (plain[len(plain) // 3], plain[len(plain) // 2]) if len(plain) > 8 else (None, None)


def _object(kind: str, content: bytes) -> bytes:
    # SHA-1 is how git names objects; nothing is kept secret by it.
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).digest()


def write_bundle(repository: Repository, path: Path) -> None:
    """Write the history as one file that ``git clone`` takes; the same history gives the same bytes.

    Raises :class:`SourceError` when git is not there or fails.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        _git(scratch, "init", "--quiet", "--bare", "--object-format=sha1", ".")
        _git(scratch, "symbolic-ref", "HEAD", MAINLINE)
        _git(scratch, "fast-import", "--quiet", "--date-format=raw", given=b"".join(_stream(repository)))
        bundle = str(path.resolve())
        # One thread: with more, git may pack the same objects in another way.
        _git(scratch, "-c", "pack.threads=1", "bundle", "create", "--quiet", bundle, "HEAD", "--branches", "--tags")


def _git(folder: str, *arguments: str, given: bytes = b"") -> None:
    clean = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C", "TZ": "UTC"}
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        subprocess.run(
            ["git", *arguments], cwd=folder, env={**inherited, **clean}, input=given, capture_output=True, check=True
        )
    except FileNotFoundError:
        raise SourceError("git is needed to write the sample's repositories and was not found. Install git.") from None
    except subprocess.CalledProcessError as error:
        told = error.stderr.decode(errors="replace").strip()
        raise SourceError(f"git {arguments[0]} failed while writing a sample repository: {told}") from None


def _stream(repository: Repository) -> Iterator[bytes]:
    """The history in the words of ``git fast-import``."""
    marks = {sha: f":{number}" for number, sha in enumerate(repository.commits, 1)}
    for sha, commit in repository.commits.items():
        yield f"commit {MAINLINE}\nmark {marks[sha]}\n".encode()
        yield f"author {commit.author}\ncommitter {commit.committer}\n".encode()
        yield _data(commit.message + "\n")
        for word, parent in zip(("from", *["merge"] * len(commit.parents)), commit.parents, strict=False):
            yield f"{word} {marks[parent]}\n".encode()
        yield b"deleteall\n"
        for name, text in sorted(commit.files.items()):
            yield f"M 100644 inline {name}\n".encode() + _data(text)
        yield b"\n"
    for branch, sha in repository.branches.items():
        yield f"reset {branch}\nfrom {marks[sha]}\n\n".encode()
    for tag in repository.tags:
        if tag.tagger is None:
            yield f"reset refs/tags/{tag.name}\nfrom {marks[tag.sha]}\n\n".encode()
        else:
            yield f"tag {tag.name}\nfrom {marks[tag.sha]}\ntagger {tag.tagger}\n".encode()
            yield _data(f"Release {tag.name.removeprefix('v')}\n")


def _data(text: str) -> bytes:
    content = text.encode()
    return f"data {len(content)}\n".encode() + content + b"\n"
