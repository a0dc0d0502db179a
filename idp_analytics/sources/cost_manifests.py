"""Which files of an export are the current ones: what the provider's own manifests say, where there are any.

AWS Data Exports (``<export>-Manifest.json``, ``dataFiles``), AWS Cost and Usage Reports (``<report>-Manifest.json``,
``reportKeys``), Azure Cost Management exports (``manifest.json``, ``blobs``), and lists of ``files``.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from idp_analytics.errors import SourceError
from idp_analytics.sources import members
from idp_analytics.sources.files import content, shown_path

_RUN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}|\d{8}T\d{4}|\d{12}|\d{4}-\d{2}-\d{2}T")
"""What only the name of a folder has that one run of an export has made."""


@dataclass(frozen=True)
class Manifest:
    """One manifest: the file ``names`` it lists, of which export and billing period, when it was written (text that sorts;
    null: not said) and which ``dataset`` it is of (Azure: ActualCost, AmortizedCost, FocusCost)."""

    path: Path
    names: tuple[str, ...]
    export: str
    period: str
    at: str | None
    dataset: str | None


@dataclass(frozen=True)
class Current:
    """The ``files`` to read; those not to be read → why; and of which manifest a file is (where one names it)."""

    files: tuple[Path, ...]
    left_out: Mapping[Path, str]
    of: Mapping[Path, Manifest]


def is_manifest(path: Path) -> bool:
    """The file is called as providers call their manifests."""
    return path.name.lower().endswith("manifest.json")


def current(paths: Sequence[Path], root: Path) -> Current:
    """Of ``paths`` (files; folders stand for all files in them) those that count.

    Manifests among them, beside them, above them (up to ``root``) and in the ``metadata`` folder beside a ``data`` folder
    are read. Of several manifests of one export and billing period the newest counts. A file that lies where a manifest's
    files do and is named by none is not read.

    Raises :class:`SourceError` for a manifest that names a file that is not there, that is no manifest, or of which
    nothing says whether it is the newest.
    """
    whole = list(dict.fromkeys(file for path in paths for file in _files(path)))
    given = [path for path in whole if is_manifest(path)]
    data = [path for path in whole if not is_manifest(path)]
    known = [_manifest(path, root, must=path in given) for path in _beside(data, given, root)]
    chosen = _newest([manifest for manifest in known if manifest is not None], root)
    of: dict[Path, Manifest] = {}
    reach: dict[Path, Manifest] = {}
    for manifest in chosen:
        named = _located(manifest, data, root)
        of |= dict.fromkeys(named, manifest)
        reach |= dict.fromkeys((_home(path) for path in named), manifest)
    left_out = {}
    for path in data:
        home = next((folder for folder in path.parents if folder in reach), None)
        if path not in of and home is not None:
            left_out[path] = (
                f"not read: {shown_path(reach[home].path, root)} does not name it, so that it is an older snapshot or no part of this export"
            )
    # A file that only the manifest names is read too: the manifest was given for it.
    files = [path for path in data if path not in left_out] + [path for path in of if path not in data]
    return Current(tuple(files), left_out, of)


def _files(path: Path) -> Iterable[Path]:
    if not path.is_dir():
        return [path]
    return [file for file in sorted(path.rglob("*")) if _is_within(file, path) and not file.name.startswith(".")]


def _beside(data: Sequence[Path], given: Sequence[Path], root: Path) -> list[Path]:
    """The manifests given, and those that lie where providers put them."""
    found = dict.fromkeys(given)
    seen: set[Path] = set()
    for path in data:
        for folder in path.absolute().parents:
            if folder in seen:
                break
            seen.add(folder)
            found |= dict.fromkeys(file for file in sorted(folder.glob("*.json")) if is_manifest(file))
            if folder.name == "data" and (metadata := folder.with_name("metadata")).is_dir():
                found |= dict.fromkeys(file for file in sorted(metadata.rglob("*.json")) if is_manifest(file))
            if folder == root.absolute() or not folder.is_relative_to(root.absolute()):
                break
    by_place: dict[Path, Path] = {}
    for path in found:
        by_place.setdefault(path.absolute(), path)
    return list(by_place.values())


# --- what a manifest says ---------------------------------------------------------------------------------------------


def _manifest(path: Path, root: Path, must: bool) -> Manifest | None:
    shown = shown_path(path, root)
    try:
        body = json.loads(content(path, shown, "json_mib"))
    except (ValueError, RecursionError):
        body = None
    names = _names(body)
    if names is None:
        if must:
            raise SourceError(
                f"{shown}: is no manifest that is known: it has none of dataFiles, reportKeys, blobs, files. Leave it out of paths, "
                "and name the files to read."
            )
        return None
    first = names[0] if names else ""
    partition = re.search(r"BILLING_PERIOD=([\d-]+)|(\d{8}-\d{8})", f"{first} {path.as_posix()}", re.IGNORECASE)
    period = (
        members.text(body, "billingPeriod", "start") or members.text(body, "runInfo", "startDate")
        or (partition[0] if partition else str(_home(path)))
    )  # fmt: skip
    export = (
        members.text(body, "exportArn") or members.text(body, "reportId") or members.text(body, "exportConfig", "resourceId")
        or members.text(body, "exportConfig", "exportName") or path.name
    )  # fmt: skip
    at = members.text(body, "runInfo", "submittedTime") or _run_time(members.text(body, "executionId"))
    return Manifest(path, tuple(names), export, period, at, members.text(body, "exportConfig", "type"))


def _names(body: Any) -> list[str] | None:
    for member, inside in (
        ("dataFiles", None),
        ("reportKeys", None),
        ("blobs", "blobName"),
        ("files", "name"),
        ("files", "path"),
    ):
        listed = members.at(body, member)
        if isinstance(listed, list):
            found = [one if isinstance(one, str) else members.text(one, inside or "") for one in listed]
            if all(found):
                return [name for name in found if name]
    return None


def _run_time(execution: str | None) -> str | None:
    """The time an execution's id begins with, as digits."""
    found = re.match(r"\d{4}-?\d{2}-?\d{2}T[\d:.]+", execution or "")
    return re.sub(r"\D", "", found[0]) if found else None


def _newest(manifests: Sequence[Manifest], root: Path) -> list[Manifest]:
    groups: dict[tuple[str, str], list[Manifest]] = {}
    for manifest in manifests:
        groups.setdefault((manifest.export, manifest.period), []).append(manifest)
    return [_newest_of(group, root) for group in groups.values()]


def _newest_of(group: Sequence[Manifest], root: Path) -> Manifest:
    if len({manifest.names for manifest in group}) == 1:
        return group[0]
    times = {manifest.at for manifest in group}
    if None not in times and len(times) == len(group):
        return max(group, key=lambda manifest: manifest.at or "")
    depths = sorted((len(manifest.path.absolute().parts), place) for place, manifest in enumerate(group))
    if depths[0][0] < depths[1][0]:
        # The report's own folder holds the manifest of the current version, each version's folder a copy of its own.
        return group[depths[0][1]]
    shown = " and ".join(shown_path(manifest.path, root) for manifest in group[:2])
    raise SourceError(
        f"{shown} are manifests of one export and billing period ({group[0].period}) that name different files, and nothing "
        "says which is the newer. Keep only the current one, with its files."
    )


# --- where its files are ----------------------------------------------------------------------------------------------


def _located(manifest: Manifest, data: Sequence[Path], root: Path) -> list[Path]:
    places = {name: _find(_parts(name), manifest.path, data, root) for name in manifest.names}
    missing = [name for name, path in places.items() if path is None]
    found = [path for path in places.values() if path is not None]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise SourceError(
            f"{shown_path(manifest.path, root)}: names {missing[0]}{more}, not there ({len(found)} of {len(manifest.names)} files are). "
            "A part of a bill is no bill: copy the whole export, in its folders, or, if the provider has replaced it, its newest "
            "manifest too."
        )
    return found


def _parts(name: str) -> list[str]:
    """The folders and the file of a name or address; nothing that leads upwards, since a manifest may say anything."""
    try:
        path = unquote(urlsplit(name).path)
    except ValueError:  # an address that is none
        return []
    return [part for part in PurePosixPath(path).parts if part not in ("/", "//", "..") and "\0" not in part]


def _is_within(path: Path, folder: Path) -> bool:
    """There is such a file, and no link leads from it out of the folder."""
    try:
        return path.is_file() and path.resolve().is_relative_to(folder.resolve())
    except OSError:  # a name longer than any file's
        return False


def _find(parts: Sequence[str], manifest: Path, data: Sequence[Path], root: Path) -> Path | None:
    """The file whose path ends as ``parts`` do, the longest such ending first; unpacked copies count too."""
    for start in range(len(parts)):
        for last in dict.fromkeys((parts[-1], parts[-1].removesuffix(".gz"))):
            ending = (*parts[start:-1], last)
            near = [path for path in data if path.parts[-len(ending) :] == ending]
            if near:
                return max(
                    near, key=lambda path: (len(os.path.commonpath([path.absolute(), manifest.absolute()])), path)
                )
            for folder in manifest.absolute().parents:
                if _is_within(path := folder.joinpath(*ending), folder):
                    return path
                if folder == root.absolute() or not folder.is_relative_to(root.absolute()):
                    break
    return None


def _home(path: Path) -> Path:
    """The folder in which all snapshots of a file's period lie: its own, or the one above that of a single run."""
    return path.parent.parent if _RUN.search(path.parent.name) else path.parent
