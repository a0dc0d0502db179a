"""The containers exports come in — JSON, JSON lines, YAML, pages, gzip — opened once, for every reader of documents.

A *document* is one JSON object: an incident, an entity, a Kubernetes resource. Whatever a file wraps its documents in,
:func:`read_documents` gives the same documents: bare list, page envelope (``{"items": [...], "next": ...}``), single
object, one object or page per line, pages one after the other, list of pages, Kubernetes List, several YAML documents;
each plain or gzip, UTF-8 or UTF-16, with or without byte order mark.
"""

from __future__ import annotations

import json
import re
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, overload

import msgspec

from idp_analytics.errors import SourceError
from idp_analytics.sources.files import beginning, content, decoded, encoding, said_replaced, sha256
from idp_analytics.sources.yaml_documents import yaml_values

LISTS = (
    "items", "data", "results", "result", "values", "value", "records", "rows", "entries", "elements", "content",
    "entities", "events", "incidents", "issues", "tasks", "runs", "tickets", "alerts", "teams", "users", "groups",
    "organizations", "services", "projects", "repositories", "deployments", "deploys", "releases", "builds", "jobs",
    "pipelines", "workflow_runs", "workflowRuns", "check_runs", "pull_requests", "merge_requests", "log_entries", "logs",
    "audits", "audit_logs", "auditLogs", "oncalls", "schedules", "responses", "surveys", "satisfaction_ratings",
    "ticket_metrics", "scorecards", "serviceScores", "initiatives", "exemptions", "approvers", "histories", "artifacts",
    "workspaces", "blueprints", "actions",
)  # fmt: skip
"""Names under which the systems we read list what a page holds."""
_LISTS = frozenset(LISTS)

_IDENTITY = frozenset(
    (
        "id",
        "_id",
        "uid",
        "uuid",
        "identifier",
        "key",
        "name",
        "ref",
        "sys_id",
        "spec",
        "metadata",
        "self",
        "title",
        "entity",
    )
)
"""What an object has that is something itself, as is any ``…_id``; a page has none (a Kubernetes List has ``metadata``)."""

_NAMES = _IDENTITY - {"metadata"}

_WRAPPERS = ("data", "result", "response")
_CONTAINERS = _LISTS.union(_WRAPPERS)
_MORE = ("more", "has_more", "hasMore", "has_next", "hasNext", "has_next_page", "hasNextPage", "incomplete_results")
_LAST = ("isLast", "is_last", "last", "isLastPage", "done")
_NEXT = (
    "next", "next_page", "nextPage", "next-page", "nextPageToken", "next_page_token", "nextCursor", "next_cursor",
    "nextLink", "@odata.nextLink", "nextToken", "NextToken", "next_offset", "continue", "remainingItemCount",
)  # fmt: skip
_TOTAL = (
    "total", "totalCount", "total_count", "total-count", "totalItems", "total_items", "totalTasks", "totalElements",
    "totalResults", "total_results", "count",
)  # fmt: skip
_INCLUDED = "included"
"""Where a page of JSON:API has what its documents refer to, of each page something else."""
_OFFSET = ("offset", "startAt", "start_at")
_ABOUT = (
    "meta", "metadata", "pagination", "paging", "page", "pageInfo", "page_info", "links", "_links", "response_metadata",
)  # fmt: skip
_BACKSLASH = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|(\\)')
_LONE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class Numbered(Sequence[tuple[int, dict[str, Any]]]):
    """Documents, each with its number, as two lists: nobody needs as many pairs."""

    bodies: Sequence[dict[str, Any]]
    numbers: Sequence[int]

    @overload
    def __getitem__(self, at: int) -> tuple[int, dict[str, Any]]: ...

    @overload
    def __getitem__(self, at: slice) -> Numbered: ...

    def __getitem__(self, at: int | slice) -> tuple[int, dict[str, Any]] | Numbered:
        """One with its number, or some."""
        if isinstance(at, slice):
            return Numbered(self.bodies[at], self.numbers[at])
        return self.numbers[at], self.bodies[at]

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Each with its number."""
        return zip(self.numbers, self.bodies, strict=True)

    def __len__(self) -> int:
        return len(self.bodies)


@dataclass(frozen=True)
class Documents:
    """The documents of one file.

    ``found``: each document with its number in the file, counted from 1 (a broken one has a number too).
    ``broken``: (line, reason) of what was set aside. ``beside``: what the first page says beside its documents (a time
    zone, a scorecard's name), and what any page includes (JSON:API). ``unfinished``: why the file is known not to hold everything, or null; ``continues``: because
    its last page has a next one; ``total``: how many documents there are by what a page says (0: none says). ``sha256`` of
    the file as it lies on disk. ``warnings``: sentences for a person. ``shape``: the one that all documents have, where who opens
    the file has asked each already.
    """

    found: Sequence[tuple[int, dict[str, Any]]]
    sha256: str
    broken: Sequence[tuple[int, str]] = ()
    beside: Mapping[str, Any] | None = None
    unfinished: str | None = None
    warnings: tuple[str, ...] = ()
    continues: bool = False
    total: int = 0
    shape: str | None = None

    @property
    def truncated(self) -> bool:
        """The file says itself that it does not hold everything."""
        return self.unfinished is not None


def holds_documents(path: Path, shown: str) -> bool:
    """By its name or first character a file of JSON or YAML, as against a table."""
    if path.name.lower().removesuffix(".gz").endswith((".json", ".jsonl", ".ndjson", ".yaml", ".yml", ".tfstate")):
        return True
    return beginning(path, shown).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def read_documents(path: Path, shown: str | None = None, number: Callable[[str], Any] = float) -> Documents:
    """Read every document of a JSON or YAML file in any container.

    ``shown`` is the file as the user knows it; ``number`` makes a number with a fraction from its text (``str`` or
    ``Decimal`` keep all digits). A broken line of a JSON-lines file, and an element that is no object, are set aside in
    ``broken``; NaN is not known. Raises :class:`SourceError` naming file and line when nothing can be made of the file.
    """
    shown = path.name if shown is None else shown
    data = content(path, shown, "json_mib")
    digest = sha256(path, data)
    whole = _at_once(data, number)
    values: Iterable[tuple[int, Any]] = enumerate(whole or (), 1)
    broken: list[tuple[int, str]] = []
    is_empty, replaced, escaped = False, 0, 0
    if whole is None:
        text, replaced = decoded(data)
        is_empty = not text or text.isspace()
        is_yaml = path.name.lower().removesuffix(".gz").endswith((".yaml", ".yml"))
        values, broken, escaped = _mended(text, is_yaml, shown, number)
        whole = [value for _, value in values]
        del text
    del data
    found: list[dict[str, Any]] = []
    numbers: list[range] = []
    pages: list[Mapping[str, Any]] = []
    place = 0
    if len(whole) > 1 and _are_plain(whole):
        found, values, place = whole, (), len(whole)
        numbers.append(range(1, place + 1))
    for line, value in values:
        if value is _BROKEN:
            place += 1
            continue
        documents = [value] if _is_plain(value) else list(_documents(value, pages))
        if set(map(type, documents)) == _OBJECT:
            found += documents
            numbers.append(range(place + 1, place + 1 + len(documents)))
            place += len(documents)
            continue
        for document in documents:
            place += 1
            if isinstance(document, dict):
                found.append(document)
                numbers.append(range(place, place + 1))
            else:
                broken.append((line, f"document {place} is {_kind(document)}, not an object"))
    warnings = [said_replaced(replaced)] if replaced else []
    if escaped:
        warnings.append(f"{escaped:,} backslash(es) begin no escape JSON knows and are kept as written")
    if is_empty:
        warnings.append("the file is empty")
    following = _following(pages)
    total, short = _missing(pages, place)
    each = numbers[0] if len(numbers) == 1 else list(chain.from_iterable(numbers))
    return Documents(
        Numbered(found, each), digest, sorted(broken), _beside(pages) if pages else None, following or short, tuple(warnings),
        following is not None, total,
    )  # fmt: skip


# --- text → values ----------------------------------------------------------------------------------------------------

_BROKEN = object()
_OBJECT = {dict}
_BETWEEN = b"}\n{"
"""What stands between two objects that are lines."""


def _at_once(data: bytes, number: Callable[[str], Any]) -> list[Any] | None:
    """The values of a file, that in line 1 or one of each line: one value of JSON, or one object per line and nothing else, in UTF-8 without anything odd, which is nearly every
    file; null for all others. The parser refuses whatever Python's would refuse or read in a way of its own (NaN, lone surrogates, integers too long)."""
    if encoding(data) != "utf-8" or data.lstrip()[:1] not in (b"{", b"["):
        return None
    # No text holds the end of a line as it is, and no value has one object right after another: each of these lines is an object. The
    # first of them is looked at alone, because to look at all takes a third of what it takes to read them.
    end = data.find(b"\n")
    is_lines = data[max(end - 1, 0) : end + 2] == _BETWEEN and data.count(_BETWEEN) == _lines(data) - 1
    decoder = _decoder(number)
    try:
        found = decoder.decode_lines(data) if is_lines else [decoder.decode(data)]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return found if not is_lines or len(found) == _lines(data) else None


def _lines(data: bytes) -> int:
    return data.count(b"\n") + (not data.endswith(b"\n"))


@lru_cache(maxsize=8)
def _decoder(number: Callable[[str], Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(float_hook=number)


def _values(
    text: str, is_yaml: bool, shown: str, number: Callable[[str], Any]
) -> tuple[list[tuple[int, Any]], list[tuple[int, str]]]:
    """The values a text holds one after another, each with its line; broken lines of JSON lines come second."""
    if not text or text.isspace():
        return [], []
    decoder = json.JSONDecoder(parse_float=number, parse_constant=lambda _: None)
    if (lines := _joined_lines(text, decoder)) is not None:
        return lines, []
    if text.lstrip()[0] in "[{" or not is_yaml:
        try:
            return [(1, _printable(text, decoder.decode(text)))], []
        except (ValueError, RecursionError) as error:
            # Its traceback holds this frame, and that all documents, until the garbage collector has gone through them.
            failure = error.with_traceback(None)
        if (told := _json_lines(text, decoder)) is not None:
            return told
        if not is_yaml and text.lstrip()[0] in "[{":
            return _one_after_another(text, decoder, shown, failure), []
    values = list(yaml_values(text, shown, number))
    if values and not any(isinstance(value, dict | list) for _, value in values):
        raise SourceError(
            f"{shown}: holds no objects, neither as JSON nor as YAML. Give a file of objects as exported."
        )
    return values, []


def _mended(
    text: str, is_yaml: bool, shown: str, number: Callable[[str], Any]
) -> tuple[list[tuple[int, Any]], list[tuple[int, str]], int]:
    """:func:`_values`; where they fail only for backslashes that begin no escape, with those kept, and how many.

    Programs that cut or hide parts of a JSON text (an e-mail address after ``\\u003c``) leave such behind.
    """
    try:
        return *_values(text, is_yaml, shown, number), 0
    except SourceError as error:
        mended = _BACKSLASH.sub(lambda match: match[0] * 2 if match[1] else match[0], text)
        if mended == text:
            raise
        try:
            return *_values(mended, is_yaml, shown, number), len(mended) - len(text)
        except SourceError:
            raise error from None


def _joined_lines(text: str, decoder: json.JSONDecoder) -> list[tuple[int, Any]] | None:
    """One object per line as one list, where there is nothing else: a name that all lines have is then one text in memory, which takes
    half as long. What stands between two lines nobody can have written into one, so that each is known to be a whole object; null: not all are."""
    end = text.find("\n")
    if (
        end < 0
        or text[:1] != "{"
        or text[end + 1 : end + 2] != "{"
        or text[end - 2 : end].rstrip()[-1:] != "}"
        or _has_surrogates(text)
    ):
        return None
    between = secrets.token_hex(16)
    lines = text.replace("\n", f',"{between}",')
    try:
        values = decoder.decode(f"[{lines}null]" if text.endswith("\n") else f"[{lines}]")
    except (ValueError, RecursionError):
        return None
    if text.endswith("\n") and values[-2:] == [between, None]:
        del values[-2:]
    found = values[::2]
    is_whole = values[1::2] == [between] * (len(found) - 1) and set(map(type, found)) == _OBJECT
    return list(enumerate(found, 1)) if is_whole else None


def _json_lines(text: str, decoder: json.JSONDecoder) -> tuple[list[tuple[int, Any]], list[tuple[int, str]]] | None:
    """One value per line, when at least half of the lines are objects or lists by themselves; otherwise null."""
    values: list[tuple[int, Any]] = []
    broken: list[tuple[int, str]] = []
    has_surrogates = _has_surrogates(text)
    scan = decoder.scan_once  # type: ignore[attr-defined]
    # Not splitlines: U+2028 and its like may stand inside a JSON text.
    for number, line in enumerate(text.split("\n"), 1):
        # Nearly every line is one object and nothing else: ``decode`` would look for space around it first.
        if line[:1] == "{" and not has_surrogates:
            try:
                value, end = scan(line, 0)
            except (StopIteration, ValueError, RecursionError):
                end = -1
            if end == len(line):
                values.append((number, value))
                continue
        if not line.strip():
            continue
        try:
            value = decoder.decode(line)
            values.append((number, _printable(line, value) if has_surrogates else value))
        except (ValueError, RecursionError) as error:
            values.append((number, _BROKEN))
            broken.append((number, f"is no JSON: {_told(error)}"))
    good = sum(isinstance(value, dict | list) for _, value in values)
    return (values, broken) if good * 2 >= len(values) else None


def _one_after_another(text: str, decoder: json.JSONDecoder, shown: str, failure: Exception) -> list[tuple[int, Any]]:
    """Values that follow one another without separator (``gh api --paginate``), each over any number of lines."""
    values, at = [], 0
    while match := re.compile(r"\S").search(text, at):
        try:
            value, at = decoder.raw_decode(text, match.start())
            values.append((text.count("\n", 0, match.start()) + 1, _printable(text, value)))
        except (ValueError, RecursionError) as error:
            failure = error if values else failure
            line = text.count("\n", 0, getattr(failure, "pos", match.start())) + 1
            raise SourceError(
                f"{shown}: is broken JSON at line {line}: {_told(failure)}. Export it again; a file cut short is not read in part."
            ) from None
    return values


def _told(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    # All other errors of the decoder say themselves where they are; this one is Python's, about its integers.
    return str(getattr(error, "msg", f"a number of more than {sys.get_int_max_str_digits():,} digits"))


def _printable(text: str, value: Any) -> Any:
    """``value`` without lone surrogates, which JSON can escape (``\\ud800``) and no text can hold."""
    return _without_surrogates(value) if _has_surrogates(text) else value


def _has_surrogates(text: str) -> bool:
    # Most files escape nothing at all, and to look for one letter takes a thirtieth of what the expression does.
    return "\\" in text and _LONE_SURROGATE.search(text) is not None


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_surrogates(v) for v in value]
    if isinstance(value, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    return value


# --- values → documents -----------------------------------------------------------------------------------------------


def _documents(value: Any, pages: list[Mapping[str, Any]]) -> Iterator[Any]:
    """The documents in one value; each page met on the way is added to ``pages``. Of lists in lists one level is opened."""
    if isinstance(value, list):
        if _are_plain(value):
            yield from value
            return
        elements = chain.from_iterable(v if isinstance(v, list) else [v] for v in value)
        for element in elements:
            if isinstance(element, list) or _is_plain(element):
                yield element
            else:
                yield from _documents(element, pages)
    elif isinstance(value, dict) and (name := _list_name(value)):
        pages.append(value)
        yield from value[name]
    elif isinstance(value, dict) and (inner := _wrapped(value)):
        pages.append({**value, **inner})
        yield from inner[str(_list_name(inner))]
    else:
        yield value


def _list_name(value: Mapping[str, Any]) -> str | None:
    """The member that holds a page's documents, or null when ``value`` is a document itself."""
    if str(value.get("kind", "")).endswith("List") and isinstance(value.get("items"), list):
        return "items"
    if _is_something(value, _NAMES) or ("metadata" in value and "kind" in value):
        return None
    names = [name for name in value if name in _LISTS and isinstance(value[name], list) and _holds_objects(value[name])]
    return names[0] if len(names) == 1 else None


def _wrapped(value: Mapping[str, Any]) -> dict[str, Any] | None:
    """A page one level down: ``{"result": {"elements": [...]}}``."""
    if _is_something(value):
        return None
    inner = [value[name] for name in _WRAPPERS if isinstance(value.get(name), dict) and _list_name(value[name])]
    return inner[0] if len(inner) == 1 else None


def _is_plain(value: Any) -> bool:
    """A document for certain, as nearly all are: it has a name and no items, or nothing that could hold documents."""
    # Its name is most often the first member, which is the least to look at; the ends of names are looked at last.
    return type(value) is dict and (
        ("items" not in value and not _NAMES.isdisjoint(value))
        or _CONTAINERS.isdisjoint(value)
        or ("items" not in value and _is_something(value, _NAMES))
    )


def _are_plain(values: Sequence[Any]) -> bool:
    """All are (:func:`_is_plain`), which the names of their members tell; of those that have the same names one is asked."""
    return set(map(type, values)) == _OBJECT and all(
        map(_is_plain, dict(zip(map(tuple, values), values, strict=True)).values())
    )


def _is_something(value: Mapping[str, Any], names: frozenset[str] = _IDENTITY) -> bool:
    if not names.isdisjoint(value):
        return True
    for name in value:  # noqa: SIM110 - this runs for every document, and any() takes twice as long
        if str(name).endswith(("_id", "Id")):
            return True
    return False


def _holds_objects(values: list[Any]) -> bool:
    return not values or any(isinstance(value, dict) for value in values)


def _beside(pages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    said = {name: value for name, value in pages[0].items() if not (name in LISTS and isinstance(value, list | dict))}
    included = [page[_INCLUDED] for page in pages if isinstance(page.get(_INCLUDED), list)]
    return {**said, _INCLUDED: list(chain.from_iterable(included))} if included else said


def _following(pages: Sequence[Mapping[str, Any]]) -> str | None:
    """How the last page says that another one comes after it."""
    for part in _about(pages[-1]) if pages else ():
        for name in _MORE:
            if part.get(name) is True:
                return f"{name}: true"
        for name in _LAST:
            if part.get(name) is False:
                return f"{name}: false"
        for name in _NEXT:
            if part.get(name):
                return f"{name}: there is a next page"
    return None


def _missing(pages: Sequence[Mapping[str, Any]], count: int) -> tuple[int, str | None]:
    """The greatest total a page gives, and whether that is more than where ``count`` documents end."""
    if not pages:
        return 0, None
    first = max((_whole(part.get(name)) for part in _about(pages[0]) for name in _OFFSET), default=0)
    total, name = max((_whole(part.get(name)), name) for page in pages for part in _about(page) for name in _TOTAL)
    return total, f"{name}: {total}, of which the file ends at {first + count}" if total > first + count else None


def _about(page: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A page and the members in which systems tell of paging, two levels down."""
    yield page
    for name in _ABOUT:
        if isinstance(part := page.get(name), dict):
            yield from _about(part)


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _kind(value: Any) -> str:
    names = {str: "text", bool: "true or false", list: "a list", type(None): "null"}
    return names.get(type(value), "a number")
