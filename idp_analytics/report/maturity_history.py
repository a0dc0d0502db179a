"""What changed in the levels of maturity, and why: the parts of each change, the criteria behind them, the course, and what to ask about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from idp_analytics.charts import dumbbell as chart
from idp_analytics.charts.wording import count, interval, named, period, quantity
from idp_analytics.metrics.gaming import LOOK, TOO_LITTLE
from idp_analytics.metrics.maturity import changes, gaming
from idp_analytics.metrics.maturity.evidence import UNKNOWN
from idp_analytics.report import cells, criterion_words
from idp_analytics.report.criterion_words import span
from idp_analytics.report.gaming import explained
from idp_analytics.report.maturity import listed
from idp_analytics.report.section import Section, Table
from idp_analytics.report.slices import at, having, where
from idp_analytics.report.view import View

QUESTION = "What changed in our maturity, and why?"

_PARTS = {
    changes.RESTATED: "the past told anew",
    changes.MODEL: "the model",
    changes.THRESHOLDS: "thresholds",
    changes.KNOWN: "what is known",
    changes.REAL: "what is measured",
}
"""Part → what it is called on a page."""
_HEADS = dict(zip(_PARTS, ("Told anew", "Model", "Thresholds", "Known", "Measured"), strict=True))
_ANY = span(None, 1, 4)
_SHOWN = 20
_SHARE = "share"
_CHECK = {check.name: check for check in gaming.CHECKS}

Row = dict[str, Any]


def history(view: View) -> Section:
    """Each aspect then and now, part by part; then is the report published before, or the quarter before by today's model."""
    found = _of(view, "maturity_changes")
    told = where(found, since=changes.REPORT)
    rows = (told if told.height else found).to_dicts()
    since = rows[0]["since"] if rows else None
    course = _assessed(_of(view, "maturity_history"))
    known = set(course["aspect"].to_list())
    rows = [row for row in rows if row["aspect"] in known]
    moved = where(_of(view, "maturity_moved"), since=since or "")
    moved = at(moved, [place for place, aspect in enumerate(moved["aspect"].to_list()) if aspect in known])
    checks = _of(view, "maturity_gaming").to_dicts()
    titles = {row["aspect"]: row["title"] for row in found.to_dicts()}
    aspects = [list(group) for group in _grouped(rows)]
    then = _then(view, rows[0]) if rows else ""
    tables = (
        cells.table(f"How the levels of {view.name} changed since {then}", map(_change, aspects), ("Then", "Now")),
        _behind(moved, titles),
        cells.table("The levels quarter by quarter, by the model and thresholds of today", _course(course)),
        cells.table(f"What to ask about, {view.name}", [_asked(row, titles) for row in checks if row["verdict"] == LOOK], ("Pattern", "Where")),
        cells.table("What is looked for", _looked_for(checks), ("Looks for", "May be innocent", "Look at")),
    )  # fmt: skip
    return Section(
        question=QUESTION,
        answer=" ".join([*_answer(aspects, then, _near(moved)), *_spoken(checks, titles), *_questions(checks, titles)]),
        chart=chart.chart(list(_marks(course)), "Levels seen, quarter by quarter, oldest first", view.name) if course.height else None,
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(_cautions(view, since, checks)),
        trace=view.trace("maturity_history") if course.height else "",
        opened=any(_whole(aspect) != (0, 0) for aspect in aspects),
    )  # fmt: skip


def _of(view: View, study: str) -> pl.DataFrame:
    return view.own(study)


def _assessed(course: pl.DataFrame) -> pl.DataFrame:
    """The aspects that were assessed at any of the looks."""
    aspects = course["aspect"].to_list()
    assessed = {aspect for aspect, once in zip(aspects, course["is_assessed"].to_list(), strict=True) if once}
    return at(course, [place for place, aspect in enumerate(aspects) if aspect in assessed])


def _grouped(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The parts of each aspect together, in order."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["aspect"], []).append(row)
    yield from found.values()


def _then(view: View, row: Row) -> str:
    day = f"{row['then'].astimezone(view.mart.as_of.tzinfo):%-d %B %Y}"
    return f"the report of {period(row['period'])} (as of {day})" if row["period"] else f"{day}"


def _whole(aspect: list[Row]) -> tuple[int, int]:
    """By how much the lowest and the highest possible level changed in all."""
    low, high = (sum(row[f"{end}_change"] for row in aspect) for end in ("low", "high"))
    return low, high


def _ends(aspect: list[Row]) -> tuple[str, str]:
    first, last = aspect[0], aspect[-1]
    return (
        span(first["level_before"], first["low_before"], first["high_before"]),
        span(last["level_after"], last["low_after"], last["high_after"]),
    )


# --- sentences ----------------------------------------------------------------------------------------------------------


def _answer(aspects: list[list[Row]], then: str, near: Mapping[str, int]) -> Iterator[str]:
    if not aspects:
        yield "Too little is measured to tell how the level of any aspect changed, or nothing was asked of us a quarter ago."
        return
    other = [aspect for aspect in aspects if _ends(aspect)[0] != _ends(aspect)[1]]
    same = [aspect[0]["title"].lower() for aspect in aspects if aspect not in other]
    if not other:
        yield f"Since {then}, no level changed."
    elif same:
        yield f"Since {then}, the level of {listed(same)} stayed as it was."
    else:
        yield f"Since {then}, every level changed."
    for aspect in other:
        before, after = (f"level {end}" if end != _ANY else "any level" for end in _ends(aspect))
        yield f"{aspect[0]['title']}: from {before} to {after}{_because(aspect, near)}."
    whole = [aspect for aspect in other if sum(_whole(aspect)) > 0]
    unreal = [aspect[0]["title"].lower() for aspect in whole if _change_of(aspect, changes.REAL) == (0, 0)]
    if unreal:
        yield f"That {listed(unreal)} stands higher is not because anything measured moved."


def _near(moved: pl.DataFrame) -> Mapping[str, int]:
    """Aspect → criteria whose number moved, as surely known as before, to where it may be met or not."""
    open_ = where(moved, part=changes.REAL, state_after=UNKNOWN)
    return Counter(having(open_, "value_after")["aspect"].to_list())


def _because(aspect: list[Row], near: Mapping[str, int]) -> str:
    """The parts that moved a bound, in their order; of what is measured, why more is possible now though it is known as surely."""
    told = [
        f"{_PARTS[row['part']]} {' and '.join(_moves(row))}{_since(row, near)}" for row in aspect if any(_moves(row))
    ]
    return f"; {', '.join(told)}" if told else "; what is possible stayed as it was"


def _since(row: Row, near: Mapping[str, int]) -> str:
    n = near.get(row["aspect"], 0)
    if not n or row["part"] != changes.REAL or not (row["low_change"] < 0 or row["high_change"] > 0):
        return ""
    its, it = ("its threshold", "it") if n == 1 else ("their thresholds", "they")
    return f", for {count(n, 'criterion', 'criteria')} came so near to {its} that {it} may be met or not"


def _moves(row: Row) -> list[str]:
    return [
        f"{'raised' if change > 0 else 'lowered'} the {word} possible level by {abs(change)}" for word, change in _ends_of(row) if change
    ]  # fmt: skip


def _ends_of(row: Row) -> tuple[tuple[str, int], ...]:
    return ("lowest", row["low_change"]), ("highest", row["high_change"])


def _change_of(aspect: list[Row], part: str) -> tuple[int, int]:
    return next(((row["low_change"], row["high_change"]) for row in aspect if row["part"] == part), (0, 0))


def _signed(row: Row) -> str:
    """By how much the bounds moved: ``lowest +1, highest −1``."""
    return ", ".join(f"{word} {change:+d}".replace("-", "−") for word, change in _ends_of(row) if change) or "0"


def _spoken(checks: list[Row], titles: dict[str, str]) -> Iterator[str]:
    """How what is said changed between the last two rounds, where enough people answered in both."""
    moved = [row for row in checks if row["check"] == gaming.SAID and row["before"] != row["now"]]
    if moved:
        each = ", ".join(
            f"{_where(row, titles).lower()} {row['before']:.0f} to {row['now']:.0f} (n\u00a0=\u00a0{row['n_before']:,} and {row['n']:,})"
            for row in moved
        )
        yield f"What is said went between the last two rounds that enough people answered: {each}."


def _questions(checks: list[Row], titles: dict[str, str]) -> Iterator[str]:
    made = [row for row in checks if row["verdict"] != TOO_LITTLE]
    if not made:
        return
    raised = [row for row in made if row["verdict"] == LOOK]
    if not raised:
        yield f"Of {count(len(made), 'check')} whether a level looks higher than things are, none shows anything to ask about."
        return
    names = dict.fromkeys(row["check"] for row in raised)
    for name in names:
        where = listed(list(dict.fromkeys(_where(row, titles) for row in raised if row["check"] == name)))
        check = _CHECK[name]
        yield f"To ask about{f', {where.lower()}' if where else ''}: {check.looks_for}. It may be innocent: {check.innocent}."


# --- tables -------------------------------------------------------------------------------------------------------------


def _change(aspect: list[Row]) -> dict[str, str]:
    before, after = _ends(aspect)
    return {
        "Aspect": aspect[0]["title"],
        "Then": before,
        **{_HEADS[row["part"]]: _signed(row) for row in aspect},
        "Now": after,
        "Criteria (n)": f"{sum(row['criteria'] for row in aspect):,}",
    }


def _behind(moved: pl.DataFrame, titles: dict[str, str]) -> Table:
    """The criteria that stand otherwise, those the levels rest on first."""
    found = moved.sort(pl.col("part") != changes.REAL, "aspect", "level", maintain_order=True).to_dicts()
    rows = [
        {
            "Aspect": titles.get(row["aspect"], row["aspect"]),
            "For level": f"{row['level']}",
            "What is looked at": named(row["says"]),
            "Because of": _PARTS[row["part"]] + (", now too near to tell" if _is_open(row) else ""),
            "Then": _stands(row, "before"),
            "Now": _stands(row, "after"),
            "Wanted": _threshold(row),
        }
        for row in found
    ]
    left = ("What is looked at", "Because of", "Then", "Now", "Wanted")
    return cells.table("Criteria that stand otherwise than then", rows[:_SHOWN], left, max(0, len(rows) - _SHOWN))


def _is_open(row: Row) -> bool:
    return row["part"] == changes.REAL and row["state_after"] == UNKNOWN and row["value_after"] is not None


def _stands(row: Row, side: str) -> str:
    """How a criterion stands, by which number over how many: ``not met: 37.5 % (n = 10)``."""
    state, value, n = (row[f"{name}_{side}"] for name in ("state", "value", "n"))
    if value is None:
        return state or "not asked"
    counted = "" if n is None else f" (n\u00a0=\u00a0{n:,})"
    return f"{state or 'not asked'}: {_together(value, row['unit'])}{counted}"


def _together(value: float, unit: str | None) -> str:
    """A number and its unit, on one line."""
    return criterion_words.number(value, unit).replace(" ", "\u00a0")


def _n(n: int | None) -> str:
    return "" if n is None else f"{n:,}"


def _threshold(row: Row) -> str:
    ends = [row["threshold_before"], row["threshold_after"]]
    known = list(dict.fromkeys(_together(end, row["unit"]) for end in ends if end is not None))
    return f"at {'least' if row['is_least'] else 'most'} {', now '.join(known)}"


def _course(course: pl.DataFrame) -> Iterator[dict[str, str]]:
    days = sorted(set(course["at"].to_list()))
    aspects: dict[str, dict[Any, Row]] = {}
    for row in course.to_dicts():
        aspects.setdefault(row["title"], {})[row["at"]] = row
    for title, told in aspects.items():
        yield {"Aspect": str(title), **{f"{day:%-d %b %Y}": _look(told.get(day)) for day in days}}


def _look(row: Row | None) -> str:
    if row is None or not row["is_assessed"]:
        return "not assessed"
    return span(row["level"], row["low"], row["high"])


def _where(row: Row, titles: dict[str, str]) -> str:
    aspect: str | None = row["aspect"]
    return titles.get(aspect, aspect) if aspect else ""


def _asked(row: Row, titles: dict[str, str]) -> dict[str, str]:
    is_share = row["low"] is not None
    return {
        "Pattern": row["check"],
        "Where": ", ".join(part for part in (_where(row, titles), row["criterion"]) if part),
        "Before": _number(row["before"], is_share),
        "n before": _n(row["n_before"]),
        "Now": _number(row["now"], is_share),
        "Interval": interval(row["low"], row["high"], _SHARE, row["now"]) if is_share else "",
        "n": _n(row["n"]),
        "By chance": _number(row["expected"], True),
        "Of them": "" if row["k"] is None else f"{row['k']:,} of {row['of']:,}",
    }


def _number(value: float | None, is_share: bool) -> str:
    if value is None:
        return ""
    return quantity(value, _SHARE) if is_share else f"{value:.0f}"


def _looked_for(checks: list[Row]) -> Iterator[dict[str, str]]:
    """The checks that were made; what it takes to make the others is said below the table."""
    for check in gaming.CHECKS:
        n = sum(row["check"] == check.name for row in checks)
        if n:
            yield {"Pattern": check.name, "Checks (n)": f"{n:,}", **explained(check)}


def _not_looked_for(view: View, checks: list[Row]) -> Iterator[str]:
    """What it takes to look for patterns of this scope that could not be looked for, those of one need together."""
    made = {row["check"] for row in checks}
    lacking: dict[str, list[str]] = {}
    for check in gaming.CHECKS:
        if view.scope in check.scopes and check.name not in made:
            lacking.setdefault(check.needs, []).append(f"“{check.name}”")
    if lacking:
        each = "; ".join(f"{listed(names)} for want of {needs}" for needs, names in lacking.items())
        yield f"Not looked for: {each}."


def _marks(course: pl.DataFrame) -> Iterator[Row]:
    for row in course.to_dicts():
        seen = row["is_assessed"]
        yield {
            "label": row["title"], "lane": f"{row['at']:%-d %B %Y}", "kind": "now" if row["is_now"] else "quarters before",
            "value": row["level"], "low": row["low"] if seen else None, "high": row["high"] if seen else None, "n": None,
            "note": None if seen else "not assessed then",
        }  # fmt: skip


def _cautions(view: View, since: str | None, checks: list[Row]) -> Iterator[str]:
    if since == changes.REPORT:
        yield (
            "The past is told anew step by step, and each step is a part: first with today's data and kit, then today's model, then today's thresholds and "
            "exemptions, then what is known today with every number where it was, last the numbers themselves. Over the parts it adds up; another order would "
            "give other parts where two changes meet."
        )
    elif since == changes.QUARTER:
        restates = view.mart.meta.get("restates")
        why = (
            f"The report of {period(restates['period'])} kept nothing of maturity that can be compared"
            if restates
            else "No report of an earlier period was published beside this one"
        )
        yield f"{why}, so the quarter before is told by today's model, thresholds and data: whether those changed cannot be seen here."
    if since:
        yield (
            "What is measured counts as moved where a criterion stands otherwise though it is known as surely as before; what became known or unknown, or is "
            "counted over more or fewer, is no change of its own. A level is an interval, so both its ends are told. Chance moves numbers too."
        )
    yield from _not_looked_for(view, checks)
    if checks:
        yield (
            "A pattern is a question and no finding. What is tested is tested with all checks of all teams counted in; what settings say and which answers are "
            "the same is counted whole, without chance. What people say is compared only where "
            f"{view.mart.meta['rules']['min_cohort']} or more answered in both rounds."
        )
