"""What all commands of ``idp`` share: how the data are named, and how errors and tables are told. Imports lazily."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from idp_analytics.errors import IdpError

if TYPE_CHECKING:
    import polars as pl

    from idp_analytics.organisation import Organisation

F = TypeVar("F", bound=Callable[..., Any])

SAMPLE = "data/sample"

folder = click.option(
    "--data", default=SAMPLE, show_default=True, type=click.Path(path_type=Path), help="Folder with settings.toml."
)

"""The data folder a command reads."""


def told(command: F) -> F:
    """The kit's own errors become one message and an exit code; anything else is a bug and keeps its traceback."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except IdpError as error:
            click.echo(f"idp: {printable(str(error))}", err=True)
            sys.exit(error.exit_code)

    return run  # type: ignore[return-value]


def loaded(data: Path, git: tuple[Path, ...], gate: str) -> Organisation:
    """The organisation in a data folder, or in nothing but repositories."""
    from idp_analytics.organisation import from_repositories, load, organise

    if git:
        return organise(from_repositories(git), gate)  # type: ignore[arg-type]
    return load(data, gate)  # type: ignore[arg-type]


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
