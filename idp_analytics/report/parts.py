"""A mart cut by team: what one team's report reads while a run is made, however many teams there are.

The Parquet files of a mart (:meth:`~idp_analytics.report.mart.Mart.write`) are for people and programs; to open ninety of them takes
half as long as all that a team's report computes, so a run keeps beside them, while it lasts::

    <mart>/.parts/<slug of the team>    the name of the bundle its part is in
    <mart>/.parts/_1, _2, …             of a few teams each, whose reports are made one after the other: their rows of every frame
    <mart>/.parts/_all                  the organisation's rows of every frame, and the whole of those that know no teams

A frame of a bundle is opened, and asked what every team asks of it, once for all teams of the bundle, since a query of a few rows takes no
less than one of a few hundred.

Nothing of it is published. A notebook that is run again later finds no parts and reads the Parquet files: the same rows in the same
order.
"""

from __future__ import annotations

import io
import json
import mmap
import shutil
from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from idp_analytics.paths import slug

FOLDER = ".parts"
OF_ALL = "_all"
"""No team is called so, nor as a bundle is: a slug has no underscore."""

BUNDLE = 16
"""Teams whose parts lie together: with twice as many a page takes hardly less, and a process holds the rows of all of them."""

Frames = Mapping[str, pl.DataFrame]

T = TypeVar("T")
"""What is made of the frames of all teams."""


class Parts:
    """The parts kept beside the mart in ``folder`` while reports are made from it: of a few teams at a time, for those of all
    teams take many times the room of the mart.

    Of ``frames`` that have ``scope`` and ``entity_id`` a team's report has the organisation's rows, which come first, and its own;
    of ``of_teams``, which have ``team_id``, its own; all others it has whole.
    """

    def __init__(self, folder: Path, frames: Frames, of_teams: Frames) -> None:
        self.place = folder / FOLDER
        shutil.rmtree(self.place, ignore_errors=True)  # left by a run that was killed, maybe
        self.place.mkdir(parents=True)
        self._own = {name: _by("team_id", frame) for name, frame in of_teams.items()}
        self._left: dict[str, set[str]] = {}
        self._where: dict[str, str] = {}
        self._bundles = 0
        wholes = {}
        for name, frame in {**frames, **of_teams}.items():
            whole = frame.clear() if name in of_teams else frame
            if "entity_id" in frame.columns:
                whole = frame.filter(scope="org")
                self._own[name] = _by("entity_id", frame.filter(scope="team"))
            wholes[name] = whole
        _write(self.place / OF_ALL, wholes, {})

    def add(self, *teams: str) -> None:
        """Keep the parts of ``teams`` (ids) in one bundle."""
        frames, places = {}, {}
        for name, (frame, where) in self._own.items():
            found = {team: where[team] for team in teams if team in where}
            if found:
                frames[name] = pl.concat([frame.slice(*place) for place in found.values()], rechunk=True)
                begins = accumulate((height for _, height in found.values()), initial=0)
                places[name] = {
                    slug(team): (begin, height)
                    for (team, (_, height)), begin in zip(found.items(), begins, strict=False)
                }
        self._bundles += 1
        bundle = f"_{self._bundles}"
        _write(self.place / bundle, frames, places)
        self._left[bundle] = set(teams)
        for team in teams:
            self._where[team] = bundle
            (self.place / slug(team)).write_text(bundle, encoding="ascii")

    def drop(self, team: str) -> None:
        """Keep its part no longer; whoever asks reads the mart. A bundle goes with the last of its teams."""
        (self.place / slug(team)).unlink(missing_ok=True)
        bundle = self._where.pop(team, None)
        if bundle is not None:
            self._left[bundle].discard(team)
            if not self._left[bundle]:
                (self.place / bundle).unlink(missing_ok=True)

    def close(self) -> None:
        """Keep none."""
        shutil.rmtree(self.place)


class Opened(Mapping[str, pl.DataFrame]):
    """The frames of one team, each made when it is asked for. Raises ``FileNotFoundError`` where its part is not kept."""

    def __init__(self, own: Path) -> None:
        self._team = own.name
        self._bundle = _kept(own.parent / own.read_text(encoding="ascii"))
        self._whole = _kept(own.parent / OF_ALL)
        self._made: dict[str, pl.DataFrame] = {}

    def __getitem__(self, name: str) -> pl.DataFrame:
        if name not in self._made:
            whole, own = self._whole[name], self._of_team(name)
            self._made[name] = whole if own is None else pl.concat([whole, own])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole)

    def __len__(self) -> int:
        return len(self._whole)

    def of_all(self, what: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` gives, which must be the same for every team; made once by a process that makes many reports."""
        if what not in self._whole.made:
            self._whole.made[what] = make()
        found: T = self._whole.made[what]
        return found

    def whole(self, name: str) -> pl.DataFrame:
        """The rows of one frame without the team's."""
        return self._whole[name]

    def own(self, name: str) -> pl.DataFrame:
        """The team's rows of one frame; the organisation's, which may be many, are not read for them."""
        own = self._of_team(name)
        return self[name].clear() if own is None else own

    def together(self, name: str, what: Hashable, make: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
        """The team's rows of what ``make`` makes of the rows of a frame with ``entity_id``, of one team or of several, whom it must tell
        apart; made at once for all teams of the bundle, and kept as ``what``."""
        if name not in self._bundle:
            return make(self.own(name))
        if (name, what) not in self._bundle.made:
            made, where = _by("entity_id", make(self._bundle[name]))
            self._bundle.made[name, what] = made, {slug(team): place for team, place in where.items()}
        of_all: tuple[pl.DataFrame, dict[str, tuple[int, int]]] = self._bundle.made[name, what]
        made, where = of_all
        return made.slice(*where.get(self._team, (0, 0)))

    def _of_team(self, name: str) -> pl.DataFrame | None:
        place = self._bundle.places.get(name, {}).get(self._team)
        return None if place is None else self._bundle[name].slice(*place)


def opened(folder: Path, team: str) -> Opened | None:
    """The part of ``team``; None where the mart in ``folder`` has none of it now."""
    try:
        return Opened(folder / FOLDER / slug(team))
    except FileNotFoundError:
        return None


def _by(key: str, frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, tuple[int, int]]]:
    """The rows team by team, each team's in their order, and by team where its rows begin and how many they are."""
    runs = frame[key].rle().struct.unnest()
    if runs["value"].n_unique() < runs.height:
        frame = frame.sort(key, maintain_order=True)
        runs = frame[key].rle().struct.unnest()
    begins = runs["len"].cum_sum() - runs["len"]
    return frame, dict(zip(runs["value"], zip(begins, runs["len"], strict=True), strict=True))


_Places = Mapping[str, Mapping[str, tuple[int, int]]]
"""Frame → team's slug → where in it the team's rows begin and how many they are."""


def _write(path: Path, frames: Frames, places: _Places) -> None:
    """A line that says which frames follow, how long each is and where in it the rows of a team are, then the frames. No pickle: it may do
    anything when it is read."""
    packed = {name: frame.serialize() for name, frame in frames.items()}
    head = json.dumps({"sizes": {name: len(data) for name, data in packed.items()}, "places": places})
    with path.open("wb") as file:
        file.writelines((f"{head}\n".encode(), *packed.values()))


def _kept(path: Path) -> _Kept:
    """What all teams have, or a bundle: opened once by a process that makes many reports, as long as the file is the same."""
    stat = path.stat()
    return _same(path, stat.st_ino, stat.st_mtime_ns)


@lru_cache(
    2
)  # what all have is asked for by every report, so of the two it is the bundle before that makes room for the next
def _same(path: Path, _: int, __: int) -> _Kept:
    return _Kept(path)


class _Kept(Mapping[str, pl.DataFrame]):
    """The frames in a file that :func:`_write` made, of which a frame is read when it is asked for, and then kept."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        head = self._held.readline()
        told = json.loads(head)
        self.places: _Places = told["places"]
        self._where: dict[str, tuple[int, int]] = {}
        begin = len(head)
        for name, size in told["sizes"].items():
            self._where[name] = (begin, begin + size)
            begin += size
        self._read: dict[str, pl.DataFrame] = {}
        self.made: dict[Hashable, Any] = {}
        """What was made of them (:meth:`Opened.of_all`, :meth:`Opened.together`)."""

    def __getitem__(self, name: str) -> pl.DataFrame:
        if name not in self._read:
            begin, end = self._where[name]
            self._read[name] = pl.DataFrame.deserialize(io.BytesIO(self._held[begin:end]))
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._where

    def __iter__(self) -> Iterator[str]:
        return iter(self._where)

    def __len__(self) -> int:
        return len(self._where)
