"""Answers → sections a person reads. ``open_report`` is what a notebook calls; ``Mart`` what a run computes once."""

from idp_analytics.report.mart import Mart
from idp_analytics.report.reports import OrgReport, TeamReport, found, only_changes, open_report
from idp_analytics.report.section import Card, Cards, Section, Table

__all__ = [
    "Card",
    "Cards",
    "Mart",
    "OrgReport",
    "Section",
    "Table",
    "TeamReport",
    "found",
    "only_changes",
    "open_report",
]
