"""Events of a run, as JSON lines for machines or as text: facts, and never a name or a value out of the data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from idp_analytics import events
from idp_analytics.cli import cli


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    """The log as it was before."""
    handlers = events._LOG.handlers[:]
    yield
    events._LOG.handlers[:] = handlers


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def idp(*words: str, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(cli, words)


@pytest.mark.parametrize(
    ("words", "environment", "form"),
    [
        (("--log-format", "json"), {}, "json"),
        ((), {"IDP_LOG": "json:error"}, "json"),
        (("--log-level", "error"), {}, "text"),
        (("--log-format", "text"), {"IDP_LOG": "json"}, "text"),
        ((), {}, None),
    ],
)
def test_a_command_that_fails_is_an_event_where_events_are_asked_for(
    words: tuple[str, ...], environment: dict[str, str], form: str | None
) -> None:
    result = idp(*words, "check", "--data", "none", **environment)
    assert result.exit_code == 2
    said = result.stderr.splitlines()
    assert said[-1].startswith("idp: none: no such folder")
    if form is None:
        assert len(said) == 1
    elif form == "json":
        (one,) = lines(result.stderr)
        assert (one["event"], one["level"], one["error"], one["exit_code"]) == (
            "command failed",
            "error",
            "SettingsError",
            2,
        )
    else:
        assert said[0].endswith('Z error command failed error="SettingsError" exit_code=2')


def test_what_is_no_format_is_refused() -> None:
    result = idp("check", IDP_LOG="xml")
    assert result.exit_code == 2
    assert "IDP_LOG=xml: say text or json" in result.stderr


def test_the_level_chooses(capsys: pytest.CaptureFixture[str]) -> None:
    events.listen("json", "warning")
    events.tell("quiet")
    events.tell("loud", 30, seconds=None, report="a")
    (one,) = lines(capsys.readouterr().err)
    assert {name: one[name] for name in ("event", "level", "report")} == {
        "event": "loud",
        "level": "warning",
        "report": "a",
    }
    assert "seconds" not in one


def test_a_fault_of_the_kit_is_an_event_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("idp_analytics.organisation.load", lambda *_: 1 / 0)
    result = idp("--log-format", "json", "check", "--data", "x")
    assert isinstance(result.exception, ZeroDivisionError)
    (one,) = lines(result.stderr)
    assert (one["event"], one["error"], one["exit_code"]) == ("command failed", "ZeroDivisionError", 1)
