"""What a run writes beside its reports: the pages around them, and what it says of itself."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from idp_analytics.periods import parse
from idp_analytics.publish import assets, downloads, earlier, index, provenance, staging
from idp_analytics.publish.engine import Failure, Job
from idp_analytics.publish.lease import Lease
from idp_analytics.publish.page import Link, Page, Shared
from idp_analytics.publish.plan import Plan
from idp_analytics.report.trace import OF_TEAM

RUN = earlier.RUN
INDEX = "index.html"


def job(plan: Plan, entity: str, folder: Path, shared: Sequence[assets.Asset], seconds: float) -> Job:
    """The report of an entity, to be made in ``folder`` in so many ``seconds``, and the page around it."""
    scope, up = ("org", "") if entity == index.ALL else ("team", "../")
    notebook, file = plan.notebooks[scope], plan.file(entity)
    name = file.rpartition("/")[2]
    page = _page(
        plan,
        plan.names[entity],
        trail=(Link("All periods", f"{up}../{INDEX}#{file}.html"), Link(index.called(plan.label), f"{up}{INDEX}")),
        facts=plan.facts[scope],
        downloads=(
            Link("This report's notebook", f"{name}.ipynb"),
            *(Link(f"These answers ({kind})", f"{name}.{ending}") for ending, kind in downloads.KINDS.items()),
            *([Link("The rows behind them (CSV)", f"{name}{OF_TEAM}")] if up and plan.mart.meta.get("rows") else []),
            Link("Answers of all teams (CSV)", f"{up}answers.csv"),
            Link("The run (JSON)", f"{up}{RUN}"),
        ),
    )
    return Job(file, notebook, plan.given(entity), folder, page, seconds, assets.shared(shared, up))


def _page(plan: Plan, title: str, **more: Any) -> Page:
    words, clean = provenance.quality(plan.told)
    subtitle = f"{index.called(plan.label)} · as of {plan.mart.today:%-d %B %Y}"
    return Page(title, subtitle=subtitle, quality=words, clean=clean, **more)


def write_index(folder: Path, plan: Plan, failures: Mapping[str, Failure], shared: Shared) -> None:
    """Write the page of the set to ``folder``: every report, those with ``failures`` too."""
    hrefs = {entity: f"{plan.file(entity)}.html" for entity in plan.names}
    whole, *teams = index.rows(plan.mart.answers, plan.label, plan.names, hrefs, failures)
    page = _page(
        plan,
        plan.names[index.ALL],
        trail=(Link("All periods", f"../{INDEX}"),),
        kicker="Platform reports",
        facts=provenance.facts(plan.told, plan.key),
        sources=provenance.sources(plan.told),
        downloads=(
            *downloads.links(folder), Link("The run (JSON)", RUN), Link("Checksums", staging.MANIFEST),
        ),
    )  # fmt: skip
    (folder / INDEX).write_text(index.index(page, plan.label, whole, teams, shared), encoding="utf-8")


def write_periods(root: Path, plan: Plan, lease: Lease) -> None:
    """The page of all periods, made anew from what is published."""
    told = []
    for name in staging.published(root):
        if (root / name / RUN).is_file():
            run = json.loads((root / name / RUN).read_text(encoding="utf-8"))
            called = index.called(run["period"], [r["name"] for r in run["reports"][1:]] if run["teams"] else ())
            pages = {report["page"]: report["name"] for report in run["reports"]}
            issue = index.Issue(called, f"{name}/{INDEX}", pages, failures_of(root / name))
            told.append((parse(run["period"]).start, not run["teams"], name, issue))
    issues = [issue for *_, issue in sorted(told, key=lambda t: t[:3], reverse=True)]
    html = index.periods(Page(plan.names[index.ALL], subtitle="Reports published"), issues)
    new = root / f".index-{os.getpid()}.html"
    new.write_text(html, encoding="utf-8")
    lease.confirm()
    new.replace(root / INDEX)


def write_run(folder: Path, plan: Plan, failures: Mapping[str, Failure]) -> None:
    """Write ``run.json`` to ``folder``: all the run depends on, and its reports."""
    reports = [
        {
            **dict(zip(("scope", "entity_id"), plan.whose(entity), strict=True)),
            "name": name,
            "page": f"{plan.file(entity)}.html",
            "notebook": f"{plan.file(entity)}{'.failed' if entity in failures else ''}.ipynb",
            "failure": failures[entity].sentence if entity in failures else None,
        }
        for entity, name in plan.names.items()
    ]
    told = {"key": plan.key, **plan.told, "reports": reports}
    (folder / RUN).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def failures_of(run: Path) -> int:
    """How many reports of a finished run failed."""
    told: dict[str, Any] = json.loads((run / RUN).read_text(encoding="utf-8"))
    return sum(report["failure"] is not None for report in told["reports"])
