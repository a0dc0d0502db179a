"""How far the people of a team see it alike in its self-assessment: agreement within teams, and what people do not know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from idp_analytics.charts.wording import NOTHING, count, interval, named, quantity
from idp_analytics.metrics.self_agreement import AGREE
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section
from idp_analytics.report.view import View

STUDY = "self_agreement"
UNIT = "share of answers"

Row = dict[str, Any]


def agreement(view: View) -> Section:
    """How far people agree in the latest wave, as far as it may be shown: nothing below ``rules.min_cohort`` respondents."""
    found = view.own(STUDY)
    aspects = view.mart.studies["maturity"]
    titles = dict(zip(aspects["aspect"].to_list(), aspects["title"].to_list(), strict=True))
    return section(found, view.name, titles, view.mart.meta["rules"]["min_cohort"])


def section(found: pl.DataFrame, name: str, titles: Mapping[str, str], least: int) -> Section:
    """The same of ``found``, the rows of the study about one entity. ``titles``: of aspects by id; ``least``: respondents from which
    anything is told."""
    rows = found.to_dicts()
    last = max((row["number"] for row in rows), default=None)
    latest = [row for row in rows if row["number"] == last]
    whole = next((row for row in latest if row["aspect"] is None), None)
    each = [row for row in latest if row["aspect"] is not None and not row["is_withheld"]]
    past = [row for row in rows if row["aspect"] is None]
    tables = (
        cells.table(f"{name} by aspect", [{"Aspect": titles[row["aspect"]], **_numbers(row)} for row in each]),
        cells.table(f"{name} by wave", [{"Wave": named(row["wave"]), "Respondents": "withheld" if row["respondents"] is None else f"{row['respondents']:,}", **_numbers(row)} for row in past]),
    )  # fmt: skip
    return Section(
        question="How far do we see it alike?",
        answer=" ".join(_answer(whole, name, least)),
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(_cautions(whole, least)),
        opened=bool(each),
    )


def _answer(row: Row | None, name: str, least: int) -> Iterator[str]:
    if row is None:
        yield f"Nobody has assessed {name} in a wave that is closed."
        return
    is_team = row["scope"] == "team"
    if row["is_withheld"]:
        yield f"Of wave {named(row['wave'])} neither how many answered for {name} nor how far they agree is told: {_too_few(row, least)}."
        return
    who = count(row["respondents"], "person", "people") + ("" if is_team else f" of {count(row['teams'], 'team')}")
    yield f"In wave {named(row['wave'])}, {who} answered for {name}."
    if row["deviation"] is None:
        yield f"No question has a level from {max(least, 2):,} people of one team, so nothing can be said about agreement."
    else:
        verdict = "they agree" if row["agrees"] else "they do not agree"
        over = (
            f"over {count(row['rated'], 'question')}"
            if is_team
            else f"over {count(row['rated'], 'question')}, counted team by team,"
        )
        yield (
            f"Within {('their teams', 'the team')[is_team]} {verdict}: {over} answers lie {row['deviation']:.2f} levels from the "
            f"middle one on average (agreement: up to {AGREE:.2f}; r*wg {row['within_group']:.2f})."
        )
    if row["unknown_share"] is not None:
        yield (
            f"“Don’t know” was {row['unknown']:,} of {count(row['levels'] + row['unknown'], 'answer')}: {quantity(row['unknown_share'], UNIT)} "
            f"({words.level(row)} {interval(row['low'], row['high'], UNIT, row['unknown_share'])})."
        )
    if row["contradicting"]:
        yield f"{count(row['contradicting'], 'person', 'people')} gave answers that hardly go together."


def _too_few(row: Row, least: int) -> str:
    if row["is_indicative"]:
        return f"with fewer than {least:,}, each could tell what the others said"
    return "it would tell what the few of another team said"


def _numbers(row: Row) -> dict[str, str]:
    known = row["deviation"] is not None
    share = row["unknown_share"]
    return {
        "Questions compared (n)": f"{row['rated']:,}" if not row["is_withheld"] else "withheld",
        "Distance from the middle (levels)": f"{row['deviation']:.2f}" if known else NOTHING,
        "r*wg": f"{row['within_group']:.2f}" if known else NOTHING,
        "Agreement": ("yes" if row["agrees"] else "no") if known else NOTHING,
        "Don’t know": quantity(share, UNIT) if share is not None else NOTHING,
        words.level(row).capitalize(): interval(row["low"], row["high"], UNIT, share) if share is not None else NOTHING,
        "Does not apply": f"{row['not_applicable']:,}" if not row["is_withheld"] else NOTHING,
        "Not answered": f"{row['missing']:,}" if not row["is_withheld"] else NOTHING,
    }


def _cautions(row: Row | None, least: int) -> Sequence[str]:
    if row is None or row["is_withheld"]:
        return ()
    late = row["late"]
    return (
        *(
            [f"{count(late, 'form')} came after the wave was closed and {('count', 'counts')[late == 1]} in no number."]
            if late
            else []
        ),
        "Agreement says nothing about who is right: a team can be of one mind and mistaken. Where people disagree, the conversation is the result. The rows behind it are what "
        "single people answered and are not shown.",
        "The measure r*wg compares with answers given at random: 1 is one mind, 0 is chance, below 0 there are camps. With few people both numbers jump.",
        f"Compared are questions that {least:,} of one team or more gave a level. Where all of fewer than {2 * least:,} said the same, one of them counts as a level off, for that all did would tell what each said.",
    )
