"""Commits and release tags → deployments and the changes each one brought. Pure graph work, linear in the history."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_EARLIEST = 86_400  # 1970-01-02: before it a date is a lost clock, not a time of work
_LATEST = 253_370_764_800  # 9999-01-01: what a calendar can still show
_YEAR = 366 * 86_400
_NOT_YET = -1

_REVERT_SUBJECT = re.compile(r"Revert \"")
_REVERT_LINE = re.compile(r"^This reverts commit ([0-9a-f]{7,64})", re.MULTILINE)
_PICK_LINE = re.compile(r"^\(cherry picked from commit ([0-9a-f]{7,64})\)", re.MULTILINE)
_SQUASHED = re.compile(r"^\* ", re.MULTILINE)


class Commit(NamedTuple):
    """One commit. Times are seconds since 1970, UTC, as recorded, however absurd; ``origin`` is the commit it names."""

    sha: str
    parents: tuple[str, ...]
    authored: int | None
    committed: int | None
    email: str
    is_revert: bool
    origin: str | None


class Release(NamedTuple):
    """One release tag: its name, the commit it points to, and its own date (null for a light tag)."""

    tag: str
    sha: str
    tagged: int | None


class Deployment(NamedTuple):
    """One release in its place. ``at`` is null where the date is absurd; ``is_start``: nothing is known before it."""

    release: Release
    at: int | None
    is_rollback: bool
    is_start: bool
    on_mainline: bool


class Change(NamedTuple):
    """One mainline commit with what it brought; ``deployment`` is a place in ``History.deployments``, null: none yet."""

    commit: Commit
    deployment: int | None
    is_merge: bool
    first_commit_at: int | None
    merged_at: int | None
    email: str
    is_revert: bool
    origin: str | None


@dataclass(frozen=True)
class History:
    """What a repository tells of its deliveries.

    ``deployments`` oldest first; ``changes`` by deployment, oldest first, those not yet deployed last.
    ``before_start`` counts the mainline commits of deployments with no known start, which are no changes here;
    ``absurd_dates`` the commits whose author or committer date cannot be; ``newest`` is the last date that can.
    """

    deployments: tuple[Deployment, ...]
    changes: tuple[Change, ...]
    before_start: int
    absurd_dates: int
    newest: int | None


def trace(commits: Sequence[Commit], releases: Sequence[Release], head: str | None) -> History:
    """Work out which release first contained which mainline commit.

    ``commits``: all that are reachable from ``head`` and the releases, every child before its parents. ``head``: the
    newest commit of the default branch, if there is one.

    - Releases are deployed in the order of their dates; of two at the same time the ancestor comes first, then the
      lower version.
    - A commit belongs to the first release that contains it. The changes of a release are those of its commits that
      lie on its mainline (first parents from the tag). A merge stands for the commits it brought, ``M^1..M``, less
      those an earlier release already held: nothing is delivered twice.
    - A release of a commit that earlier releases held brings nothing. The latest of them says what it is: the same
      deployed anew if that one was at this very commit, a rollback if it was at a later one. Releases of another component
      (``prefix/``) and of higher versions do not count: they are another line, and v1.1.5 tagged after v1.2.0 does
      not take v1.2.0 back.
    - A release whose mainline runs to the beginning of the known history (the first one always does) has no known
      start. How long its commits waited would say when the project began to tag, so they are no changes.
    """
    graph = _graph(commits)
    dates = _believable(graph, head)
    ordered = _in_order(graph, releases, dates)
    places = [graph.place[release.sha] for release in ordered]
    owner, holders = _owners(graph, places)
    tip = graph.place.get(head or "")
    mainline = set(_first_parents(graph, tip))

    deployments: list[Deployment] = []
    changes: list[Change] = []
    before_start = 0
    for k, (release, i) in enumerate(zip(ordered, places, strict=True)):
        held = [
            j for j in _bits(holders[i] & ((1 << k) - 1)) if places[j] == i or _same_line(ordered[j].tag, release.tag)
        ]
        running = places[held[-1]] if held else None
        stretch, is_start = _stretch(graph, i, owner, k)
        deployments.append(
            Deployment(
                release,
                at=dates.known(_date(release, commits[i])),
                is_rollback=running not in (None, i),
                is_start=is_start,
                on_mainline=i in mainline,
            )
        )
        if is_start:
            before_start += len(stretch)
        else:
            changes += _changes(graph, stretch, owner, dates)
    changes += _changes(graph, _stretch(graph, tip, owner, _NOT_YET)[0], owner, dates)

    all_dates = [commit.committed for commit in commits] + [release.tagged for release in releases]
    return History(
        tuple(deployments),
        tuple(changes),
        before_start,
        absurd_dates=sum(dates.known(c.authored) is None or dates.known(c.committed) is None for c in commits),
        newest=max((date for date in map(dates.known, all_dates) if date is not None), default=None),
    )


def named_commit(message: str) -> tuple[bool, str | None]:
    """Whether a commit message says that it takes back an earlier commit, and which commit it names.

    The words are git's own: ``Revert "…"``, ``This reverts commit …``, ``(cherry picked from commit …)`` (git-revert
    and git-cherry-pick manuals, 2.39). In a squashed pull request that lists its commits (``* …``) the sentence is
    about one of them, not about the whole, so there only the subject counts. Of several picks the first is the origin.
    """
    reverted = _REVERT_LINE.search(message)
    if reverted and _SQUASHED.search(message, 0, reverted.start()):
        reverted = None
    named = reverted or _PICK_LINE.search(message)
    return bool(reverted or _REVERT_SUBJECT.match(message)), named[1] if named else None


class _Graph(NamedTuple):
    """Commits by place (children before parents), the place of each id, and parents as places."""

    commits: Sequence[Commit]
    place: dict[str, int]
    parents: list[list[int]]


class _Dates(NamedTuple):
    """The span in which a date can be believed, both ends in seconds since 1970."""

    first: int
    last: int

    def known(self, date: int | None) -> int | None:
        return date if date is not None and self.first <= date <= self.last else None


def _graph(commits: Sequence[Commit]) -> _Graph:
    place = {commit.sha: i for i, commit in enumerate(commits)}
    return _Graph(commits, place, [[place[p] for p in commit.parents if p in place] for commit in commits])


def _believable(graph: _Graph, head: str | None) -> _Dates:
    """From 1970-01-02 to a year after the newest mainline commit that has a possible date (else any commit)."""
    possible = _Dates(_EARLIEST, _LATEST)
    line = _first_parents(graph, graph.place.get(head or ""))
    on_line = (possible.known(graph.commits[i].committed) for i in line)
    anywhere = (possible.known(commit.committed) for commit in graph.commits)
    reference = next((date for dates in (on_line, anywhere) for date in dates if date is not None), _LATEST)
    return _Dates(_EARLIEST, min(reference + _YEAR, _LATEST))


def _date(release: Release, commit: Commit) -> int | None:
    return commit.committed if release.tagged is None else release.tagged


def _in_order(graph: _Graph, releases: Sequence[Release], dates: _Dates) -> list[Release]:
    """Releases by date. One with an absurd date takes the date of its commit, or of the newest commit below that."""
    below = [0] * len(graph.commits)
    for i in reversed(range(len(graph.commits))):
        date = dates.known(graph.commits[i].committed)
        below[i] = max((below[p] for p in graph.parents[i]), default=0) if date is None else date

    def when(release: Release) -> tuple[int, int, list[tuple[int, str]], str]:
        i = graph.place[release.sha]
        date = dates.known(_date(release, graph.commits[i]))
        return below[i] if date is None else date, -i, _version(release.tag), release.tag

    return sorted(releases, key=when)


def _version(tag: str) -> list[tuple[int, str]]:
    """A sort key in which v1.10.0 comes after v1.9.0: runs of digits by value, the rest by letters."""
    parts = re.split(r"([0-9]+)", tag)
    return [(len(part.lstrip("0")), part.lstrip("0")) if i % 2 else (0, part) for i, part in enumerate(parts)]


def _same_line(earlier: str, later: str) -> bool:
    """Whether a later tag could follow the earlier one: same component, and not seen to be a lower version."""
    if earlier.rpartition("/")[0] != later.rpartition("/")[0]:
        return False
    before, after = _version(earlier), _version(later)
    return before <= after or [p for _, p in before[::2]] != [p for _, p in after[::2]]


def _bits(number: int) -> Iterator[int]:
    """The places of the ones of a number, lowest first."""
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low


def _owners(graph: _Graph, places: Sequence[int]) -> tuple[list[int], dict[int, int]]:
    """For every commit the first release that contains it (−1: none); for every released commit all that do, as bits.

    One pass from children to parents; each commit hands the set of releases that reach it to its parents.
    """
    reached = [0] * len(graph.commits)
    for k, i in enumerate(places):
        reached[i] |= 1 << k
    released = set(places)
    owner = [_NOT_YET] * len(reached)
    holders: dict[int, int] = {}
    for i, parents in enumerate(graph.parents):
        bits, reached[i] = reached[i], 0
        if not bits:
            continue
        owner[i] = next(_bits(bits))
        if i in released:
            holders[i] = bits
        for parent in parents:
            reached[parent] |= bits
    return owner, holders


def _first_parents(graph: _Graph, start: int | None) -> Iterator[int]:
    while start is not None:
        yield start
        start = next(iter(graph.parents[start]), None)


def _stretch(graph: _Graph, start: int | None, owner: Sequence[int], k: int) -> tuple[list[int], bool]:
    """The mainline from ``start`` down while it belongs to release ``k``, and whether it ran out of known history."""
    stretch: list[int] = []
    for i in _first_parents(graph, start):
        if owner[i] != k:
            return stretch, False
        stretch.append(i)
    return stretch, True


def _changes(graph: _Graph, stretch: Sequence[int], owner: Sequence[int], dates: _Dates) -> Iterator[Change]:
    """One change per mainline commit of a stretch, oldest first. Every commit brought in is looked at once."""
    seen: set[int] = set()
    for i in reversed(stretch):
        brought: list[int] = []
        waiting = graph.parents[i][1:]
        while waiting:
            j = waiting.pop()
            if owner[j] == owner[i] and j not in seen:
                seen.add(j)
                brought.append(j)
                waiting += graph.parents[j]
        seen.add(i)
        yield _change(graph.commits[i], [graph.commits[j] for j in brought], owner[i], dates)


def _change(commit: Commit, brought: Sequence[Commit], owner: int, dates: _Dates) -> Change:
    work = brought or [commit]
    authored = [(date, c.sha, c.email) for c in work if (date := dates.known(c.authored)) is not None]
    first_commit_at, _, email = min(authored, default=(None, "", work[-1].email))
    # The words of a merge are about the branch; a pull request of one commit means what that commit says.
    said = [commit, *(brought if len(brought) == 1 else ())]
    return Change(
        commit,
        deployment=None if owner == _NOT_YET else owner,
        is_merge=len(commit.parents) > 1,
        first_commit_at=first_commit_at,
        merged_at=dates.known(commit.committed),
        email=email,
        is_revert=any(c.is_revert for c in said),
        origin=next((c.origin for c in said if c.origin), None),
    )
