"""Attacks on a choice, on who answered at all and on teams put together, each seen by the part of the audit that is there for it and by no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import polars as pl
import pytest
from survey_building import CHOICE, Studies, surveyed

from idp_analytics.metrics import exit_reasons
from idp_analytics.metrics.maturity.studies import ITEMS
from idp_analytics.metrics.self_agreement import COLUMNS as FORMS
from idp_analytics.report import disclosure, disclosure_earlier, disclosure_responses, disclosure_wholes

MANY = [1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 5, 2]
SOME = [2, 4, 4, 5, 1, 3]
FEW = [1, 4, 2]
RATED = {"red": MANY, "blue": SOME, "green": FEW}
CHOSEN = {"red": ["yes"] * 7 + ["no"] * 5, "blue": ["yes", "no"] * 3, "green": ["yes", "no", "no"]}
HEADS = {"red": 14, "blue": 8, "green": 4}

Silence = Callable[[object, str], None]


@pytest.fixture
def switched_off(monkeypatch: pytest.MonkeyPatch) -> Silence:
    """``switched_off(module, name)``: that part of the audit finds nothing."""
    return lambda module, name: monkeypatch.setattr(module, name, lambda *_: iter(()))


def telling(studies: Studies, n: int | None, k: int | None, **row: str | None) -> Studies:
    """As if one row of the results had been shown after all, or with another number, or withheld."""
    this = pl.all_horizontal(pl.col(name).eq_missing(pl.lit(value)) for name, value in row.items())
    assert studies[disclosure.RESULTS].filter(this).height == 1
    told = studies[disclosure.RESULTS].with_columns(
        pl.when(this).then(pl.lit(value, pl.Int64)).otherwise(name).alias(name) for name, value in (("n", n), ("k", k))
    )
    return {**studies, disclosure.RESULTS: told}


# --- a choice is one table ---------------------------------------------------------------------------------------------


@pytest.fixture
def two_answers() -> Studies:
    """Of red the *yes*, of blue the *no*; that nobody passed the question over can be seen from the organisation."""
    studies = surveyed(RATED, chosen=CHOSEN)
    disclosure.audit(studies)
    one = telling(studies, 12, 7, entity_id="red", option="yes")
    return telling(one, 6, 3, entity_id="blue", option="no")


def test_answers_to_a_choice_are_taken_together(two_answers: Studies) -> None:
    """Then red's *no* and blue's *yes* follow, and with them what green chose."""
    with pytest.raises(disclosure.DisclosureError, match=rf"{CHOICE}, green: 2 of its answers"):
        disclosure.audit(two_answers)


def test_each_answer_by_itself_would_say_nothing(two_answers: Studies) -> None:
    apart = two_answers[disclosure.RESULTS].with_columns(pl.col("kind").replace({"choice": "several"}))
    disclosure.audit({**two_answers, disclosure.RESULTS: apart})


def test_that_nobody_passed_a_choice_over_accuses_nobody() -> None:
    teams = {"red": MANY, "blue": MANY, "green": FEW, "white": [2, 5]}
    chosen = {"red": ["yes", "no"] * 6, "blue": ["no", "yes"] * 6, "green": ["yes", "no", "no"], "white": ["yes", "no"]}
    disclosure.audit(surveyed(teams, chosen=chosen))


# --- who answered at all -----------------------------------------------------------------------------------------------


def by_the_response() -> Studies:
    return telling(surveyed(RATED, heads=HEADS), 8, 6, entity_id="blue", kind="response")


def by_a_list_of_answers() -> Studies:
    """Beside a given answer stands how many answered the wave, whichever they gave."""
    return telling(surveyed(RATED, chosen=CHOSEN, heads=HEADS), 6, 3, entity_id="blue", option="yes")


def by_ratings() -> Studies:
    """Six of blue rated it and six of green, and twelve of both answered: so one of blue's seven did not."""
    studies = surveyed({**RATED, "green": SOME}, heads={"red": 14, "blue": 7, "green": 6})
    for team in ("blue", "green"):
        studies = telling(studies, None, None, entity_id=team, kind="response")
    return studies


@pytest.mark.parametrize(
    ("attack", "group"), [(by_the_response, "green"), (by_a_list_of_answers, "blue"), (by_ratings, "blue")]
)
def test_who_did_not_answer_may_not_follow(attack: Callable[[], Studies], group: str, switched_off: Silence) -> None:
    studies = attack()
    with pytest.raises(disclosure.DisclosureError, match=f"devex w1, {group}: how many answered can be worked out"):
        disclosure.audit(studies)
    switched_off(disclosure_responses, "problems")
    disclosure.audit(studies)


def test_only_where_it_is_known_how_many_there_are_can_all_of_them_have_answered() -> None:
    studies = by_ratings()
    with pytest.raises(disclosure.DisclosureError) as told:
        disclosure.audit(studies)
    assert "green: how many" not in str(told.value)
    unknown = studies[disclosure.RESULTS].with_columns(pl.lit(None, pl.Int64).alias("headcount"))
    with pytest.raises(disclosure.DisclosureError, match="green: how many"):
        disclosure.audit({**studies, disclosure.RESULTS: unknown})


def test_that_everybody_answered_may_follow() -> None:
    disclosure.audit(surveyed(RATED, heads={"red": 12, "blue": 6, "green": 3}))


def test_more_answers_than_people_are_no_contradiction() -> None:
    """Memberships are written later than answers: then nothing follows from how many there are."""
    disclosure.audit(
        surveyed({**RATED, "white": SOME}, chosen=CHOSEN, heads={"red": 9, "blue": 4, "green": 2, "white": 6})
    )


def test_one_more_who_answered_nothing_that_is_told_is_somebody(switched_off: Silence) -> None:
    now = surveyed(RATED, heads=HEADS)
    before = telling(now, 26, 20, entity_id="org", kind="response")
    with pytest.raises(
        disclosure.DisclosureError, match="w1, org: another number of people answered than published before"
    ):
        disclosure.audit(now, [before])
    switched_off(disclosure_earlier, "responded")
    switched_off(disclosure_responses, "problems")
    disclosure.audit(now, [before])


# --- teams put together and taken apart --------------------------------------------------------------------------------

MORE = [*SOME, 4, 4, 2, 1]
SMALL = {"white": [2, 5, 4], "teal": [1, 4, 2]}
ELSE = {"snow": [2, 5, 4], "cyan": [1, 4, 2]}
"""The small teams under other names, so that nothing but red and blue can be told to have been there before."""


def put_together(*more: int) -> tuple[Studies, Studies]:
    """Red, blue and the withheld green; and purple, which is all of them. The sound reports, each by itself."""
    apart = surveyed({"red": MANY, "blue": MORE, "green": more, **SMALL})
    whole = surveyed({"purple": [*MANY, *MORE, *more], **ELSE})
    disclosure.audit(apart)
    disclosure.audit(whole)
    return apart, whole


@pytest.mark.parametrize("more", [FEW, [4, 5, 4, 5, 4, 5]], ids=["few", "all the same"])
@pytest.mark.parametrize("is_taken_apart", [False, True])
def test_teams_put_together_or_taken_apart_tell_of_the_others(
    more: list[int], is_taken_apart: bool, switched_off: Silence
) -> None:
    reports = put_together(*more)
    now, before = reports if is_taken_apart else reversed(reports)
    with pytest.raises(disclosure.DisclosureError, match="satisfaction@1, purple: less blue, red, it is so few"):
        disclosure.audit(now, [before])
    switched_off(disclosure_earlier, "_left_over")
    disclosure.audit(now, [before])


def test_teams_only_put_together_tell_nothing_more() -> None:
    before = surveyed({"red": MANY, "blue": MORE, "grey": MANY})
    disclosure.audit(surveyed({"purple": [*MANY, *MORE], "grey": MANY}), [before])


# --- the organisation over years ---------------------------------------------------------------------------------------


def left(n: int, k: int) -> Studies:
    """One reason of one year: ``k`` of ``n`` who left gave it."""
    row = {
        **dict.fromkeys(exit_reasons.COLUMNS),
        "year_start": date(2025, 1, 1),
        "title": "why",
        "reason": "pay",
        "n": n,
        "k": k,
    }
    return {**surveyed({}), disclosure_wholes.EXITS: pl.DataFrame([row], schema=exit_reasons.COLUMNS)}


def test_reasons_to_leave_are_of_five_and_do_not_move_by_one() -> None:
    disclosure.audit(left(12, 4), [left(12, 4)])
    with pytest.raises(disclosure.DisclosureError, match="'pay': so few were interviewed"):
        disclosure.audit(left(4, 2))
    with pytest.raises(disclosure.DisclosureError, match="'pay': another number than published before"):
        disclosure.audit(left(13, 5), [left(12, 4)])


def assessed(n: int, said_2: int) -> Studies:
    """One item of a wave of the self-assessment, and the forms of red, as they are told."""
    head = {"scope": "team", "entity_id": "red", "wave": "round-1"}
    item = {**dict.fromkeys(ITEMS), **head, "item_id": "O1", "n": n, "said_2": said_2, "said_3": n - said_2}
    form = {**dict.fromkeys(FORMS), **head, "respondents": n}
    return {
        **surveyed({}),
        disclosure_wholes.ITEMS: pl.DataFrame([item], schema=ITEMS),
        disclosure_wholes.FORMS: pl.DataFrame([form], schema=FORMS),
    }


@pytest.mark.parametrize(("n", "said_2"), [(13, 7), (12, 7)])
def test_a_form_that_was_added_or_changed_after_all_is_somebodys(n: int, said_2: int) -> None:
    disclosure.audit(assessed(12, 6), [assessed(12, 6)])
    with pytest.raises(disclosure.DisclosureError, match="round-1, red, O1: another number than published before"):
        disclosure.audit(assessed(n, said_2), [assessed(12, 6)])


def test_who_sent_a_form_does_not_move_by_one() -> None:
    now, before = ({disclosure_wholes.FORMS: assessed(n, 6)[disclosure_wholes.FORMS], **surveyed({})} for n in (7, 6))
    with pytest.raises(disclosure.DisclosureError, match="round-1, red, all aspects: another number"):
        disclosure.audit(now, [before])
