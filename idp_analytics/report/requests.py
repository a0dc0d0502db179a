"""How soon what people ask the platform for can be used, where that time goes, and how often asking works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from idp_analytics.charts.wording import NOTHING, count, interval, named, period, quantity
from idp_analytics.metrics import by_name
from idp_analytics.report import cells, metric, words
from idp_analytics.report.section import Section
from idp_analytics.report.slices import having, lacking
from idp_analytics.report.view import View

METRICS = ("provisioning_time", "run_success_share", "first_try_share")
PARTS_STUDY, OUTCOMES_STUDY = "provisioning", "run_outcomes"

PARTS = {
    "whole": "from asking to use", "queue": "waiting for a decision", "execution": "being carried out", "usable": "until it can be used",
}  # fmt: skip
"""Part → what it is, in order."""

WHY = {
    "undated": "decided, but not known when", "unseen": "a person is said to decide, and none is seen", "backwards": "times run backwards",
    "untold": "over, but not known when",
}  # fmt: skip
BESIDE = {
    "cancelled": "cancelled", "withdrawn": "withdrawn", "refused": "refused", "pending": "not ended", "untold": "ended unknown how",
}  # fmt: skip
"""What is neither success nor failure → how that is said."""


def requests(view: View) -> Section:
    """Time to provision and its parts, with the shares of runs and of requests that work, and what is neither."""
    sections = [metric.section(view, name, drawn=name == METRICS[0]) for name in METRICS]
    whole = sections[0]
    cautions = dict.fromkeys(caution for part in sections for caution in part.cautions)
    split, outcomes = view.study(PARTS_STUDY), view.study(OUTCOMES_STUDY)
    parts = {row["part"]: row for row in lacking(split, "title").to_dicts()}
    became = lacking(outcomes, "title").to_dicts()
    when = period(view.period.label)
    tables = (
        cells.table(f"Where the time goes, all requests of {when}", (_part(row) for row in parts.values()), ("Part",)),
        cells.table(
            f"Where the time goes, by operation, {when}",
            ({"Operation": named(row["title"]), **_part(row)} for row in having(split, "title").to_dicts() if row["n"]),
            ("Operation", "Part"),
        ),
        cells.table(f"What became of the runs, {when}", map(_became, outcomes.to_dicts())),
    )  # fmt: skip
    return Section(
        question="How soon can what we ask the platform for be used?",
        answer=" ".join([whole.answer, *_where(parts), *(part.answer for part in sections[1:]), *_beside(became)]),
        chart=whole.chart,
        tables=(
            *(table for table in tables if table.height), *(table for part in sections for table in part.tables),
        ),
        cautions=(*_cautions(parts), *cautions),
        trace=next((part.trace for part in sections if part.trace), ""),
        verdict=whole.verdict,
        metrics=tuple(by_name(name) for name in METRICS),
    )  # fmt: skip


def _where(parts: dict[str, dict[str, Any]]) -> Iterator[str]:
    told = [
        f"{quantity(parts[name]['median'], 'hours')} {PARTS[name]} (n {parts[name]['n']:,})"
        for name in ("queue", "execution", "usable")
        if name in parts and parts[name]["median"] is not None
    ]
    if told:
        yield f"By part, half took at most: {', '.join(told)}."


def _beside(became: list[dict[str, Any]]) -> Iterator[str]:
    for row in became:
        told = [f"{row[name]:,} {word}" for name, word in BESIDE.items() if row[name]]
        if told:
            yield f"Of {count(row['runs'], 'run')}, in neither number: {', '.join(told)}."


def _part(row: dict[str, Any]) -> dict[str, str]:
    why = "; ".join(f"{row[name]:,} {word}" for name, word in WHY.items() if row[name])
    return {
        "Part": PARTS[row["part"]],
        "Time known (n)": f"{row['n']:,}",
        "Not over": f"{row['censored']:,}" if row["censored"] else "",
        "Half within": quantity(row["median"], "hours"),
        words.level(row).capitalize(): interval(row["low"], row["high"], "hours", row["median"]) if row["n"] else NOTHING,
        "Nine in ten within": quantity(row["p90"], "hours"),
        "its interval": interval(row["p90_low"], row["p90_high"], "hours", row["p90"]) if row["p90"] is not None else NOTHING,
        "Without this part": f"{row['without']:,}" if row["without"] else "",
        "Not to be told": why,
    }  # fmt: skip


def _became(row: dict[str, Any]) -> dict[str, str]:
    n = row["succeeded"] + row["failed"]
    return {
        "Operation": "all" if row["title"] is None else named(row["title"]),
        "Runs": f"{row['runs']:,}",
        "Succeeded": f"{row['succeeded']:,}",
        "Failed": f"{row['failed']:,}",
        "Of these, succeeded": quantity(row["share"], "share of runs") if n else NOTHING,
        words.level(row).capitalize(): interval(row["low"], row["high"], "share of runs", row["share"]) if n else NOTHING,
        **{word.capitalize(): f"{row[name]:,}" if row[name] else "" for name, word in BESIDE.items()},
    }  # fmt: skip


def _cautions(parts: dict[str, dict[str, Any]]) -> Iterator[str]:
    if not parts:
        return
    yield (
        "Tries of the same thing are one request, so being carried out includes the time between tries. The medians of the parts do "
        "not add up to that of the whole."
    )
    lost = max(sum(row[name] for name in WHY) for row in parts.values())
    if lost:
        yield f"Of {count(lost, 'request')} one part at least cannot be told; the table says why."
