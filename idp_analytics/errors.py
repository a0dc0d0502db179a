"""The errors a user of the kit can meet. Every message says what is wrong, what was found and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

LONGEST = 80
"""Letters of a name or value that a message shows; data may hold anything."""


class IdpError(Exception):
    """Root of every error the kit raises on purpose; anything else is a bug."""

    exit_code = 1


class SettingsError(IdpError):
    """``settings.toml`` (or a command's options) cannot be used; all problems are listed together."""

    exit_code = 2

    @classmethod
    def listing(cls, where: str, problems: Sequence[str], then: str = "read") -> SettingsError:
        """One error for all problems found in one place, without which nothing is done ``then``."""
        lines = "\n".join(f"  - {problem}" for problem in problems)
        return cls(f"{where}: {len(problems)} problem(s) to mend before anything is {then}:\n{lines}")


class SourceError(IdpError):
    """A file cannot be read as what it is said to be. Bad rows never raise this; they are set aside."""

    exit_code = 2

    @classmethod
    def missing_columns(cls, path: str, table: str, missing: Iterable[str], found: Sequence[str]) -> SourceError:
        """The columns that identify a row of ``table`` are not in the file."""
        parts = []
        for column in missing:
            near = get_close_matches(column, found, n=1)
            parts.append(f"{column!r}" + (f" (is it {near[0]!r}?)" if near else ""))
        return cls(
            f"{path}: cannot be read as table {table!r}: no column {', '.join(parts)}. "
            f"Found: {listed(found) or 'no columns'}. "
            f'Name them in settings.toml under the source: columns = {{ our_name = "their name" }}.'
        )


class GateError(IdpError):
    """An essential table is empty or a critical table-level expectation failed; nothing may be published."""

    exit_code = 3


class ReportError(IdpError):
    """A report cannot be made as asked: unknown team, period or parameter."""

    exit_code = 2


def listed(names: Sequence[str], most: int = 40) -> str:
    """Names in a row, cut where they are long, and how many there are beyond ``most``."""
    shown = ", ".join(name if len(name) <= LONGEST else f"{name[:LONGEST]}…" for name in names[:most])
    return shown + (f" and {len(names) - most:,} more" if len(names) > most else "")


def nearest(word: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` for the closest known word, or the list of known words."""
    names = sorted(known)
    close = get_close_matches(word, names, n=1)
    if close:
        return f" Did you mean {close[0]!r}?"
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f" Known: {shown or 'none'}."
