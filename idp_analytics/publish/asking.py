"""Whether a notebook only asks: opens a report of this package and asks for its sections, one call after the other.

What such a notebook does is done by this package alone, whoever wrote it, so its cells need no process of their own: nothing they can
say reaches beyond the report they open. Any other statement, a call of anything else, a magic or a shell command makes it a notebook
that may do everything.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

_PACKAGE, _OPENS = "idp_analytics", "open_report"

CELLS = 1024
"""Of so many cells it is kept what they say; those of a notebook are the same in every report but one."""


class _Step(NamedTuple):
    """One statement: it binds ``name`` (empty: nothing) to the package, a plain value, or what ``called`` of ``whose`` gives for
    ``given`` (names only)."""

    name: str = ""
    is_package: bool = False
    whose: str = ""
    called: str = ""
    given: tuple[str, ...] = ()


def only_asks(cells: Iterable[str]) -> bool:
    """Whether the code of ``cells``, in their order, does nothing else, whatever the values of its parameters."""
    package, values, reports = set[str](), set[str](), set[str]()
    for cell in cells:
        steps = _steps(cell)
        if steps is None:
            return False
        for step in steps:
            opens = step.whose in package and step.called == _OPENS
            asks = step.whose in reports and not step.called.startswith("_") and not step.name
            if step.whose and not ((opens or asks) and values.issuperset(step.given)):
                return False
            for names in (package, values, reports):
                names.discard(step.name)
            if step.name:
                (package if step.is_package else reports if step.whose else values).add(step.name)
    return True


@lru_cache(CELLS)
def _steps(cell: str) -> tuple[_Step, ...] | None:
    """What a cell says; None where it says anything else than is told of a :class:`_Step`."""
    try:
        told = [_step(statement) for statement in ast.parse(cell).body]
    except (SyntaxError, ValueError):  # a magic, a shell command
        return None
    steps = tuple(step for step in told if step is not None)
    return steps if len(steps) == len(told) else None


def _step(statement: ast.stmt) -> _Step | None:
    match statement:
        case ast.Import(names=[ast.alias(name=name, asname=asname)]) if name == _PACKAGE:
            return _Step(asname or name, is_package=True)
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant()):
            return _Step(name)
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
            return _call(name, call)
        case ast.Expr(value=ast.Call() as call):
            return _call("", call)
    return None


def _call(name: str, call: ast.Call) -> _Step | None:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    named = [value for value in given if isinstance(value, ast.Name)]
    plain = all(isinstance(value, ast.Name | ast.Constant) for value in given)
    match call.func:
        case ast.Attribute(value=ast.Name(id=whose), attr=called) if plain and all(k.arg for k in call.keywords):
            return _Step(name, whose=whose, called=called, given=tuple(value.id for value in named))
    return None
