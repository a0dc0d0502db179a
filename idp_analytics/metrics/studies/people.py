"""How people are protected in a study: a closed list, of which every study declares one, and the table of them in VOICE.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from idp_analytics.metrics.studies.study import Study

BEGIN, END = "<!-- studies: made by make generated -->", "<!-- studies end -->"
"""What the table in VOICE.md stands between."""


class People(StrEnum):
    """What a study may tell of people. Tables of people are :data:`idp_analytics.tables.OF_PEOPLE`."""

    NONE = "no people"
    WORK = "work of a team"
    HEADS = "headcounts"
    COUNTS = "counts of five"
    LEVELS = "levels of three"
    ORGANISATION = "organisation only"


MEANING: dict[People, str] = {
    People.NONE: "reads no row that is a person, or what one said or did",
    People.WORK: "such rows are counted as work: who used, was paged, asked or decided, with bots left out; who did them is in none of it",
    People.HEADS: "how many belong to a team, which everybody there knows, or something per person of one; what each did is in none of it",
    People.COUNTS: "what groups of at least `rules.min_cohort` people said, further groups being withheld so that no subtraction tells of fewer",
    People.LEVELS: "the level that at least three people say their team has, and how sure that is from `rules.min_cohort`; of fewer nothing",
    People.ORGANISATION: "the whole organisation alone, of at least `rules.min_cohort` people, or twice as many; no team",
}
"""What each of them means, as VOICE.md says it."""


def in_voice(text: str, studies: Iterable[Study]) -> str:
    """VOICE.md with its table of studies made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + "\n".join([BEGIN, *_table(list(studies)), END]) + after


def _table(studies: list[Study]) -> Iterator[str]:
    yield "| people are | which is to say | studies |"
    yield "|---|---|---|"
    for people, meaning in MEANING.items():
        names = [f"`{study.name}`" for study in studies if study.people is people]
        # Most studies tell of no people: those need no list.
        yield f"| {people} | {meaning} | {'all others' if people is People.NONE else ', '.join(names)} |"
