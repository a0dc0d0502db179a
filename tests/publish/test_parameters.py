from __future__ import annotations

from typing import Any

import pytest

from idp_analytics.errors import ReportError
from idp_analytics.publish.parameters import Parameter, declared, validate

DECLARED = {
    "team": {"type": "str", "required": True, "doc": "id of the team"},
    "weeks": {"type": "int"},
    "level": {"type": "float"},
    "draft": {"type": "bool"},
}
DEFAULTS = "team = ''\nweeks: int = 4\nlevel = 0.95\ndraft = False"


def notebook(
    source: Any = DEFAULTS, parameters: Any = DECLARED, tags: tuple[tuple[str, ...], ...] = (("parameters",),)
) -> dict[str, Any]:
    cells = [{"cell_type": "code", "metadata": {"tags": list(t)}, "source": source} for t in tags]
    return {
        "cells": [{"cell_type": "markdown", "metadata": {}, "source": "#"}, *cells],
        "metadata": {"idp": {"parameters": parameters}},
    }


@pytest.mark.parametrize(
    "given",
    [
        {"team": "payments"},
        {"team": "007", "weeks": 12, "level": 0.9, "draft": True},
        {"team": "a", "level": 1},
        {"team": "a", "weeks": -1},
    ],
)
def test_what_is_right_is_taken_as_it_is(given: dict[str, Any]) -> None:
    assert validate(notebook(), given) == given


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "team: must be given (id of the team)"),
        ({"taem": "x", "team": "x"}, "taem: no such parameter. Did you mean 'team'?"),
        ({"team": ""}, "team = '': must not be empty"),
        ({"team": " \t"}, "must not be empty"),
        ({"team": 7}, "team = 7: must be text, not int"),
        ({"team": None}, "team = None: must be text, not NoneType"),
        ({"team": "x", "weeks": "4"}, "weeks = '4': must be a whole number, not str"),
        ({"team": "x", "weeks": 4.0}, "weeks = 4.0: must be a whole number, not float"),
        ({"team": "x", "weeks": True}, "weeks = True: must be a whole number, not bool"),
        ({"team": "x", "level": float("nan")}, "level = nan: must be a finite number"),
        ({"team": "x", "level": False}, "level = False: must be a number, not bool"),
        ({"team": "x", "draft": 1}, "draft = 1: must be true or false, not int"),
    ],
)
def test_what_is_wrong_is_told(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ReportError) as caught:
        validate(notebook(), given, where="team.ipynb")
    assert told in str(caught.value)
    assert str(caught.value).startswith("team.ipynb: 1 problem(s)")


def test_all_problems_at_once() -> None:
    with pytest.raises(ReportError, match="4 problem") as caught:
        validate(notebook(), {"weeks": "4", "levl": 1, "draft": "no"})
    assert all(name in str(caught.value) for name in ("weeks", "levl", "draft", "team"))


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (notebook(tags=((),)), "0 cells are tagged"),
        (notebook(tags=(("parameters",), ("parameters",))), "2 cells are tagged"),
        (notebook(source="team = ''"), "weeks: is declared, but the parameters cell gives it no default"),
        (notebook(source="team, weeks ="), "team: is declared, but"),
        (notebook(parameters={"team": {"type": "text"}}), "no type 'text'"),
    ],
)
def test_a_notebook_that_cannot_be_given_anything(made: dict[str, Any], told: str) -> None:
    with pytest.raises(ReportError) as caught:
        validate(made, {"team": "x"})
    assert told in str(caught.value)


def test_source_in_lines_and_what_is_declared() -> None:
    made = notebook(source=DEFAULTS.splitlines(keepends=True))
    assert declared(made)["team"] == Parameter("team", "str", True, "id of the team")
    assert [p.required for p in declared(made).values()] == [True, False, False, False]


def test_a_notebook_without_declared_parameters_takes_none() -> None:
    made = notebook(parameters={})
    assert validate(made, {}) == {}
    with pytest.raises(ReportError, match=r"team: no such parameter\. Known: none"):
        validate(made, {"team": "x"})
