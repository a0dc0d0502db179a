"""A data folder from a folder of exports: what each file is, the settings that read them, mapping files to fill in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from idp_analytics import data_folder, sources
from idp_analytics.errors import SettingsError, SourceError
from idp_analytics.settings import FILE
from idp_analytics.sources import snapshots, survey_forms
from idp_analytics.sources.files import content, decoded
from idp_analytics.sources.recognise import recognised
from idp_analytics.sources.systems import system
from idp_analytics.sources.tabular import read_rows
from idp_analytics.tables import LINEAGE, TABLES

ALIASES = "aliases.csv"
OPERATIONS = "operations.csv"
_READ = (".json", ".jsonl", ".ndjson", ".yaml", ".yml", ".csv", ".tsv", ".parquet", ".tfstate")
_FOCUS = frozenset(("BilledCost", "BillingCurrency", "ChargePeriodStart"))
_MAPPING = {
    ALIASES: "kind,system,alias,canonical_id,valid_from,valid_to\n",
    OPERATIONS: "operation_id,title,risk,gate,golden_path_id,owner_team_id,category\n",
}
_UNNAMED = ("google_forms", "qualtrics", "surveymonkey")
"""Systems whose exports do not say which survey they are of: until somebody does, it is called by the system."""

_ZONED = ("google_forms", "qualtrics", "surveymonkey", "servicenow")
"""Systems whose exports have times without a zone: somebody must say it."""


@dataclass(frozen=True)
class Found:
    """One file: where it is, the ``kind`` (and canonical ``table``) that reads it, in words, and how much of it was told.

    ``kind`` null: nobody knows it."""

    path: Path
    kind: str | None
    what: str
    table: str | None = None


def look(folder: Path) -> list[Found]:
    """What every file and repository below ``folder`` is, in name order. Snapshots and hidden files are left out."""
    if not folder.is_dir():
        raise SettingsError(f"{folder}: no such folder. Give the folder that holds the exports.")
    found: list[Found] = []
    repositories = [path.parent for path in sorted(folder.rglob(".git"))]
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if any(part.startswith(".") or part == snapshots.FOLDER for part in inside):
            continue
        if path in repositories:
            found.append(_told(path, "git"))
        elif any(path.is_relative_to(repository) for repository in repositories) or not path.is_file():
            continue
        elif path.name not in (FILE, ALIASES, OPERATIONS, "README.md"):
            found.append(_told(path))
    return found


def _told(path: Path, kind: str | None = None) -> Found:
    if _printable(str(path)) != str(path):
        return Found(path, None, "its name is not UTF-8 and cannot stand in the settings; give it another")
    if kind == "git":
        return Found(path, kind, "a git repository")
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".bundle"):
        return Found(path, "git", "a git bundle")
    if not name.endswith(_READ):
        return Found(path, None, "no export: its name ends in none of " + ", ".join(_READ))
    like = recognised(path)
    if like:
        best, _ = like[0]
        what = ", ".join(f"{count} × {one.what}" for one, count in like if one.kind == best.kind)
        return Found(path, best.kind, f"{best.title}: {what}")
    return _table(path) if name.endswith((".csv", ".tsv", ".parquet")) else Found(path, None, "nothing that is known")


def _table(path: Path) -> Found:
    """A table in our own columns, or a bill."""
    try:
        header = set(read_rows(path, path.name).header)
    except SourceError as error:
        return Found(path, None, str(error))
    if header >= _FOCUS:
        return Found(path, "focus", "a FOCUS bill")
    lineage = {column.name for column in LINEAGE}
    fitting = []
    for table in TABLES.values():
        own = {column.name for column in table.columns} - lineage
        if (
            table.name != "loads"
            and {column.name for column in table.columns if not column.nullable} - lineage <= header
        ):
            fitting.append((len(own & header) / len(own | header), table.name))
    if not fitting:
        return Found(path, None, 'nothing that is known; name its columns in a [[source]] of kind = "canonical"')
    share, name = max(fitting)
    return Found(path, "canonical", f"our table {name} ({share:.0%} of the columns)", name)


# --- settings ---------------------------------------------------------------------------------------------------------


def write(folder: Path, found: Sequence[Found], title: str) -> list[Path]:
    """Write ``settings.toml`` that reads what was found, and the two mapping files; return them. The settings appear whole or
    not at all.

    Raises :class:`SettingsError` where ``settings.toml`` is there already; mapping files that are there stay.
    """
    target = folder / FILE
    if target.exists():
        raise SettingsError(f"{target}: is there already and is not written over. Name a new folder, or move it away.")
    written = [target]
    for name, header in _MAPPING.items():
        if not (folder / name).exists():
            data_folder.write(folder / name, header.encode(), 0o644)
            written.append(folder / name)
    # Last: where it is, nothing is missing, and this is not begun again.
    data_folder.write(target, text(folder, found, title).encode(), 0o644)
    return written


def text(folder: Path, found: Sequence[Found], title: str) -> str:
    """The settings for what was found, with what only a person can say as comments to fill in."""
    lines = [
        "# What is read, and how. Every option of every system: SOURCES.md.", "[organisation]", f"id = {_quoted(folder.resolve().name)}",
        f"name = {_quoted(title)}", 'time_zone = "UTC"              # months and days are cut here', "",
        "# Who is meant by a name that a system uses, and how risky an operation is: no system can say that.",
        "# `idp doctor --aliases FILE` proposes lines for the first.",
    ]  # fmt: skip
    for mapped, name in (("aliases", ALIASES), ("operations", OPERATIONS)):
        lines += [
            "[[source]]",
            f'name = "mapping-{mapped}"',
            'kind = "canonical"',
            f'table = "{mapped}"',
            f'paths = ["{name}"]',
            "",
        ]
    groups: dict[tuple[str, str | None], list[Path]] = {}
    for one in found:
        if one.kind:
            groups.setdefault((one.kind, one.table), []).append(one.path)
    # The catalogue first: where two sources describe one thing, the later one has the last word.
    for (kind, table), paths in groups.items():
        lines += ["[[source]]", f"kind = {_quoted(kind)}", *([f"table = {_quoted(table)}"] if table else [])]
        lines += [
            f"paths = [{', '.join(_quoted(_relative(path, folder)) for path in paths)}]",
            *_hints(kind, paths),
            "",
        ]
    unknown = [one for one in found if not one.kind]
    lines += [_comment(f"not read: {_relative(one.path, folder)} ({one.what})") for one in unknown]
    return "\n".join(lines).rstrip("\n") + "\n"


def _hints(kind: str, paths: Sequence[Path]) -> list[str]:
    if kind in sources.SOURCES:
        return []
    hints = []
    if sources.forgets(kind):
        written = max(datetime.fromtimestamp(int(path.stat().st_mtime), UTC) for path in paths)
        hints.append(
            f"as_of = {written:%Y-%m-%dT%H:%M:%SZ}    # when the newest file was written; idp collect keeps one per export"
        )
    if kind in _ZONED:
        hints.append('# time_zone = "Europe/Berlin"    # the zone of its times, which it does not say')
    told = _questionnaire(kind, paths)
    hints += [f"{name} = {_toml(value)}" for name, value in told.items()]
    if kind in _UNNAMED and not told:
        hints.append(f"survey = {_quoted(kind)}    # our id of the survey, which its file does not say")
    options = [
        option for option in system(kind).options if not any(hint.startswith(f"{option.name} =") for hint in hints)
    ]
    options.sort(key=lambda option: not option.required)
    return hints + [
        f"# {option.name} = …    # {'FILL IN. ' if option.required else ''}{option.doc}" for option in options
    ]


def _questionnaire(kind: str, paths: Sequence[Path]) -> dict[str, Any]:
    """The options that read the questionnaire the kit ships, where the export is of that; else none."""
    if kind not in survey_forms.TOOLS:
        return {}
    text = "".join(decoded(content(path, path.name))[0] for path in paths)
    asked = survey_forms.recognised(kind, text)
    return survey_forms.reading(kind, asked.id, asked.questions) if asked else {}


def missing(found: Sequence[Found]) -> list[str]:
    """The options without which nothing is read, each with the system that wants it; only a person can say them."""
    kinds = dict.fromkeys(one.kind for one in found if one.kind and one.kind not in sources.SOURCES)
    return [f"{option.name} of {kind}" for kind in kinds for option in system(kind).options if option.required]


def _relative(path: Path, folder: Path) -> str:
    whole, base = path.resolve(), folder.resolve()
    return (whole.relative_to(base) if whole.is_relative_to(base) else whole).as_posix()


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_quoted(name)} = {_toml(one)}" for name, one in value.items()) + " }"
    return f"[{', '.join(map(_toml, value))}]" if isinstance(value, list) else _quoted(value)


def _comment(sentence: str) -> str:
    # A line of its own, without what TOML forbids in a comment.
    return "# " + "".join(letter if letter.isprintable() else " " for letter in _printable(sentence))


def _printable(name: str) -> str:
    """A name that is not UTF-8 as escapes, of which text can be made."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _quoted(word: str) -> str:
    # A TOML basic string and a JSON string agree on what is escaped.
    return json.dumps(_printable(word), ensure_ascii=False).replace("\x7f", "\\u007f")
