"""Keep what systems forget: a copy of each export, under the time it was taken, never changed afterwards."""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from idp_analytics import data_folder, sources
from idp_analytics.errors import SettingsError, nearest
from idp_analytics.loading import collected, expanded
from idp_analytics.settings import Settings, SourceSettings
from idp_analytics.sources import snapshots
from idp_analytics.sources.files import content, sha256, shown_path


@dataclass(frozen=True)
class Kept:
    """What became of one export: the ``source``, the ``file``, its ``snapshot``, and whether that is ``new``."""

    source: str
    file: Path
    snapshot: Path
    new: bool


def collect(settings: Settings, names: Collection[str] = (), at: datetime | None = None) -> list[Kept]:
    """Copy the exports of every source whose system forgets (or of those named) into ``snapshots/<source>/``, and there into
    the folder they have in the data folder, so that two exports of one name are told apart.

    A snapshot's time is when the export was written, that of numbered pages when the last of them was, unless ``at`` says
    otherwise. An export that was kept already, with the same content and time, is not kept twice. Each copy appears whole or not at all, so that a run that is killed loses
    and doubles nothing. Raises :class:`SettingsError` for a name that is no source or a pattern that finds no file,
    :class:`SourceError` for a file that is not what the source says, before anything of that source is kept, or is
    written to while it is read; and as :mod:`idp_analytics.data_folder`.
    """
    known = {source.name: source for source in settings.sources}
    problems = [f"source {name!r}: there is none.{nearest(name, known)}" for name in names if name not in known]
    chosen = [known[name] for name in names if name in known] or [
        s for s in settings.sources if sources.forgets(s.kind)
    ]
    files: list[tuple[SourceSettings, list[Path]]] = []
    for source in chosen:
        found, missing = expanded(source, settings.root)
        problems += [f"source {source.name!r}: {text}" for text in missing]
        files.append((source, [path for path in found if snapshots.taken(path) is None]))
    if problems:
        raise SettingsError.listing(str(settings.root), problems)
    with data_folder.held(settings.root), sources.limited(settings.limits):
        return [kept for source, paths in files for kept in _kept(source, paths, settings.root, at)]


def _kept(source: SourceSettings, paths: list[Path], root: Path, at: datetime | None) -> Iterator[Kept]:
    if not paths:
        return
    before = sources.state(paths)
    # What cannot be read today is no snapshot: better to say it now than in a year.
    sources.read(source.kind, paths, source.options, root)
    folder = root / sources.SNAPSHOTS / source.name
    there = set(collected(source, root))
    lines = {path: snapshots.line(shown_path(path, root)) for path in paths}
    times = _times(lines)
    for path, line in lines.items():
        with sources.unchanged({path: before[path]} if path in before else {}, root):
            digest, data = sha256(path), content(path)
        name = snapshots.name(at or times[path], digest, path.name.removesuffix(".gz"))
        target = folder / Path(line).parent / f"{name}.gz"
        if target in there:
            yield Kept(source.name, path, target, new=False)
            continue
        data_folder.write(target, gzip.compress(data, compresslevel=6, mtime=0))
        yield Kept(source.name, path, target, new=True)


def _times(lines: Mapping[Path, str]) -> dict[Path, datetime]:
    """When each export was written; pages of one answer are one, written when the last of them was."""
    written = {path: datetime.fromtimestamp(int(path.stat().st_mtime), UTC) for path in lines}
    family = snapshots.families(lines.values())
    last: dict[str, datetime] = {}
    for path, line in lines.items():
        last[family[line]] = max(written[path], last.get(family[line], written[path]))
    return {path: last[family[line]] for path, line in lines.items()}
