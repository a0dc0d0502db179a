"""What scorecards of the portal say of services, each by its own rules, and where they say something else than is seen here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.charts import parts as chart
from idp_analytics.charts.wording import NOTHING, count, interval, named, period, quantity, significant
from idp_analytics.metrics.last_looks import WINDOW_DAYS
from idp_analytics.metrics.maturity.measured import ABSENT
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section
from idp_analytics.report.slices import having, lacking
from idp_analytics.report.view import View

STUDY, RULES, DISPUTES = "scorecards", "scorecard_rules", "scorecard_disputes"
QUESTION = "What do the portal's scorecards say?"
UNIT = "share of services"
TOOLS = {"backstage": "Backstage", "cortex": "Cortex", "openssf": "OpenSSF Scorecard", "opslevel": "OpsLevel", "port": "Port"}  # fmt: skip
AT_MOST = 12
"""Services of which the two say different things that are shown."""

Row = dict[str, Any]


def scorecards(view: View) -> Section:
    """How far services have come by each scorecard at the end of the period, what passes each rule, and what is seen of the same."""
    when = period(view.period.label)
    found = view.study(STUDY)
    cards = lacking(found, "level_number").to_dicts()
    levels = having(found, "level_number").to_dicts()
    rules = view.study(RULES).to_dicts()
    both = [row for row in rules if row["compared"]]
    apart = view.study(DISPUTES)
    by_points = {_card(row) for row in cards if row["points_n"]}
    drawn = [
        {"label": named(row["rule"]), "share": row["value"], "low": row["low"], "high": row["high"], "n": row["n"], "quiet": row["seen_as"] is None}
        for row in rules if row["n"] and _card(row) not in by_points
    ]  # fmt: skip
    tables = (
        cells.table(f"How far services of {view.name} have come, end of {when}", map(_level, levels), ("Level", "Said by")),
        cells.table(f"Points of services of {view.name}, end of {when}", map(_points, (row for row in cards if row["points_n"])), ()),
        *(
            cells.table(f"Services of {view.name} by rule of {_called(card)}, end of {when}", (_rule(row) for row in rules if _card(row) == _card(card)), ("Level",))
            for card in cards
        ),
        cells.table(f"Scorecards of {view.name}, period by period", _course(view), ("Scorecard", "Last look", "Have come to")),
        cells.table("Where a scorecard and what is seen here look at the same", map(_compared, both), ("Rule", "Scorecard", "Seen here as")),
        cells.table(
            "Services of which the two say the opposite", map(_dispute, apart.head(AT_MOST).to_dicts()), ("Rule", "Scorecard", "It says", "Seen here"),
            max(0, apart.height - AT_MOST),
        ),
    )  # fmt: skip
    return Section(
        question=QUESTION,
        answer=view.unless_week(cards, " ".join(_answer(cards, levels, rules, when))),
        chart=chart.chart(drawn, f"Services that pass each rule, end of {when}", view.name, UNIT, ("seen here too", "said only"))
        if drawn
        else None,
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(_cautions(view, cards, levels, both)),
        trace=view.trace(RULES) if cards else "",
    )  # fmt: skip


def _card(row: Row) -> tuple[str, str]:
    return row["tool"], row["scorecard"]


def _called(row: Row) -> str:
    """``tech-insights (Backstage)``; the tool's name alone where its one scorecard is called like it."""
    tool = TOOLS[row["tool"]]
    return tool if row["scorecard"] == row["tool"] else f"{named(row['scorecard'])} ({tool})"


def _answer(cards: list[Row], levels: list[Row], rules: list[Row], when: str) -> Iterator[str]:
    if not any(row["n"] for row in cards):
        yield f"No scorecard had a result of any of these services at the end of {when}."
        return
    for number, card in enumerate(row for row in cards if row["n"]):
        checked = f"{_called(card)} has checked {card['n']:,} of {count(card['n'] + card['unknown'], 'service')}"
        come = [row for row in levels if _card(row) == _card(card)]
        yield f"{checked if number else f'By the end of {when} {checked}'}" + (f": {_come(come)}." if come else ".")
        if card["points"] is not None:
            yield f"The median of {count(card['points_n'], 'service')} is {_amount(card['points'], card)} points{_sure(card)}."  # fmt: skip
        least = _least(card, rules)
        if least:
            yield (
                f"Fewest pass {named(least['rule'])}: {least['k']:,} of {least['n']:,} judged ({words.level(least)} "
                f"{interval(least['low'], least['high'], UNIT, least['value'])})."
            )
    for row in rules:
        if row["only_said"] or row["only_seen"]:
            yield _against(row)


def _come(levels: list[Row]) -> str:
    first, *others = levels
    begin = f"{_span(first)} {'has' if first['possibly'] == 1 else 'have'} come to {_name(first)}"
    return ", ".join([begin, *(f"{_span(row)} to {_name(row)}" for row in others)])


def _least(card: Row, rules: list[Row]) -> Row | None:
    """The rule that the smallest share passes, where all points are not what passing asks."""
    judged = [row for row in rules if _card(row) == _card(card) and row["n"] and row["k"] < row["n"]]
    return min(judged, key=lambda row: row["value"], default=None) if card["points"] is None else None


def _against(row: Row) -> str:
    rule, more, less = named(row["rule"]), row["only_said"], row["only_seen"]
    parts = [f"{more:,} {('pass', 'passes')[more == 1]} {rule} although the opposite is seen here ({row['seen_as']})"] if more else []  # fmt: skip
    if less:
        parts.append(f"{less:,} {('do', 'does')[less == 1]} not pass {'it' if more else rule} and {('are', 'is')[less == 1]} seen here as if {('they', 'it')[less == 1]} did")  # fmt: skip
    return f"Of {count(row['compared'], 'service')}, {' and '.join(parts)}."


def _span(row: Row) -> str:
    return f"{row['surely']:,}" if row["surely"] == row["possibly"] else f"{row['surely']:,}\u2060–\u2060{row['possibly']:,}"  # fmt: skip


def _name(row: Row) -> str:
    return named(row["level_name"]) if row["level_name"] else f"level {row['level_number']}"


def _amount(share: float | None, card: Row, high: float | None = None) -> str:
    """``6.9 of 10``, or a share of the points where the most is not the same of all; with ``high`` a span of them."""
    if share is None:
        return NOTHING
    most = card["points_most"]
    if most is None:
        return quantity(share, UNIT) if high is None else interval(share, high, UNIT, share)
    up_to = "" if high is None else f"\u2060–\u2060{significant(high * most)}"
    return f"{significant(share * most)}{up_to} of {significant(most) if most % 1 else f'{most:,.0f}'}"


def _sure(card: Row) -> str:
    """The interval, and what is hidden by checks that could not tell."""
    parts = []
    if card["points_low"] is not None:
        parts.append(f"{words.level(card)} {_amount(card['points_low'], card, card['points_high'])}")
    if card["points_if_none"] is not None and card["points_if_all"] - card["points_if_none"] > 0:
        parts.append(f"{_amount(card['points_if_none'], card)} if checks that could not tell had none")
    return f" ({'; '.join(parts)})" if parts else ""


def _level(row: Row) -> dict[str, str]:
    return {
        "Scorecard": _called(row),
        "Level": _name(row),
        "Services with levels (n)": f"{row['n']:,}",
        "Surely come to it": f"{row['surely']:,}",
        "Possibly": f"{row['possibly']:,}" if row["possibly"] != row["surely"] else "",
        "Said by": "the tool" if row["is_told"] else "its rules",
    }


def _points(row: Row) -> dict[str, str]:
    return {
        "Scorecard": _called(row),
        "Services (n)": f"{row['points_n']:,}",
        "Median": _amount(row["points"], row),
        words.level(row).capitalize(): _amount(row["points_low"], row, row["points_high"]),
        "If what could not be told had none": _amount(row["points_if_none"], row),
        "If it had all": _amount(row["points_if_all"], row),
    }


def _course(view: View) -> Iterator[dict[str, str]]:
    """Every card of which there is more than one period, oldest first."""
    past = view.study_so_far(STUDY)
    rows = past.filter(pl.col("level_number").is_null(), pl.col("n") > 0).to_dicts()
    levels = having(past, "level_number").to_dicts()
    several = {card for card, times in Counter(map(_card, rows)).items() if times > 1}
    for row in (one for one in rows if _card(one) in several):
        come = [one for one in levels if _card(one) == _card(row) and one["period"] == row["period"]]
        yield {
            "End of": cells.period(row),
            "Scorecard": _called(row),
            "Last look": f"{row['looked_at']:%-d %B %Y}" if row["looked_at"] else "",
            "Services checked (n)": f"{row['n']:,}",
            "Have come to": ", ".join(f"{_span(one)} to {_name(one)}" for one in come),
            "Median points": _amount(row["points"], row),
            words.level(row).capitalize(): _amount(row["points_low"], row, row["points_high"]),
        }


def _rule(row: Row) -> dict[str, str]:
    known = row["value"] is not None
    return {
        "Rule": named(row["rule"]),
        "Level": _name(row) if row["level_number"] else "",
        "Judged (n)": f"{row['n']:,}",
        "Pass": f"{row['k']:,}" if row["n"] else NOTHING,
        "Partly": f"{row['partial']:,}" if row["partial"] else "",
        "Fail": f"{row['failed']:,}" if row["failed"] else "",
        "Exempt": f"{row['exempt']:,}" if row["exempt"] else "",
        "Not applicable": f"{row['not_applicable']:,}" if row["not_applicable"] else "",
        "No result": f"{row['unknown']:,}" if row["unknown"] else "",
        "Share": quantity(row["value"], UNIT) if known else NOTHING,
        words.level(row).capitalize(): interval(row["low"], row["high"], UNIT, row["value"]) if known else NOTHING,
    }


def _compared(row: Row) -> dict[str, str]:
    return {
        "Rule": named(row["rule"]),
        "Scorecard": _called(row),
        "Seen here as": row["seen_as"],
        "Compared (n)": f"{row['compared']:,}",
        "Agree": quantity(row["agreement"], UNIT),
        words.level(row).capitalize(): interval(row["agreement_low"], row["agreement_high"], UNIT, row["agreement"]),
        "Only the scorecard passes": f"{row['only_said']:,}" if row["only_said"] else "",
        "Only seen here": f"{row['only_seen']:,}" if row["only_seen"] else "",
    }


def _dispute(row: Row) -> dict[str, str]:
    said, seen = ("passes", "no") if row["is_passed"] else ("does not pass", "yes")
    return {
        "Service": named(row["service_id"]),
        "Rule": named(row["rule"]),
        "Scorecard": _called(row),
        "It says": said,
        "Seen here": f"{row['seen_as']}: {seen}",
    }


def _cautions(view: View, cards: list[Row], levels: list[Row], both: list[Row]) -> Iterator[str]:
    if not cards:
        return
    yield (
        f"What a rule looks at is its tool's business, and these are its words, by the last result of the {WINDOW_DAYS} days before. They are no levels of maturity "
        "here; a rule counts there only where the model names it."
    )
    if any(not row["is_told"] for row in levels):
        yield (
            "Where the tool does not tell a level, a service has come to it when it passes every rule of it and of those below. Two numbers are those that surely have, "
            "and those that may have: what has no result is neither passed nor failed."
        )
    if any(row["points_n"] for row in cards):
        yield (
            "Of a check that gives points, passing means all of them. A check that could not tell is left out of the points by the tool itself; what that hides is told beside."
        )
    if both:
        yield (
            "Where a scorecard and the data say the opposite, neither is right by itself: one may look at older facts, or at something else under the same name. Which rule asks what "
            "is seen here, settings.toml says."
        )
    nameless = sum(row["nameless"] or 0 for row in cards)
    if nameless:
        yield f"{count(nameless, 'thing')} that were checked {('are', 'is')[nameless == 1]} of no known service and in no number."
    if view.scope == "org":
        known = set(view.mart.studies[RULES].select("scorecard", "rule").unique().iter_rows())
        for card, rule in view.mart.meta.get("scorecard_rules", ()):
            if (card, rule) not in known:
                yield f"No scorecard {named(card)} with a rule {named(rule)} is in the data, though settings.toml says what that rule asks."
        asked = view.mart.studies["maturity_criteria"].filter(
            pl.col("scope") == "org", pl.col("source").str.starts_with("scorecard "), pl.col("why") == ABSENT
        )
        for row in asked.unique("source", maintain_order=True).to_dicts():
            yield f"The maturity model names {named(row['source'])}, of which there is nothing in the data."
