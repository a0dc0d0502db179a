"""Axe's rules for WCAG 2.2 AA, asked of a page in a real browser."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

SHORTER = """
document.querySelectorAll('figure.idp-chart svg > g').forEach((marks) => marks.remove());
document.querySelectorAll('tbody').forEach((body) => [...body.rows].slice(6).forEach((row) => row.remove()));
"""
"""A chart is one picture with a description, and the seventh row of a table is made as the first: axe takes half a minute for them."""


def violations(tab: Any) -> list[str]:
    """Rule, what it asks for, and the first places where that is not so."""
    tab.js(SHORTER + files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8") + "; 1")
    found = tab.js(
        f"axe.run(document, {{runOnly: {RULES}, resultTypes: ['violations']}}).then(told => told.violations)"
    )
    return [
        f"{rule['id']} ({rule['help']}): {len(rule['nodes'])} × e.g. {[node['html'][:160] for node in rule['nodes'][:2]]}"
        for rule in found
    ]
