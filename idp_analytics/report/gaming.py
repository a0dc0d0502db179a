"""Whether a number could look better than things are: patterns worth a question, each with its innocent explanation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from idp_analytics.charts.wording import NOTHING as NO_NUMBER
from idp_analytics.charts.wording import count, difference, period, quantity
from idp_analytics.metrics.gaming import CHECKS, LOOK, NOT_MEASURED, TOO_LITTLE, Check
from idp_analytics.report import cells
from idp_analytics.report.section import Section, Table
from idp_analytics.report.view import View

STUDY = "gaming"

_CHECK = {check.name: check for check in CHECKS}


def gaming(view: View) -> Section:
    """The checks of the period against the one before: which are worth a question, and what would be innocent."""
    found = view.study(STUDY)
    rows = found.to_dicts()
    verdicts = {row["check"]: row["verdict"] for row in rows}
    raised = [name for name, verdict in verdicts.items() if verdict == LOOK]
    looked = [name for name, verdict in verdicts.items() if verdict not in (NOT_MEASURED, TOO_LITTLE)]
    tables: tuple[Table, ...] = ()
    if rows:
        when, before = period(view.period.label), period(view.before)
        tables = (
            cells.table(f"Checks of {view.name}, {when} against {before}", map(_signal, rows), ("Signal", "Says")),
            cells.table("What each looks for", map(_named, verdicts), ("Looks for", "May be innocent", "Look at")),
        )
    return Section(
        question="Could a number look better than things are?",
        answer=view.unless_week(verdicts, " ".join(_answer(view, verdicts, raised))),
        tables=tables,
        cautions=tuple(_cautions(bool(rows))),
        trace=next((view.trace(_CHECK[name].needs[0]) for name in [*raised, *looked]), ""),
        opened=bool(raised),
    )


def _answer(view: View, verdicts: dict[str, str], raised: list[str]) -> Iterator[str]:
    when = period(view.period.label)
    counts = Counter(verdicts.values())
    asked = len(verdicts) - counts[NOT_MEASURED] - counts[TOO_LITTLE]
    if not verdicts:
        yield f"Nothing can be checked for {when}: it takes a complete period and one before it."
        return
    if not asked:
        yield f"There is too little in {when} for any of {count(len(verdicts), 'check')}."
        return
    if raised:
        yield f"{len(raised)} of {count(asked, 'check')} that could be made for {when} {'is' if len(raised) == 1 else 'are'} worth a question."
    else:
        yield f"Of {count(asked, 'check')} that could be made for {when}, none shows more than chance does."
    for name in raised:
        check = _CHECK[name]
        yield f"{name.capitalize()}: {check.looks_for}; this may be innocent, since {check.innocent}. Look at {check.look_at}."
    left = len(verdicts) - asked
    if left:
        yield f"{count(left, 'check')} could not be made."


def _signal(row: dict[str, Any]) -> dict[str, str]:
    unit = "share of them" if row["is_share"] else "per day"

    def number(value: float | None) -> str:
        return NO_NUMBER if value is None else quantity(value, unit)

    return {
        "Check": row["check"],
        "Signal": row["signal"],
        "Before": number(row["before"]),
        "n before": NO_NUMBER if row["n_before"] is None else f"{row['n_before']:,}",
        "Now": number(row["now"]),
        "n": f"{row['n']:,}" if row["n"] is not None else NO_NUMBER,
        "Change": difference(row["change"], row["low"], row["high"], unit),
        "Says": row["verdict"],
    }


def _named(name: str) -> dict[str, str]:
    return {"Check": name, **explained(_CHECK[name])}


def explained(check: Check) -> dict[str, str]:
    """What a check looks for, of deliveries or of levels, as columns of a table."""
    return {"Looks for": check.looks_for, "May be innocent": check.innocent, "Look at": check.look_at}


def _cautions(known: bool) -> Iterator[str]:
    if known:
        yield (
            "A pattern is a question and no finding: every one has an innocent explanation. A check is raised only where all its "
            "signals moved by more than chance allows, with all checks of all teams counted in."
        )
        yield "Numbers that are made look better in a way not listed here are not seen."
