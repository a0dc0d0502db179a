"""The figures of README.md's table of guarantees that are counts of cases are as many as the tests try."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import test_assessments_spoilt as assessments
import test_bombs as bombs
import test_data_never_runs as never
import test_fuzzing as fuzzing
import test_hostile_text as hostile
import test_people_and_secrets as people
from attacks import ATTACKS


def tried(test: Callable[..., object]) -> int:
    """How many cases a test is tried on: of several parameters, each with each."""
    several = 1
    for mark in getattr(test, "pytestmark", ()):
        several *= len(mark.args[1]) if mark.name == "parametrize" else 1
    return several


FIGURES: Mapping[str, int] = {
    "{} attacks": len(ATTACKS),
    "{} reviewed calls": len(never.REVIEWED),
    "{} hostile texts": tried(never.test_a_parameter_is_a_value_and_never_code),
    "{} kinds of page": tried(hostile.test_a_page_lets_nothing_run_that_is_not_its_own),
    "{} columns": len(people.held()),
    "{} commands, 6": len(people.COMMANDS),
    "{} addresses": tried(people.test_an_address_that_does_not_do_is_told_without_its_password),
    # A row a million times, two files packed a thousand to one, and what is no file.
    "{} kinds refused": 3
    + tried(bombs.test_what_would_become_too_much_is_refused)
    + tried(bombs.test_what_is_no_file_keeps_nobody_waiting),
    # A link, and a link among bills.
    "{} ways out": 2 + tried(bombs.test_a_manifest_names_no_file_outside_the_folder),
    "{} cases": sum(
        map(
            tried,
            (
                fuzzing.test_yaml_that_is_not_what_it_says_is_refused,
                fuzzing.test_a_value_nobody_can_hold_is_named_in_our_words,
                fuzzing.test_settings_that_are_too_much_for_python_are_wrong_in_our_words,
                fuzzing.test_an_own_maturity_model_that_is_too_much_is_wrong_in_our_words,
                assessments.test_answers_that_are_there_and_cannot_be_read_are_not_written_over,
                assessments.test_an_address_that_is_none_is_refused_by_itself,
                assessments.test_questions_in_any_state_refuse_the_answers_and_nothing_else,
            ),
        )
    ),
}
"""What README.md says, and what there is."""


@pytest.fixture(scope="module")
def table(repository: Path) -> str:
    return (repository / "README.md").read_text(encoding="utf-8").partition("## What is guaranteed")[2]


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_is_what_is_tried(figure: str, table: str) -> None:
    assert re.search(rf"\b{figure.format(FIGURES[figure])}\b", table), (figure, FIGURES[figure])


def test_as_many_packages_are_locked_as_is_said(repository: Path, table: str) -> None:
    locked = re.findall(
        r"^[A-Za-z0-9_.-]+(?:\[[^]]*\])?==", (repository / "requirements.lock").read_text(), re.MULTILINE
    )
    assert f"{len(set(locked))} packages locked" in table


def test_every_script_and_test_that_a_guarantee_names_is_there(repository: Path, table: str) -> None:
    named = set(re.findall(r"`((?:tests|\.ci|publish)/[a-z_/]+\.(?:py|toml))`", table))
    assert len(named) > 15
    assert [
        name for name in named if not any((repository / place / name).exists() for place in ("", "idp_analytics"))
    ] == []
