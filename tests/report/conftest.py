"""What tests of reports share: the sample company's reports."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from idp_analytics.periods import parse
from idp_analytics.report.mart import Mart
from idp_analytics.report.reports import OrgReport, TeamReport
from idp_analytics.report.view import View


@pytest.fixture
def organisation_report(mart: Mart) -> Callable[[str], OrgReport]:
    """The organisation's report of a period."""
    return lambda period="2026-06": OrgReport(View(mart, "org", "org", parse(period)))


@pytest.fixture
def team_report(mart: Mart) -> Callable[[str, str], TeamReport]:
    """A team's report of a period."""
    return lambda team="payments", period="2026-06": TeamReport(View(mart, "team", team, parse(period)))
