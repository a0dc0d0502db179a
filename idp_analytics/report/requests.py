"""How soon what people ask the platform for can be used, and how often asking works."""

from __future__ import annotations

from idp_analytics.metrics import by_name
from idp_analytics.report import metric
from idp_analytics.report.section import Section
from idp_analytics.report.view import View

METRICS = ("provisioning_time", "run_success_share", "first_try_share")


def requests(view: View) -> Section:
    """Time to provision over the periods, with the shares of runs and of requests that work beside it."""
    parts = [metric.section(view, name) for name in METRICS]
    whole = parts[0]
    cautions = dict.fromkeys(caution for part in parts for caution in part.cautions)
    return Section(
        question="How soon can what we ask the platform for be used?",
        answer=" ".join(part.answer for part in parts),
        chart=whole.chart,
        tables=tuple(table for part in parts for table in part.tables),
        cautions=tuple(cautions),
        trace=whole.trace,
        verdict=whole.verdict,
        metrics=tuple(by_name(name) for name in METRICS),
    )
