"""The drawings without data, as Altair builds and validates them, kept in ``templates.json`` beside this file.

A report fills them in; so it neither waits a second for Altair to be imported nor changes when Altair does.
``python -m idp_analytics.charts.templates`` writes the file anew; a test says when that is due.
"""

from __future__ import annotations

import json
from typing import Any

from idp_analytics.charts import (
    before_after,
    boundary,
    coverage,
    dumbbell,
    event_study,
    forecast,
    funnel,
    heatmap,
    hours,
    incidence,
    money,
    parts,
    process,
    ratings,
    rules,
    spread,
    strip,
    survival,
    tco,
    thirds,
    trend,
    waterfall,
)
from idp_analytics.charts.chart import TEMPLATES

WIDTH = 720
"""Pixels. A page draws each as wide as itself; JupyterLab as it is told, also what is out of view, where a container has no width: without one of its own
it would draw such a chart anew for ever."""

FIT = {"type": "fit-x", "contains": "padding"}
"""As wide as is said, axes and legend included; as high as the drawing says."""


def drawings() -> dict[str, dict[str, Any]]:
    """Every template by name."""
    built = {
        "trend": trend.drawing(beside=False),
        "trend beside": trend.drawing(beside=True),
        "strip": strip.drawing(),
        "money": money.drawing(),
        "coverage": coverage.drawing(),
        "rules": rules.drawing(),
        "process": process.drawing(),
        "funnel": funnel.drawing(),
        "hours": hours.drawing(),
        "parts": parts.drawing(),
        "ratings": ratings.drawing(),
        "boundary": boundary.drawing(),
        "survival": survival.drawing(),
        "thirds": thirds.drawing(),
        "incidence": incidence.drawing(),
        "spread": spread.drawing(),
        "cumulative": tco.cumulative_drawing(),
        "tornado": tco.tornado_drawing(),
        "waterfall": waterfall.drawing(),
        "forecast": forecast.drawing(),
        "heatmap": heatmap.drawing(),
        "dumbbell": dumbbell.drawing(),
        "event study": event_study.drawing(),
        "before and after": before_after.drawing(),
    }
    # Altair's own config would overrule the page's, which knows whether it is light or dark.
    return {
        name: {**{k: v for k, v in spec.items() if k != "config"}, "autosize": FIT, "width": WIDTH}
        for name, spec in built.items()
    }


def text() -> str:
    """The text of ``templates.json``."""
    return json.dumps(drawings(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    TEMPLATES.write_text(text(), encoding="utf-8")
