"""Rows from CSV and Parquet files, plain or gzip: text stays text, every row keeps its number, broken rows are counted."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from idp_analytics.errors import SourceError
from idp_analytics.sources.files import (
    LIMITS,
    beginning,
    content,
    decoded,
    is_utf8,
    open_bytes,
    said_replaced,
    sha256,
    too_much,
)
from idp_analytics.tables import MONEY
from idp_analytics.tables.numbered import enum
from idp_analytics.tables.side_by_side import side_by_side

ROW = "_row"
"""Number of the row in the file, counted from 1; the header and blank lines are not counted."""

FEWER, MORE = "has fewer fields than the header", "has more fields than the header"
EMPTY, NO_ROWS = "the file is empty", "the file has a header and no rows"

_DELIMITERS = ",;\t|"
_LONGEST_HEADER = 1 << 20
MAX_COLUMNS = 16_384
"""Most columns a table may have, which is what a spreadsheet has at most."""
_BLOCK = 1 << 24  # also the longest row that can be read
_SHOWN = 5
_MARK = "\x1fend of file\x1f"
_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_BY_NUMBER = pa.dictionary(pa.int32(), pa.string())
_NARROW = ((pa.uint8(), 2**8), (pa.uint16(), 2**16), (pa.int32(), 2**31))


@dataclass(frozen=True)
class Rows:
    """The rows of one file.

    ``frame``: the wanted columns (CSV: text; Parquet: its own types, naive times stay naive) and :data:`ROW`;
    ``header``: all column names in file order, ``written``: as they stand in a CSV file; ``sha256`` of the file as it lies on disk; ``dropped``: reason → rows
    left out; ``warnings``: sentences for a person, among them the one about letters that were ``replaced``.
    """

    frame: pl.DataFrame
    header: tuple[str, ...]
    sha256: str
    dropped: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()

    @property
    def broken(self) -> list[tuple[int, str]]:
        """A reason per row left out; the number of its line (0) is not known."""
        return [(0, reason) for reason, count in self.dropped.items() for _ in range(count)]


def read_rows(
    path: Path,
    shown: str,
    wanted: Callable[[str], bool] = lambda _: True,
    nulls: Sequence[str] = ("",),
    numbered: Callable[[str], bool] = lambda _: False,
    money: Callable[[str], bool] = lambda _: False,
) -> Rows:
    """Read a CSV or Parquet file, told apart by content.

    CSV may be separated by comma, semicolon, tab or bar (the header tells), UTF-8 or UTF-16, with line breaks in
    quotes. A row with too many or too few fields is left out and counted. ``wanted`` chooses columns by name, ``nulls``
    are texts that mean "not known". A name that comes twice is numbered: ``x``, ``x (2)``; so is one that is :data:`ROW`.
    Of the columns that ``numbered`` names the texts come as an Enum (:mod:`~idp_analytics.tables.numbered`), unless most of them differ.
    Of the columns that ``money`` names Parquet's decimals and whole numbers come as money (:data:`~idp_analytics.tables.MONEY`), unless
    one of them does not fit.

    Raises :class:`SourceError` when the file cannot be opened, is broken Parquet, or a quotation mark is never closed.
    """
    if beginning(path, shown).startswith(b"PAR1"):
        return _parquet(path, shown, wanted, nulls, numbered, money)
    return _delimited(path, shown, wanted, nulls, numbered)


def no_rows(path: Path, *warnings: str, header: Sequence[str] = ()) -> Rows:
    """What a file without rows gives."""
    schema = {ROW: pl.Int64(), **dict.fromkeys(header, pl.String())}
    return Rows(pl.DataFrame(schema=schema), tuple(header), sha256(path), warnings=warnings)


# --- Parquet ----------------------------------------------------------------------------------------------------------


def _parquet(
    path: Path,
    shown: str,
    wanted: Callable[[str], bool],
    nulls: Sequence[str],
    numbered: Callable[[str], bool],
    money: Callable[[str], bool],
) -> Rows:
    try:
        with open_bytes(path, shown) as file:
            schema = pl.read_parquet_schema(file)
            _refuse_wide(shown, len(schema))
            names = dict(zip(schema, _distinct(list(schema)), strict=True))
            chosen = [old for old, new in names.items() if wanted(new)]
            file.seek(0)
            told = pa_parquet.read_metadata(file)
            _refuse_large(shown, told.num_rows * len(chosen))
            coded = [old for old in chosen if numbered(names[old]) and schema[old] in _TEXTS]
            exact = [old for old in chosen if money(names[old]) and _is_exact(schema[old])]
            again = partial(_again, path, file)
            work: list[Callable[[], Any]] = [
                partial(_plain, file, [name for name in chosen if name not in coded], exact),
                *(partial(_dictionaries, again, coded, groups) for groups in _parts(told)),
                partial(sha256, path),
                partial(_row_numbers, told.num_rows),
            ]
            frame, *found, digest, numbers = side_by_side(work, told.num_rows)
            coding = [
                partial(_numbered, name, [chunk for part in found for chunk in part[name]], nulls) for name in coded
            ]
            words = dict(zip(coded, side_by_side(coding, told.num_rows), strict=True))
    except (pl.exceptions.PolarsError, pa.ArrowException) as error:
        raise SourceError(f"{shown}: is no Parquet file that can be read: {error}. Export it again.") from None
    frame = frame.with_columns(
        _text(column) for column in frame if column.dtype in (pl.Categorical, pl.Enum, pl.Binary, pl.Null)
    )
    text = pl.col(pl.String)
    frame = frame.with_columns(pl.when(~text.is_in(list(nulls))).then(text).name.keep())
    # Each column by itself: put together by an expression, columns in several pieces would all be copied.
    columns = [(words[name] if name in words else frame[name]).alias(names[name]) for name in chosen]
    warnings = () if told.num_rows else (NO_ROWS,)
    return Rows(pl.DataFrame([numbers, *columns]), tuple(names.values()), digest, warnings=warnings)


def _again(path: Path, file: BinaryIO) -> BinaryIO:
    """The same bytes once more, for another thread."""
    return io.BytesIO(file.getvalue()) if isinstance(file, io.BytesIO) else path.open("rb")


def _row_numbers(rows: int) -> pl.Series:
    return pl.int_range(1, rows + 1, dtype=pl.Int64, eager=True).alias(ROW)


def _is_exact(dtype: pl.DataType) -> bool:
    """Whether money can hold all decimals of this type."""
    return dtype.is_integer() or (isinstance(dtype, pl.Decimal) and dtype.scale <= MONEY.scale)


def _plain(file: BinaryIO, names: Sequence[str], exact: Sequence[str]) -> pl.DataFrame:
    """The columns as they are, but ``exact`` as money if they fit: piece by piece, so that they are in memory once."""
    file.seek(0)
    if exact:
        try:
            money = (pl.col(name).cast(MONEY) if name in exact else pl.col(name) for name in names)
            return pl.scan_parquet(file).select(money).collect(engine="streaming")
        except pl.exceptions.InvalidOperationError:
            file.seek(0)
    return pl.read_parquet(file, columns=list(names))


def _parts(told: pa_parquet.FileMetaData) -> list[range]:
    """The groups of rows in as many parts as may be read at the same time; at least one part."""
    groups = told.num_row_groups
    many = max(1, min(pl.thread_pool_size(), groups))
    return [range(groups * part // many, groups * (part + 1) // many) for part in range(many)]


def _dictionaries(
    again: Callable[[], BinaryIO], names: Sequence[str], groups: range
) -> dict[str, list[pa.DictionaryArray]]:
    """The columns by number in some groups of rows; Parquet has numbered their texts already, in each of its groups anew."""
    found: dict[str, list[pa.DictionaryArray]] = {name: [] for name in names}
    if not names:
        return found
    with again() as file:
        parquet = pa_parquet.ParquetFile(file, read_dictionary=list(names))
        for group in groups:
            table = parquet.read_row_group(group, list(names), use_threads=False)
            for name, chunks in found.items():
                chunks.extend(map(_narrow, table[name].chunks))
    return found


def _narrow(chunk: pa.DictionaryArray, least: int = 0) -> pa.DictionaryArray:
    """The same with the smallest numbers that do (of ``least`` words at least): of ten million rows they are what takes the memory."""
    dtype = next(dtype for dtype, most in _NARROW if max(len(chunk.dictionary), least) < most)
    if chunk.indices.type == dtype:
        return chunk
    return pa.DictionaryArray.from_arrays(chunk.indices.cast(dtype, safe=False), chunk.dictionary)


def _numbered(name: str, chunks: Sequence[pa.DictionaryArray], nulls: Sequence[str] = ()) -> pl.Series:
    """A column of texts by number as an Enum; as text where most of them differ."""
    if not chunks:
        return pl.Series(name, dtype=pl.String)
    words, numbers = _unified(chunks)
    words.validate(full=True)
    texts = pl.Series(name, pl.from_arrow(words)).cast(pl.String)
    texts = texts.set(texts.is_in(list(nulls)), None) if nulls else texts
    return texts.gather(numbers.rechunk()) if 2 * texts.len() > numbers.len() else enum(numbers, texts)


def _unified(chunks: Sequence[pa.DictionaryArray]) -> tuple[pa.Array, pl.Series]:
    """All their words, and the number of each row's."""
    widest = max(len(chunk.dictionary) for chunk in chunks)
    for least in (widest, *(most for _, most in _NARROW if most > widest)):
        try:
            alike = pa.chunked_array([_narrow(chunk, least) for chunk in chunks]).unify_dictionaries().chunks
        except pa.ArrowInvalid:  # so many words that they need larger numbers
            continue
        return alike[0].dictionary, pl.concat([pl.Series(pl.from_arrow(chunk.indices)) for chunk in alike])
    raise AssertionError("more different texts than can be numbered")


def _text(column: pl.Series) -> pl.Series:
    """The column as text; of bytes, what is no UTF-8 becomes ``\\ufffd``."""
    try:
        return column.cast(pl.String)
    except pl.exceptions.ComputeError:
        found = [None if value is None else value.decode("utf-8", "replace") for value in column]
        return pl.Series(column.name, found, dtype=pl.String)


# --- CSV --------------------------------------------------------------------------------------------------------------


def _delimited(
    path: Path, shown: str, wanted: Callable[[str], bool], nulls: Sequence[str], numbered: Callable[[str], bool]
) -> Rows:
    data = content(path, shown)
    letters: tuple[str, ...] = ()
    if is_utf8(data):
        data = data.removeprefix(b"\xef\xbb\xbf")
    else:
        text, replaced = decoded(data)
        data = text.encode()
        letters = (said_replaced(replaced),) if replaced else ()
    if not re.search(rb"\S", data):
        return no_rows(path, EMPTY)
    first, delimiter, end = _header(data, shown)
    names, warnings = _distinct(first), list(letters)
    if renamed := [new for old, new in zip(first, names, strict=True) if old != new]:
        warnings.append(
            f"the header leaves names out, repeats them or takes {ROW!r}; these are called {_listed(renamed)}"
        )
    chosen = [name for name in names if wanted(name)]
    if not re.compile(rb"\S").search(data, end):
        return no_rows(path, *warnings, NO_ROWS, header=names)

    _refuse_large(shown, data.count(b"\n", end) * len(chosen))

    def parse(text: bytes, columns: Sequence[str]) -> tuple[pl.DataFrame, list[pa_csv.InvalidRow]]:
        return _parsed(text, end, names, delimiter, columns, nulls, numbered, shown)

    frame, invalid = parse(data, chosen)
    rows = frame.height + len(invalid)
    if data.count(b'"', end) % 2:
        mark = delimiter.join([_MARK] + [""] * (len(names) - 1))
        last = parse(data + f"\n{mark}\n".encode(), names[:1])[0][names[0]]
        if last.is_empty() or last[-1] != _MARK:
            raise _unclosed(shown, f"data row {rows}")
    bad = pl.Series([row.number for row in invalid], dtype=pl.Int64)
    numbers = pl.int_range(1, rows + 1, dtype=pl.Int64, eager=True).alias(ROW)
    frame = frame.insert_column(0, numbers.filter(~numbers.is_in(bad.implode())))
    told = (*warnings, *_told(invalid, len(names)))
    return Rows(frame, tuple(names), sha256(path), _counted(invalid), told, tuple(first), letters)


def _header(data: bytes, shown: str) -> tuple[list[str], str, int]:
    """Names, delimiter, and where the first row begins; a name may hold line breaks in quotes."""
    start = 0
    for line in re.finditer(rb"\r\n|\n|\r|\Z", data[:_LONGEST_HEADER]):
        text = data[start : line.start()]
        if not text.strip():
            start = line.end()
        elif line.end() == _LONGEST_HEADER < len(data):
            raise SourceError(
                f"{shown}: its first line has more than {_LONGEST_HEADER:,} bytes, which no header has. Export it again."
            )
        elif text.count(b'"') % 2 == 0:
            # A null character would end a name for Arrow.
            plain = text.decode("utf-8", "replace").replace("\0", "\ufffd")
            fields = {d: _fields(plain, d) for d in _DELIMITERS}
            delimiter = max(fields, key=lambda d: len(fields[d]))
            _refuse_wide(shown, len(fields[delimiter]))
            return [name.strip() for name in fields[delimiter]], delimiter, line.end()
    raise _unclosed(shown, "the header")


def _fields(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:  # a field longer than any name
        return [text]


def _refuse_large(shown: str, cells: int) -> None:
    most = LIMITS.get().cells
    if cells > most:
        raise too_much(shown, f"has {cells:,} fields, and {most:,} is the most", "cells")


def _refuse_wide(shown: str, columns: int) -> None:
    if columns > MAX_COLUMNS:
        raise SourceError(
            f"{shown}: has {columns:,} columns, more than the {MAX_COLUMNS:,} that are read. Export fewer."
        )


def _distinct(names: Sequence[str]) -> list[str]:
    """Every name once: nameless columns are numbered, repeated names and :data:`ROW` get the number of their turn."""
    named = [name or f"column {i}" for i, name in enumerate(names, 1)]
    written, taken = frozenset(named), {ROW}
    turns: dict[str, int] = {}
    distinct: list[str] = []
    for name in named:
        turn = turns.get(name, 1)
        new = name if turn == 1 else f"{name} ({turn})"
        while new in taken or (turn > 1 and new in written):
            turn += 1
            new = f"{name} ({turn})"
        turns[name] = turn
        taken.add(new)
        distinct.append(new)
    return distinct


def _parsed(
    data: bytes,
    start: int,
    names: Sequence[str],
    delimiter: str,
    columns: Sequence[str],
    nulls: Sequence[str],
    numbered: Callable[[str], bool],
    shown: str,
) -> tuple[pl.DataFrame, list[pa_csv.InvalidRow]]:
    """``columns`` of the rows from byte ``start`` on, as text, and the rows that have not as many fields as ``names``."""
    types = {name: _BY_NUMBER if numbered(name) else pa.string() for name in names}
    for threads in (True, False):  # only one thread counts rows, which only a file with invalid rows needs
        invalid: list[pa_csv.InvalidRow] = []

        def skip(row: pa_csv.InvalidRow, invalid: list[Any] = invalid) -> str:
            invalid.append(row)
            return "skip"

        try:
            table = pa_csv.read_csv(
                pa.BufferReader(pa.py_buffer(data).slice(start)),
                pa_csv.ReadOptions(column_names=names, block_size=_BLOCK, use_threads=threads),
                pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip),
                pa_csv.ConvertOptions(
                    column_types=types, include_columns=list(columns) or names[:1],
                    null_values=list(nulls), strings_can_be_null=True, quoted_strings_can_be_null=True,
                ),
            )  # fmt: skip
        except pa.ArrowInvalid as error:
            if "straddling" in str(error):
                raise _unclosed(shown, f"a row of more than {_BLOCK:,} bytes") from None
            raise SourceError(f"{shown}: is no CSV that can be read: {error}. Export it again.") from None
        if not invalid:
            break
    if not columns:
        return pl.DataFrame(pl.from_arrow(table)).drop(names[0]), invalid
    coded = {name: _numbered(name, table[name].chunks) for name in columns if types[name] is _BY_NUMBER}
    plain = pl.DataFrame(pl.from_arrow(table.drop_columns(list(coded))))
    return pl.DataFrame([*plain, *coded.values()]).select(columns), invalid


def _unclosed(shown: str, place: str) -> SourceError:
    return SourceError(
        f'{shown}: a quotation mark (") in {place} is never closed, so that all that follows would be one field. '
        "Mend that place or export the file again."
    )


def _counted(invalid: Sequence[pa_csv.InvalidRow]) -> dict[str, int]:
    return dict(Counter(FEWER if row.actual_columns < row.expected_columns else MORE for row in invalid))


def _told(invalid: Sequence[pa_csv.InvalidRow], width: int) -> list[str]:
    if not invalid:
        return []
    rows = ", ".join(f"row {row.number} has {row.actual_columns}" for row in invalid[:_SHOWN])
    rest = f" and {len(invalid) - _SHOWN:,} more" if len(invalid) > _SHOWN else ""
    return [f"{len(invalid):,} row(s) left out, the header names {width} fields: {rows}{rest}"]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:_SHOWN])) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
