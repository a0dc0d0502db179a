"""What all commands of ``idp`` share: how the data are named, and how errors and tables are told. Imports lazily."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from idp_analytics import events
from idp_analytics.errors import IdpError
from idp_analytics.paths import UNWRITABLE

if TYPE_CHECKING:
    import polars as pl

    from idp_analytics.organisation import Organisation, Unread

F = TypeVar("F", bound=Callable[..., Any])

SAMPLE = "data/sample"

INTERRUPTED = 130
"""The exit code of a command that was ended with Ctrl-C, as shells have it."""

folder = click.option(
    "--data", default=SAMPLE, show_default=True, type=click.Path(path_type=Path), help="Folder with settings.toml."
)

"""The data folder a command reads."""


def logged(command: F) -> F:
    """The options that say how events are told (:mod:`idp_analytics.events`); ``command`` knows nothing of them."""

    @click.option(
        "--log-format", "form", type=click.Choice(events.FORMATS), help="Tell events on standard error as they happen."
    )
    @click.option(
        "--log-level",
        "level",
        type=click.Choice(events.LEVELS),
        help="Only events that are at least this [default: info].",
    )
    @wraps(command)
    def run(form: str | None, level: str | None, **more: Any) -> Any:
        try:
            asked = events.chosen(form, level, os.environ.get(events.VARIABLE, ""))
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        if asked:
            events.listen(*asked)
        return command(**more)

    return run  # type: ignore[return-value]


def told(command: F) -> F:
    """The kit's own errors become one message and an exit code; anything else is a bug and keeps its traceback."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except IdpError as error:
            _end(str(error), type(error).__name__, error.exit_code)
        except KeyboardInterrupt as error:
            _end("interrupted. Run it again: nothing is lost, and a run goes on.", type(error).__name__, INTERRUPTED)
        except Exception as error:
            if not isinstance(error, OSError) or error.errno not in UNWRITABLE:
                code = getattr(error, "exit_code", IdpError.exit_code)
                events.tell("command failed", logging.ERROR, error=type(error).__name__, exit_code=code)
                raise
            _end(
                f"{error.filename or 'A file'}: cannot be written: {error.strerror}. See that there is room and that the folder may be written to, "
                "or name another, then run this again.",
                type(error).__name__, 2,
            )  # fmt: skip

    return run  # type: ignore[return-value]


def _end(message: str, error: str, code: int) -> None:
    events.tell("command failed", logging.ERROR, error=error, exit_code=code)
    click.echo(f"idp: {printable(message)}", err=True)
    sys.exit(code)


def loaded(data: Path, git: tuple[Path, ...], gate: str) -> Organisation:
    """The organisation in a data folder, or in nothing but repositories."""
    from idp_analytics.organisation import from_repositories, load, organise

    if git:
        return organise(from_repositories(git), gate)  # type: ignore[arg-type]
    return load(data, gate)  # type: ignore[arg-type]


def unread(data: Path, git: tuple[Path, ...], gate: str) -> Unread:
    """The same, to be loaded later, by whoever does."""
    from idp_analytics.organisation import Unread, from_repositories, settings_in

    return Unread(partial(from_repositories, git) if git else partial(settings_in, data), gate)  # type: ignore[arg-type]


def framed(frame: pl.DataFrame) -> str:
    """A frame as a table for a terminal, whole."""
    import polars as pl

    with pl.Config(
        tbl_rows=200, tbl_cols=20, fmt_str_lengths=80, tbl_width_chars=200, tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True, tbl_formatting="UTF8_FULL_CONDENSED",
    ):  # fmt: skip
        # A line that ends within a cell would look like a row of its own.
        return printable(str(frame.with_columns(pl.col(pl.String).str.replace_all(r"\r?\n|[\r\t]", " "))))


def printable(text: str) -> str:
    """Text from data may hold codes that a terminal obeys, or that turn or hide what stands beside them; they are shown instead."""
    return "".join(c if c in "\n\t" or c.isprintable() else _code(ord(c)) for c in text)


def one_line(text: str) -> str:
    """The same for what is one line: an end of line in a name is shown too, so that what follows it does not look like a line of ours."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def _code(number: int) -> str:
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
