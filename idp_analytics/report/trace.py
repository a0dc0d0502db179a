"""The way back from an answer on a page to the rows behind it."""

from __future__ import annotations

from typing import Self

FOLDER = "rows"
"""Where in the folder of a set the rows of everybody lie, a file for each metric or study."""

OF_TEAM = ".rows.csv"
"""How the file ends that has the rows of one team, beside its page."""


def place(trace: str) -> tuple[str, str]:
    """The file in which the rows lie, and which of its rows they are; both empty for a command alone."""
    return (trace.file, trace.among) if isinstance(trace, Trace) else ("", "")


class Trace(str):
    """The command that lists the rows, for whoever has the data; ``file``: where they lie beside the page, seen from it, if they do; ``among``: which of that
    file's rows they are, where it has others too."""

    __slots__ = ("among", "file")

    file: str
    among: str

    def __new__(cls, command: str, file: str = "", among: str = "") -> Self:
        """As the class says."""
        made = super().__new__(cls, command)
        made.file, made.among = file, among
        return made
