"""Taking words out of TOML: each method takes one, checks it, and collects what is wrong instead of stopping."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from idp_analytics.errors import nearest
from idp_analytics.working_time import Hours, is_time_zone


def loads(text: str) -> dict[str, Any]:
    """The tables of a TOML text; raises ``tomllib.TOMLDecodeError`` also for what is only too deep or too long for Python."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise tomllib.TOMLDecodeError("it is nested too deeply") from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:
        raise tomllib.TOMLDecodeError(f"it has a number of more than {sys.get_int_max_str_digits():,} digits") from None


class TomlReader:
    """Takes words out of one TOML table, remembers which (``taken``), and collects what is wrong with them (``problems``).

    What is wrong gives the default, so that all problems of a file are found in one reading.
    """

    def __init__(self, content: Mapping[str, Any], problems: list[str] | None = None, where: str = "") -> None:
        self.content = content
        self.problems: list[str] = [] if problems is None else problems
        self.where = where
        self.taken: set[str] = set()

    def _take(self, key: str, kinds: tuple[type, ...], wanted: str) -> Any:
        self.taken.add(key)
        value = self.content.get(key)
        if value is not None and (not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)):
            self.problems.append(f"{self.where}{key} = {value!r}: must be {wanted}")
            return None
        return value

    def table(self, key: str) -> TomlReader:
        """The table under ``key``; an empty one where there is none."""
        value = self._take(key, (dict,), "a table")
        return TomlReader(value or {}, self.problems, f"[{key}] ")

    def tables(self, key: str) -> list[TomlReader]:
        """The tables of the list ``[[key]]``."""
        value = self._take(key, (list,), f"a list of tables, written [[{key}]]") or []
        return [TomlReader(v, self.problems, f"[[{key}]] {i}: ") for i, v in enumerate(value, 1) if isinstance(v, dict)]

    def text(self, key: str, default: str | None) -> str | None:
        """Text in quotes."""
        value = self._take(key, (str,), "text in quotes")
        return default if value is None else str(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """One text or a list of them."""
        value = self._take(key, (str, list), "text or a list of texts")
        if isinstance(value, list) and not all(isinstance(v, str) for v in value):
            self.problems.append(f"{self.where}{key}: every entry must be text in quotes")
            return ()
        return () if value is None else (value,) if isinstance(value, str) else tuple(value)

    def words(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """Words to look for; an empty list looks for none."""
        found = self.texts(key) if key in self.content else default
        if any(not word.strip() for word in found):
            self.problems.append(f"{self.where}{key}: an empty word would be found everywhere")
        return found

    def number(self, key: str, default: float, above: float, below: float = float("inf")) -> float:
        """A number between ``above`` and ``below``, both exclusive."""
        value = self._take(key, (int, float), "a number")
        if value is not None and not above < value < below:
            self.problems.append(f"{self.where}{key} = {value!r}: must lie between {above:g} and {below:g}")
            return default
        return default if value is None else float(value)

    def money(self, key: str) -> Decimal | None:
        """An exact amount: a number, or text such as "1200.50" where it has more digits than a float keeps."""
        value = self._take(key, (int, float, str), 'an amount, e.g. 1200.50 or "1200.50"')
        try:
            amount = None if value is None else Decimal(str(value))
        except InvalidOperation:
            amount = Decimal("NaN")
        if amount is not None and not amount.is_finite():
            self.problems.append(f'{self.where}{key} = {value!r}: must be an amount, e.g. 1200.50 or "1200.50"')
            return None
        return amount

    def amounts(self, key: str) -> dict[str, Decimal]:
        """A table of exact amounts by name, in the order they are written."""
        entry = TomlReader(self._take(key, (dict,), "a table of amounts") or {}, self.problems, f"{self.where}{key}: ")
        found = {name: entry.money(name) for name in entry.content}
        return {name: amount for name, amount in found.items() if amount is not None}

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._take(key, (bool,), "true or false")
        return default if value is None else bool(value)

    def choice(self, key: str, allowed: tuple[str, ...], default: str) -> str:
        """One of the ``allowed`` words."""
        value = self.text(key, default)
        if value not in allowed:
            self.problems.append(f"{self.where}{key} = {value!r}: must be one of {', '.join(allowed)}")
            return default
        return str(value)

    def hours(self, key: str, default: Hours) -> Hours:
        """A span of hours of a day."""
        value = self.text(key, None)
        hours = default if value is None else Hours.parse(value)
        if hours is None:
            self.problems.append(f'{self.where}{key} = {value!r}: is no span of hours; write e.g. "09:00-17:00"')
        return hours or default

    def days(self, key: str) -> tuple[date, ...]:
        """A list of days."""
        value = self._take(key, (list,), "a list of days without quotes, e.g. [2026-12-24]") or []
        found = tuple(v for v in value if isinstance(v, date) and not isinstance(v, datetime))
        if len(found) != len(value):
            self.problems.append(f"{self.where}{key}: every entry must be a day without quotes, e.g. 2026-12-24")
        return found

    def zone(self, key: str) -> str | None:
        """The name of a time zone."""
        value = self.text(key, None)
        if value is not None:
            try:
                ZoneInfo(value)
                known = is_time_zone(value)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                known = False
            if not known:
                self.problems.append(
                    f'{self.where}{key} = {value!r}: is no time zone; write e.g. "Europe/Berlin" or "UTC"'
                )
                return None
        return value

    def moment(self, key: str) -> datetime | None:
        """A time with a zone, in UTC."""
        value = self._take(key, (datetime,), "a time with a zone, e.g. 2026-07-01T00:00:00Z, without quotes")
        if isinstance(value, datetime) and value.tzinfo is None:
            self.problems.append(f"{self.where}{key} = {value}: has no zone; write e.g. 2026-07-01T00:00:00Z")
            return None
        try:
            return value.astimezone(UTC) if isinstance(value, datetime) else None
        except OverflowError:  # the first and the last day there are, in another zone
            self.problems.append(f"{self.where}{key} = {value}: is no time in UTC; write e.g. 2026-07-01T00:00:00Z")
            return None

    def day(self, key: str) -> date | None:
        """A day."""
        value = self._take(key, (date,), "a day without quotes, e.g. 2026-03-16")
        if isinstance(value, datetime):
            self.problems.append(f"{self.where}{key} = {value}: is a time; write a day, e.g. {value:%Y-%m-%d}")
            return None
        return value if isinstance(value, date) else None

    def selector(self, key: str, columns: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        """The table under ``key`` that says what to look for: column (one of ``columns``) → texts."""
        chosen = self.table(key)
        chosen.where = f"{self.where}{key}: "
        found = {}
        for column in chosen.content:
            if column not in columns:
                chosen.taken.add(column)
                chosen.problems.append(f"{chosen.where}{column}: cannot be looked at.{nearest(column, columns)}")
                continue
            found[column] = chosen.texts(column)
            if not found[column]:
                chosen.problems.append(f"{chosen.where}{column}: names nothing")
        return found

    def done(self) -> None:
        """Say so of every word nobody took; call it when all are taken."""
        known = self.taken
        prefix = self.where or "top level: "
        self.problems += [
            f"{prefix}{key}: no such setting.{nearest(key, known)}" for key in self.content if key not in known
        ]
