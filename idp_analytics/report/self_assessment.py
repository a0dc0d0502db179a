"""The self-assessment as its respondents see it, in a notebook: what one form says at once, and how far the people of a team agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from idp_analytics.answers import ORG
from idp_analytics.charts.wording import NOTHING, count, named
from idp_analytics.errors import ReportError, nearest
from idp_analytics.metrics.maturity.self_levels import LEAST_ITEMS
from idp_analytics.organisation import Organisation
from idp_analytics.report import cells, self_agreement
from idp_analytics.report.section import Section, Table
from idp_analytics.settings.maturity_model import Aspect, Item, Model

UNKNOWN, NOT_APPLICABLE = "unknown", "not_applicable"

Row = dict[str, Any]


def questions(org: Organisation) -> Table:
    """What is asked, with the described answer of each level."""
    model = org.settings.maturity
    titles = {aspect.id: aspect.title for aspect in model.aspects}
    rows = [
        {"Question": item.id, "Aspect": titles[item.aspect], "In words": item.question, **{str(n): text for n, text in enumerate(item.answers, 1)}}
        for item in model.items
    ]  # fmt: skip
    return cells.table("Questions of the self-assessment", rows, ("Aspect", "In words", "1", "2", "3", "4"))


def answered(org: Organisation, answers: Mapping[str, int | str]) -> Section:
    """What one person's ``answers`` say: question → level, ``unknown`` or ``not_applicable``. Nothing of it is kept.

    Raises :class:`ReportError` for a question or answer that does not exist.
    """
    model = org.settings.maturity
    given = _checked(model, answers)
    rows = [_aspect(model, aspect, given) for aspect in model.aspects]
    levels = [
        f"{row['aspect'].title} {row['level']} ({model.level_names[row['level'] - 1]})" for row in rows if row["level"]
    ]
    told = f"{len(given):,} of {count(len(model.items), 'question')} {('are', 'is')[len(given) == 1]} answered"
    answer = f"{told}: {', '.join(levels)}." if levels else f"{told}; of no aspect that is enough for a level."
    return Section(
        question="Where do I see us?",
        answer=answer,
        tables=(
            cells.table("By aspect", map(_of_aspect, rows), ("Level", "Which is to say", "Under pressure")),
            *_odd(model, given),
        ),
        cautions=(
            "This is what one person sees, as they see it; whether it can be seen in what happens is another question.",
            f"An aspect's level is the lower middle one of its questions, of which {LEAST_ITEMS:.0%} must have a level. "
            "Levels are an order and are not averaged.",
        ),
        opened=True,
    )  # fmt: skip


def _checked(model: Model, answers: Mapping[str, int | str]) -> dict[str, str]:
    known = {item.id for item in model.items}
    allowed = ("1", "2", "3", "4", UNKNOWN, NOT_APPLICABLE)
    found: dict[str, str] = {}
    for item, answer in answers.items():
        if item not in known:
            raise ReportError(f"There is no question {item!r}.{nearest(item, known)}")
        if str(answer) not in allowed:
            raise ReportError(f"{item} = {answer!r}: an answer is one of {', '.join(allowed)}.")
        found[item] = str(answer)
    return found


def _aspect(model: Model, aspect: Aspect, given: Mapping[str, str]) -> Row:
    items = [item for item in model.items if item.aspect == aspect.id]
    levels = sorted(int(given[item.id]) for item in items if given.get(item.id, "").isdigit())
    enough = len(levels) >= LEAST_ITEMS * len(items) - 1e-9 and bool(levels)
    return {
        "aspect": aspect, "items": len(items), "levels": len(levels), "level": levels[(len(levels) - 1) // 2] if enough else None,
        "unknown": sum(given.get(item.id) == UNKNOWN for item in items),
        "not_applicable": sum(given.get(item.id) == NOT_APPLICABLE for item in items),
        "open": sum(item.id not in given for item in items),
        "stress": [_said(item, given) for item in items if item.is_stress],
    }  # fmt: skip


def _said(item: Item, given: Mapping[str, str]) -> str:
    answer = given.get(item.id, "")
    return (
        item.answers[int(answer) - 1]
        if answer.isdigit()
        else {"": "", UNKNOWN: "not known", NOT_APPLICABLE: "does not apply"}[answer]
    )


def _of_aspect(row: Row) -> dict[str, str]:
    level, aspect = row["level"], row["aspect"]
    return {
        "Aspect": aspect.title,
        "Level": str(level) if level else NOTHING,
        "Which is to say": aspect.levels[level - 1] if level else "too few questions have a level",
        "Under pressure": "; ".join(filter(None, row["stress"])),
        "Questions with a level": f"{row['levels']:,} of {row['items']:,}",
        "Not known": f"{row['unknown']:,}" if row["unknown"] else "",
        "Does not apply": f"{row['not_applicable']:,}" if row["not_applicable"] else "",
        "Not answered": f"{row['open']:,}" if row["open"] else "",
    }


def _odd(model: Model, given: Mapping[str, str]) -> Iterator[Table]:
    """Answers that hardly go together, to have another look at."""
    found = [
        {"Answers": " and ".join(rule.items), "Together they say": rule.says}
        for rule in model.contradictions
        if all(
            given.get(item, "").isdigit() and low <= int(given[item]) <= high
            for item, low, high in zip(rule.items, rule.low, rule.high, strict=True)
        )
    ]
    if found:
        yield cells.table("Answers to have another look at; both can be true", found, ("Together they say",))


def agreement(org: Organisation, team: str | None = None) -> Section:
    """How far people agree in the latest wave, and what they do not know: of one ``team``, or within all teams.

    Raises :class:`ReportError` for a team that nobody knows.
    """
    known = org.tables["teams"]["team_id"].to_list()
    if team is not None and team not in known:
        raise ReportError(f"There is no team {team!r}.{nearest(team, known)}")
    found = org.study(self_agreement.STUDY).filter(scope="team" if team else "org", entity_id=team or ORG)
    titles = {aspect.id: aspect.title for aspect in org.settings.maturity.aspects}
    name = named(team) if team else named(org.settings.title)
    return self_agreement.section(found, name, titles, org.settings.rules.min_cohort)
