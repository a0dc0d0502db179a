"""``idp forget``: a person out of everything that is read, kept and published, and where files of others still name them."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from idp_analytics import data_folder
from idp_analytics.errors import SettingsError
from idp_analytics.loading import collected
from idp_analytics.organisation import load
from idp_analytics.sources import snapshots
from idp_analytics.sources.files import content
from idp_analytics.sources.git import author
from idp_analytics.tables.forgotten import FILE, added
from idp_analytics.tables.pseudonyms import pseudonym

_NAME = "forgotten"
"""What stands in a snapshot where a name stood."""

_PARQUET = b"PAR1"


@dataclass(frozen=True)
class Found:
    """A file that names the person, ``places`` times; ``scrubbed``: it was a snapshot, and does so no more."""

    path: Path
    places: int
    scrubbed: bool = False


@dataclass(frozen=True)
class Forgotten:
    """What came of it: by how many ``names`` the person was known, and the ``files`` that named them."""

    names: int
    files: tuple[Found, ...]


def forget(root: Path, who: Collection[str], reports: Path, since: date) -> Forgotten:
    """Put a person, known by the logins and addresses (or pseudonyms) ``who``, on the list of the data folder ``root``, take these names out
    of the collected snapshots, and look for them everywhere else below ``root`` and ``reports``.

    The aliases tell which other names are theirs; these are on the list from then on, whatever becomes of the aliases. Exports are whoever's who
    made them: they are told, not changed. Each step is whole or not at all and can be done again. Raises :class:`SettingsError` for a name
    that is too short to be looked for, and as :func:`idp_analytics.load` and :mod:`idp_analytics.data_folder`.
    """
    names = sorted({name.strip() for name in who})
    if short := [name for name in names if len(name) < 3]:
        raise SettingsError(
            f"{short[0]!r} is too short to be looked for: it would be found everywhere. Give a whole login, address or pseudonym."
        )
    organisation = load(root)
    aliases = organisation.tables["aliases"].filter(kind="person").select("alias", "canonical_id")
    marks = _all_names(names, aliases)
    plain = re.compile(
        "|".join(rf"(?<![\w.@+-]){re.escape(name)}(?![\w@+-])" for name in sorted(names, key=len, reverse=True)),
        re.IGNORECASE,
    )
    with data_folder.held(root):
        data_folder.write(root / FILE, added(root / FILE, marks, since).encode())
        kept = {path for source in organisation.settings.sources for path in collected(source, root)}
        files = [_scrubbed(path, plain) if path in kept else found for path, found in _naming(root, plain)]
    return Forgotten(len(marks), tuple(files) + tuple(found for _, found in _naming(reports, plain)))


def _all_names(names: Collection[str], aliases: pl.DataFrame) -> set[str]:
    """The marks of all names that the aliases say are one person's, and of the authors that git makes of addresses."""
    pairs = [(pseudonym(a), pseudonym(b)) for a, b in aliases.drop_nulls().iter_rows()]
    found = {pseudonym(name) for name in names} | {pseudonym(of_git) for name in names if (of_git := author(name))}
    while more := {one for pair in pairs if found.intersection(pair) for one in pair} - found:
        found |= more
    return found


def _naming(folder: Path, plain: re.Pattern[str]) -> Iterator[tuple[Path, Found]]:
    for path in sorted(each for each in folder.rglob("*") if each.is_file() and not each.is_symlink()):
        if path.name != FILE and (places := sum(1 for _ in plain.finditer(_text(path)))):
            yield path, Found(path, places)


def _text(path: Path) -> str:
    """What a file says: its text, unpacked, or the texts of a Parquet file."""
    data = content(path, path.name)
    if data.startswith(_PARQUET):
        frame = pl.read_parquet(path).select(pl.selectors.string())
        return "\n".join("\n".join(column.drop_nulls().unique()) for column in frame)
    return data.decode("utf-8", "replace")


def _scrubbed(path: Path, plain: re.Pattern[str]) -> Found:
    """A snapshot written anew without the names, under the name its content has now; the old one goes when the new one is there."""
    data = content(path, path.name)
    if data.startswith(_PARQUET):
        return Found(path, 1)
    text, places = plain.subn(_NAME, data.decode("utf-8", "surrogateescape"))
    at = snapshots.taken(path)
    if at is None:
        return Found(path, places)
    fresh = text.encode("utf-8", "surrogateescape")
    packed = gzip.compress(fresh, compresslevel=6, mtime=0)
    target = path.with_name(
        snapshots.name(at, hashlib.sha256(fresh).hexdigest(), snapshots.original(path.name)) + ".gz"
    )
    data_folder.write(target, packed)
    if target != path:
        path.unlink()
    return Found(target, places, scrubbed=True)
