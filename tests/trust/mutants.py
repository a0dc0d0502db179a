"""Files spoilt in every way that files are: as bytes, as text, as tables, and as documents.

What is spoilt, and how, follows from the draw alone, so that a number stands for a mutant.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

MARK = "\x01raw:"
"""Begins a text that stands in the file without quotation marks, for what JSON has no value of its own for."""

VALUES: tuple[Any, ...] = (
    None, "", " ", "x", 0, -1, 1e308, -0.0, True, False, [], {}, ["x"], [None], [[]], {"x": {}}, [{}], {"": ""},
    "NaN", "Infinity", "-inf", "1e400", "null", "None", "9" * 400, 2**63, -(2**63) - 1, 2**64, 10**30, "0x10", "1_000", "1,5", "١٢",
    "0000-00-00T00:00:00Z", "0001-01-01T00:00:00Z", "1000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "99999-01-01T00:00:00Z",
    "262143-12-31T23:59:59Z", "-2026-01-01T00:00:00Z", "2026-13-45T99:99:99Z", "2026-02-30", "2026-06-30T24:00:00Z", "2026-06-30T23:59:60Z",
    "2026-03-29T02:30:00", "2025-10-26T02:30:00", "2026-03-29T02:30:00+99:99", "2026-01-01T00:00:00.123456789123Z", "1772359200", "9" * 19,
    "253402300800000", "-1", "1970-01-01T00:00:00Z", "12/31/2026", "31.12.2026 14:00", "Mon, 01 Jun 2026 10:00:00 GMT", "PT1H", "P1Y", "-PT1H",
    "\u202eevil\u202c", "\u200b\u200d\ufeff", "שלום עולם", "e\u0301\u0323" * 20, "\x00", "a\x00b", "\x1b[31m", "\r\n", "a\u2028b", "\ufffe", "💩" * 9,
    "=cmd|'/c calc'!A0", "<script>alert(1)</script>", "{{7*7}}", "${7*7}", "__import__('os').system('false')", "'; DROP TABLE x; --", "../../etc/passwd",
    "!!python/object/apply:os.system ['false']", "x" * 5000, "a/" * 500, "[" * 300, "%s%s%n", "\\", '"', "'", ",", ";", "|",
    MARK + "NaN", MARK + "Infinity", MARK + "-Infinity", MARK + "1e400", MARK + "-1e400", MARK + "9" * 400, MARK + "1e-400", MARK + "0" * 3, MARK + "1" * 5000,
    MARK + '"\\ud800"', MARK + '"\\udc00x\\ud800"', MARK + '{"a":1,"a":2}', MARK + '"\\u0000"', MARK + "[" * 60 + "]" * 60,
    MARK + "[" * 3000 + "]" * 3000, MARK + '{"a":' * 120 + "1" + "}" * 120,
)  # fmt: skip
"""What nobody expects in the place of any value."""

PLAIN = tuple(value for value in VALUES if not isinstance(value, str) or not value.startswith(MARK))
"""Those of them that JSON has a value for."""

_CELLS = tuple(value for value in VALUES if isinstance(value, str) and not value.startswith(MARK))


# --- bytes ------------------------------------------------------------------------------------------------------------


def _flipped(data: bytes, draw: Random) -> bytes:
    made = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 8, 40))):
        made[draw.randrange(len(made))] ^= 1 << draw.randrange(8)
    return bytes(made)


def _overwritten(data: bytes, draw: Random) -> bytes:
    at = draw.randrange(len(data))
    junk = draw.choice(
        (b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe9", b"\r", b"\n", b'"', b"\x1a", b"\\")
    )
    return data[:at] + junk * draw.choice((1, 1, 4, 100)) + data[at + draw.choice((0, 1, 5)) :]


def _cut(data: bytes, draw: Random) -> bytes:
    return data[: draw.randrange(len(data))]


def _beheaded(data: bytes, draw: Random) -> bytes:
    return data[draw.randrange(len(data)) :]


def _gone(data: bytes, draw: Random) -> bytes:
    at = draw.randrange(len(data))
    return data[:at] + data[at + draw.randrange(1, 200) :]


def _repeated(data: bytes, draw: Random) -> bytes:
    at, size = draw.randrange(len(data)), draw.randrange(1, 400)
    return data[:at] + data[at : at + size] * draw.choice((2, 2, 3, 30)) + data[at + size :]


def _twice(data: bytes, draw: Random) -> bytes:
    return data + draw.choice((b"", b"\n", b"\n---\n", b",", b"\x00")) + data


def _swapped(data: bytes, draw: Random) -> bytes:
    one, two = sorted((draw.randrange(len(data)), draw.randrange(len(data))))
    size = draw.randrange(1, 60)
    return data[:one] + data[two : two + size] + data[one + size : two] + data[one : one + size] + data[two + size :]


def _nothing(data: bytes, draw: Random) -> bytes:
    del data
    return draw.choice(
        (
            b"",
            b"\n",
            b" ",
            b"\x00",
            b"\xef\xbb\xbf",
            b"\xff\xfe",
            b"null",
            b"{}",
            b"[]",
            b"0",
            b'""',
            b"\x1f\x8b",
            b"PAR1",
            b"PK\x03\x04",
            b"---\n",
            b"[[]]",
            b"{",
            b"\x00" * 5000,
        )
    )


BYTES: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flipped, _flipped, _overwritten, _cut, _beheaded, _gone, _repeated, _twice, _swapped, _nothing,
)  # fmt: skip


# --- text -------------------------------------------------------------------------------------------------------------


def _recoded(data: bytes, draw: Random) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(
        draw.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-8-sig", "utf-7", "cp037")),
        "replace",
    )


def _other_breaks(data: bytes, draw: Random) -> bytes:
    return data.replace(
        b"\n", draw.choice((b"\r\n", b"\r", b"\n\n", b"\n\r", "\u2028".encode(), b"\x0b", b"\x0c", b" "))
    )


def _said_twice(data: bytes, draw: Random) -> bytes:
    lines = data.split(b"\n")
    at = draw.randrange(len(lines))
    return b"\n".join(lines[:at] + [lines[at]] * draw.choice((2, 2, 5)) + lines[at + 1 :])


def _line_gone(data: bytes, draw: Random) -> bytes:
    lines = data.split(b"\n")
    at = draw.randrange(len(lines))
    return b"\n".join(lines[:at] + lines[at + draw.choice((1, 1, 3)) :])


def _line_broken(data: bytes, draw: Random) -> bytes:
    lines = data.split(b"\n")
    at = draw.randrange(len(lines))
    lines[at] = draw.choice(
        (
            b"{",
            b"}",
            b"[",
            b'"',
            b"\x00",
            b"null",
            b"{}",
            b"[]",
            b"x: y",
            b"\t",
            b"- -",
            b"---",
            b"&a *a",
            b"# x",
            b",,,",
            lines[at][: len(lines[at]) // 2],
        )
    )
    return b"\n".join(lines)


def _hostile_inside(data: bytes, draw: Random) -> bytes:
    at = draw.randrange(len(data))
    return data[:at] + draw.choice(_CELLS).encode("utf-8", "surrogatepass") + data[at:]


def _words_for_words(data: bytes, draw: Random) -> bytes:
    """Some word or number gives way to another one, everywhere or once."""
    words = re.findall(rb"[A-Za-z_][\w.-]*|-?\d[\d.:TZ-]*", data)
    if not words:
        return data + b"?"
    new = draw.choice((draw.choice(words), draw.choice(_CELLS).encode()))
    return data.replace(draw.choice(words), new, draw.choice((1, -1)))


TEXT: tuple[Callable[[bytes, Random], bytes], ...] = (
    _recoded, _other_breaks, _said_twice, _line_gone, _line_broken, _hostile_inside, _words_for_words, _words_for_words,
)  # fmt: skip


# --- tables -----------------------------------------------------------------------------------------------------------


def spoilt_table(data: bytes, draw: Random) -> bytes:
    """A CSV file with cells, rows or columns changed."""
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    for _ in range(draw.choice((1, 1, 2, 6))):
        at = draw.randrange(1 if len(rows) > 1 and draw.random() < 0.8 else 0, len(rows))
        row = rows[at]
        if not row:
            continue
        place = draw.randrange(len(row))
        match draw.randrange(9):
            case 0 | 1 | 2 | 3:
                row[place] = draw.choice(_CELLS)
            case 4:
                del row[place]
            case 5:
                row.insert(place, draw.choice(_CELLS))
            case 6:
                rows[at] = [row[0]] * draw.choice((1, len(row), 4000))
            case 7:
                value = draw.choice(_CELLS)
                for each in rows[1:]:
                    if place < len(each):
                        each[place] = value
            case _:
                rows[at] = draw.choice(([], [""], [""] * len(row), row * 2))
    written = io.StringIO(newline="")
    style = draw.choice((csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    csv.writer(written, lineterminator="\n", quoting=style, delimiter=draw.choice(",,,,;\t|")).writerows(rows)
    return written.getvalue().encode("utf-8", "replace")


# --- documents --------------------------------------------------------------------------------------------------------


def _places(value: Any, into: list[tuple[Any, Any]], depth: int = 50) -> list[tuple[Any, Any]]:
    """Every (container, key) below a value, as deep as ``depth``."""
    for key, inner in list(value.items()) if isinstance(value, dict) else list(enumerate(value)):
        into.append((value, key))
        if isinstance(inner, dict | list) and depth:
            _places(inner, into, depth - 1)
    return into


def spoil(value: Any, draw: Random, values: tuple[Any, ...] = VALUES) -> None:
    """Change one thing in a document, anywhere."""
    places = _places(value, [])
    if not places:
        return
    where, key = draw.choice(places)
    match draw.randrange(8):
        case 0:
            del where[key]
        case 1 if isinstance(where, list):
            where.append(where[key])
        case 1:
            where[f"{key}{draw.choice(('', '_id', ' '))}"] = where.pop(key)
        case 2:
            where[key] = _other_type(where[key])
        case 3:
            other, there = draw.choice(places)
            if isinstance(there, str) or there < len(other):
                where[key] = json.loads(json.dumps(other.get(there) if isinstance(other, dict) else other[there]))
        case 4 if isinstance(where, dict):
            where[draw.choice(("id", "kind", "items", "name", "metadata", "", "\ud7ff", "0"))] = draw.choice(values)
        case _:
            where[key] = draw.choice(values)


def _other_type(value: Any) -> Any:
    match value:
        case str() | int() | float():
            return [value]
        case list():
            return dict(enumerate(map(str, range(len(value)))))
        case dict():
            return list(value.values()) if value else None
    return {"value": value}


def json_text(value: Any, **style: Any) -> str:
    """JSON, with what :data:`MARK` marks unquoted."""
    text = json.dumps(value, ensure_ascii=False, **style)
    if "raw:" not in text:
        return text
    return re.sub(r'"\\u0001raw:((?:[^"\\]|\\.)*)"', lambda found: json.loads(f'"{found[1]}"'), text)


def spoilt_documents(data: bytes, draw: Random) -> bytes:
    """JSON or JSON lines with members taken away, renamed, or replaced."""
    text = data.decode()
    try:
        value, lines = json.loads(text), False
    except ValueError:
        value, lines = [json.loads(line) for line in text.splitlines() if line.strip()], True
    whole = {"": value}
    for _ in range(draw.choice((1, 1, 2, 5, 20))):
        spoil(whole, draw)
    if lines and isinstance(whole.get(""), list):
        return "".join(json_text(one) + "\n" for one in whole[""]).encode("utf-8", "surrogatepass")
    return json_text(whole.get(""), indent=draw.choice((None, 1))).encode("utf-8", "surrogatepass")


def one_document_spoilt(data: bytes, draw: Random) -> bytes | None:
    """A list of documents (or lines) of which exactly one is changed, once inside; null where there are not enough."""
    text = data.decode()
    try:
        value, lines = json.loads(text), False
    except ValueError:
        value, lines = [json.loads(line) for line in text.splitlines() if line.strip()], True
    if not isinstance(value, list) or len(value) < 6 or not all(isinstance(one, dict) for one in value):
        return None
    spoil(value[draw.randrange(len(value))], draw, PLAIN)
    if lines:
        return "".join(json_text(one) + "\n" for one in value).encode("utf-8", "surrogatepass")
    return json_text(value).encode("utf-8", "surrogatepass")


# --- any file ---------------------------------------------------------------------------------------------------------


def mutant(name: str, data: bytes, draw: Random) -> tuple[str, bytes]:
    """What was done to a file (a word), and its bytes then; ``data`` is unpacked."""
    kind = name.removesuffix(".gz").rpartition(".")[2]
    ways: list[tuple[str, Callable[[bytes, Random], bytes]]] = [
        *((way.__name__.strip("_"), way) for way in (*BYTES, *(TEXT if kind != "parquet" else ())))
    ]
    if not data:
        return "nothing", _nothing(data, draw)
    own = {"json": spoilt_documents, "jsonl": spoilt_documents, "csv": spoilt_table}.get(kind)
    way = ("", own) if own and draw.random() < 0.6 else draw.choice(ways)
    told, made = (way[0] or way[1].__name__), way[1](data, draw)
    if draw.random() < 0.1 and made:
        told, made = f"{told}, then flipped", _flipped(made, draw)
    if name.endswith(".gz") and draw.random() < 0.3:
        made = gzip.compress(made, 1, mtime=0)
        if draw.random() < 0.5:
            return f"{told}, packed and spoilt", draw.choice(BYTES)(made, draw)
        return f"{told}, packed", made
    return told, made
