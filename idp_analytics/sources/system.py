"""What the reader of a system declares: which documents it knows, which tables they give, how to export them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from idp_analytics.sources.batch import Batch
    from idp_analytics.sources.documents import Documents
    from idp_analytics.sources.export import Document, Export, File
    from idp_analytics.tables import Extract

_SHAPELESS = (AttributeError, TypeError, ValueError, KeyError, IndexError)

Row = dict[str, Any]
"""Canonical column → value, made by :meth:`Document.row` and its like, which add where it comes from."""


@dataclass(frozen=True)
class Shape:
    """One kind of document: ``name`` for code, ``what`` for people ("a workflow run"), ``is_one`` tells it."""

    name: str
    what: str
    is_one: Callable[[Mapping[str, Any]], bool]


def having(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a document has all these members; asked of every document, so that what is asked is put together once."""
    if len(names) == 2:
        first, second = names
        return lambda body: first in body and second in body
    if len(names) == 3:
        first, second, third = names
        return lambda body: first in body and second in body and third in body
    if len(names) == 4:
        first, second, third, fourth = names
        return lambda body: first in body and second in body and third in body and fourth in body
    wanted = frozenset(names)
    return lambda body: body.keys() >= wanted


@dataclass(frozen=True)
class Gives:
    """One table a system can give.

    ``rows(document, export)`` gives the rows of one document of ``shapes``, ``at_once(batch, export)`` those of all of one file, or (``in_pieces``) of so many of them as stay at hand, where no row depends on the document beside it; ``beside`` are shapes that it looks up in
    ``export``. ``together`` sees all rows at once, oldest export first, where one row follows from several; ``over_time``
    sees the files too, where something follows from a row's being gone from a later snapshot. ``history`` says how far back the system tells (``rows`` is null where the system ``reads`` whole tables itself). ``lost`` are the table's columns the system cannot tell. ``is_state``: the system
    shows what is so now and forgets what was, which is what ``idp collect`` is for.
    """

    table: str
    rows: Callable[[Document, Export], Iterator[Row]] | None
    shapes: tuple[str, ...]
    history: str
    lost: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    together: Callable[[list[Row]], list[Row]] | None = None
    over_time: Callable[[list[Row], Sequence[File]], list[Row]] | None = None
    is_state: bool = False
    at_once: Callable[[Batch, Export], Iterator[Row]] | None = None
    in_pieces: bool = False


@dataclass(frozen=True)
class Recipe:
    """How to export: the ``file`` it writes, the ``command``, the ``permission`` it needs, and what to know."""

    file: str
    command: str
    permission: str
    note: str = ""


@dataclass(frozen=True)
class Option:
    """One option of a source in ``settings.toml``.

    ``kind``: text, word (text that may be empty), texts, flag, words (text → text), pattern (regular expression), patterns (expression → word), moment, accounts (whose a sub-account was, by day).
    ``allowed`` closes the words of text, texts, those of patterns, and what stands on the left of words; ``required``: nothing is read without it.
    """

    name: str
    kind: str
    doc: str
    allowed: tuple[str, ...] = ()
    default: Any = None
    required: bool = False


@dataclass(frozen=True)
class System:
    """One system. ``kind`` in the settings, ``title`` for people; ``shapes`` are tried in order, the first one counts.

    ``opens`` reads a file that is neither JSON, YAML nor a table with one header row; ``reads`` stands for the whole of
    :func:`native.read` where a system is read by columns and not by documents.
    """

    kind: str
    title: str
    shapes: tuple[Shape, ...]
    gives: tuple[Gives, ...]
    recipes: tuple[Recipe, ...]
    options: tuple[Option, ...] = ()
    opens: Callable[[Path, str], Documents] | None = None
    reads: Callable[[Sequence[Path], Mapping[str, Any], Path], list[Extract]] | None = None

    def shape(self, body: Mapping[str, Any]) -> str | None:
        """The name of the first shape that ``body`` has; null: this system writes no such document."""
        for is_one, name in self._told:
            try:
                if is_one(body):
                    return name
            except _SHAPELESS:  # a member that is something else than what is looked for in it
                continue
        return None

    def shapes_of(self, bodies: Sequence[Mapping[str, Any]]) -> list[str | None]:
        """:meth:`shape` of each; nearly always all are of one."""
        first = self.shape(bodies[0]) if bodies else None
        place = next((place for place, (_, name) in enumerate(self._told) if name == first), None)
        if place is not None:
            with suppress(*_SHAPELESS):
                before = [is_one for is_one, _ in self._told[:place]]
                if all(map(self._told[place][0], bodies)) and not any(any(map(is_one, bodies)) for is_one in before):
                    return [first] * len(bodies)
        return list(map(self.shape, bodies))

    @cached_property
    def _told(self) -> tuple[tuple[Callable[[Mapping[str, Any]], bool], str], ...]:
        return tuple((shape.is_one, shape.name) for shape in self.shapes)

    @property
    def tables(self) -> Sequence[str]:
        """The tables it gives, each once, in order."""
        return tuple(dict.fromkeys(gives.table for gives in self.gives))


ENVIRONMENT_WORDS = ("production", "staging", "test", "development")
ENVIRONMENTS = Option(
    "environments", "patterns",
    "Which of their names is which environment: an expression for the whole name, and production, staging, test or development.",
    allowed=ENVIRONMENT_WORDS,
)  # fmt: skip
SERVICE_PATTERN = Option(
    "service_pattern", "pattern",
    "An expression with one group: the part of their name that is the service. A name it does not fit stays whole.",
)  # fmt: skip
GOLDEN_PATHS = Option(
    "golden_paths", "patterns",
    "Which of their names is which golden path: an expression for the whole name, and the path's id. Without it every one "
    "stands for itself.",
)  # fmt: skip
TEAMS = Option(
    "teams", "flag",
    "Take the team the system names. Usually the owner of the service on that day is meant, and this is left out.", default=False,
)  # fmt: skip
COMMON = (
    Option("tables", "texts", "Take only these tables from it."),
    Option("prefix", "word", "What stands before its ids, where two of the same kind must be told apart; \"\": ids are one's own already. Usual: the kind."),
    Option("as_of", "moment", "When the export was taken, where it does not say so itself."),
    Option("people", "text", "hash (usual): logins become pseudonyms; keep: they are pseudonyms already.", ("hash", "keep"), "hash"),
)  # fmt: skip
"""Options of every system."""
