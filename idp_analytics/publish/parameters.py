"""Typed parameters of a notebook: what it may be given is checked before a kernel starts.

A notebook declares them in its metadata, ``"idp": {"parameters": {"team": {"type": "str", "required": true,
"doc": "…"}, …}}``, and sets their defaults in the one cell tagged ``parameters``.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp_analytics.errors import ReportError, nearest

Notebook = Mapping[str, Any]
"""A notebook as its file says it; nbformat's own is one too."""

TAG = "parameters"
"""The cell tag papermill looks for; the given values are set in a cell put right after it."""

KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "text"),
    "int": ((int,), "a whole number"),
    "float": ((float, int), "a number"),
    "bool": ((bool,), "true or false"),
}
"""Type word in the metadata → (Python types taken, what a message calls it)."""


@dataclass(frozen=True)
class Parameter:
    """One thing a notebook may be given. ``required``: must be given, and text must not be empty."""

    name: str
    kind: str
    required: bool = False
    doc: str = ""


def declared(notebook: Notebook, where: str = "notebook") -> dict[str, Parameter]:
    """The parameters a notebook declares, by name; raises :class:`ReportError` listing what is wrong with them."""
    found, problems = _declared(notebook)
    _stop(where, problems)
    return found


def validate(notebook: Notebook, given: Mapping[str, Any], where: str = "notebook") -> dict[str, Any]:
    """The values to run a notebook with: ``given``, once everything about them is right.

    Raises :class:`ReportError` with all problems at once: no cell tagged ``parameters``, a name the notebook does not
    declare, a value of the wrong type, a required one missing or empty. papermill alone would warn and go on with the
    defaults, and a report about the wrong team would come out as a success.
    """
    known, problems = _declared(notebook)
    for name in given:
        if name not in known:
            problems.append(f"{name}: no such parameter.{nearest(name, known)}")
    for name, parameter in known.items():
        if name in given:
            problem = _problem(parameter, given[name])
            if problem:
                problems.append(f"{name} = {given[name]!r}: {problem}")
        elif parameter.required:
            problems.append(f"{name}: must be given ({parameter.doc or KINDS[parameter.kind][1]})")
    _stop(where, problems)
    return dict(given)


def _problem(parameter: Parameter, value: Any) -> str | None:
    types, wanted = KINDS[parameter.kind]
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        return f"must be {wanted}, not {type(value).__name__}"
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number"
    if parameter.required and isinstance(value, str) and not value.strip():
        return "must not be empty"
    return None


def _declared(notebook: Notebook) -> tuple[dict[str, Parameter], list[str]]:
    problems: list[str] = []
    entries = notebook["metadata"].get("idp", {}).get("parameters", {})
    found: dict[str, Parameter] = {}
    for name, entry in entries.items():
        kind = entry.get("type", "str")
        if kind not in KINDS:
            problems.append(f"metadata idp.parameters.{name}: no type {kind!r}.{nearest(str(kind), KINDS)}")
            kind = "str"
        found[name] = Parameter(name, kind, bool(entry.get("required", False)), str(entry.get("doc", "")))

    tagged = [c for c in notebook["cells"] if c["cell_type"] == "code" and TAG in c["metadata"].get("tags", [])]
    if len(tagged) != 1:
        problems.append(
            f"{len(tagged)} cells are tagged {TAG!r}; exactly one must be: it holds the defaults, and the given values "
            "are set right after it"
        )
    else:
        unset = sorted(set(found) - _assigned("".join(tagged[0]["source"])))
        problems += [f"{name}: is declared, but the parameters cell gives it no default" for name in unset]
    return found, problems


def _assigned(source: str) -> set[str]:
    """The names a cell assigns at its top level; none if it is not Python."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return set()
    targets = [t for s in body if isinstance(s, ast.Assign) for t in s.targets]
    targets += [s.target for s in body if isinstance(s, ast.AnnAssign) and s.value is not None]
    return {t.id for t in targets if isinstance(t, ast.Name)}


def _stop(where: str, problems: list[str]) -> None:
    if problems:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        raise ReportError(f"{where}: {len(problems)} problem(s) with its parameters, nothing was run:\n{lines}")
